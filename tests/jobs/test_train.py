"""The training job on a real local Ray: it finishes, resumes, refuses, and survives what kills it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest
import torch
from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
from ray.train.torch import TorchTrainer
from rich.console import Console
from safetensors.numpy import load_file

from emotalk import Animator, EmoTalk, InputError
from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources import Etf3d
from emotalk.errors import EmoTalkError
from emotalk.model.start import start_digest
from emotalk.training.examples import speakers_of
from emotalk.training.learner import DivergedError
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig
from emotalk.training.watchers import EpochRecord, StepRecord
from jobs.train import NetworkChanges, TrainConfig, train
from jobs.train_cluster import GiveUp
from jobs.train_identity import check_identity, claim, identity_of
from jobs.train_salvage import RECORD
from tests.etf3d_folder import Etf3dFolder
from tests.model.small import encoder_folder, noise
from tests.random_corpus import random_corpus, squares

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("ray_session"), pytest.mark.timeout(900)]
QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three speakers with squares, some without labels: what 3D-ETF is made of, in little."""
    root = tmp_path_factory.mktemp("train")
    folder = Etf3dFolder(root / "3D-ETF").good()
    output = root / "corpus"
    build_here(Etf3d(root=str(folder.root)), str(output), target_bytes=1 << 20)
    return str(output)


def config(corpus: str, output: Path, **changes: object) -> TrainConfig:
    values: dict[str, object] = {
        "workers": 2,
        "epochs": 2,
        "optimiser": OptimiserConfig(learning_rate=1e-3),
        "plan": PlanConfig(seconds_per_step=3),
        "losses": LossWeights(leakage=0.1),  # a head that is in checkpoints only
        "align": "dtw",  # where frames are heard travels with the clips
    }
    return TrainConfig(corpus=corpus, output=str(output), **(values | changes))  # type: ignore[arg-type]


def weights(directory: str) -> dict[str, np.ndarray]:
    return load_file(Path(directory) / "model.safetensors")


