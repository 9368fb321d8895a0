/** Many recordings: files of this machine one after the other, and jobs of the cluster with their progress. */
import { download } from "../service/animate";
import type { Client } from "../service/client";
import { explained } from "../service/problems";
import type { Session } from "../session";
import { controlsOf } from "../settings";
import { h, icon } from "../ui/dom";
import type { Notices } from "../ui/notice";
import { offer } from "./transport";

const AT_ONCE = 2;
const LOOK_S = 2;

interface Job {
  id: string;
  state: "queued" | "running" | "succeeded" | "failed" | "cancelled";
  output: string;
  items: { total: number | null; done: number; failed: number };
  hours?: { total: number | null; done: number };
  speed?: number | null;
  time_left_s?: number | null;
  errors?: { uri: string; reason: string }[];
}

/** Returns what takes files that are dropped. */
export function batchPanel(
  panel: HTMLElement,
  session: Session,
  client: Client,
  notices: Notices,
): (file: File) => void {
  const { element, put } = files(session, client);
  panel.append(element);
  if (session.abilities.jobs) panel.append(jobs(panel, session, client, notices));
  return put;
}

function formatSelect(session: Session, id: string): HTMLSelectElement {
  return h("select", { id }, ...session.abilities.formats.map(({ name }) => h("option", { value: name }, name)));
}

function files(session: Session, client: Client): { element: HTMLElement; put: (file: File) => void } {
  const list = h("ul", { class: "items" });
  const format = formatSelect(session, "batch-format");
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

function jobs(panel: HTMLElement, session: Session, client: Client, notices: Notices): HTMLElement {
  const list = h("ul", { class: "items", "aria-label": "Jobs" }, h("li", { class: "note" }, "None yet."));
  const inputs = h("textarea", {
    id: "job-inputs",
    rows: 3,
    required: true,
    spellcheck: "false",
    placeholder: "s3://bucket/book/*.wav",
  });
  const output = h("input", {
    id: "job-output",
    type: "text",
    required: true,
    spellcheck: "false",
    placeholder: "s3://bucket/faces",
  });
  const format = formatSelect(session, "job-format");
  const start = async (event: Event) => {
    event.preventDefault();
    const body = JSON.stringify({
      inputs: inputs.value.split(/\s*\n\s*/).filter(Boolean),
      output: output.value.trim(),
      formats: [format.value],
      controls: controlsOf(session.slot.settings, session.abilities),
    });
    const headers = { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID() };
    try {
      await client.send("v1/jobs", { method: "POST", body, headers });
      await look();
    } catch (error) {
      notices.error(error);
    }
  };
  const cancel = async (id: string) => {
    try {
      await client.send(`v1/jobs/${encodeURIComponent(id)}`, { method: "DELETE" });
      await look();
    } catch (error) {
      notices.error(error);
    }
  };
  let timer = 0;
  const look = async () => {
    clearTimeout(timer);
    const { jobs: known } = await client.json<{ jobs: Job[] }>("v1/jobs");
    list.replaceChildren(
      ...(known.length ? known.map((job) => row(job, client, cancel)) : [h("li", { class: "note" }, "None yet.")]),
    );
    if (!panel.hidden && known.some(({ state }) => state === "queued" || state === "running")) {
      timer = window.setTimeout(() => void look().catch(() => undefined), 1000 * LOOK_S);
    }
  };
  new MutationObserver(() => !panel.hidden && void look().catch((error) => notices.error(error))).observe(panel, {
    attributeFilter: ["hidden"],
  });
  return h(
    "section",
    { class: "group" },
    h("h2", {}, "Jobs on the cluster"),
    h(
      "form",
      { onsubmit: start },
      h("label", { for: "job-inputs" }, "Recordings, one URI a line"),
      inputs,
      h("label", { for: "job-output" }, "Where the animations go"),
      output,
      h(
        "div",
        { class: "row" },
        h("label", { for: "job-format", class: "note" }, "Format"),
        format,
        h("button", { class: "primary" }, "Start"),
      ),
    ),
    list,
  );
}

function row(job: Job, client: Client, cancel: (id: string) => void): HTMLElement {
  const { total, done, failed } = job.items;
  const active = job.state === "queued" || job.state === "running";
  const bar = h("progress", { "aria-label": `Job ${job.id}` });
  if (total) {
    bar.max = total;
    bar.value = done + failed;
  } else if (!active) {
    bar.max = bar.value = 1;
  }
  const facts = [
    job.state,
    total ? `${done} of ${total}` : `${done} done`,
    failed ? `${failed} failed` : "",
    job.speed ? `${job.speed.toFixed(0)}× real time` : "",
    active && job.time_left_s ? `${Math.ceil(job.time_left_s / 60)} min left` : "",
  ];
  const report = client.url(`v1/jobs/${encodeURIComponent(job.id)}/report`).href;
  const errors = (job.errors ?? []).slice(0, 5).map(({ uri, reason }) => h("li", {}, `${uri}: ${reason}`));
  return h(
    "li",
    { class: job.state === "failed" ? "failed" : "" },
    h("span", { class: "grow", title: job.id }, job.output),
    active
      ? h("button", { type: "button", class: "quiet", onclick: () => cancel(job.id) }, "Cancel")
      : h("a", { href: report, target: "_blank", rel: "noopener" }, "Report"),
    bar,
    h("span", { class: "note wide" }, facts.filter(Boolean).join(" · ")),
    errors.length ? h("ul", { class: "note wide" }, ...errors) : null,
  );
}
