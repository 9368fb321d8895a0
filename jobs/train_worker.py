"""What every training worker runs: the steps of the plan, from the last committed checkpoint on."""

import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import ray
import ray.train
import ray.train.torch
import torch
from ray.train import Checkpoint, CheckpointUploadMode

from emotalk.files import open_source
from emotalk.model.config import EmoTalkConfig
from emotalk.model.extend import extended
from emotalk.model.network import EmoTalk
from emotalk.model.start import load_start
from emotalk.model.transformer import TransformerEncoder
from emotalk.training.augment import AugmentConfig
from emotalk.training.examples import Examples
from emotalk.training.learner import Learner, Place, StepReport, Work, named
from emotalk.training.losses import LOSSES, LossWeights, objective
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import Epoch, PlanConfig, plan_epoch
from emotalk.training.squares import Single
from emotalk.training.watchers import EpochRecord, StepRecord, ValidationFace
from jobs.train_cluster import RunError
from jobs.train_feed import step_works

CHECKPOINT = "state.pt"
OBJECTIVE = "validation_objective"
UNMEASURED = 1e30  # the objective of a checkpoint within an epoch: never the best
FILMED_CLIPS = 3


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """Everything a worker needs; assembled by `jobs.train`.

    init: model to start from, see `emotalk.model.extend`. pretrained_encoders: start from the checkpoints that the
    network's config names. recompute: save memory, see
    `TransformerEncoder`. checkpoint_steps: steps between checkpoints within an epoch, besides the one at its end.
    film_epochs: epochs between those whose validation faces are shown. salvaged: folder of the checkpoint to go on
    from where Ray knows of none. board: a `TrainingBoard` actor.
    """

    network: EmoTalkConfig
    init: str | None
    pretrained_encoders: bool
    train: Examples
    validation: Examples
    plan: PlanConfig
    augmentation: AugmentConfig
    losses: LossWeights
    optimiser: OptimiserConfig
    epochs: int
    seconds_per_pass: float
    recompute: bool
    checkpoint_steps: int | None
    film_epochs: int | None
    threads: int
    output: str
    salvaged: str | None
    board: Any


def train_worker(parameters: dict[str, WorkerConfig]) -> None:
    """Train, validate and checkpoint. Runs on each worker; rank 0 speaks for all."""
    config = parameters["config"]
    torch.set_num_threads(config.threads)
    run = _Run(config)
    first_epoch, first_step = run.restore()
    if first_epoch == config.epochs and ray.train.get_checkpoint() is None:
        run.report_again()
    for epoch in range(first_epoch, config.epochs):
        run.train_epoch(epoch, first_step if epoch == first_epoch else 0)


