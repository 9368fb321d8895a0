"""The distillation job on a real Ray: it teaches once, trains, resumes, refuses, and names what is no good."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from rich.console import Console

from emotalk import Animator, Controls, EmoTalk, InputError
from emotalk.corpus.corpus import Corpus
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig
from jobs.distill import DistillConfig, distill
from jobs.train import TrainConfig, train
from tests.distillation.shelf import voices, write_sound, write_teacher
from tests.model.small import noise
from tests.random_corpus import random_corpus, squares
from tests.s3 import S3Server

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("shelf")
    write_sound(root / "book.wav", *(voices(2, seed) for seed in range(6)))
    for seed in range(3):
        write_sound(root / f"{seed}.wav", voices(2, seed))
    (root / "broken.wav").write_bytes(b"RIFF\0")
    return root


def config(shelf: Path | str, teacher: str, output: Path | str, **changes: object) -> DistillConfig:
    values: dict[str, object] = {
        "epochs": 1,
        "max_clip_s": 4.0,
        "optimiser": OptimiserConfig(learning_rate=1e-3),
        "plan": PlanConfig(seconds_per_step=6),
    }
    return DistillConfig(inputs=(str(shelf),), teacher=teacher, output=str(output), **(values | changes))  # type: ignore[arg-type]


def stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_student_is_taught_once(shelf: Path, teacher: str, ray_session: None, tmp_path: Path) -> None:
    done = distill(config(shelf, teacher, tmp_path), QUIET)
    assert [name for name, _ in done.failed] == ["broken.wav"]
    student = EmoTalk.from_pretrained(done.model)
    assert student.config.speakers == ("teacher",)
    assert student.has_prototypes
    assert Animator(student).animate(noise(1), Controls(emotion="happy", tail_s=0)).frames == 30
    card = (Path(done.model) / "README.md").read_text()
    taught = Corpus.open(tmp_path / "taught").manifest
    assert taught.config["settings"]["teacher"]["sha256"] in card
    assert "its terms are known to whoever made that" in card
    assert not (tmp_path / "taught/labelled").exists()

    before = stamps(tmp_path)
    assert distill(config(shelf, teacher, tmp_path, teachers=2), QUIET) == done
    assert stamps(tmp_path) == before
    with pytest.raises(InputError, match=r"max_clip_s was 4\.0, now 5\.0"):
        distill(config(shelf, teacher, tmp_path, max_clip_s=5.0), QUIET)
    with pytest.raises(InputError, match="epochs was 1, now 2"):
        distill(config(shelf, teacher, tmp_path, epochs=2), QUIET)
    other = write_teacher(tmp_path / "other", seed=1)
    with pytest.raises(InputError, match="teacher was '"):
        distill(config(shelf, other, tmp_path), QUIET)


@pytest.mark.slow
def test_another_student_learns_together_with_labelled_clips(
    shelf: Path, teacher: str, ray_session: None, tmp_path: Path
) -> None:
    distill(config(shelf, teacher, tmp_path), QUIET)
    labelled = random_corpus(tmp_path / "labelled", [*squares("train", ["anna"]), *squares("validation", ["ben"])])
    both = TrainConfig(
        corpus=labelled.location,
        with_corpus=(str(tmp_path / "taught"),),
        output=str(tmp_path / "both"),
        epochs=1,
        plan=PlanConfig(seconds_per_step=6, unlabelled_ratio=1.0),
    )
    second = EmoTalk.from_pretrained(train(both, QUIET))
    assert second.config.speakers == ("anna", "teacher")
    assert "* corpus: taught" in (tmp_path / "both/model/README.md").read_text()


@pytest.mark.parametrize("change", [{"inputs": ()}, {"teachers": 0}, {"teacher_threads": 0}, {"teacher_gpus": 1.5}])
def test_bad_options_are_refused(change: dict) -> None:
    with pytest.raises(InputError):
        DistillConfig(**{"inputs": ("a.wav",), "teacher": "t", "output": "o"} | change)


def test_what_cannot_be_started_leaves_nothing(shelf: Path, teacher: str, tmp_path: Path) -> None:
    for change, message in (
        ({"teacher": str(tmp_path / "none")}, "is no model directory"),
        ({"corpus": str(tmp_path / "none")}, "no finished corpus here"),
        ({"inputs": (str(tmp_path / "none"),)}, "no such file or folder"),
        ({"max_clip_s": 90.0}, "up to 60 s at once"),
    ):
        values = {"inputs": (str(shelf),), "teacher": teacher, "output": str(tmp_path / "out")} | change
        with pytest.raises(InputError, match=message):
            distill(DistillConfig(**values), QUIET)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_driver_killed_while_it_teaches_is_continued_by_the_same_command(teacher: str, tmp_path: Path) -> None:
    write_sound(tmp_path / "shelf/book.wav", *(voices(10, seed) for seed in range(120)))
    output = tmp_path / "run"
    command = [
        *(sys.executable, "-m", "jobs.distill", str(tmp_path / "shelf"), "--teacher", teacher),
        *("--output", str(output), "--max-clip-s", "3", "--epochs", "1", "--teachers", "1"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "RAY_ADDRESS": ""}
    with subprocess.Popen(command, env=environment, start_new_session=True) as driver:
        while len(list(output.glob("taught/train/part-*.parquet"))) < 2:
            assert driver.poll() is None
            psutil.wait_procs([psutil.Process(driver.pid)], timeout=0.1)
        os.killpg(driver.pid, signal.SIGKILL)
    assert not (output / "taught/manifest.json").exists()
    before = stamps(output / "taught/train")
    first = sorted(path for path in before if not path.name.startswith("."))[0]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800)
    assert done.returncode == 0, done.stderr
    assert stamps(output / "taught/train")[first] == before[first], "what was taught is taught again"
    corpus = Corpus.open(output / "taught")
    clips = [clip for split in ("train", "validation") for clip in corpus.clips(split)]
    assert sum(len(clip.samples) for clip in clips) == 1_200 * 16_000
    assert len({clip.clip_id for clip in clips}) == len(clips)
    assert EmoTalk.from_pretrained(str(output / "model")).predict(np.ones(1_600, np.float32)).shape == (3, 52)


@pytest.mark.slow
@pytest.mark.s3
def test_everything_is_in_a_bucket(teacher: str, shelf: Path, s3_server: S3Server, tmp_path: Path) -> None:
    import fsspec

    bucket = s3_server.make_bucket("distil")
    fs = fsspec.filesystem("s3")
    for folder, place in ((Path(teacher), "teacher"), (shelf, "shelf")):
        for path in folder.iterdir():
            fs.put_file(str(path), f"{bucket}/{place}/{path.name}")
    command = [
        *(sys.executable, "-m", "jobs.distill", f"{bucket}/shelf", "--teacher", f"{bucket}/teacher"),
        *("--output", f"{bucket}/run", "--max-clip-s", "4", "--epochs", "1"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "RAY_ADDRESS": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800)
    assert done.returncode == 1
    assert "error: broken.wav: " in done.stderr
    assert EmoTalk.from_pretrained(f"{bucket}/run/model").config.speakers == ("teacher",)
    again = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=800)
    assert again.stdout == done.stdout
    assert "epoch" not in again.stderr
