/** Jobs on the cluster: a form to order one, and how all of them stand. */
import type { JobAbilities } from "../service/abilities";
import type { Client } from "../service/client";
import { allJobs, cancel, isActive, type Job, order, orderAgain, report } from "../service/jobs";
import type { Session } from "../session";
import { controlsOf } from "../settings";
import { freshId, h, icon } from "../ui/dom";
import type { Notices } from "../ui/notice";
import { offer } from "./transport";

const LOOK_S = 2;
const ERRORS_SHOWN = 5;

export function jobsGroup(
  panel: HTMLElement,
  session: Session,
  abilities: JobAbilities,
  client: Client,
  notices: Notices,
): HTMLElement {
  const list = h("ul", { class: "items", "aria-label": "Jobs" }, h("li", { class: "note" }, "None yet."));
  let timer = 0;
  const look = async () => {
    clearTimeout(timer);
    const known = await allJobs(client);
    list.replaceChildren(
      ...(known.length ? known.map((job) => row(job, client, act)) : [h("li", { class: "note" }, "None yet.")]),
    );
    if (!panel.hidden && known.some(isActive)) {
      timer = window.setTimeout(() => void look().catch(() => undefined), 1000 * LOOK_S);
    }
  };
  /** Does something about jobs, then shows how they stand. */
  const act = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      await look();
      return true;
    } catch (error) {
      notices.error(error);
      return false;
    }
  };
  new MutationObserver(() => !panel.hidden && void act(async () => undefined)).observe(panel, {
    attributeFilter: ["hidden"],
  });
  return h(
    "section",
    { class: "group" },
    h("h2", {}, "Jobs on the cluster"),
    h("p", { class: "note" }, "Recordings in a store, with the settings in hand."),
    form(session, abilities, client, act),
    list,
  );
}

type Act = (work: () => Promise<void>) => Promise<boolean>;

function form(session: Session, abilities: JobAbilities, client: Client, act: Act): HTMLFormElement {
  const inputs = h("textarea", {
    id: "job-inputs",
    rows: 3,
    required: true,
    spellcheck: "false",
    placeholder: "s3://bucket/book/*.wav",
  });
  const output = h("input", { id: "job-output", type: "text", required: true, spellcheck: "false" });
  output.value = abilities.output && `${abilities.output.replace(/\/$/, "")}/`;
  const manifest = h("input", { type: "file", accept: ".csv,.jsonl", class: "hidden", tabindex: -1 });
  const chosen = h("span", { class: "note grow" });
  const choose = h("button", { type: "button", class: "quiet", onclick: () => manifest.click() }, icon("open"));
  choose.append("Or a manifest");
  manifest.addEventListener("change", () => {
    const file = manifest.files?.[0];
    chosen.textContent = file?.name ?? "";
    inputs.required = !file;
    inputs.disabled = Boolean(file);
  });
  const formats = abilities.formats.map((name) => {
    const box = h("input", { type: "checkbox", id: freshId("job-format"), value: name });
    box.checked = abilities.usual.includes(name);
    return { box, label: h("label", { for: box.id, class: "check" }, box, name) };
  });
  let [last, key] = ["", ""];
  const start = async (event: Event) => {
    event.preventDefault();
    const wanted = {
      inputs: inputs.value.split(/\s*\n\s*/).filter(Boolean),
      manifest: manifest.files?.[0] ?? null,
      output: output.value.trim(),
      formats: formats.filter(({ box }) => box.checked).map(({ box }) => box.value),
      controls: controlsOf(session.slot.settings, session.abilities),
      emotionUri: null,
      model: session.model?.name ?? null,
    };
    // An order that may have come through or not is sent again under its key, so that it begins nothing twice.
    const { manifest: file, ...rest } = wanted;
    const text = JSON.stringify([rest, file && [file.name, file.size, file.lastModified]]);
    if (text !== last) [last, key] = [text, freshKey()];
    if (await act(() => order(client, wanted, key))) last = "";
  };
  return h(
    "form",
    { onsubmit: start },
    h("label", { for: "job-inputs" }, "Recordings, one URI a line"),
    inputs,
    h("div", { class: "row" }, choose, manifest, chosen),
    h("label", { for: "job-output" }, "Folder of the animations"),
    output,
    h("fieldset", {}, h("legend", {}, "Formats"), ...formats.map(({ label }) => label)),
    h("button", { class: "primary" }, "Start"),
  );
}

function row(job: Job, client: Client, act: Act): HTMLElement {
  const { total, done, failed } = job.items;
  const bar = h("progress", { "aria-label": `Job ${job.id}` });
  if (total) {
    bar.max = total;
    bar.value = done + failed;
  } else if (!isActive(job)) {
    bar.max = 1;
    bar.value = 0;
  }
  const button = (title: string, work: () => Promise<void>) =>
    h("button", { type: "button", class: "quiet", onclick: () => void act(work) }, title);
  const save = async () => offer(await report(client, job), `report-${job.id}.html`);
  const facts = [
    job.state,
    total ? `${done} of ${total}` : "",
    failed ? `${failed} failed` : "",
    job.hours.done ? `${job.hours.done.toFixed(2)} h of sound` : "",
    job.speed ? `${job.speed.toFixed(0)}× real time` : "",
    isActive(job) && job.time_left_s ? `${Math.ceil(job.time_left_s / 60)} min left` : "",
  ];
  const errors = job.errors.slice(0, ERRORS_SHOWN).map(({ uri, reason }) => h("li", {}, `${uri}: ${reason}`));
  return h(
    "li",
    { class: job.state === "failed" ? "failed" : "" },
    h("span", { class: "grow", title: job.id }, job.output),
    isActive(job) && job.state !== "cancelling" ? button("Cancel", () => cancel(client, job)) : null,
    job.state === "interrupted" && job.inputs.length ? button("Go on", () => orderAgain(client, job)) : null,
    job.report ? button("Report", save) : null,
    bar,
    h("span", { class: "note wide" }, facts.filter(Boolean).join(" · ")),
    job.reason ? h("span", { class: "note wide" }, job.reason) : null,
    errors.length ? h("ul", { class: "note wide" }, ...errors) : null,
  );
}

/** crypto.randomUUID is for HTTPS and this machine alone. */
const freshKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
