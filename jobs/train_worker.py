"""What every training worker runs: the epochs, from the last committed checkpoint on."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import ray.train
import ray.train.torch
import torch
import torch.distributed as dist
from ray.train import Checkpoint, CheckpointUploadMode
from torch import Tensor, nn

from emotalk.audio import SAMPLE_RATE
from emotalk.errors import EmoTalkError
from emotalk.model.config import EmoTalkConfig
from emotalk.model.network import EmoTalk
from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import Batch
from emotalk.training.examples import Examples
from emotalk.training.losses import LOSSES, LossWeights, TrainingStep, loss_sums, weighted_total
from emotalk.training.schedule import learning_rate_factor
from emotalk.training.squares import Epoch, PlanConfig, plan_epoch
from jobs.train_feed import step_batches

CHECKPOINT = "state.pt"


class DivergedError(EmoTalkError):
    """The loss is no longer a number."""


@dataclass(frozen=True, kw_only=True)
class WorkerConfig:
    """Everything a worker needs; assembled by `jobs.train`.

    pretrained_encoders: start from the checkpoints that the network's config names. board: a `TrainingBoard` actor.
    """

    network: EmoTalkConfig
    pretrained_encoders: bool
    train: Examples
    validation: Examples
    plan: PlanConfig
    augmentation: AugmentConfig | None
    losses: LossWeights
    epochs: int
    learning_rate: float
    warmup_steps: int
    clip_norm: float
    threads: int
    board: Any


def train_worker(parameters: dict[str, WorkerConfig]) -> None:
    """Train, validate and checkpoint every epoch. Runs on each worker; rank 0 speaks for all."""
    config = parameters["config"]
    torch.set_num_threads(config.threads)
    run = _Run(config)
    for epoch in range(run.restore(), config.epochs):
        # Seeded by epoch and rank, so that a resumed run draws the same dropout masks.
        torch.manual_seed(config.plan.seed + 7919 * epoch + run.rank)
        trained = run.train_epoch(epoch)
        validated = run.validate()
        metrics = {"epoch": epoch, **_named("train", trained), **_named("validation", validated)}
        metrics["validation_objective"] = float(weighted_total(validated[0], validated[1], config.losses))
        run.report(epoch, metrics)


class _Run:
    """One worker's model, optimiser and place in the plan."""

    def __init__(self, config: WorkerConfig) -> None:
        self.config = config
        context = ray.train.get_context()
        self.rank, self.workers = context.get_world_rank(), context.get_world_size()
        self.device = ray.train.torch.get_device()
        # The same first weights on every rank; DDP would copy rank 0's anyway.
        torch.manual_seed(config.plan.seed)
        self.model = EmoTalk(config.network, pretrained_encoders=config.pretrained_encoders)
        self.alone = TrainingStep(self.model)
        # No buffer changes in training: nothing to broadcast.
        options = {"broadcast_buffers": False}
        self.together: nn.Module = ray.train.torch.prepare_model(self.alone, parallel_strategy_kwargs=options)
        trainable = [p for p in self.model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.Adam(trainable, lr=config.learning_rate)
        self.autocast = self.device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        self.steps_done = 0

    def restore(self) -> int:
        """Load the last committed checkpoint, if there is one; -> the epoch to go on with."""
        checkpoint = ray.train.get_checkpoint()
        if checkpoint is None:
            return 0
        with checkpoint.as_directory() as folder:
            state = torch.load(Path(folder) / CHECKPOINT, map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps_done = state["steps_done"]
        return int(state["epoch"]) + 1

    def train_epoch(self, number: int) -> Tensor:
        """-> sums and counts of `LOSSES` over the epoch and all workers, (2, 4)."""
        config = self.config
        plan = plan_epoch(config.train.keys, number, config.plan)
        self.model.train()
        totals = torch.zeros(2, len(LOSSES), device=self.device)
        for done, batch in enumerate(self._batches(config.train, plan, number, config.augmentation)):
            self._set_learning_rate(number + done / plan.steps)
            sums, counts = self._losses(self.together, batch)
            global_counts = self._summed(counts)
            # DDP averages gradients over workers; shares of one global mean add up.
            loss = weighted_total(sums, global_counts, config.losses) * self.workers
            if not torch.isfinite(loss):
                raise DivergedError(f"the loss is {float(loss)} in epoch {number}, step {done}: {batch.clip_ids}")
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm)
            self.optimiser.step()
            self.steps_done += 1
            totals += torch.stack([sums.detach(), counts])
            if self.rank == 0:
                mean = dict(zip(LOSSES, (sums.detach() / counts.clamp(min=1)).tolist(), strict=True))
                audio_s = float(batch.lengths.sum()) * self.workers / SAMPLE_RATE
                config.board.trained.remote(number, done + 1, plan.steps, audio_s, mean)
        return self._summed(totals)

    @torch.no_grad()
    def validate(self) -> Tensor:
        """The losses over the validation split, whose squares are the same in every epoch; (2, 4)."""
        validation = self.config.validation
        plan = plan_epoch(validation.keys, 0, PlanConfig(units_per_step=self.config.plan.units_per_step))
        self.model.eval()
        totals = torch.zeros(2, len(LOSSES), device=self.device)
        for batch in self._batches(validation, plan, 0, None):
            # Not through DDP, whose forward waits for the others: a small split may leave a worker without a share.
            totals += torch.stack(self._losses(self.alone, batch))
        return self._summed(totals)

    def report(self, epoch: int, metrics: dict[str, float]) -> None:
        """Hand the epoch's metrics and state to Ray Train; returns once the checkpoint is committed."""
        if self.rank == 0:
            self.config.board.epoch_done.remote(metrics)
        with tempfile.TemporaryDirectory(dir=os.environ.get("RAY_TMPDIR")) as folder:
            checkpoint = None
            if self.rank == 0:
                state = {
                    "model": self.model.state_dict(),
                    "optimiser": self.optimiser.state_dict(),
                    "steps_done": self.steps_done,
                    "epoch": epoch,
                }
                torch.save(state, Path(folder) / CHECKPOINT)
                checkpoint = Checkpoint.from_directory(folder)
            ray.train.report(metrics, checkpoint=checkpoint, checkpoint_upload_mode=CheckpointUploadMode.SYNC)

    def _losses(self, step: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            out, logits = step(batch)
        return loss_sums(out.float(), logits, batch)

    def _batches(self, examples: Examples, plan: Epoch, number: int, augmentation: AugmentConfig | None) -> Any:
        batches = step_batches(
            examples,
            plan,
            number=number,
            seed=self.config.plan.seed,
            augmentation=augmentation,
            rank=self.rank,
            workers=self.workers,
            styles=self.config.network.styles,
        )
        return (batch.to(self.device) for batch in batches)

    def _summed(self, values: Tensor) -> Tensor:
        if self.workers > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def _set_learning_rate(self, epochs_done: float) -> None:
        factor = learning_rate_factor(self.steps_done, epochs_done / self.config.epochs, self.config.warmup_steps)
        for group in self.optimiser.param_groups:
            group["lr"] = self.config.learning_rate * factor


def _named(prefix: str, totals: Tensor) -> dict[str, float]:
    sums, counts = totals.tolist()
    return {f"{prefix}_{name}": s / max(c, 1) for name, s, c in zip(LOSSES, sums, counts, strict=True)}
