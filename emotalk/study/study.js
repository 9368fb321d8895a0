// The raters' page: which pair comes when, what may be answered when, and the file of answers.
"use strict";

const study = JSON.parse(document.getElementById("data").textContent);
const CHOICES = [["left", "Left"], ["same", "About the same"], ["right", "Right"]];
const KEYS = { ArrowLeft: "left", ArrowDown: "same", ArrowRight: "right" };
const COLUMNS = ["study", "rater", "position", "pair", "film", "question", "choice", "watched", "seconds", "answered_at"];
const at = (id) => document.getElementById(id);

/** Numbers in [0, 1) that depend on the text alone: the same rater gets the same order again. */
function lot(text) {
  let state = 2166136261;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 16777619) >>> 0;
  state = state || 1;
  const next = () => {
    state = (state ^ (state << 13)) >>> 0;
    state = (state ^ (state >>> 17)) >>> 0;
    state = (state ^ (state << 5)) >>> 0;
    return state / 4294967296;
  };
  for (let i = 0; i < 20; i++) next();  // similar names start out similar
  return next;
}

function shuffled(items, next) {
  const out = [...items];
  for (let i = out.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** The pairs in a rater's order, half of them with one film of the two and half with the other. */
function trialsFor(rater) {
  const next = lot(`${study.study} ${rater.toLowerCase()}`);
  const sides = shuffled(study.pairs.map((_, i) => i % 2), next);
  return shuffled(study.pairs, next).map((pair, i) => ({ pair: pair.name, film: pair.films[sides[i]] }));
}

let rater = "", trials = [], position = -1, question = 0, answers = [], watched = 0, shownAt = 0, playable = true;

const place = () => `emotalk-study ${study.study} ${rater.toLowerCase()}`;

function keep() {
  try { localStorage.setItem(place(), JSON.stringify(answers)); } catch { /* the file at the end is what counts */ }
}

function kept() {
  try { return JSON.parse(localStorage.getItem(place())) || []; } catch { return []; }
}

const answerTo = (name) => answers.find((a) => a.pair === trials[position].pair && a.question === name);
const complete = (trial) => study.questions.every((q) => answers.some((a) => a.pair === trial.pair && a.question === q.name));
const ready = () => watched > 0 || !playable;

function show(index) {
  position = index;
  question = 0;
  watched = 0;
  playable = true;
  shownAt = performance.now();
  const over = position >= trials.length;
  at("start").hidden = true;
  at("trial").hidden = over;
  at("end").hidden = !over;
  at("save").hidden = false;
  at("broken").hidden = true;
  const film = at("film");
  if (over) {
    film.removeAttribute("src");
    at("download").classList.add("main");
    at("download").focus();
    return;
  }
  film.src = `films/${trials[position].film}.mp4`;
  film.play().catch(() => {});  // where a browser wants a key first, the button is there
  at("play").focus();
  draw();
}

function draw() {
  const left = study.questions.filter((q) => !answerTo(q.name)).length;
  at("count").textContent = `Pair ${position + 1} of ${trials.length}`;
  at("done").value = position / trials.length;
  at("hint").textContent = !playable ? "" : !ready() ? "Watch to the end, then answer." : left ? "Answer with ← ↓ →" : "Enter: next pair";
  at("play").textContent = at("film").paused ? "Play" : "Pause";
  at("next").disabled = left > 0 && playable;
  [...at("questions").children].forEach((line, i) => {
    line.classList.toggle("now", ready() && i === question);
    const given = answerTo(study.questions[i].name);
    line.querySelectorAll("button").forEach((button) => {
      button.disabled = !ready();
      button.setAttribute("aria-pressed", String(Boolean(given && given.choice === button.value)));
    });
  });
}

function choose(index, choice) {
  if (!ready() || !playable || index >= study.questions.length) return;
  const { pair, film } = trials[position];
  const name = study.questions[index].name;
  answers = answers.filter((a) => a.pair !== pair || a.question !== name);
  answers.push({
    study: study.study, rater, position: position + 1, pair, film, question: name, choice, watched,
    seconds: ((performance.now() - shownAt) / 1000).toFixed(1), answered_at: new Date().toISOString(),
  });
  keep();
  question = Math.min(index + 1, study.questions.length);
  draw();
}

function next() {
  if (!at("next").disabled) show(position + 1);
}

function csv() {
  const cell = (value) => `"${String(value).replaceAll('"', '""')}"`;
  const rows = answers.map((answer) => COLUMNS.map((name) => cell(answer[name])).join(","));
  return [COLUMNS.join(","), ...rows].join("\r\n") + "\r\n";
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = `answers-${study.study}-${rater.replace(/[^\p{L}\p{N}]+/gu, "-")}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  at("saved").textContent = `${link.download}: ${answers.length} answers`;
}

function toggle() {
  const film = at("film");
  if (film.paused) film.play().catch(() => {}); else film.pause();
}

function again() {
  at("film").currentTime = 0;
  at("film").play().catch(() => {});
}

study.questions.forEach((asked, index) => {
  const line = document.createElement("div");
  line.className = "question";
  line.setAttribute("role", "group");
  line.setAttribute("aria-label", asked.text);
  line.append(Object.assign(document.createElement("span"), { textContent: asked.text }));
  const choices = Object.assign(document.createElement("div"), { className: "choices" });
  for (const [value, text] of CHOICES) {
    const button = Object.assign(document.createElement("button"), { type: "button", value, textContent: text });
    button.addEventListener("click", (event) => {
      choose(index, value);
      if (event.detail) at("play").focus();  // a mouse did it: the keys go on as before
    });
    choices.append(button);
  }
  line.append(choices);
  at("questions").append(line);
});

at("who").addEventListener("submit", (event) => {
  event.preventDefault();
  rater = at("name").value.trim().replace(/\s+/g, " ");
  if (!rater) return;
  trials = trialsFor(rater);
  answers = kept();
  if (answers.length) rater = answers[0].rater;  // "ann" who was "Ann" before
  const open = trials.findIndex((trial) => !complete(trial));
  show(open < 0 ? trials.length : open);
});
at("film").addEventListener("ended", () => { watched += 1; draw(); });
at("film").addEventListener("play", draw);
at("film").addEventListener("pause", draw);
at("film").addEventListener("error", () => {
  if (position < 0 || position >= trials.length) return;
  playable = false;
  at("broken").hidden = false;
  draw();
});
at("play").addEventListener("click", toggle);
at("again").addEventListener("click", (event) => {
  again();
  if (event.detail) at("play").focus();
});
at("next").addEventListener("click", next);
at("download").addEventListener("click", download);
document.addEventListener("keydown", (event) => {
  if (at("trial").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  // A button that was reached with Tab does what it says.
  const own = event.target instanceof HTMLButtonElement && event.target.id !== "play";
  if (own && (event.key === " " || event.key === "Enter")) return;
  if (event.key in KEYS) choose(question, KEYS[event.key]);
  else if (event.key === " ") toggle();
  else if (event.key.toLowerCase() === "r") again();
  else if (event.key === "Backspace") { question = Math.max(0, question - 1); draw(); }
  else if (event.key === "Enter") next();
  else return;
  event.preventDefault();
});
