/** The settings of the slot in hand: emotion, intensity, style, shaping. Shows what the service knows, no more. */
import { COEFFICIENTS, grouped, spoken } from "../head/names";
import type { Session } from "../session";
import * as settings from "../settings";
import { type Dial, type Settings, type Source } from "../settings";
import { choice } from "../ui/choice";
import { h, icon } from "../ui/dom";
import { emotionVariable } from "../ui/palette";
import { type Slider, slider } from "../ui/slider";

const EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];
const MIX = "mix";
const PERCENT = { low: 0, high: 1, step: 0.01, rest: 0 };

export function facePanel(panel: HTMLElement, session: Session): void {
  const refreshers: ((now: Settings) => void)[] = [];
  const follow = (refresh: (now: Settings) => void) => refreshers.push(refresh);
  const section = (title: string, ...children: (Node | null)[]) =>
    h("section", { class: "group" }, h("h2", {}, title), ...children);
  const dial = (one: Dial): HTMLElement | null => {
    if (!settings.knows(session.abilities, one)) return null;
    if (settings.isSwitch(session.abilities, one)) {
      const box = h("input", {
        type: "checkbox",
        role: "switch",
        onchange: () => session.change((now) => (now.dials[one.key] = box.checked ? 1 : 0)),
      });
      follow((now) => (box.checked = settings.valueOf(now, one) >= 0.5));
      return h("label", { class: "switch" }, h("span", {}, one.title), box);
    }
    const made = slider(one.title, one, (value) => session.change((now) => (now.dials[one.key] = value)), one.hint);
    follow((now) => made.show(settings.valueOf(now, one)));
    return made.element;
  };

  const build = () => {
    refreshers.length = 0;
    const reset = h(
      "button",
      {
        type: "button",
        class: "quiet",
        onclick: () => session.change((now) => Object.assign(now, settings.freshSettings())),
      },
      icon("reset"),
      "Reset",
    );
    const motion = settings.MOTION.map(dial);
    const blend = dial(settings.BLEND);
    const sureness = dial(settings.SURENESS);
    follow((now) => {
      if (blend) blend.hidden = now.source === "heard";
      if (sureness) sureness.hidden = now.source !== "heard";
    });
    const face = settings.FACE.map(dial).filter((node) => node !== null);
    const parts = [
      session.abilities.models.length > 1 ? modelChoice(session, build) : null,
      section("Emotion", ...emotion(session, follow), dial(settings.INTENSITY), blend, sureness),
      styleCount(session) ? section("Style", style(session, follow)) : null,
      face.length ? section("Shape", ...face) : null,
      "gain" in session.abilities.shaping ? gains(session, follow) : null,
      section("Motion", ...motion, seed(session, follow)),
      h("div", { class: "row end" }, reset),
    ];
    panel.replaceChildren(...parts.filter((part) => part !== null));
    refresh();
  };
  const refresh = () => refreshers.forEach((one) => one(session.slot.settings));
  session.chosen.on(refresh);
  // Labels that no list has told are those of the first answer.
  session.grown.on(() => {
    const names = session.slot.animation?.emotionNames ?? [];
    if (!session.model && names.length && names.join() !== labelsOf(session).join()) {
      told = [...names];
      build();
    }
  });
  build();
}

let told: string[] = EMOTIONS;
const labelsOf = (session: Session): string[] => session.model?.emotions ?? told;

function styleCount(session: Session): number {
  const styles = session.model?.styles ?? 0;
  return typeof styles === "number" ? styles : styles.length;
}

function modelChoice(session: Session, build: () => void): HTMLElement {
  const names = session.abilities.models.map(({ name }) => h("option", { value: name }, name));
  const pick = () => {
    session.model = session.abilities.models.find(({ name }) => name === select.value) ?? null;
    build();
    session.refresh();
  };
  const select = h("select", { id: "model", onchange: pick }, ...names);
  select.value = session.model?.name ?? "";
  return h("section", { class: "group" }, h("label", { for: "model" }, h("h2", {}, "Model")), select);
}

type Follow = (refresh: (now: Settings) => void) => void;