class _Run:
    """One worker's learner and its place in the plan. totals: (2, losses) sums and counts of the epoch so far."""

    def __init__(self, config: WorkerConfig) -> None:
        self.config = config
        context = ray.train.get_context()
        self.rank, self.workers = context.get_world_rank(), context.get_world_size()
        device = ray.train.torch.get_device()
        # The same first weights on every rank; DDP would copy rank 0's anyway.
        torch.manual_seed(config.plan.seed)
        model = (
            EmoTalk(config.network, pretrained_encoders=config.pretrained_encoders)
            if config.init is None
            else extended(load_start(config.init), config.network)
        )
        for encoder in (model.content_encoder, model.emotion_encoder):
            if config.recompute and isinstance(encoder, TransformerEncoder):
                encoder.recompute_activations()
        self.learner = Learner(
            model,
            config.optimiser,
            config.losses,
            device=device,
            seed=config.plan.seed,
            rank=self.rank,
            workers=self.workers,
            # No buffer changes in training: nothing to broadcast.
            wrap=lambda module: ray.train.torch.prepare_model(
                module, parallel_strategy_kwargs={"broadcast_buffers": False}
            ),
        )
        self.totals = self._zeros()

    def restore(self) -> tuple[int, int]:
        """Load the last committed checkpoint, if there is one; -> epoch and step to go on with."""
        checkpoint = ray.train.get_checkpoint()
        if checkpoint is not None:
            with checkpoint.as_directory() as folder, (Path(folder) / CHECKPOINT).open("rb") as file:
                state = self._read(file)
        elif self.config.salvaged is not None:
            with open_source(f"{self.config.salvaged}/{CHECKPOINT}") as file:
                state = self._read(file)
        else:
            return 0, 0
        self.learner.load_state(state)
        self.totals = state["totals"]
        return int(state["epoch"]), int(state["step"])

    def _read(self, file: IO[bytes]) -> dict[str, Any]:
        state: dict[str, Any] = torch.load(file, map_location=self.learner.device, weights_only=True)
        return state

    def train_epoch(self, number: int, first_step: int) -> None:
        """The epoch's steps from `first_step` on, its validation and its checkpoint."""
        config = self.config
        plan = plan_epoch(config.train.keys, number, config.plan)
        works = self._works(config.train, plan, number, first_step, config.augmentation)
        done = time.monotonic()
        for step, work in enumerate(works, first_step):
            ready = time.monotonic()
            place = Place(number, config.epochs, step, plan.steps)
            report = self.learner.learn(work, place)
            self.totals += torch.stack([report.sums, report.counts])
            waited_s, done = ready - done, time.monotonic()
            if self.rank == 0:
                self._tell(place, report, waited_s, done - ready)
            every = config.checkpoint_steps
            if every and (step + 1) % every == 0 and step + 1 < plan.steps:
                # Not to be chosen as the best: what it is worth is measured at the end of the epoch.
                self._checkpoint(number, step + 1, {OBJECTIVE: UNMEASURED})
                done = time.monotonic()
        trained, self.totals = self.totals, self._zeros()
        metrics = self._validated() | {f"train_{name}": value for name, value in named(*trained).items()}
        self._checkpoint(number + 1, 0, metrics)
        if self.rank == 0:
            filmed = config.film_epochs and (number + 1) % config.film_epochs == 0
            config.board.epoch_done.remote(
                EpochRecord(
                    epoch=number + 1,
                    epochs=config.epochs,
                    number=self.learner.steps_done,
                    metrics=metrics,
                    faces=self._faces() if filmed else (),
                )
            )

    def report_again(self) -> None:
        """Of a run that was salvaged whole Ray has yet to hear."""
        self._checkpoint(self.config.epochs, 0, self._validated())

    def _validated(self) -> dict[str, float]:
        """The losses over the validation split, whose squares are the same in every epoch."""
        validation = self.config.validation
        # All its clips, those without a label too.
        every = replace(self.config.plan, seed=0, unlabelled_ratio=float(len(validation.keys)))
        plan = plan_epoch(validation.keys, 0, every)
        sums, counts = self.learner.validate(self._works(validation, plan, 0, 0, None))
        worth = float(objective(sums, counts, self.config.losses))
        return {f"validation_{name}": value for name, value in named(sums, counts).items()} | {OBJECTIVE: worth}

    def _checkpoint(self, epoch: int, step: int, metrics: dict[str, float]) -> None:
        """Hand metrics and state to Ray Train; returns once the checkpoint is committed.

        epoch, step: what a run that goes on from here begins with. RunError where it cannot be written.
        """
        metrics = metrics | {"epochs_done": epoch}
        try:
            room = os.environ.get("RAY_TMPDIR")  # where there is space, which Ray itself makes only on its own account
            if room:
                Path(room).mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=room) as folder:
                checkpoint = None
                if self.rank == 0:
                    state = {**self.learner.state(), "totals": self.totals, "epoch": epoch, "step": step}
                    # Through a file of Python's: torch's own writer hides what went wrong with the disk.
                    with (Path(folder) / CHECKPOINT).open("wb") as file:
                        torch.save(state, file)
                    checkpoint = Checkpoint.from_directory(folder)
                ray.train.report(metrics, checkpoint=checkpoint, checkpoint_upload_mode=CheckpointUploadMode.SYNC)
        except OSError as error:
            raise RunError(
                f"{self.config.output}: the checkpoint after epoch {epoch}, step {step} cannot be written ({error}); "
                "the one before it is kept, and the same command goes on from it"
            ) from error

    def _tell(self, place: Place, report: StepReport, waited_s: float, computed_s: float) -> None:
        device = self.learner.device
        record = StepRecord(
            epoch=place.epoch + 1,
            step=place.step + 1,
            steps=place.steps,
            number=self.learner.steps_done,
            losses=report.losses,
            learning_rate=report.learning_rate,
            audio_s=report.audio_s,
            padding=report.padding,
            waited_s=waited_s,
            computed_s=computed_s,
            gpu_bytes=torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0,
        )
        self.config.board.stepped.remote(record)

    def _faces(self) -> tuple[ValidationFace, ...]:
        """What the model makes of the first validation clip of each emotion, of few of them."""
        validation, first = self.config.validation, dict[str | None, int]()
        for position, key in enumerate(validation.keys):
            first.setdefault(key.emotion, position)
        units = [Single(position) for position in list(first.values())[:FILMED_CLIPS]]
        examples = validation.load(units)
        return tuple(
            ValidationFace(
                clip_id=example.clip_id,
                real=example.weights,
                predicted=self.learner.model.predict(example.samples).clip(0, 1),
                samples=example.samples,
            )
            for example in examples.values()
        )

    def _works(
        self, examples: Examples, plan: Epoch, number: int, first_step: int, augmentation: AugmentConfig | None
    ) -> Iterator[Work]:
        return step_works(
            examples,
            plan,
            number=number,
            first_step=first_step,
            seed=self.config.plan.seed,
            augmentation=augmentation,
            rank=self.rank,
            workers=self.workers,
            styles=self.config.network.styles,
            seconds_per_pass=self.config.seconds_per_pass,
        )

    def _zeros(self) -> torch.Tensor:
        return torch.zeros(2, len(LOSSES), device=self.learner.device)
