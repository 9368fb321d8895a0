/** Many recordings: files of this machine one after the other, and jobs of the cluster with their progress. */
import { download } from "../service/animate";
import type { Client } from "../service/client";
import { explained } from "../service/problems";
import type { Session } from "../session";
import { controlsOf } from "../settings";
import { h, icon } from "../ui/dom";
import type { Notices } from "../ui/notice";
import { jobsGroup } from "./jobs";
import { offer } from "./transport";

const AT_ONCE = 2;

/** Returns what takes files that are dropped. */
export function batchPanel(
  panel: HTMLElement,
  session: Session,
  client: Client,
  notices: Notices,
): (file: File) => void {
  const { element, put } = files(session, client);
  panel.append(element);
  if (session.abilities.jobs) panel.append(jobsGroup(panel, session, session.abilities.jobs, client, notices));
  return put;
}

function files(session: Session, client: Client): { element: HTMLElement; put: (file: File) => void } {
  const list = h("ul", { class: "items" });
  const names = session.abilities.formats.map(({ name }) => h("option", { value: name }, name));
  const format = h("select", { id: "batch-format" }, ...names);
  const waiting: (() => Promise<void>)[] = [];
  let running = 0;
  const next = async (): Promise<void> => {
    const work = running < AT_ONCE && waiting.shift();
    if (!work) return;
    running++;
    await work().finally(() => running--);
    void next();
  };
  const put = (file: File) => {
    const bar = h("progress", { "aria-label": file.name });
    const state = h("span", { class: "note" }, "waiting");
    const item = h("li", {}, h("span", { class: "grow" }, file.name), state, bar);
    const { suffix } = session.abilities.formats.find(({ name }) => name === format.value)!;
    const wanted = format.value;
    const controls = controlsOf(session.slot.settings, session.abilities);
    list.prepend(item);
    waiting.push(async () => {
      state.textContent = "at work";
      try {
        const order = { audio: file, controls, emotionAudio: null, model: session.model?.name ?? null };
        const blob = await download(client, order, wanted);
        const save = () => offer(blob, file.name.replace(/\.[^.]*$/, "") + suffix);
        state.replaceWith(h("button", { type: "button", class: "quiet", onclick: save }, icon("download"), suffix));
        bar.max = bar.value = 1;
      } catch (error) {
        const { title, detail } = explained(error);
        state.textContent = title;
        state.title = detail;
        item.classList.add("failed");
        bar.max = 1;
        bar.value = 0;
      }
    });
    void next();
  };
  const input = h("input", { type: "file", multiple: true, accept: "audio/*,video/*", class: "hidden", tabindex: -1 });
  input.addEventListener("change", () => {
    for (const file of input.files!) put(file);
    input.value = "";
  });
  const element = h(
    "section",
    { class: "group" },
    h("h2", {}, "Files of this machine"),
    h("p", { class: "note" }, "Each is animated with the settings in hand, two at a time."),
    h(
      "div",
      { class: "row" },
      h("button", { type: "button", onclick: () => input.click() }, icon("open"), "Choose files"),
      input,
      h("label", { for: "batch-format", class: "note" }, "as"),
      format,
    ),
    list,
  );
  return { element, put };
}