def same(one: str, two: str) -> bool:
    a, b = weights(one), weights(two)
    return a.keys() == b.keys() and all(np.array_equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def finished(corpus: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return train(config(corpus, tmp_path_factory.mktemp("run")), QUIET)


def test_the_result_is_a_model_that_speaks(finished: str) -> None:
    model = EmoTalk.from_pretrained(finished)
    assert model.has_prototypes
    assert model.config.styles == len({"1", "2"}) + 2  # two actors and two speakers of films in the training split
    out = model.predict(noise(1))
    assert out.shape == (30, 52)
    assert np.abs(out).max() > 1e-3


def test_a_finished_run_is_left_alone_and_another_configuration_is_refused(corpus: str, finished: str) -> None:
    output = Path(finished).parent
    before = {path: path.stat().st_mtime_ns for path in Path(finished).iterdir()}
    assert train(config(corpus, output, workers=1), QUIET) == finished
    assert {path: path.stat().st_mtime_ns for path in Path(finished).iterdir()} == before
    with pytest.raises(InputError, match=r"optimiser\.learning_rate was 0\.001, now 0\.5"):
        train(config(corpus, output, optimiser=OptimiserConfig(learning_rate=0.5)), QUIET)
    with pytest.raises(InputError, match=r"align was 'dtw', now 'phones'"):
        train(config(corpus, output, align="phones"), QUIET)


def test_workers_without_cpus_for_data_are_refused(corpus: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none would be left to read data"):
        train(config(corpus, tmp_path, workers=4), QUIET)
    with pytest.raises(InputError, match="max_workers is 2, fewer than the 3 workers"):
        config(corpus, tmp_path, workers=3, max_workers=2)


def test_options_that_would_do_nothing_are_refused(corpus: str, finished: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no clip is labelled 'joy'; there are .*happy"):
        train(config(corpus, tmp_path, label=("joy=happy",)), QUIET)
    with pytest.raises(InputError, match=r"does not know 'hapy'; it knows .*happy"):
        train(config(corpus, tmp_path, label=("happy=hapy",)), QUIET)
    for useless in ({"recompute": True}, {"optimiser": OptimiserConfig(encoder_factor=0.1)}):
        with pytest.raises(InputError, match="pretrained encoders"):
            train(config(corpus, tmp_path, init=finished, **useless), QUIET)
    with pytest.raises(InputError, match="no clip's speech sounds are known"):
        train(config(corpus, tmp_path, losses=LossWeights(sounds=0.1)), QUIET)


def test_a_start_is_known_by_its_weights_wherever_it_lies(finished: str, tmp_path: Path) -> None:
    moved, other = tmp_path / "moved", tmp_path / "other"
    shutil.copytree(finished, moved)
    model = EmoTalk.from_pretrained(finished)
    torch.nn.init.zeros_(model.decoder.output.bias)
    model.save_pretrained(other)

    def identity(init: Path | str) -> dict[str, Any]:
        return identity_of(config("corpus", tmp_path / "run", init=str(init)), "digest", start_digest(str(init)))

    claim(str(tmp_path / "run"), identity(finished))
    check_identity(str(tmp_path / "run"), identity(moved))
    with pytest.raises(InputError, match="init_digest was"):
        check_identity(str(tmp_path / "run"), identity(other))


def test_a_damaged_shard_ends_the_run_at_once(corpus: str, tmp_path: Path) -> None:
    damaged = tmp_path / "corpus"
    shutil.copytree(corpus, damaged)
    for shard in (damaged / "train").glob("*.parquet"):
        content = bytearray(shard.read_bytes())
        content[1_000 : len(content) // 2] = bytes(len(content) // 2 - 1_000)
        shard.write_bytes(content)
    with pytest.raises(EmoTalkError, match=r"train/part-.*parquet is damaged"):
        train(config(str(damaged), tmp_path / "run"), QUIET)


class Killer:
    """A watcher that kills one training worker in the middle of the second epoch, once."""

    killed: ClassVar[list[int]] = []
    steps: ClassVar[list[tuple[int, int]]] = []

    def __init__(self, output: str) -> None:
        self.killed.clear()
        self.steps.clear()

    def step(self, record: StepRecord) -> None:
        self.steps.append((record.epoch, record.step))
        if record.epoch == 2 and not self.killed:
            victim = next(training_workers())
            victim.send_signal(signal.SIGKILL)
            self.killed.append(victim.pid)

    def epoch(self, record: EpochRecord) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_worker_killed_within_an_epoch_changes_nothing(corpus: str, finished: str, tmp_path: Path) -> None:
    again = train(config(corpus, tmp_path, checkpoint_steps=1, watcher=(f"{__name__}:Killer",)), QUIET)
    assert Killer.killed
    assert same(finished, again)
    assert Killer.steps.count((1, 1)) == 1, "it began anew instead of going on"


@pytest.mark.slow
def test_a_loss_that_is_no_number_is_said(corpus: str, tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="the loss is nan in epoch 1, step 1, of the clips"):
        train(config(corpus, tmp_path, losses=LossWeights(cross=float("nan"))), QUIET)


@pytest.mark.parametrize(
    ("error", "attempts"), [(DivergedError("nan"), 1), pytest.param(RuntimeError("lost"), 3, marks=pytest.mark.slow)]
)
def test_only_errors_on_purpose_are_final(error: Exception, attempts: int, tmp_path: Path) -> None:
    notes = tmp_path / "attempts"

    def fail() -> None:
        with notes.open("a") as file:
            file.write("x")
        raise error

    run = RunConfig(storage_path=str(tmp_path), failure_config=FailureConfig(max_failures=2), callbacks=[GiveUp()])
    with pytest.raises(TrainingFailedError, match=str(error)):
        TorchTrainer(fail, scaling_config=ScalingConfig(num_workers=1), run_config=run).fit()
    assert notes.read_text() == "x" * attempts


@pytest.mark.slow
@pytest.mark.parametrize("record_lost", [False, True])
def test_a_killed_driver_is_continued_by_the_same_command(
    corpus: str, finished: str, tmp_path: Path, record_lost: bool
) -> None:
    command = [
        *(sys.executable, "-m", "jobs.train", "--corpus", corpus, "--output", str(tmp_path), "--workers", "2"),
        *("--epochs", "2", "--learning-rate", "1e-3", "--plan.seconds-per-step", "3"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "RAY_ADDRESS": ""}
    with subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as driver:
        assert driver.stderr is not None
        for line in driver.stderr:
            if "epoch 1/2" in line:
                break
        os.killpg(driver.pid, signal.SIGKILL)
    assert not (tmp_path / "model/config.json").exists()
    if record_lost:  # as a full disk leaves it
        (tmp_path / "run" / RECORD).write_bytes(b"")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "epoch 2/2" in done.stderr
    assert "epoch 1/2" not in done.stderr
    assert same(finished, str(tmp_path / "model"))


def test_pretrained_encoders_train_on(corpus: str, tmp_path: Path) -> None:
    """From folders as transformers writes them, with layers left out at random by their own configuration."""
    content = encoder_folder(tmp_path / "content", "wav2vec2", layerdrop=0.9)
    emotion = encoder_folder(tmp_path / "emotion", "wavlm", layerdrop=0.9)
    encoders = {"content_encoder": content, "emotion_encoder": emotion}
    model = EmoTalk.from_pretrained(train(config(corpus, tmp_path / "run", preset="base", epochs=1, **encoders), QUIET))
    assert model.predict(noise(1)).shape == (30, 52)
    before = load_file(Path(content) / "model.safetensors")
    after = {name: tensor.numpy() for name, tensor in model.content_encoder.state_dict().items()}
    attention = [name for name in before if name.endswith("attention.q_proj.weight")]
    moved = [np.abs(before[name] - after[name.replace("encoder.", "transformer.", 1)]).max() for name in attention]
    assert moved
    assert 0 < min(moved) <= max(moved) < 0.1


@pytest.mark.slow
def test_a_finished_model_learns_a_new_speaker(corpus: str, finished: str, tmp_path: Path) -> None:
    known = EmoTalk.from_pretrained(finished).config
    assert len(known.speakers) == known.styles
    folder = Etf3dFolder(tmp_path / "3D-ETF").good()
    build_here(Etf3d(root=str(folder.root)), str(tmp_path / "mine"), target_bytes=1 << 20)
    again = train(config(str(tmp_path / "mine"), tmp_path / "run", epochs=1, init=finished), QUIET)
    learnt = EmoTalk.from_pretrained(again).config
    assert learnt.speakers[: known.styles] == known.speakers
    assert set(learnt.speakers) == set(known.speakers) | set(speakers_of(Corpus.open(str(tmp_path / "mine"))))


@pytest.mark.slow
def test_a_finished_model_learns_to_move_its_head(finished: str, tmp_path: Path) -> None:
    """From clips of which some have a head track; what it says of the face goes on from what it said."""
    clips = random_corpus(
        tmp_path / "heads", [*squares("train", ("ann",)), *squares("validation", ("bob",))], heads=True
    )
    network = NetworkChanges(head_pose=True)
    again = train(config(clips.location, tmp_path / "run", epochs=1, workers=1, init=finished, network=network), QUIET)
    model = EmoTalk.from_pretrained(again)
    animation = Animator(model).animate(noise(1))
    assert animation.head is not None
    assert np.abs(animation.head).max() > 1e-4
    assert "head 0." in (Path(again) / "README.md").read_text()


def test_a_head_needs_head_tracks(corpus: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no clip has a head track to learn from"):
        train(config(corpus, tmp_path, network=NetworkChanges(head_pose=True)), QUIET)


def training_workers() -> Iterator[psutil.Process]:
    for process in psutil.Process().children(recursive=True):
        if "RayTrainWorker" in " ".join(process.cmdline()):
            yield process


def test_the_run_says_what_it_was(corpus: str, finished: str) -> None:
    said = json.loads((Path(finished).parent / "train.json").read_text())
    assert said["preset"] == "lite"
    paper = {"cross": 1.0, "self": 1.0, "velocity": 0.5, "classification": 0.1}
    assert said["losses"] == paper | {
        "head": 1.0,
        "leakage": 0.1,
        "gap": 0.0,
        "closure": 0.0,
        "closed": 4.0,
        "sounds": 0.0,
    }
    assert len(said["corpus_digest"]) == 64
    card = (Path(finished) / "README.md").read_text()
    assert said["corpus_digest"] in card
    assert "of 2, the best by validation: cross 0." in card
    assert "RAVDESS is CC BY-NC-SA 4.0" in card
