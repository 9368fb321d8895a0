"""Ray Data under training: plans name clips, tasks read them, a worker takes its own steps in order."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa
import ray
from ray.data import TaskPoolStrategy

from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import Batch, collate
from emotalk.training.examples import Examples
from emotalk.training.squares import Epoch
from emotalk.training.units import Example
from jobs.train_fetch import fetch_steps, fetched

STEPS_PER_TASK = 8
FETCH_CPUS = 0.25  # decoding is a few percent of a training step; a whole CPU each would starve a small machine
CONCURRENT_TASKS = 1  # each keeps a cache of row groups; one reads several times faster than a worker trains


def step_batches(
    examples: Examples,
    epoch: Epoch,
    *,
    number: int,
    seed: int,
    augmentation: AugmentConfig | None,
    rank: int,
    workers: int,
    styles: int,
) -> Iterator[Batch]:
    """The batches of one worker for one epoch, in order: one for each step in which it has a share."""
    mine = [step for step in range(epoch.steps) if epoch.step(step, rank, workers)]
    if not mine:
        return
    store = ray.put((examples, epoch, augmentation))
    fetch = partial(fetch_steps, store=store, seed=(seed, number), rank=rank, workers=workers)

    # Row: number of a step. Order matters: a step's rows must come before the next step's.
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    parts = [mine[start : start + STEPS_PER_TASK] for start in range(0, len(mine), STEPS_PER_TASK)]
    steps = ray.data.from_arrow([pa.table({"step": part}) for part in parts])
    # In: steps. Out: one row per clip of the step's units, decoded; fan-out 1 : clips of a step.
    rows = steps.map_batches(
        fetch,
        batch_size=STEPS_PER_TASK,
        batch_format="pyarrow",
        num_cpus=FETCH_CPUS,
        compute=TaskPoolStrategy(size=CONCURRENT_TASKS),
    )
    waiting: dict[int, Example] = {}
    current = mine[0]
    for table in rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=2):
        for step, position, example in fetched(table):
            if step != current:
                yield collate(epoch.step(current, rank, workers), waiting, styles)
                waiting, current = {}, step
            waiting[position] = example
    yield collate(epoch.step(current, rank, workers), waiting, styles)
