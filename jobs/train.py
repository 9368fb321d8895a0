"""Trains a network on a corpus: python -m jobs.train --corpus corpus --output runs/first

The output is the run's identity: the same command goes on where an interrupted run stopped, and does nothing where it
is finished. The result is the model directory OUTPUT/model.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import tyro
from rich.console import Console

from emotalk import command_line
from emotalk.corpus.corpora import Corpora
from emotalk.errors import InputError
from emotalk.files import absolute, exists
from emotalk.labels import EMOTIONS
from emotalk.model.config import EmoTalkConfig, TransformerEncoderConfig
from emotalk.model.extend import extended_config
from emotalk.model.presets import (
    BASE_CHECKPOINT,
    OFFICIAL_CONTENT_CHECKPOINT,
    OFFICIAL_EMOTION_CHECKPOINT,
    base_config,
    lite_config,
    official_config,
)
from emotalk.model.start import load_start, start_digest
from emotalk.remote import remove_folder
from emotalk.training.augment import UNCHANGED, AugmentConfig
from emotalk.training.examples import Align, Examples, speakers_of
from emotalk.training.films import Films
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig
from emotalk.training.tensorboard import TensorBoard
from emotalk.training.watchers import Watcher, load_watcher
from jobs.cluster import start_ray
from jobs.train_identity import CONFIG, check_identity, claim, identity_of

MODEL, RAY_FOLDER = "model", "run"


@dataclass(frozen=True, kw_only=True)
class NetworkChanges:
    """What may differ from the preset: the ablations of the paper, and what goes beyond it."""

    disentangle: bool = True
    """Two encoders, one for what is said and one for how it is felt; else the content encoder does for both."""
    emotion_guided: bool = True
    """The decoder attends to the emotion sequence; else to its own input."""
    periodic_encoding: bool = False
    """The positional encoding of the paper's figure, which its released network does not have."""
    head_pose: bool = False
    """Besides the face, say how the head moves; learnt from the clips of the corpus that have a head track."""

    def apply(self, network: EmoTalkConfig) -> EmoTalkConfig:
        return replace(
            network,
            emotion=network.emotion if self.disentangle else None,
            emotion_guided=self.emotion_guided,
            periodic_encoding=self.periodic_encoding,
            head_pose=self.head_pose,
            # It counts from the first frame on, so the decoder must see that far.
            past_frames=None if self.periodic_encoding else network.past_frames,
        )


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """How a network is trained, whatever on."""

    preset: Literal["lite", "base", "official"] = "lite"
    """The network: lite (from scratch), base (two pretrained encoders) or official (the paper's)."""
    content_encoder: str | None = None
    """Folder or hub name of the content encoder to start from. Default: WavLM-base-plus for base, the paper's for
    official."""
    emotion_encoder: str | None = None
    """Folder or hub name of the emotion encoder to start from; defaults as for the content encoder."""
    init: str | None = None
    """Model directory or URI to start from, or the authors' EmoTalk.pth; the network is its, and gains the corpus's
    speakers and emotions that it does not know."""
    label: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """corpus=network: what a label of the corpus is called by the network, such as joy=happy or calm=neutral; several
    by repeating it. Clips with a label that the network does not have train as unlabelled."""
    network: NetworkChanges = field(default_factory=NetworkChanges)
    epochs: int = 80
    """An epoch has every labelled clip as a target once."""
    optimiser: tyro.conf.OmitArgPrefixes[OptimiserConfig] = field(default_factory=OptimiserConfig)
    losses: LossWeights = field(default_factory=LossWeights)
    plan: PlanConfig = field(default_factory=PlanConfig)
    augment: bool = True
    """Vary voices, rooms, noise, microphones and files of what the network hears."""
    augmentation: AugmentConfig = field(default_factory=AugmentConfig)
    align: Align = "interpolation"
    """How the words of one recording meet the face of another in cross-reconstruction: stretched evenly
    (interpolation), warped by their sound (dtw), or by the borders of the speech sounds that the corpus knows (phones;
    stretched where it does not)."""
    workers: int = 1
    """Training processes, each on one GPU (or on CPU cores where there is none)."""
    max_workers: int | None = None
    """Let the run grow from `workers` up to so many whenever the cluster has room, and shrink when nodes are lost."""
    seconds_per_pass: float = 200.0
    """Animation that one worker reconstructs at once; larger shares of a step are computed in several passes. Lower
    it where memory runs out."""
    recompute: bool = False
    """Keep less of large encoders in memory and compute it again on the way back."""
    checkpoint_steps: int | None = None
    """Steps between checkpoints within an epoch, for epochs of hours. Default: one at the end of every epoch."""
    film_epochs: int | None = None
    """Epochs between films of validation clips, real beside predicted, in OUTPUT/films. Default: none."""
    watcher: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Whom to tell of every step and epoch besides TensorBoard, as package.module:Class; several by repeating it."""
    half: bool = False
    """Store the weights of the result in 16 bits: half the size, and as good."""
    max_failures: int = 3
    """Lost workers or nodes that the run survives; each time it goes on from the last checkpoint."""

    def __post_init__(self) -> None:
        if min(self.workers, self.epochs) < 1 or self.seconds_per_pass <= 0 or self.max_failures < 0:
            raise InputError("workers, epochs and seconds_per_pass must be positive, max_failures not less than 0")
        if self.max_workers is not None and self.max_workers < self.workers:
            raise InputError(f"max_workers is {self.max_workers}, fewer than the {self.workers} workers to start with")
        if any(every is not None and every < 1 for every in (self.checkpoint_steps, self.film_epochs)):
            raise InputError("checkpoint_steps and film_epochs must be positive")
        if self.preset == "lite" and (self.content_encoder or self.emotion_encoder):
            raise InputError("lite trains from scratch: it takes no content_encoder or emotion_encoder")
        changed = replace(self.network, head_pose=False)
        if self.init is not None and (self.preset, changed) != ("lite", NetworkChanges()):
            raise InputError("the network is that of --init: leave --preset and --network out, but for head_pose")
        if any(len(pair.split("=")) != 2 or not all(pair.split("=")) for pair in self.label):
            raise InputError(f"labels are given as corpus=network, not {' '.join(self.label)}")


@dataclass(frozen=True, kw_only=True)
class TrainConfig(TrainOptions):
    """Trains a network on a corpus with Ray Train, on any number of workers."""

    corpus: str
    """Folder or URI of a corpus made by jobs.build_corpus."""
    with_corpus: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Further corpora whose clips are learnt together with the first one's; several by repeating it."""
    output: str
    """Folder or URI of the run; the model ends in its folder `model`."""


