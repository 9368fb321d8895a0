"""Trains a network on a corpus: python -m jobs.train --corpus corpus --output runs/first

The output is the run's identity: the same command goes on where an interrupted run stopped, and does nothing where it
is finished. The result is the model directory OUTPUT/model.
"""

import hashlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import ray
import torch
from ray.train import (
    Checkpoint,
    CheckpointConfig,
    ControllerError,
    FailureConfig,
    RunConfig,
    ScalingConfig,
    UserCallback,
)
from ray.train.torch import TorchTrainer
from rich.console import Console

from emotalk import command_line
from emotalk.corpus.corpus import Corpus
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import absolute, atomic_write, exists, open_source
from emotalk.labels import EMOTIONS
from emotalk.model.config import EmoTalkConfig
from emotalk.model.network import EmoTalk
from emotalk.model.presets import (
    BASE_CHECKPOINT,
    OFFICIAL_CONTENT_CHECKPOINT,
    OFFICIAL_EMOTION_CHECKPOINT,
    base_config,
    lite_config,
    official_config,
)
from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import Batch, collate
from emotalk.training.card import Trained, model_card
from emotalk.training.examples import Examples, speakers_of
from emotalk.training.losses import LossWeights
from emotalk.training.prototypes import measure_prototypes
from emotalk.training.squares import PlanConfig, Single, plan_epoch
from jobs.cluster import start_ray
from jobs.train_board import TrainingBoard, shown
from jobs.train_worker import CHECKPOINT, WorkerConfig, train_worker

