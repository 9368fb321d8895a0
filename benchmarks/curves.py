"""Whether the number of workers changes what is learnt: python -m benchmarks.curves --corpus corpus --epochs 4

Trains with one worker and with two at the same global batch and seed, and with two more seeds. The curves of validation
losses lie within the spread of the seeds, or the number of workers is no mere matter of speed.
"""

import json
import platform
import sys
import tempfile
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
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

OBJECTIVE = "validation_objective"


@dataclass(frozen=True, kw_only=True)
class CurvesConfig:
    """Compares losses of one and two workers with those of several seeds."""

    corpus: str
    """Folder or URI of a corpus."""
    epochs: int = 4
    seeds: int = 3
    """At least 2; the curve of one worker has the first one."""
    plan: PlanConfig = field(default_factory=lambda: PlanConfig(seconds_per_step=50))
    learning_rate: float = 1e-3
    output: str | None = None
    """File or URI for the curves as JSON."""

    def __post_init__(self) -> None:
        if self.seeds < 2 or self.epochs < 1:
            raise InputError("at least two seeds and one epoch are needed")


def curve(config: CurvesConfig, workers: int, seed: int) -> list[float]:
    """Validation objective after each epoch."""
    listener = Listener()
    with tempfile.TemporaryDirectory() as folder:
        train(
            TrainConfig(
                corpus=config.corpus,
                output=str(Path(folder) / "run"),
                workers=workers,
                epochs=config.epochs,
                optimiser=OptimiserConfig(learning_rate=config.learning_rate),
                plan=replace(config.plan, seed=seed),
            ),
            Console(quiet=True),
            [lambda _: listener],
        )
    return [record.metrics[OBJECTIVE] for record in listener.epochs]


def _main(config: CurvesConfig) -> int:
    curves: dict[str, list[float]] = {}
    with start_ray():
        for workers, number in [(1, 0), *((2, number) for number in range(config.seeds))]:
            seed = config.plan.seed + number
            curves[f"workers {workers}, seed {seed}"] = curve(config, workers, seed)
    header = ("", *(f"epoch {epoch}" for epoch in range(1, config.epochs + 1)))
    print_table([header, *((name, *(f"{value:.4f}" for value in values)) for name, values in curves.items())])
    one, *many = (np.array(values) for values in curves.values())
    spread = np.ptp(many, axis=0)
    inside = (one >= np.min(many, axis=0)) & (one <= np.max(many, axis=0))
    for epoch, (apart, wide) in enumerate(zip(np.abs(one - many[0]), spread, strict=True), 1):
        print(f"epoch {epoch}: one worker and two are {apart:.4f} apart, the seeds {wide:.4f}")
    print(f"one worker inside the seeds' spread after {inside.sum()} of {config.epochs} epochs")
    print(f"{platform.processor() or platform.machine()}, {date.today()}")
    if config.output:
        with atomic_write(config.output) as path:
            path.write_text(json.dumps({"date": str(date.today()), "curves": curves}, indent=1) + "\n")
    return 0


def main() -> None:
    config: CurvesConfig = command_line.parse(CurvesConfig, prog="python -m benchmarks.curves")
    sys.exit(command_line.run(lambda: _main(config)))


if __name__ == "__main__":
    main()
