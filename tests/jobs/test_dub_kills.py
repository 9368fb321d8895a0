"""Real processes, killed: what is dubbed afterwards is what an undisturbed run gives, and what was finished stays."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from emotalk.dubbing.ledger import LEDGER, Ledger
from emotalk.dubbing.parts import PARTS
from tests.dubbing.shelf import files
from tests.small_model import save_small_model, write_murmur

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_small_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of eight windows, and short recordings."""
    root = tmp_path_factory.mktemp("shelf")
    write_murmur(root / "book.wav", 450, seed=1)
    for number in range(3):
        write_murmur(root / f"short {number}.wav", 2 + number, seed=number)
    return root


def start(shelf: Path, output: Path, model: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "jobs.dub", str(shelf), "--output", str(output), "--model", str(model)]
    command += ["--formats", "npz", "--part-minutes", "1", *options]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def until(process: subprocess.Popen[bytes], happened: Callable[[], bool]) -> None:
    while not happened():
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"the job ended with {process.returncode} before that")


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children(recursive=True) if "MapWorker" in child.name()]


def kill(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    shutil.rmtree(f"/tmp/emotalk-{process.pid}", ignore_errors=True)


@pytest.fixture(scope="module")
def undisturbed(shelf: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("undisturbed")
    assert start(shelf, output, model, "--workers", "1").wait() == 0
    return {name: content for name, content in files(output).items() if name.endswith(".npz")}


@pytest.mark.timeout(900)
def test_a_book_that_is_killed_goes_on_from_its_parts(
    shelf: Path, model: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    parts = tmp_path / PARTS
    process = start(shelf, tmp_path, model, "--workers", "2")
    until(process, lambda: len(list(parts.rglob("*.npz"))) >= 1)
    for worker in workers_of(process):
        worker.kill()
    until(process, lambda: len(list(parts.rglob("[!.]*.npz"))) >= 2)
    kill(process)
    kept = {path: path.stat().st_mtime_ns for path in parts.rglob("[!.]*.npz")}
    done = {record.name for record in Ledger.read(str(tmp_path))}
    assert start(shelf, tmp_path, model, "--workers", "2").wait() == 0
    assert {name: content for name, content in files(tmp_path).items() if name.endswith(".npz")} == undisturbed
    assert kept
    assert not list(parts.rglob("*.npz"))
    rows = json.loads((tmp_path / "report.json").read_text())["recordings"]
    assert {Path(row["uri"]).stem for row in rows if row["state"] == "already done"} == done
    assert len(list((tmp_path / LEDGER).glob("*.jsonl"))) == 1


@pytest.mark.timeout(900)
def test_a_recording_that_hangs_costs_itself_alone(shelf: Path, model: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(shelf, tmp_path / "shelf")
    (copied / "book.wav").unlink()
    os.mkfifo(copied / "hangs.wav")  # nobody ever writes into it
    output = tmp_path / "out"
    assert start(copied, output, model, "--workers", "1", "--stalled-s", "3").wait() == 1
    rows = {Path(row["uri"]).name: row for row in json.loads((output / "report.json").read_text())["recordings"]}
    assert {name for name, row in rows.items() if row["state"] == "failed"} == {"hangs.wav"}
    assert rows["hangs.wav"]["reason"] == "no progress for 3 s"
    assert len([name for name in files(output) if name.endswith(".npz")]) == 3