MODEL, CONFIG, RAY_FOLDER = "model", "train.json", "run"
PROTOTYPE_CLIPS_PER_LABEL = 48


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Trains a network on a corpus with Ray Train, on any number of workers."""

    corpus: str
    """Folder or URI of a corpus made by jobs.build_corpus."""
    output: str
    """Folder or URI of the run; the model ends in its folder `model`."""
    preset: Literal["lite", "base", "official"] = "lite"
    """The network: lite (from scratch), base (two pretrained encoders) or official (the paper's)."""
    content_encoder: str | None = None
    """Folder or hub name of the content encoder to start from. Default: WavLM-base-plus for base, the paper's for
    official."""
    emotion_encoder: str | None = None
    """Folder or hub name of the emotion encoder to start from; defaults as for the content encoder."""
    workers: int = 1
    """Training processes, each on one GPU (or on CPU cores where there is none)."""
    epochs: int = 80
    """An epoch has every labelled clip as a target once."""
    learning_rate: float = 1e-4
    """Of Adam, after the warm-up; falls to a twentieth along half a cosine."""
    warmup_steps: int = 100
    """Steps over which the learning rate rises from nothing."""
    clip_norm: float = 1.0
    """Largest norm of a step's gradient."""
    losses: LossWeights = field(default_factory=LossWeights)
    plan: PlanConfig = field(default_factory=PlanConfig)
    augment: bool = True
    """Vary speed, level, spectrum, room and noise of what the network hears."""
    max_failures: int = 3
    """Lost workers or nodes that the run survives; each time it goes on from the last checkpoint."""

    def __post_init__(self) -> None:
        if min(self.workers, self.epochs) < 1 or self.learning_rate <= 0 or self.clip_norm <= 0:
            raise InputError("workers, epochs, learning_rate and clip_norm must be positive")
        if self.preset == "lite" and (self.content_encoder or self.emotion_encoder):
            raise InputError("lite trains from scratch: it takes no content_encoder or emotion_encoder")
        if self.plan.units_per_step < self.workers:
            raise InputError(
                f"plan.units_per_step is {self.plan.units_per_step}, fewer than {self.workers} workers: some would idle"
            )


# What may change between a run and its continuation; everything else is part of what the run is.
_MAY_CHANGE = ("corpus", "output", "workers", "max_failures")  # a corpus is known by its digest


def train(config: TrainConfig, console: Console | None = None) -> str:
    """Run or continue a training; -> the model directory. InputError for a changed configuration, naming the key."""
    output = absolute(config.output)
    config = replace(config, corpus=absolute(config.corpus))
    corpus = Corpus.open(config.corpus)
    identity = _identity(config, corpus)
    _check_identity(output, identity)
    model_directory = f"{output}/{MODEL}"
    if exists(f"{model_directory}/config.json"):
        return model_directory
    speakers = speakers_of(corpus)
    network = _network(config, styles=len(speakers))
    examples = {s: Examples(corpus, s, network.emotions, speakers) for s in ("train", "validation")}
    for split in examples.values():
        _check_units(split, config)
    console = console or Console(stderr=True)
    with start_ray():
        threads = _check_resources(config.workers)
        board: Any = TrainingBoard.remote()  # type: ignore[attr-defined]
        trainer = TorchTrainer(
            train_worker,
            train_loop_config={
                "config": WorkerConfig(
                    network=network,
                    pretrained_encoders=config.preset != "lite",
                    train=examples["train"],
                    validation=examples["validation"],
                    plan=config.plan,
                    augmentation=AugmentConfig() if config.augment else None,
                    losses=config.losses,
                    epochs=config.epochs,
                    learning_rate=config.learning_rate,
                    warmup_steps=config.warmup_steps,
                    clip_norm=config.clip_norm,
                    threads=threads,
                    board=board,
                )
            },
            scaling_config=ScalingConfig(num_workers=config.workers, use_gpu=_has_gpus()),
            run_config=RunConfig(
                name=RAY_FOLDER,
                storage_path=output,
                failure_config=FailureConfig(max_failures=config.max_failures),
                callbacks=[GiveUp()],
                # The best by its score; Ray keeps the newest besides, from which a run goes on.
                checkpoint_config=CheckpointConfig(
                    num_to_keep=1,
                    checkpoint_score_attribute="validation_objective",
                    checkpoint_score_order="min",
                ),
            ),
        )
        # Only now is the output this run's: a start that failed leaves it free.
        with atomic_write(f"{output}/{CONFIG}") as path:
            path.write_text(json.dumps(identity, indent=1) + "\n")
        with shown(board, config.epochs, console):
            best = _fit(trainer)
        _write_model(best, network, examples["train"], corpus, config.epochs, model_directory)
    return model_directory


class GiveUp(UserCallback):
    """Ends a run at once where a worker raised an error on purpose: another attempt would meet the same.

    Ray counts every error of a worker as a lost worker and tries again; an error of a callback is final.
    """

    def after_exception(self, run_context: Any, worker_exceptions: dict[int, Exception]) -> None:
        for error in worker_exceptions.values():
            if isinstance(error, EmoTalkError):
                raise error


def _fit(trainer: TorchTrainer) -> tuple[Checkpoint, dict[str, Any]]:
    """-> the best checkpoint with its metrics. What a worker raised on purpose is raised here again."""
    try:
        result = trainer.fit()
    except ControllerError as error:
        if isinstance(error.controller_failure, EmoTalkError):
            raise error.controller_failure from error
        raise
    checkpoint, metrics = min(result.best_checkpoints, key=lambda pair: pair[1]["validation_objective"])
    return checkpoint, metrics


def _identity(config: TrainConfig, corpus: Corpus) -> dict[str, Any]:
    """What a run is: all that decides its weights, and which corpus by digest."""
    identity: dict[str, Any] = {key: value for key, value in asdict(config).items() if key not in _MAY_CHANGE}
    identity["corpus_digest"] = _digest(corpus)
    return identity


def _digest(corpus: Corpus) -> str:
    return hashlib.sha256(corpus.manifest.to_json()).hexdigest()


def _check_identity(output: str, identity: dict[str, Any]) -> None:
    """Refuse to go on with another run's output."""
    if not exists(f"{output}/{CONFIG}"):
        return
    with open_source(f"{output}/{CONFIG}") as file:
        try:
            given = dict(json.load(file))
        except (ValueError, TypeError) as error:
            raise InputError(f"is damaged ({error}): choose another output", source=f"{output}/{CONFIG}") from error
    changed = sorted(key for key in identity.keys() | given.keys() if identity.get(key) != given.get(key))
    if changed:
        differences = "; ".join(f"{key} was {given.get(key)!r}, now {identity.get(key)!r}" for key in changed)
        raise InputError(f"holds a run of another configuration ({differences}): choose another output", source=output)


def _network(config: TrainConfig, styles: int) -> EmoTalkConfig:
    if config.preset == "lite":
        return lite_config(styles=styles)
    by_default = (
        (BASE_CHECKPOINT, BASE_CHECKPOINT)
        if config.preset == "base"
        else (OFFICIAL_CONTENT_CHECKPOINT, OFFICIAL_EMOTION_CHECKPOINT)
    )
    content, emotion = (
        # Workers stand in other folders: a folder is spelt out; anything else is a hub name.
        absolute(name) if Path(name).is_dir() else name
        for name in (config.content_encoder or by_default[0], config.emotion_encoder or by_default[1])
    )
    network = base_config(content=content, emotion=emotion, styles=styles)
    if config.preset == "base":
        return network
    official = official_config(emotions=EMOTIONS)
    return replace(official, content=network.content, emotion=network.emotion, styles=styles, default_style=None)


def _check_units(examples: Examples, config: TrainConfig) -> None:
    """InputError for a split without clips, or a training split with less to do than there are workers."""
    units = len(plan_epoch(examples.keys, 0, config.plan).units)
    if examples.split == "train" and units < config.workers:
        raise InputError(
            f"has {units} units of training for {config.workers} workers: use fewer workers", source=config.corpus
        )


def _check_resources(workers: int) -> int:
    """-> threads per worker. InputError where the workers would leave no CPU for reading data."""
    resources = ray.cluster_resources()
    if _has_gpus():
        if resources["GPU"] < workers:
            raise InputError(f"{workers} workers need a GPU each, the cluster has {resources['GPU']:.0f}")
    elif resources.get("CPU", 0) <= workers:
        raise InputError(
            f"{workers} workers would hold all {resources.get('CPU', 0):.0f} CPUs of the cluster and none would be "
            "left to read data: use fewer workers or a larger cluster"
        )
    return max(1, (os.cpu_count() or 1) // workers)


def _has_gpus() -> bool:
    return ray.cluster_resources().get("GPU", 0) >= 1


def _write_model(
    best: tuple[Checkpoint, dict[str, Any]],
    network: EmoTalkConfig,
    examples: Examples,
    corpus: Corpus,
    epochs: int,
    directory: str,
) -> None:
    """The best checkpoint's weights and the prototypes measured with them, as a model directory with its card."""
    checkpoint, metrics = best
    model = EmoTalk(network)
    with checkpoint.as_directory() as folder:
        state = torch.load(Path(folder) / CHECKPOINT, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    measure_prototypes(model, _prototype_batches(examples, network.styles))
    validation = {k.removeprefix("validation_"): v for k, v in metrics.items() if k.startswith("validation_")}
    trained = Trained(
        manifest=corpus.manifest,
        corpus_digest=_digest(corpus),
        epoch=metrics["epoch"] + 1,
        epochs=epochs,
        validation=validation,
    )
    model.save_pretrained(directory, model_card(network, trained))


def _prototype_batches(examples: Examples, styles: int) -> Iterator[Batch]:
    """The same number of clips of every label, spread over the training split."""
    by_label: dict[str, list[int]] = defaultdict(list)
    for position, key in enumerate(examples.keys):
        if key.emotion is not None:
            by_label[key.emotion].append(position)
    for positions in by_label.values():
        chosen = positions[:: max(1, len(positions) // PROTOTYPE_CLIPS_PER_LABEL)]
        for start in range(0, len(chosen), 16):
            units = [Single(position) for position in chosen[start : start + 16]]
            yield collate(units, examples.load(units, None, ()), styles)


def main() -> None:
    config: TrainConfig = command_line.parse(TrainConfig, prog="python -m jobs.train")

    def run() -> int:
        print(f"model: {train(config)}")
        return 0

    sys.exit(command_line.run(run))


if __name__ == "__main__":
    main()
