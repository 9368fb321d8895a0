/** Play and loop, the two settings, and the way out: download. */
import type { Player } from "../audio/player";
import { download } from "../service/animate";
import type { Client } from "../service/client";
import type { Session, SlotName } from "../session";
import { clock } from "../timeline/paint";
import { choice } from "../ui/choice";
import { h, icon } from "../ui/dom";
import type { Notices } from "../ui/notice";

export interface Transport {
  tick(): void;
}

export function transport(
  place: HTMLElement,
  session: Session,
  player: Player,
  client: Client,
  notices: Notices,
): Transport {
  const play = h("button", {
    type: "button",
    id: "play",
    class: "primary round",
    "aria-keyshortcuts": "Space",
    disabled: true,
    onclick: () => player.toggle(),
  });
  play.append(icon("play"), icon("pause"));
  const loop = h(
    "button",
    { type: "button", id: "loop", class: "square", "aria-label": "Loop", "aria-pressed": "false", title: "Loop" },
    icon("loop"),
  );
  loop.addEventListener("click", () => {
    player.loop = !player.loop;
    loop.setAttribute("aria-pressed", String(player.loop));
  });
  const time = h("output", { id: "time" });

  const ab = choice<SlotName>(
    "Settings in hand",
    [
      ["A", "A"],
      ["B", "B"],
    ],
    (name) => session.choose(name),
  );
  ab.element.id = "ab";
  ab.element.title = "Two settings to compare (Alt+A, Alt+B)";
  const copy = h("button", { type: "button", class: "quiet", onclick: () => session.copyToOther() });

  const format = h("select", { id: "format", "aria-label": "Format" });
  format.append(
    ...session.abilities.formats.map(({ name, description }) => h("option", { value: name, title: description }, name)),
  );
  const save = h(
    "button",
    { type: "button", id: "download", disabled: true },
    icon("download"),
    h("span", {}, "Download"),
  );
  save.addEventListener("click", async () => {
    const order = session.order();
    if (!order) return;
    save.disabled = true;
    try {
      const blob = await download(client, order, format.value);
      const { suffix } = session.abilities.formats.find(({ name }) => name === format.value)!;
      offer(blob, order.audio.name.replace(/\.[^.]*$/, "") + suffix);
    } catch (error) {
      notices.error(error, () => save.click());
    } finally {
      save.disabled = false;
    }
  });

  place.append(
    h("div", { class: "row" }, play, loop, time),
    h("div", { class: "row" }, ab.element, copy),
    h("div", { class: "row" }, format, save),
  );

  const refresh = () => {
    ab.show(session.active);
    copy.textContent = session.active === "A" ? "Copy to B" : "Copy to A";
    play.disabled = !session.take;
    save.disabled = !session.take;
  };
  session.chosen.on(refresh);
  session.opened.on(refresh);
  const state = () => {
    play.dataset.playing = String(player.playing);
    play.setAttribute("aria-label", player.playing ? "Pause" : "Play");
  };
  player.changed.on(state);
  document.addEventListener("keydown", (event) => {
    if (event.altKey && (event.code === "KeyA" || event.code === "KeyB")) {
      event.preventDefault();
      session.choose(event.code === "KeyA" ? "A" : "B");
    }
    const busy = (event.target as HTMLElement).closest(
      "input:not([type=range]), select, textarea, button, summary, dialog, [role=tab]",
    );
    if (event.code !== "Space" || busy || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    player.toggle();
  });
  refresh();
  state();
  return {
    tick: () => {
      const text = `${clock(player.time, 1)} / ${clock(player.duration, 1)}`;
      if (time.textContent !== text) time.textContent = text;
    },
  };
}

/** Hands a file to the browser's downloads. */
export function offer(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