def train(
    config: TrainConfig, console: Console | None = None, watchers: Sequence[Callable[[str], Watcher]] = ()
) -> str:
    """Run or continue a training; -> the model directory. InputError for a changed configuration, naming the key.

    watchers: told of every step and epoch besides those that the config names; made with the output.
    """
    output = absolute(config.output)
    corpora = Corpora.open([absolute(location) for location in (config.corpus, *config.with_corpus)])
    identity = identity_of(config, corpora.digest, config.init and start_digest(absolute(config.init)))
    check_identity(output, identity)
    model_directory = f"{output}/{MODEL}"
    if exists(f"{model_directory}/config.json"):
        return model_directory
    renamed = dict(pair.split("=") for pair in config.label)
    network = _network(config, corpora, renamed)
    _check_use(config, corpora, network)
    examples = {
        split: Examples(
            corpora,
            split,
            network.emotions,
            network.speakers,
            renamed,
            config.align,
            sounds=config.losses.sounds > 0,
            head=network.head_pose,
        )
        for split in ("train", "validation")
    }
    for split in examples.values():
        _ = split.rows  # a split without clips is said here, not by a worker
    watchers = [
        TensorBoard,
        *([Films] if config.film_epochs else []),
        *map(load_watcher, config.watcher),
        *watchers,
    ]
    # What runs from here on needs Ray and seconds of imports, for which no mistake should wait.
    from ray.train import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    from jobs.train_board import TrainingBoard
    from jobs.train_cluster import GiveUp, fit, has_gpus, threads_of_worker
    from jobs.train_result import write_model
    from jobs.train_salvage import salvage
    from jobs.train_show import shown
    from jobs.train_worker import CHECKPOINT, OBJECTIVE, WorkerConfig, train_worker

    console = console or Console(stderr=True)
    # Of an output that is nobody's yet nothing is this run's to tidy up.
    salvaged = salvage(f"{output}/{RAY_FOLDER}", CHECKPOINT) if exists(f"{output}/{CONFIG}") else None
    with start_ray():
        most = config.max_workers or config.workers
        threads = threads_of_worker(config.workers, most)
        board: Any = TrainingBoard.remote(output)  # type: ignore[attr-defined]
        trainer = TorchTrainer(
            train_worker,
            train_loop_config={
                "config": WorkerConfig(
                    network=network,
                    init=config.init and absolute(config.init),
                    pretrained_encoders=config.preset != "lite",
                    train=examples["train"],
                    validation=examples["validation"],
                    plan=config.plan,
                    augmentation=config.augmentation if config.augment else UNCHANGED,
                    losses=config.losses,
                    optimiser=config.optimiser,
                    epochs=config.epochs,
                    seconds_per_pass=config.seconds_per_pass,
                    recompute=config.recompute,
                    checkpoint_steps=config.checkpoint_steps,
                    film_epochs=config.film_epochs,
                    threads=threads,
                    output=output,
                    salvaged=salvaged,
                    board=board,
                )
            },
            scaling_config=ScalingConfig(
                num_workers=config.workers if most == config.workers else (config.workers, most), use_gpu=has_gpus()
            ),
            run_config=RunConfig(
                name=RAY_FOLDER,
                storage_path=output,
                failure_config=FailureConfig(max_failures=config.max_failures),
                callbacks=[GiveUp()],
                # The best by its score; Ray keeps the newest besides, from which a run goes on.
                checkpoint_config=CheckpointConfig(
                    num_to_keep=1, checkpoint_score_attribute=OBJECTIVE, checkpoint_score_order="min"
                ),
            ),
        )
        # Only now is the output this run's: a start that failed leaves it free.
        claim(output, identity)
        with shown(board, config.epochs, console, [partial(make, output) for make in watchers]):
            checkpoint, metrics = fit(trainer, output, OBJECTIVE)
        write_model(
            checkpoint,
            metrics,
            network,
            examples["train"],
            corpora,
            config.epochs,
            config.init and absolute(config.init),
            model_directory,
            half=config.half,
        )
        if salvaged is not None:  # Ray, which removes what is no longer needed, does not know of it
            remove_folder(salvaged)
    return model_directory


