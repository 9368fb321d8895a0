// The player: one clock (the audio element's) drives the head, the curves and the emotion's name.
"use strict";

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
const audio = byId("audio"), seek = byId("seek"), plot = byId("plot"), stage = byId("stage");
const CURVES = [["jaw open", ["jawOpen"]], ["smile", ["mouthSmileLeft", "mouthSmileRight"]],
  ["brows up", ["browInnerUp"]], ["blink", ["eyeBlinkLeft", "eyeBlinkRight"]]];
const CURVE_COLOURS = ["--c1", "--c2", "--c3", "--c4"];
const EMOTION_COLOURS = data.emotionColours;

let head = null, take = null, shown = -1, backdrop = null;
try {
  head = new Head(byId("head"), data.rig);
} catch (error) {
  byId("head").hidden = true;
  byId("missing").hidden = false;
  byId("missing").textContent = `The head cannot be drawn: ${error.message}. Turn on hardware acceleration or try ` +
    "another browser; sound and curves work without it.";
}

function load(index) {
  const source = data.takes[index];
  audio.pause();
  const bytes = unpack(source.wav, Uint8Array);
  if (audio.src) URL.revokeObjectURL(audio.src);
  audio.src = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
  take = {
    ...source,
    fps: source.fps[0] / source.fps[1],
    weights: Float32Array.from(unpack(source.weights, Int16Array), (v) => v * source.weightStep),
    turns: source.turns ? Float32Array.from(unpack(source.turns, Int16Array), (v) => v * source.turnStep) : null,
    emotion: source.emotion ? unpack(source.emotion, Uint8Array) : null,
    sound: new Int16Array(bytes.buffer, 44),
  };
  take.seconds = Math.max(take.sound.length / 16000, take.frames / take.fps);
  seek.max = take.seconds;
  byId("title").textContent = take.title;
  byId("caption").textContent = take.caption;
  byId("strip").hidden = !take.emotion;
  byId("strip").textContent = "bottom strip: shares of the emotions";
  byId("takes").querySelectorAll("button").forEach((b, i) => b.setAttribute("aria-pressed", String(i === index)));
  backdrop = null;
  shown = -1;
}

/** A row of a track of `width` columns at a time in seconds, between the two nearest frames. */
function rowAt(track, width, seconds) {
  const place = Math.min(Math.max(seconds * take.fps, 0), take.frames - 1);
  const first = Math.floor(place), next = Math.min(first + 1, take.frames - 1), share = place - first;
  const out = new Float32Array(width);
  for (let k = 0; k < width; k++) {
    const a = track[first * width + k], b = track[next * width + k];
    out[k] = a + (b - a) * share;
  }
  return out;
}

function emotionAt(seconds) {
  if (!take.emotion) return null;
  const count = take.emotionNames.length;
  const frame = Math.min(Math.max(Math.floor(seconds * take.fps), 0), take.frames - 1);
  const row = take.emotion.subarray(frame * count, (frame + 1) * count);
  const best = row.indexOf(Math.max(...row));
  return { name: take.emotionNames[best], share: row[best] / 255 };
}

