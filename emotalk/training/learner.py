"""One process of a training run: a step of the plan, passes of it, and losses that all processes add up."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from emotalk.audio import SAMPLE_RATE
from emotalk.errors import EmoTalkError
from emotalk.model.network import EmoTalk
from emotalk.training.batches import Batch
from emotalk.training.losses import LOSSES, PAPER_LOSSES, LossWeights, TrainingStep, loss_sums, weighted_total
from emotalk.training.optimiser import OptimiserConfig, learning_rate_factor, make_optimiser, set_learning_rate


class DivergedError(EmoTalkError):
    """The loss is no longer a number."""


class Work(NamedTuple):
    """One process's share of a step, in as many passes as its memory asks for. counted: see `plan.Share`."""

    passes: Sequence[Batch]
    counted: bool


class Place(NamedTuple):
    """Where a run stands: `step` steps of `steps` are done in this epoch of `epochs`."""

    epoch: int
    epochs: int
    step: int
    steps: int

    @property
    def progress(self) -> float:
        """Of the run, 0 to 1."""
        return (self.epoch + self.step / self.steps) / self.epochs


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """A step of all processes together.

    sums, counts: (losses,) in the order of `LOSSES`. audio_s: sound heard. padding: share of the reconstructed frames
    that are none. learning_rate: the decoder's.
    """

    sums: Tensor
    counts: Tensor
    audio_s: float
    padding: float
    learning_rate: float

    @property
    def losses(self) -> dict[str, float]:
        return named(self.sums, self.counts)


class Learner:
    """The model and its optimiser in one of `workers` processes, which average their gradients."""

    def __init__(
        self,
        model: EmoTalk,
        optimiser: OptimiserConfig,
        losses: LossWeights,
        *,
        device: torch.device,
        seed: int,
        rank: int = 0,
        workers: int = 1,
        wrap: Callable[[nn.Module], nn.Module] = lambda module: module,
    ) -> None:
        """wrap: the step's module -> the same with averaged gradients (DistributedDataParallel)."""
        self.model, self.losses = model, losses
        self.device, self.seed, self.rank, self.workers = device, seed, rank, workers
        self.config = optimiser
        # Before it is wrapped: what is frozen has no gradients to average.
        self.alone = TrainingStep(model, losses).to(device)
        self.optimiser = make_optimiser(model, optimiser, self.alone.auxiliary)
        self.together = wrap(self.alone)
        # bf16 emulated by a CPU or an old GPU is slower than fp32.
        self.autocast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        self.steps_done = 0

    def learn(self, work: Work, place: Place) -> StepReport:
        """One step of the optimiser. DivergedError, with the clips' names, where the loss is no number."""
        # Dropout is a function of the place in the run: a run that goes on draws what it would have drawn.
        torch.manual_seed(_seed(self.seed, place.epoch, place.step, self.rank))
        self.model.train()
        rate = set_learning_rate(
            self.optimiser, learning_rate_factor(self.steps_done, place.progress, self.config.warmup_steps)
        )
        batches = [batch.to(self.device) for batch in work.passes]
        weight = float(work.counted)
        counts, audio_s, padding = self._count(batches, weight)
        sums = torch.zeros(len(LOSSES), device=self.device)
        self.optimiser.zero_grad(set_to_none=True)
        for number, batch in enumerate(batches, 1):
            with self._averaging(number == len(batches)):
                part = weight * self._sums(self.together, batch)
                # Gradients are averaged over processes; shares of one global mean add up.
                loss = weighted_total(part, counts, self.losses) * self.workers
                if not torch.isfinite(loss):
                    raise _diverged("loss", loss, place, batch.clip_ids)
                loss.backward()
            sums += part.detach()
        # Each by its own norm: heads beside the model change nothing of how far it goes.
        for learning in (self.model, *self.alone.auxiliary.children()):
            if parameters := list(learning.parameters()):
                norm = nn.utils.clip_grad_norm_(parameters, self.config.clip_norm)
                # Averaged over processes already: all see the same.
                if not torch.isfinite(norm):
                    raise _diverged("gradient", norm, place, [clip for batch in batches for clip in batch.clip_ids])
        self.optimiser.step()
        self.steps_done += 1
        return StepReport(sums=self._added(sums), counts=counts, audio_s=audio_s, padding=padding, learning_rate=rate)

    @torch.no_grad()
    def validate(self, works: Iterable[Work]) -> tuple[Tensor, Tensor]:
        """-> sums and counts (losses,) over all works of all processes."""
        self.model.eval()
        sums, counts = (torch.zeros(len(LOSSES), device=self.device) for _ in range(2))
        for passes, counted in works:
            # Not through the wrapped module, whose forward waits for the others.
            for batch in (batch.to(self.device) for batch in passes if counted):
                sums += self._sums(self.alone, batch)
                counts += self.alone.counts(batch)
        return self._added(sums), self._added(counts)

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "auxiliary": self.alone.auxiliary.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "steps_done": self.steps_done,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.alone.auxiliary.load_state_dict(state["auxiliary"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps_done = state["steps_done"]

    def _sums(self, step: nn.Module, batch: Batch) -> Tensor:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            predicted = step(batch)
        return loss_sums(predicted, batch)

    def _count(self, batches: Sequence[Batch], weight: float) -> tuple[Tensor, float, float]:
        """-> counts (losses,), seconds heard and padding, of all processes."""
        counts = torch.stack([self.alone.counts(batch) for batch in batches]).sum(0)
        heard = sum(float(batch.lengths.sum()) for batch in batches) / SAMPLE_RATE
        room = sum(batch.targets.shape[0] * batch.targets.shape[1] for batch in batches)
        frames = sum(int(batch.frames.sum()) for batch in batches)
        # Whole numbers up to 2^53 are exact: one exchange for all of them.
        extra = torch.tensor([heard, room, frames], dtype=torch.float64, device=self.device)
        all_counts = self._added(weight * torch.cat([counts.double(), extra]))
        heard, room, frames = all_counts[len(LOSSES) :].tolist()
        return all_counts[: len(LOSSES)].float(), heard, 1 - frames / max(room, 1)

    def _added(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.workers > 1:
            values = values.clone()
            dist.all_reduce(values)
        return values

    def _averaging(self, last: bool) -> AbstractContextManager[Any]:
        """Gradients of a step's passes add up here; only the last one's backward averages them over processes."""
        wait: Callable[[], AbstractContextManager[Any]] | None = getattr(self.together, "no_sync", None)
        return nullcontext() if last or wait is None else wait()


def named(sums: Tensor, counts: Tensor) -> dict[str, float]:
    """(losses,) and (losses,) -> the losses by name: the paper's, and those besides that were counted."""
    values = zip(LOSSES, (sums / counts.clamp(min=1)).tolist(), counts.tolist(), strict=True)
    return {name: value for name, value, count in values if name in PAPER_LOSSES or count}


def _diverged(what: str, value: Tensor, place: Place, clips: Sequence[str]) -> DivergedError:
    return DivergedError(
        f"the {what} is {value.item()} in epoch {place.epoch + 1}, step {place.step + 1}, of the clips "
        f"{', '.join(clips)}. A lower learning rate may help; the last checkpoint is kept"
    )


def _seed(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])
