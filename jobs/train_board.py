"""What people watch while a model trains: workers post, the driver looks and shows one line."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ray
from rich.console import Console

from emotalk.timing import clock
from jobs.watch import watched


@dataclass
class TrainingState:
    """Where a run stands. losses: of the last step. audio_s: heard so far. epochs: metrics of finished ones."""

    epoch: int = 0
    step: int = 0
    steps: int = 1
    audio_s: float = 0.0
    losses: dict[str, float] = field(default_factory=dict)
    epochs: list[dict[str, float]] = field(default_factory=list)


@ray.remote(num_cpus=0)
class TrainingBoard:
    """Keeps the newest `TrainingState` of a run."""

    def __init__(self) -> None:
        self._state = TrainingState()

    def trained(self, epoch: int, step: int, steps: int, audio_s: float, losses: dict[str, float]) -> None:
        state = self._state
        state.epoch, state.step, state.steps, state.losses = epoch, step, steps, losses
        state.audio_s += audio_s

    def epoch_done(self, metrics: dict[str, float]) -> None:
        self._state.epochs.append(metrics)

    def look(self) -> TrainingState:
        return self._state


@contextmanager
def shown(board: Any, epochs: int, console: Console) -> Iterator[None]:
    """Show a run while the block lasts: a line that renews itself on a terminal, and a line per finished epoch."""
    started = time.monotonic()
    told = 0
    with console.status("training: starting workers") as status:

        def show(state: TrainingState) -> None:
            nonlocal told
            for metrics in state.epochs[told:]:
                console.print(_epoch_line(metrics, epochs), highlight=False, soft_wrap=True)
            told = len(state.epochs)
            if state.losses:
                status.update(_line(state, epochs, time.monotonic() - started))

        with watched(board, show):
            yield


def _line(state: TrainingState, epochs: int, elapsed_s: float) -> str:
    finished = state.epoch + state.step / state.steps
    resumed = state.epochs[0]["epoch"] if state.epochs else state.epoch
    pace = elapsed_s / max(finished - resumed, 1e-6)
    left = pace * (epochs - finished)
    losses = "  ".join(f"{name} {value:.4f}" for name, value in state.losses.items())
    return (
        f"training: epoch {state.epoch + 1}/{epochs}  step {state.step}/{state.steps}  {losses}  "
        f"{state.audio_s / max(elapsed_s, 1e-6):.0f} × real time, {clock(left)} left"
    )


def _epoch_line(metrics: dict[str, float], epochs: int) -> str:
    def part(split: str) -> str:
        prefix = f"{split}_"
        values = {key.removeprefix(prefix): value for key, value in metrics.items() if key.startswith(prefix)}
        return f"{split}: " + "  ".join(f"{name} {value:.4f}" for name, value in values.items())

    return f"epoch {int(metrics['epoch']) + 1}/{epochs}  {part('train')}  |  {part('validation')}"
