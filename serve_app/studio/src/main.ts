/** The studio: puts its parts together and keeps them in step. */
import { Player } from "./audio/player";
import { COEFFICIENTS } from "./head/names";
import { Stage } from "./head/stage";
import { batchPanel } from "./panels/batch";
import { facePanel } from "./panels/face";
import { Heads } from "./panels/heads";
import { Listening } from "./panels/listen";
import { sources } from "./panels/sources";
import { tabs } from "./panels/tabs";
import { transport } from "./panels/transport";
import { type Abilities, askAbilities } from "./service/abilities";
import { Client } from "./service/client";
import { Session } from "./session";
import { clock } from "./timeline/paint";
import { CurvePicker } from "./timeline/picker";
import { Timeline } from "./timeline/timeline";
import { byId, h, icon } from "./ui/dom";
import { askForKey } from "./ui/key";
import { Notices } from "./ui/notice";
import { emotionVariable } from "./ui/palette";
import { themeButton } from "./ui/theme";

const LIVE_WINDOW_S = 10;

const notices = new Notices(byId("notices"));
const client = new Client();
client.askForKey = askForKey;
themeButton(byId("theme"));

void start(); // asks while the stage is being set

let stage: Stage | null = null;
try {
  stage = new Stage(byId<HTMLCanvasElement>("head"), byId("view"));
} catch {
  notices.error(
    new Error("The head needs WebGL 2, which this browser does not have or has turned off. All else works."),
  );
}
const heads = stage && new Heads(stage, client, byId("rig"), notices);
void heads?.useDefault();

async function start(): Promise<void> {
  try {
    run(await askAbilities(client));
  } catch (error) {
    notices.error(error, () => void start());
  }
}

function run(abilities: Abilities): void {
  const player = new Player();
  const session = new Session(client, player, abilities);
  session.model = abilities.models.find((model) => model.default) ?? abilities.models[0] ?? null;
  const listening = new Listening(session, client);
  const timeline = new Timeline(byId("timeline"), byId<HTMLCanvasElement>("below"), byId<HTMLCanvasElement>("over"));
  const picker = pickerIn(byId("zoom"), timeline);
  const showPanel = tabs(byId("tabs"), [
    ["face", "Face"],
    ["batch", "Batch"],
  ]);
  facePanel(byId("face"), session);
  const putFile = batchPanel(byId("batch"), session, client, notices);
  const bar = transport(byId("transport"), session, player, client, notices);
  sources(byId("sources"), listening, abilities.live, {
    recording: (file) => {
      notices.clear();
      void session.open(file);
    },
    several: (files) => {
      showPanel("batch");
      files.forEach(putFile);
    },
    head: (file) => void heads?.use(file),
  });

  const weights = new Float32Array(COEFFICIENTS.length);
  const head = new Float32Array(6);
  const emotion = new Float32Array(64);
  const row = new Float32Array(256);
  let awake = 0;
  const wake = () => (awake ||= requestAnimationFrame(frame));

  /** One picture: the face, the playhead and the numbers of one moment. */
  function frame(): void {
    awake = 0;
    player.tick();
    const live = listening.mode !== null;
    const time = live ? listening.due() : player.time;
    const animation = live ? listening.animation : session.slot.animation;
    if (live) roll(time);
    if (animation) {
      animation.weightsAt(time, row);
      if (animation.names.every((name, k) => name === COEFFICIENTS[k])) weights.set(row.subarray(0, weights.length));
      else COEFFICIENTS.forEach((name, k) => (weights[k] = row[animation.names.indexOf(name)] ?? 0));
    } else {
      weights.fill(0);
    }
    stage?.pose(weights, animation?.headAt(time, head) ?? null);
    mood(animation?.emotionAt(time, emotion) ?? null, animation?.emotionNames ?? []);
    picker.follow(animation);
    picker.tell(time);
    timeline.draw(time, player.playing);
    bar.tick();
    if (player.playing || live) wake();
  }

  /** While the microphone is open the last seconds roll by. */
  function roll(time: number): void {
    const duration = Math.max(LIVE_WINDOW_S, listening.heard);
    timeline.show({ waveform: listening.waveform, animation: listening.animation, other: null, duration });
    timeline.view.span = LIVE_WINDOW_S;
    timeline.view.moveTo(duration - LIVE_WINDOW_S);
    const { delay, modelDelay, mode } = listening;
    const parts = [`${clock(listening.heard, 1)} heard`];
    if (mode === "live" && delay !== null) {
      byId("delay").replaceChildren(
        h("strong", {}, `${Math.round(1000 * delay)} ms`),
        ` behind your voice; the model waits for ${Math.round(1000 * modelDelay)} ms of them`,
      );
    } else if (mode === "live") parts.push("connecting");
    byId("state").textContent = time < 0 ? "" : parts.join(" · ");
  }

  function showTake(): void {
    if (listening.mode) return;
    const { take, slot, other } = session;
    timeline.show({
      waveform: take?.waveform ?? null,
      animation: slot.animation,
      other: other.animation,
      duration: take?.duration ?? 0,
    });
    wake();
  }

  session.opened.on(() => {
    const { file } = session.take!;
    byId("welcome").hidden = true;
    byId("take").textContent = byId("take").title = file.name;
    timeline.view.fit();
    showTake();
  });
  session.chosen.on(showTake);
  session.grown.on(() => {
    legend(session.slot.animation?.emotionNames ?? []);
    showTake();
    tellSpeed(session);
  });
  session.busy.on((busy) => {
    byId("stage").classList.toggle("busy", busy);
    if (busy) byId("state").textContent = "Animating…";
    else tellSpeed(session);
  });
  session.failed.on((error) => notices.error(error, () => session.refresh()));
  session.mute.on((file) =>
    notices.tell(
      "Without sound",
      `This browser cannot play ${file.name}. The face is shown all the same, if the service can read it.`,
    ),
  );
  listening.failed.on((error) => notices.error(error));
  listening.changed.on((mode) => {
    byId("delay").hidden = mode !== "live";
    byId("delay").textContent = "Waiting for the first frame";
    byId("stage").classList.toggle("listening", mode !== null);
    if (mode) {
      player.pause();
      notices.clear();
      byId("welcome").hidden = true;
      byId("take").textContent = mode === "live" ? "Live" : "Recording";
    } else {
      timeline.view.fit();
      showTake();
      tellSpeed(session);
    }
    wake();
  });
  timeline.sought.on((seconds) => listening.mode ?? player.seek(seconds));
  timeline.view.changed.on(wake);
  picker.changed.on(wake);
  player.changed.on(wake);
  wake();
}

