"""The dubbing job on a real Ray: spread over actors, killed, run again."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import ray
import torch

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.lease import leased
from emotalk.dubbing.ledger import LEDGER, Ledger
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.plan import Dubbing, Plan
from emotalk.dubbing.progress import read_progress
from emotalk.dubbing.report import FAILED, Row
from emotalk.dubbing.strands import strands_of
from emotalk.errors import InputError
from emotalk.format_commands import FormatOptions
from emotalk.model.store import model_digest
from jobs.dub import run_command
from jobs.dub_config import DubConfig
from jobs.dub_run import StoppedEarlyError, dub
from jobs.dub_worker import DubWork, DubWorker
from jobs.progress import Progress
from jobs.watch import watched
from jobs.work_board import MAX_ATTEMPTS, Heard, WorkBoard, may_begin, start_board
from tests.small_model import save_small_model, write_murmur

pytestmark = pytest.mark.cluster
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_small_model(tmp_path_factory.mktemp("model")))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("shelf")
    for number in range(6):
        write_murmur(root / f"part {number}" / "speech.wav", 0.5 + 0.3 * number, seed=number)
    return str(root)


def contents(folder: Path) -> dict[str, bytes]:
    """Every animation below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".npz", ".csv") and not path.name.startswith(".")
    }


@pytest.fixture(scope="module")
def undisturbed(
    model: str, shelf: str, ray_session: None, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """The bytes of one run with one actor."""
    output = tmp_path_factory.mktemp("undisturbed")
    report = dub(DubConfig(inputs=(shelf,), output=str(output), model=model, workers=1))
    assert [row.state for row in report.rows] == ["animated"] * 6
    return contents(output)


def test_two_actors_give_the_same_bytes_and_a_report(
    model: str, shelf: str, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    mixed = tmp_path / "shelf"
    shutil.copytree(shelf, mixed)
    (mixed / "broken.wav").write_bytes(b"RIFF\x00")
    (mixed / "notes.txt").write_text("not a recording")
    seen: list[Progress] = []
    config = DubConfig(inputs=(str(mixed),), output=str(tmp_path / "out"), model=model, workers=2, run="mine")
    report = dub(config, seen.append)
    assert contents(tmp_path / "out") == undisturbed
    told = read_progress(config.output)
    assert told is not None
    assert (told.run, told.state, told.recordings, told.done, told.failed) == ("mine", "finished", 7, 6, 1)
    assert told.audio_s == pytest.approx(3600 * report.totals.hours)
    assert (seen[-1].clips, seen[-1].rejected) == (6, 1)
    assert seen[-1].audio_s == pytest.approx(sum(0.5 + 0.3 * number for number in range(6)), abs=0.01)
    assert len(report.rows_of(FAILED)) == 1
    saved = pq.read_table(tmp_path / "out" / "report.parquet").to_pylist()
    assert Counter(row["state"] for row in saved) == {"animated": 6, "failed": 1, "ignored": 1}
    by_state = {row["state"]: row for row in saved}
    assert by_state["ignored"]["uri"] == str(mixed / "notes.txt")
    assert by_state["failed"]["uri"].endswith("broken.wav")
    assert by_state["failed"]["reason"]
    for output in by_state["animated"]["outputs"]:
        assert output["sha256"] == sha256(Path(output["uri"]).read_bytes()).hexdigest()


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(
    model: str, shelf: str, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "jobs.dub", shelf, "--output", str(tmp_path), "--model", model, "--workers", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not list((tmp_path / LEDGER).glob("*.jsonl")):
            try:
                process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                continue
            pytest.fail(f"the job ended with {process.returncode} before its first record")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        shutil.rmtree(f"/tmp/emotalk-{process.pid}", ignore_errors=True)
    killed = read_progress(str(tmp_path))
    assert killed is not None
    assert (killed.state, killed.recordings) == ("running", 6)
    report = dub(DubConfig(inputs=(shelf,), output=str(tmp_path), model=model))
    assert not report.rows_of(FAILED)
    assert {row.state for row in report.rows} >= {"already done"}
    assert contents(tmp_path) == undisturbed


def test_more_failures_than_allowed_stop_the_job(model: str, ray_session: None, tmp_path: Path) -> None:
    shelf = tmp_path / "shelf"
    for number in range(30):
        (shelf / f"{number}").mkdir(parents=True)
        (shelf / f"{number}" / "broken.wav").write_bytes(b"RIFF" + bytes(1000 + number))
    config = DubConfig(inputs=(str(shelf),), output=str(tmp_path / "out"), model=model, workers=1, max_failed="2")
    with pytest.raises(StoppedEarlyError, match=r"of \d+ recordings failed, more than --max-failed 2 allows") as raised:
        dub(config)
    states = Counter(row.state for row in raised.value.report.rows)
    assert 3 <= states["failed"] < 30
    assert states["failed"] + states["left"] == 30
    told = read_progress(config.output)
    assert told is not None
    assert (told.state, told.reason) == ("stopped", str(raised.value))
    assert len(dub(replace(config, max_failed="100%")).rows_of(FAILED)) == 30


def test_a_dry_run_prints_the_plan_and_writes_nothing(
    model: str, shelf: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = DubConfig(inputs=(shelf,), output=str(tmp_path / "out"), model=model, workers=2, dry_run=True)
    assert run_command(config) == 0
    told = capsys.readouterr().out
    assert "to do: 6 animations" in told
    assert "with 2 workers" in told
    assert not (tmp_path / "out").exists()


def test_what_was_finished_by_a_worker_that_died_is_not_made_again(
    model: str, shelf: str, ray_session: None, tmp_path: Path
) -> None:
    board = start_board()
    listing = list_recordings([shelf], output=str(tmp_path))
    dubbing = Dubbing(OutputFolder(str(tmp_path)), Recipe(model_digest(model), Controls()), (".npz",))
    plan = Plan.of(listing, dubbing, Ledger.read(str(tmp_path)))
    strands = strands_of(plan.items[:4], 1)
    finished = (("part 1/speech", Row(uri="finished before", state="animated")),)
    ray.get(board.finish.remote(strands[0].number, finished))
    for _ in range(MAX_ATTEMPTS):
        ray.get(board.attempt.remote(strands[1].number))
    ray.get(board.stalled.remote(strands[2].number))
    with leased(str(tmp_path), 1) as lease:
        work = DubWork(dubbing=dubbing, lease=lease, model=model, threads=1, device="cpu", stalled_s=60.0)
        answers = dict(DubWorker(work, board)(strands))
    assert answers[strands[0].number] == finished
    ((_, died),) = answers[strands[1].number]
    ((_, stalled),) = answers[strands[2].number]
    ((_, animated),) = answers[strands[3].number]
    assert (died.reason or "").startswith("its worker died 3 times")
    assert stalled.reason == "no progress for 60 s"
    assert animated.state == "animated"
    assert len(contents(tmp_path)) == 1
    assert ray.get(board.finished.remote([strand.number for strand in strands])) == {}


def test_nothing_to_do_needs_no_cluster(model: str, shelf: str, ray_session: None, tmp_path: Path) -> None:
    config = DubConfig(inputs=(f"{shelf}/part 0",), output=str(tmp_path), model=model, formats=("npz",))
    assert not dub(config).nothing_to_do
    command = [sys.executable, "-m", "jobs.dub", f"{shelf}/part 0", "--output", str(tmp_path), "--model", model]
    unreachable = {**os.environ, "RAY_ADDRESS": "127.0.0.1:1"}
    done = subprocess.run(
        [*command, "--formats", "npz"], cwd=ROOT, env=unreachable, capture_output=True, text=True, check=True
    )
    assert "nothing to do: 1 already done" in done.stdout
    assert contents(tmp_path).keys() == {"speech.npz"}


def test_controls_reach_the_animation(model: str, shelf: str, ray_session: None, tmp_path: Path) -> None:
    controls = Controls(emotion="angry", style=1, tail_s=0)
    config = DubConfig(
        inputs=(f"{shelf}/*/speech.wav",), output=str(tmp_path), model=model, formats=("npz",), controls=controls
    )
    dub(config)
    animation = Animation.load(tmp_path / "part 0" / "speech.npz")
    assert animation.frames == 15
    assert animation.meta["style_used"] == 1
    assert animation.emotion is not None
    np.testing.assert_array_equal(animation.emotion[:, animation.emotion_names.index("angry")], 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": ("nowhere",)}, "no such file"),
        ({"model": "nowhere"}, "is no model directory"),
        ({"controls": Controls(emotion="bored")}, "unknown emotion"),
        ({"controls": Controls(style=3)}, "style 3 does not exist"),
        ({"options": FormatOptions(start="99")}, "csv cannot be written so: start must be a time code"),
        ({"options": FormatOptions(drop_frame=True)}, "csv cannot be written so: drop-frame time codes are of 29.97"),
        ({"formats": ("glb",), "options": FormatOptions(rig="nowhere.npz")}, r"nowhere\.npz: no such file"),
        ({"formats": ("flame",), "options": FormatOptions(flame_model="no.pkl")}, r"no\.pkl: no such file"),
        ({"gpus": 2.0}, "needs 2 GPUs"),
    ],
)
def test_what_cannot_be_started_is_an_input_error(
    change: dict, message: str, model: str, shelf: str, ray_session: None, tmp_path: Path
) -> None:
    config = {"inputs": (shelf,), "output": str(tmp_path / "out"), "model": model} | change
    with pytest.raises(InputError, match=message):
        dub(DubConfig(**config))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": ()},
        {"formats": ("xls",)},
        {"formats": ("flame",)},
        {"options": FormatOptions(rig="default")},
        {"formats": ("npz", "glb"), "options": FormatOptions(start="10:00:00:00")},
        {"formats": ()},
        {"fps": "fast"},
        {"workers": 0},
        {"threads": 0},
        {"gpus": 1.5},
        {"max_failed": "some"},
        {"part_minutes": 0},
        {"stalled_s": 0.0},
    ],
)
def test_bad_options_are_refused(change: dict) -> None:
    with pytest.raises(InputError):
        DubConfig(**{"inputs": ("a.wav",), "output": "out"} | change)


@pytest.mark.parametrize("restarted", [pytest.param(True, marks=pytest.mark.slow), False])
def test_the_death_of_the_board_costs_no_recording(
    restarted: bool, model: str, shelf: str, ray_session: None, tmp_path: Path
) -> None:
    board = start_board()
    assert may_begin(board, 0)
    seen: list[Heard] = []
    with watched(board, seen.append):
        ray.kill(board, no_restart=not restarted)
        listing = list_recordings([f"{shelf}/part 0"], output=str(tmp_path))
        recipe = Recipe(model_digest(model), Controls())
        plan = Plan.of(listing, Dubbing(OutputFolder(str(tmp_path)), recipe, (".npz",)), Ledger.read(str(tmp_path)))
        with leased(str(tmp_path), 1) as lease:
            work = DubWork(
                dubbing=plan.dubbing,
                lease=lease,
                model=model,
                threads=torch.get_num_threads(),
                device="cpu",
                stalled_s=600.0,
            )
            ((_, ((_, row),)),) = DubWorker(work, board)(strands_of(plan.items, 1))
        assert row.state == "animated"
        while restarted and not seen:
            ray.wait([board.hear.remote({0: Heard(0.5, 0.5, 100)})])
        if restarted:
            ray.get(board.hear.remote({0: Heard(0.5, 0.5, 100)}))
    assert seen[-1:] == ([Heard(0.5, 0.5, 100)] if restarted else [])


def test_the_board_adds_up_what_is_newest_of_each_recording() -> None:
    board = WorkBoard()
    for number, heard in [(0, Heard(1, 4, 10)), (1, Heard(2, 2, 30)), (0, Heard(3, 4, 10)), (0, Heard(5, 5, 10))]:
        board.hear({number: heard})
    assert board.look() == Heard(7, 7, 40)


def test_a_recording_that_kills_its_worker_is_given_up() -> None:
    board = WorkBoard()
    assert [board.begin(7) for _ in range(MAX_ATTEMPTS + 1)] == [True] * MAX_ATTEMPTS + [False]
    assert board.begin(8)