const emotionColour = (name) => EMOTION_COLOURS[name.toLowerCase()] || "#8a8f98";
const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, "0")}`;

function show(force) {
  const now = audio.currentTime;
  if (now !== shown || force) {
    shown = now;
    if (head) {
      head.pose(rowAt(take.weights, data.names.length, now), take.turns && rowAt(take.turns, 3, now));
      head.draw();
    }
    seek.value = now;
    seek.setAttribute("aria-valuetext", `${now.toFixed(1)} of ${take.seconds.toFixed(1)} seconds`);
    byId("time").textContent = `${clock(now)} / ${clock(take.seconds)}`;
    const emotion = emotionAt(now);
    byId("emotion").hidden = !emotion;
    if (emotion) {
      byId("emotion").textContent = `${emotion.name} ${Math.round(emotion.share * 100)} %`;
      byId("emotion").style.setProperty("--dot", emotionColour(emotion.name));
    }
    drawPlot(now);
  }
}

/** Waveform, curves and emotions once per take and size; the playhead over them each frame. */
function drawPlot(now) {
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.round(plot.clientWidth * ratio), height = Math.round(plot.clientHeight * ratio);
  if (!width || !height) return;
  if (!backdrop || backdrop.width !== width || backdrop.height !== height) {
    plot.width = width;
    plot.height = height;
    backdrop = document.createElement("canvas");
    backdrop.width = width;
    backdrop.height = height;
    paintPlot(backdrop.getContext("2d"), width, height, ratio);
  }
  const pen = plot.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.drawImage(backdrop, 0, 0);
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  pen.fillRect((now / take.seconds) * width - ratio / 2, 0, 1.5 * ratio, height);
}

function paintPlot(pen, width, height, ratio) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const strip = take.emotion ? 10 * ratio : 0, waveHeight = (height - strip) * 0.34;
  const curveTop = waveHeight + 4 * ratio, curveHeight = height - strip - curveTop - 5 * ratio;
  pen.fillStyle = colour("--wave");
  const span = take.seconds * 16000;
  for (let x = 0; x < width; x++) {
    let peak = 0;
    const from = Math.floor((x / width) * span), to = Math.min(Math.ceil(((x + 1) / width) * span), take.sound.length);
    const step = Math.max(1, Math.floor((to - from) / 200));
    for (let i = from; i < to; i += step) peak = Math.max(peak, Math.abs(take.sound[i]));
    const tall = Math.max((peak / 32768) * waveHeight, ratio * 0.5);
    pen.fillRect(x, (waveHeight - tall) / 2, 1, tall);
  }
  pen.lineWidth = 1.6 * ratio;
  pen.lineJoin = "round";
  CURVES.forEach(([, names], i) => {
    const columns = names.map((name) => data.names.indexOf(name));
    pen.strokeStyle = colour(CURVE_COLOURS[i]);
    pen.beginPath();
    const step = Math.max(1, Math.floor(take.frames / (2 * width)));
    for (let f = 0; f < take.frames; f += step) {
      const value = columns.reduce((sum, k) => sum + take.weights[f * data.names.length + k], 0) / columns.length;
      const y = curveTop + (1 - Math.min(Math.max(value, 0), 1)) * curveHeight;
      pen.lineTo((f / take.fps / take.seconds) * width, y);
    }
    pen.stroke();
  });
  const count = take.emotionNames.length;
  for (let x = 0; take.emotion && x < width; x++) {
    const frame = Math.min(Math.floor((x / width) * take.seconds * take.fps), take.frames - 1);
    let top = height - strip;
    const row = take.emotion.subarray(frame * count, (frame + 1) * count);
    const total = row.reduce((a, b) => a + b, 0) || 1;
    row.forEach((share, k) => {
      pen.fillStyle = emotionColour(take.emotionNames[k]);
      pen.fillRect(x, top, 1, (share / total) * strip + 0.5);
      top += (share / total) * strip;
    });
  }
}

function toggle() {
  if (audio.paused) audio.play().catch((error) => { byId("caption").textContent = `No sound: ${error.message}`; });
  else audio.pause();
}
function goTo(seconds) { audio.currentTime = Math.min(Math.max(seconds, 0), take.seconds); }

function connect() {
  data.takes.forEach((entry, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = entry.title;
    button.addEventListener("click", () => { load(i); byId("play").focus(); toggle(); });
    byId("takes").append(button);
  });
  byId("takes").hidden = data.takes.length < 2;
  CURVES.forEach(([label], i) => {
    const item = document.createElement("li");
    item.textContent = label;
    item.style.setProperty("--dot", `var(${CURVE_COLOURS[i]})`);
    byId("legend").append(item);
  });
  const strip = document.createElement("li");
  strip.id = "strip";
  byId("legend").append(strip);
  byId("play").addEventListener("click", toggle);
  for (const event of ["play", "pause", "ended"]) {
    audio.addEventListener(event, () => {
      byId("play").setAttribute("aria-label", audio.paused ? "Play" : "Pause");
      byId("play").dataset.playing = String(!audio.paused);
    });
  }
  seek.addEventListener("input", () => goTo(Number(seek.value)));
  plot.addEventListener("pointerdown", (event) => goTo((event.offsetX / plot.clientWidth) * take.seconds));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const onButton = event.target instanceof HTMLButtonElement;
    if (event.key === " " && !onButton) { event.preventDefault(); toggle(); }
    if (event.target === stage && head) orbitByKey(event);
  });
  connectOrbit();
  new ResizeObserver(() => show(true)).observe(stage);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { backdrop = null; show(true); });
}

function orbitByKey(event) {
  const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
  if (step) { event.preventDefault(); turn(...step); }
  if (event.key === "+" || event.key === "=") zoom(1.1);
  if (event.key === "-") zoom(1 / 1.1);
}
function turn(yaw, pitch) {
  head.yaw += yaw;
  head.pitch = Math.min(Math.max(head.pitch + pitch, -0.5), 0.7);
  show(true);
}
function zoom(factor) { head.zoom = Math.min(Math.max(head.zoom * factor, 0.6), 4); show(true); }

function connectOrbit() {
  const fingers = new Map();
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    stage.setPointerCapture(event.pointerId);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (e) => fingers.delete(e.pointerId));
  stage.addEventListener("pointermove", (event) => {
    const last = fingers.get(event.pointerId);
    if (!last || !head) return;
    if (fingers.size === 2) {
      const other = [...fingers.values()].find((f) => f.pointerId !== event.pointerId);
      const gap = (f) => Math.hypot(f.clientX - other.clientX, f.clientY - other.clientY);
      zoom(gap(event) / Math.max(gap(last), 1));
    } else {
      turn((event.clientX - last.clientX) * 0.008, (event.clientY - last.clientY) * 0.008);
    }
    fingers.set(event.pointerId, event);
  });
  stage.addEventListener("wheel", (event) => {
    if (!head) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * 0.0012));
  }, { passive: false });
  stage.addEventListener("dblclick", () => { if (head) { head.yaw = -0.28; head.pitch = 0.04; head.zoom = 1; show(true); } });
}

connect();
// A link may name a take and a time: page.html#take=2&t=1.5
const link = new URLSearchParams(location.hash.slice(1));
const asked = Number(link.get("take") || 1) - 1;
load(Number.isInteger(asked) && data.takes[asked] ? asked : 0);
const start = Number(link.get("t"));
audio.addEventListener("loadedmetadata", () => { if (start > 0) goTo(start); }, { once: true });
audio.addEventListener("seeked", () => show(true));
show(true);
document.documentElement.dataset.state = head ? "ready" : "no-webgl";
if (head) document.documentElement.dataset.coverage = head.coverage().toFixed(4);
(function tick() { show(false); requestAnimationFrame(tick); })();
