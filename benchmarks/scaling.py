"""How training scales on this cluster: python -m benchmarks.scaling --corpus corpus --workers 1 --workers 2

Trains one epoch for each number of workers at the same global batch and prints the time of a step, the share of it that
waits for data, the padding, and the speed relative to the first. The first steps, in which everything warms up, do not
count.
"""

import json
import statistics
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import tyro
from rich.console import Console

from benchmarks.listener import Listener
from emotalk import command_line
from emotalk.errors import InputError
from emotalk.files import atomic_write
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig
from jobs.cluster import start_ray
from jobs.tables import print_table
from jobs.train import TrainConfig, train

WARM_UP = 5  # steps


@dataclass(frozen=True, kw_only=True)
class ScalingConfig:
    """Measures training with different numbers of workers."""

    corpus: str
    """Folder or URI of a corpus."""
    workers: tyro.conf.UseAppendAction[tuple[int, ...]] = ()
    """Numbers of workers, by repeating it; 1 and 2, if none is given."""
    preset: str = "lite"
    """lite, base or official."""
    plan: PlanConfig = field(default_factory=PlanConfig)
    output: str | None = None
    """File or URI for the numbers as JSON."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Of an epoch: the median time of a step, all else over its steps together. speed: sound heard, × real time."""

    workers: int
    steps: int
    step_s: float
    waiting: float
    padding: float
    speed: float


def measure(config: ScalingConfig, workers: int) -> Measured:
    listener = Listener()
    with tempfile.TemporaryDirectory() as folder:
        train(
            TrainConfig(
                corpus=config.corpus,
                output=str(Path(folder) / "run"),
                preset=config.preset,  # type: ignore[arg-type]
                workers=workers,
                epochs=1,
                optimiser=OptimiserConfig(learning_rate=1e-3),
                plan=config.plan,
            ),
            Console(quiet=True),
            [lambda _: listener],
        )
    steps = listener.steps[WARM_UP:]
    if not steps:
        raise InputError(f"an epoch of this corpus has only {len(listener.steps)} steps", source=config.corpus)
    total_s = sum(step.waited_s + step.computed_s for step in steps)
    return Measured(
        workers=workers,
        steps=len(steps),
        step_s=statistics.median(step.waited_s + step.computed_s for step in steps),
        waiting=sum(step.waited_s for step in steps) / total_s,
        padding=statistics.mean(step.padding for step in steps),
        speed=sum(step.audio_s for step in steps) / total_s,
    )


def _main(config: ScalingConfig) -> int:
    with start_ray():
        rows = [measure(config, workers) for workers in config.workers or (1, 2)]
    head = ("workers", "steps", "step", "waits for data", "padding", "× real time", "speed-up")
    cells = [
        (
            str(row.workers),
            str(row.steps),
            f"{row.step_s:.3f} s",
            f"{row.waiting:.1%}",
            f"{row.padding:.1%}",
            f"{row.speed:.0f}",
            f"{row.speed / rows[0].speed:.2f}",
        )
        for row in rows
    ]
    print_table([head, *cells])
    if config.output:
        with atomic_write(config.output) as path:
            path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0


def main() -> None:
    config: ScalingConfig = command_line.parse(ScalingConfig, prog="python -m benchmarks.scaling")
    sys.exit(command_line.run(lambda: _main(config)))


if __name__ == "__main__":
    main()