def _network(config: TrainConfig, corpora: Corpora, renamed: Mapping[str, str]) -> EmoTalkConfig:
    """The network that is trained: as many styles as there are training speakers, all labels that it is to know."""
    speakers = speakers_of(corpora)
    if config.init is None:
        return replace(config.network.apply(_preset(config, styles=len(speakers))), speakers=speakers)
    start = load_start(absolute(config.init)).config
    # The paper's labels alone: what else a corpus calls its clips is renamed by who knows what it means.
    heard = {renamed.get(label, label) for label in corpora.emotions}
    return extended_config(
        start, speakers, [emotion for emotion in EMOTIONS if emotion in heard], head_pose=config.network.head_pose
    )


def _check_use(config: TrainConfig, corpora: Corpora, network: EmoTalkConfig) -> None:
    """InputError for options that would do nothing here."""
    if config.network.head_pose and not corpora.knows("head", "train"):
        raise InputError("no clip has a head track to learn from: leave --network.head-pose out", source=config.corpus)
    if config.losses.sounds and not corpora.knows("phones", "train"):
        raise InputError("no clip's speech sounds are known: leave --losses.sounds out", source=config.corpus)
    for corpus, named in (pair.split("=") for pair in config.label):
        if corpus not in corpora.emotions:
            there = ", ".join(sorted(corpora.emotions))
            raise InputError(f"--label {corpus}={named}: no clip is labelled {corpus!r}; there are {there}")
        if named not in network.emotions:
            knows = ", ".join(network.emotions)
            raise InputError(f"--label {corpus}={named}: the network does not know {named!r}; it knows {knows}")
    transformers = any(isinstance(one, TransformerEncoderConfig) for one in (network.content, network.emotion))
    of_encoders = config.recompute or config.optimiser.frozen_layers or config.optimiser.encoder_factor != 1
    if of_encoders and not transformers:
        raise InputError(
            "recompute, frozen_layers and encoder_factor are for pretrained encoders: this network has none"
        )


def _preset(config: TrainConfig, styles: int) -> EmoTalkConfig:
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


def main() -> None:
    config: TrainConfig = command_line.parse(TrainConfig, prog="python -m jobs.train")

    def run() -> int:
        print(f"model: {train(config)}")
        return 0

    sys.exit(command_line.run(run))


if __name__ == "__main__":
    main()