function tellSpeed({ slot, take }: Session): void {
  if (slot.abort) return;
  if (!slot.animation || !take) {
    byId("state").textContent = "";
    return;
  }
  const { duration } = slot.animation;
  const speed = slot.seconds
    ? ` · in ${slot.seconds.toFixed(1)} s, ${Math.round(duration / slot.seconds)}× real time`
    : "";
  byId("state").textContent = `${slot.animation.frames} frames, ${duration.toFixed(1)} s${speed}`;
}

/** The strongest emotion of the moment. */
function mood(shares: Float32Array | null, names: readonly string[]): void {
  const chip = byId("mood");
  chip.hidden = !shares || !names.length;
  if (!shares || chip.hidden) return;
  let best = 0;
  names.forEach((_, k) => shares[k] > shares[best] && (best = k));
  const text = `${names[best]} ${Math.round(100 * shares[best])} %`;
  if (chip.textContent === text) return;
  chip.textContent = text;
  chip.style.setProperty("--dot", `var(${emotionVariable(names[best], best)})`);
}

function legend(names: readonly string[]): void {
  if (byId("legend").childElementCount === names.length) return;
  byId("legend").replaceChildren(
    ...names.map((name, k) => {
      const dot = h("i", { class: "dot" });
      dot.style.background = `var(${emotionVariable(name, k)})`;
      return h("li", {}, dot, name);
    }),
  );
}

function pickerIn(place: HTMLElement, timeline: Timeline): CurvePicker {
  const count = h("span", {});
  const list = h("div", { id: "curves", popover: "auto", role: "dialog", "aria-label": "Curves to show" });
  const open = h(
    "button",
    { type: "button", class: "quiet", popovertarget: "curves" },
    icon("curves"),
    h("span", {}, "Curves"),
    count,
  );
  const { view } = timeline;
  const middle = () => view.from + view.span / 2;
  const zoom = (shape: "minus" | "plus" | "fit", title: string, act: () => void) =>
    h("button", { type: "button", class: "square", "aria-label": title, title, onclick: act }, icon(shape));
  place.append(
    open,
    list,
    zoom("minus", "Zoom out", () => view.zoom(1 / 1.6, middle())),
    zoom("plus", "Zoom in", () => view.zoom(1.6, middle())),
    zoom("fit", "Show all", () => view.fit()),
  );
  const picker = new CurvePicker(byId("chips"), list, count);
  timeline.curves = picker.names;
  picker.changed.on((names) => {
    timeline.curves = names;
    timeline.redraw();
  });
  return picker;
}