function emotion(session: Session, follow: Follow): Node[] {
  const { abilities } = session;
  const labels = labelsOf(session);
  const sources: [Source, string][] = [["heard", "Heard"]];
  if (labels.length) sources.push(["label", "Label"]);
  if (labels.length && settings.knowsMixes(abilities)) sources.push(["mix", "Mix"]);
  if (abilities.emotionAudio) sources.push(["recording", "Recording"]);
  const source = choice("Where the emotion comes from", sources, (value) =>
    session.change((now) => {
      now.source = value;
      if (value === "label") now.label ??= labels[0];
      if (value === "mix" && !Object.keys(now.mix).length) now.mix = { [now.label ?? labels[0]]: 1 };
    }),
  );
  follow((now) => source.show(now.source));

  const heard = h("p", { class: "note" }, "As the model hears it in the voice");
  const label = choice(
    "Emotion",
    labels.map((name) => [name, name] as const),
    (value) => session.change((now) => (now.label = value)),
    "tags",
  );
  label.element
    .querySelectorAll("label")
    .forEach((tag, i) => tag.style.setProperty("--dot", `var(${emotionVariable(labels[i], i)})`));
  follow((now) => label.show(now.label ?? ""));

  const sliders = new Map<string, Slider>();
  for (const name of labels) {
    sliders.set(
      name,
      slider(name, PERCENT, (value) => session.change((now) => (now.mix[name] = value))),
    );
  }
  const mix = h("div", {}, ...[...sliders.values()].map(({ element }) => element));
  sliders.forEach(({ element }, name) =>
    element.style.setProperty("--dot", `var(${emotionVariable(name, labels.indexOf(name))})`),
  );
  follow((now) => sliders.forEach((one, name) => one.show(now.mix[name] ?? 0)));

  const file = h("input", {
    type: "file",
    accept: "audio/*,video/*",
    class: "hidden",
    tabindex: -1,
    onchange: () => file.files![0] && session.change((now) => (now.emotionAudio = file.files![0])),
  });
  const name = h("span", { class: "note grow" });
  const pick = h(
    "div",
    { class: "row" },
    h("button", { type: "button", onclick: () => file.click() }, icon("open"), "Choose"),
    name,
    file,
  );
  follow((now) => (name.textContent = now.emotionAudio?.name ?? "A recording whose feeling this one gets"));

  const bodies: Record<Source, HTMLElement> = { heard, label: label.element, mix, recording: pick };
  follow((now) => {
    for (const [key, body] of Object.entries(bodies)) body.hidden = key !== now.source;
  });
  return [source.element, ...Object.values(bodies)];
}

function style(session: Session, follow: Follow): Node {
  const numbers = Array.from({ length: styleCount(session) }, (_, i) => String(i));
  const mixes = settings.knowsMixes(session.abilities);
  const pick = () =>
    session.change((now) => {
      now.styleMix = select.value === MIX ? { [now.style ?? 0]: 1 } : null;
      now.style = select.value === "" || select.value === MIX ? null : Number(select.value);
    });
  const select = h(
    "select",
    { "aria-label": "Style: as which speaker of the training", onchange: pick },
    h("option", { value: "" }, "The model’s own"),
    ...numbers.map((i) => h("option", { value: i }, `Speaker ${i}`)),
    mixes && numbers.length > 1 ? h("option", { value: MIX }, "A mix of speakers") : null,
  );
  const sliders = numbers.map((i) =>
    slider(`Speaker ${i}`, PERCENT, (value) =>
      session.change((now) => (now.styleMix = { ...now.styleMix, [i]: value })),
    ),
  );
  const mix = h("div", {}, ...sliders.map(({ element }) => element));
  follow((now) => {
    select.value = now.styleMix ? MIX : String(now.style ?? "");
    mix.hidden = !now.styleMix;
    sliders.forEach((one, i) => one.show(now.styleMix?.[i] ?? 0));
  });
  return h("div", { class: "stack" }, select, mix);
}

function gains(session: Session, follow: Follow): HTMLElement {
  const rows = h("div", {});
  const groups = grouped(COEFFICIENTS).map(([title, names]) =>
    h("optgroup", { label: title }, ...names.map((name) => h("option", { value: name }, spoken(name)))),
  );
  const add = () => {
    session.change((now) => (now.gain[select.value] ??= 1.5));
    select.value = "";
  };
  const select = h(
    "select",
    { "aria-label": "Add a coefficient", onchange: add },
    h("option", { value: "" }, "Add a coefficient…"),
    ...groups,
  );
  const made = new Map<string, Slider>();
  follow((now) => {
    if ([...made.keys()].join() !== Object.keys(now.gain).join()) {
      made.clear();
      for (const name of Object.keys(now.gain)) {
        made.set(
          name,
          slider(spoken(name), settings.GAIN, (value) => session.change((then) => (then.gain[name] = value))),
        );
      }
      const off = (name: string) => () => session.change((then) => delete then.gain[name]);
      rows.replaceChildren(
        ...[...made].map(([name, { element }]) =>
          h(
            "div",
            { class: "removable" },
            element,
            h(
              "button",
              { type: "button", class: "bare", "aria-label": `No gain for ${spoken(name)}`, onclick: off(name) },
              icon("close"),
            ),
          ),
        ),
      );
    }
    made.forEach((one, name) => one.show(now.gain[name]));
  });
  return h("section", { class: "group" }, h("h2", {}, "Gain"), rows, select);
}

function seed(session: Session, follow: Follow): HTMLElement {
  const field = h("input", {
    type: "number",
    id: "seed",
    step: 1,
    onchange: () => session.change((now) => (now.seed = Math.round(Number(field.value)) || 0)),
  });
  follow((now) => (field.value = String(now.seed)));
  return h("div", { class: "pair", title: "Chooses when blinks come" }, h("label", { for: "seed" }, "Seed"), field);
}
