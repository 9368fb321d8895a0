"""From folders to results: the command, the films, a browser that rates, the files that come back."""

import csv
import functools
import http.server
import json
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import av
import numpy as np
import pytest

pytest.importorskip("vtkmodules", reason="drawing needs emotalk[render]")

from emotalk.animation import Animation
from emotalk.audio import encode_wav
from emotalk.blendshapes import INDEX
from emotalk.cli import main
from emotalk.render import still
from emotalk.render.stage import NoOpenGLError, open_window
from emotalk.rigs import procedural_head
from emotalk.study.answers import COLUMNS
from emotalk.study.plan import QUESTIONS, Plan, read_key

FRAMES = 12


def emotalk(*args: object, monkeypatch: pytest.MonkeyPatch) -> int:
    """-> exit code."""
    monkeypatch.setattr(sys, "argv", ["emotalk", *map(str, args)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def write_systems(folder: Path, clips: tuple[str, ...] = ("one", "two")) -> None:
    """`open` has its mouth open, `shut` has it shut; recordings beside them."""
    for name, jaw in (("open", 1.0), ("shut", 0.0)):
        weights = np.zeros((FRAMES, 52), np.float32)
        weights[:, INDEX["jawOpen"]] = jaw
        (folder / name).mkdir()
        for clip in clips:
            Animation(weights=weights).save(folder / name / f"{clip}.npz")
    (folder / "sound").mkdir()
    for clip in clips:
        (folder / "sound" / f"{clip}.wav").write_bytes(encode_wav(np.zeros(6400, np.float32)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """A folder with a study of two systems on two clips, and its plan."""
    try:
        open_window()
    except NoOpenGLError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("study")
    write_systems(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        arguments = ("open=open", "shut=shut", "--audio", "sound", "-o", "page", "--seed", 5, "--size", 64)
        assert emotalk("study", "make", *arguments, monkeypatch=patch) == 0
    return folder, read_key((folder / "page-key.json").read_text(), "key")


def sides_of(path: Path) -> tuple[str, str]:
    """Which system stands left and right in a film, by likeness to stills of both."""
    with av.open(str(path)) as container:
        frame = list(container.decode(video=0))[5].to_ndarray(format="rgb24").astype(float)
    faces = np.zeros((2, 52), np.float32)
    faces[0, INDEX["jawOpen"]] = 1
    stills = [still(procedural_head(), face, size=64) for face in faces]
    left, right = (
        min((0, 1), key=lambda k: float(np.abs(frame[:, side : side + 64] - stills[k]).mean())) for side in (0, 64)
    )
    return ("open", "shut")[left], ("open", "shut")[right]


def test_films_show_what_the_key_says(made: tuple[Path, Plan]) -> None:
    folder, plan = made
    assert sorted(path.name for path in folder.iterdir()) == ["open", "page", "page-key.json", "shut", "sound"]
    assert sorted(path.name for path in (folder / "page").iterdir()) == ["films", "index.html"]
    assert {path.stem for path in (folder / "page/films").iterdir()} == set(plan.films)
    assert len(plan.pairs) == 2 + 2
    for name, shown in plan.films.items():
        path = folder / "page/films" / f"{name}.mp4"
        assert sides_of(path) == (shown.left, shown.right)
        with av.open(str(path)) as container:
            assert (container.streams.video[0].frames, len(container.streams.audio)) == (FRAMES, 1)


def write_answers(path: Path, plan: Plan, name: str, choose: str, day: int = 1, **changes: str) -> Path:
    """Someone who answers every question: for the system `choose`, `left`, or `same`."""
    with path.open("w", newline="") as file:
        rows = csv.DictWriter(file, COLUMNS)
        rows.writeheader()
        for position, (pair, films) in enumerate(plan.pairs.items(), 1):
            shown = plan.films[films[0]]
            if choose in ("left", "same") or shown.check:
                choice = "left" if choose == "left" else "same"
            else:
                choice = "left" if shown.left == choose else "right"
            for question in QUESTIONS:
                values = [plan.study, name, position, pair, films[0], question.name, choice, 1, 2.5]
                row = dict(zip(COLUMNS, [*values, f"2026-01-0{day}T00:00:00.000Z"], strict=True))
                rows.writerow(row | changes)
    return path


def test_results_count_who_looked(
    made: tuple[Path, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, plan = made
    files = [
        write_answers(tmp_path / "1.csv", plan, "Ann", "open"),
        write_answers(tmp_path / "2.csv", plan, "Bo", "open"),
        write_answers(tmp_path / "3.csv", plan, "Cy", "shut"),
        write_answers(tmp_path / "4.csv", plan, "Di", "same"),
        write_answers(tmp_path / "5.csv", plan, "Ed", "left"),
        write_answers(tmp_path / "6.csv", plan, "Cy", "shut", day=2),  # sent again
    ]
    key = ("--key", folder / "page-key.json")
    assert emotalk("study", "results", *files, *key, monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "5 raters, 60 answers, 12 repeated answers counted once" in said
    assert "Ed: told identical faces apart in 6 of 6 answers, left out" in said
    # Two clips each: Ann and Bo 4 for open, Cy 2 against, Di 2 ties. Wilson of 4 of 6 by scipy: 30.0 % … 90.3 %.
    (line,) = [line for line in said.splitlines() if line.strip().startswith("lip sync")]
    assert line.split() == ["lip", "sync", "4", "2", "2", "66.7%", "[", "30.0%,", "90.3%]", "0.688"]
    assert emotalk("study", "results", *files, *key, "--keep-failed", monkeypatch=monkeypatch) == 0
    assert "counted all the same" in capsys.readouterr().out


def test_a_later_answer_replaces_an_earlier_one_and_spreadsheets_may_save_again(
    made: tuple[Path, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, plan = made
    late = write_answers(tmp_path / "late.csv", plan, "Ann", "open", day=2)
    early = write_answers(tmp_path / "early.csv", plan, "Ann", "shut", day=1)
    late.write_text(late.read_text().replace(",", ";"), encoding="utf-8-sig")
    assert emotalk("study", "results", late, early, "--key", folder / "page-key.json", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert said.count("100.0%") >= 3
    assert " 0.0%]" not in said


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"study": "other"}, "line 2: belongs to study 'other'"),
        ({"film": "nope"}, "has no film 'nope'"),
        ({"question": "taste"}, "no question 'taste'"),
        ({"choice": "both"}, "the choice is left, same, right"),
        ({"rater": " "}, "no rater"),
    ],
)
def test_answers_that_fit_nothing_are_named(
    made: tuple[Path, Plan],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, str],
    reason: str,
) -> None:
    folder, plan = made
    path = write_answers(tmp_path / "answers.csv", plan, "Ann", "open", **changes)
    assert emotalk("study", "results", path, "--key", folder / "page-key.json", monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(path) in said
    assert reason in said


def test_files_that_are_no_answers_or_no_key(
    made: tuple[Path, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, plan = made
    key = folder / "page-key.json"
    other = tmp_path / "other.csv"
    for content, reason in (
        (b"a,b\n1,2\n", "no column study"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"", "no column"),
        (b"x" * 200_000, "field limit"),
        (b"study\n" + b"x" * (17 << 20), "larger than 16 MiB"),
    ):
        other.write_bytes(content)
        assert emotalk("study", "results", other, "--key", key, monkeypatch=monkeypatch) == 2
        assert reason in capsys.readouterr().err
    answers = write_answers(tmp_path / "answers.csv", plan, "Ann", "open")
    values = json.loads(key.read_text())
    foreign = {**values, "films": {name: {**shown, "left": "nobody"} for name, shown in values["films"].items()}}
    for text in (answers.read_text(), "[" * 200_000, json.dumps({**values, "seed": 1e999}), json.dumps(foreign)):
        other.write_text(text)
        assert emotalk("study", "results", answers, "--key", other, monkeypatch=monkeypatch) == 2
        assert "not the key of a study" in capsys.readouterr().err


def test_a_raters_name_moves_no_cursor(
    made: tuple[Path, Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, plan = made
    answers = write_answers(tmp_path / "answers.csv", plan, "\x1b[2JAnn", "open", choice="left")
    assert emotalk("study", "results", answers, "--key", folder / "page-key.json", monkeypatch=monkeypatch) == 0
    said = capsys.readouterr().out
    assert "Ann" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["open=open"], "two systems"),
        (["open", "shut=shut"], "a system is NAME=FOLDER"),
        (["a=open", "a=shut"], "two systems are called 'a'"),
        (["open=open", "shut=nowhere"], "no such folder"),
        (["open=open", "shut=shut", "--audio", "open"], "no recording of 'one'"),
        (["open=open", "shut=shut", "--key", "out/key.json"], "must not lie in the raters' folder"),
        (["open=open", "shut=shut", "--output", "sound"], "is there already"),
        (["open=open", "shut=shut", "--pairs", "3"], "cannot be drawn"),
    ],
)
def test_a_study_that_cannot_be_made_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    reason: str,
) -> None:
    write_systems(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    given = ["study", "make", *arguments]
    given += [] if "--audio" in arguments else ["--audio", "sound"]
    given += [] if "--output" in arguments else ["--output", "out"]
    assert emotalk(*given, monkeypatch=monkeypatch) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert reason in said
    assert sorted(tmp_path.rglob("*")) == before


def test_a_broken_recording_leaves_no_half_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_systems(tmp_path, ("one",))
    (tmp_path / "sound/one.wav").write_bytes(b"RIFF nothing")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    arguments = ("open=open", "shut=shut", "--audio", "sound", "-o", "out", "--size", 32)
    assert emotalk("study", "make", *arguments, monkeypatch=monkeypatch) == 2
    assert "one.wav" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


# A rater made of script: plays each film to its real end, answers by key, and reports the file of answers.
RATER = """
<script>
addEventListener("error", (event) => fetch("/said", { method: "POST", body: "error " + event.message }));
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key }));
at("name").value = "  Ann,  the \\"first\\" ";
at("film").muted = true;
press("ArrowLeft");  // before the start: nothing
at("who").requestSubmit();
const early = [];
at("film").addEventListener("loadeddata", () => { press("ArrowLeft"); early.push(answers.length); });
at("film").addEventListener("ended", () => {
  const wanted = ["ArrowLeft", "ArrowDown", "ArrowRight"];
  press("Enter");  // not yet
  const stood = position;
  press("ArrowRight"); press("Backspace"); wanted.forEach(press); press("Enter");
  if (position !== stood + 1) fetch("/said", { method: "POST", body: "error: at " + position });
  if (position === trials.length) {
    const again = JSON.stringify(trialsFor("ann, the \\"first\\""));
    const others = ["Bo", "Cy", "Di"].map((name) => trialsFor(name));
    const report = { csv: csv(), trials, again: again === JSON.stringify(trials), early, others, kept: kept().length };
    fetch("/said", { method: "POST", body: JSON.stringify(report) });
  }
});
</script></body>
"""


@pytest.fixture
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium here")


def test_a_browser_rates_every_pair_by_keys(
    made: tuple[Path, Plan],
    chromium: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, plan = made
    site = tmp_path / "site"
    shutil.copytree(folder / "page", site)
    index = site / "index.html"
    index.write_text(index.read_text().replace("</body>", RATER))
    reports: queue.Queue[str] = queue.Queue()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_POST(self) -> None:
            reports.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    browser = subprocess.Popen(
        [
            chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking",
            "--autoplay-policy=no-user-gesture-required", f"--user-data-dir={tmp_path / 'profile'}",
            "--remote-debugging-port=0", f"http://127.0.0.1:{server.server_port}/index.html",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        said = reports.get(timeout=100)
    finally:
        browser.terminate()
        browser.wait(20)
        server.shutdown()
        server.server_close()
    assert not said.startswith("error"), said
    report = json.loads(said)
    assert report["again"]  # the same rater, the same order
    assert report["early"] == [3 * k for k in range(len(report["early"]))]  # no answer before the end of a film
    assert report["kept"] == 3 * len(plan.pairs)
    path = tmp_path / "answers.csv"
    path.write_text(report["csv"], newline="")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["rater"] for row in rows} == {'Ann, the "first"'}
    assert [row["pair"] for row in rows[::3]] == [trial["pair"] for trial in report["trials"]]
    assert sorted(row["pair"] for row in rows[::3]) == sorted(plan.pairs)
    assert [row["choice"] for row in rows] == ["left", "same", "right"] * len(plan.pairs)
    assert [row["question"] for row in rows[:3]] == [question.name for question in QUESTIONS]
    # Half of every rater's pairs are shown this way, half that way; raters differ.
    for trials in (report["trials"], *report["others"]):
        assert sum(trial["film"] == plan.pairs[trial["pair"]][0] for trial in trials) == len(plan.pairs) // 2
    assert len({json.dumps(trials) for trials in (report["trials"], *report["others"])}) > 1
    assert emotalk("study", "results", path, "--key", folder / "page-key.json", monkeypatch=monkeypatch) == 0
    assert 'Ann, the "first": told identical faces apart in 4 of 6 answers, left out' in capsys.readouterr().out
