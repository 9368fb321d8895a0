/** Where a recording comes from: a file, the microphone, or what is dropped on the page. */
import { h, icon } from "../ui/dom";
import type { Listening, Mode } from "./listen";

const HEAD = /\.(glb|gltf|vrm)$/i;

export interface Receivers {
  recording: (file: File) => void;
  several: (files: File[]) => void;
  head: (file: File) => void;
}

export function sources(place: HTMLElement, listening: Listening, live: boolean, receive: Receivers): void {
  const sort = (files: readonly File[]) => {
    const heads = files.filter(({ name }) => HEAD.test(name));
    const voices = files.filter(({ name }) => !HEAD.test(name));
    if (heads.length) receive.head(heads[0]);
    if (voices.length === 1) receive.recording(voices[0]);
    else if (voices.length) receive.several(voices);
  };
  const input = h("input", {
    type: "file",
    id: "file",
    class: "hidden",
    tabindex: -1,
    "aria-label": "Recording, or a head as GLB",
    accept: "audio/*,video/*,.glb",
  });
  input.addEventListener("change", () => {
    sort([...input.files!]);
    input.value = "";
  });
  const open = h(
    "button",
    { type: "button", id: "open", onclick: () => input.click() },
    icon("open"),
    h("span", {}, "Open"),
  );
  const modes: [Mode, string, "mic" | "live"][] = [["record", "Record", "mic"]];
  if (live) modes.push(["live", "Live", "live"]);
  const buttons = modes.map(([mode, title, shape]) => {
    const words = h("span", {}, title);
    const button = h(
      "button",
      { type: "button", id: mode, class: "listen", "aria-pressed": "false" },
      icon(shape),
      icon("stop"),
      words,
    );
    button.addEventListener("click", () => (listening.mode === mode ? listening.stop() : listening.start(mode)));
    return { mode, title, words, button };
  });
  listening.changed.on((now) => {
    open.disabled = now !== null;
    for (const { mode, title, words, button } of buttons) {
      button.setAttribute("aria-pressed", String(mode === now));
      button.disabled = now !== null && mode !== now;
      words.textContent = mode === now ? "Stop" : title;
    }
  });
  place.append(open, input, ...buttons.map(({ button }) => button));

  let depth = 0;
  const dragging = (by: number) => {
    depth = by ? depth + by : 0;
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", () => dragging(1));
  addEventListener("dragleave", () => dragging(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    dragging(0);
    if (listening.mode === null) sort([...(event.dataTransfer?.files ?? [])]);
  });
}
