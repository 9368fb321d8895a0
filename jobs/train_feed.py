"""Ray Data under training: plans name clips, tasks read them, a worker takes its own steps in order."""

from collections.abc import Iterator
from functools import partial

import pyarrow as pa
import ray
from ray.data import TaskPoolStrategy
from ray.exceptions import RayTaskError

from emotalk.blendshapes import FPS
from emotalk.errors import EmoTalkError
from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import collate
from emotalk.training.examples import Examples
from emotalk.training.learner import Work
from emotalk.training.plan import Epoch, cut
from emotalk.training.units import Example
from jobs.train_fetch import fetch_steps, fetched

STEPS_PER_TASK = 8
FETCH_CPUS = 0.25  # decoding is a few percent of a training step; a whole CPU each would starve a small machine
CONCURRENT_TASKS = 1  # each keeps a cache of row groups; one reads several times faster than a worker trains


def step_works(
    examples: Examples,
    epoch: Epoch,
    *,
    number: int,
    first_step: int,
    seed: int,
    augmentation: AugmentConfig | None,
    rank: int,
    workers: int,
    styles: int,
    seconds_per_pass: float,
) -> Iterator[Work]:
    """One worker's share of every step of an epoch from `first_step` on, in order.

    number: of the epoch, which decides with the seed how clips are augmented.
    """
    if first_step >= epoch.steps:
        return
    store = ray.put((examples, epoch, augmentation))
    fetch = partial(fetch_steps, store=store, seed=(seed, number), rank=rank, workers=workers)

    # Row: number of a step. Order matters: a step's rows must come before the next step's.
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.raise_original_map_exception = True
    starts = range(first_step, epoch.steps, STEPS_PER_TASK)
    parts = [range(start, min(start + STEPS_PER_TASK, epoch.steps)) for start in starts]
    steps = ray.data.from_arrow([pa.table({"step": list(part)}) for part in parts])
    # In: steps. Out: one row per clip of the step's units, decoded; fan-out 1 : clips of a step.
    rows = steps.map_batches(
        fetch,
        batch_size=STEPS_PER_TASK,
        batch_format="pyarrow",
        num_cpus=FETCH_CPUS,
        compute=TaskPoolStrategy(size=CONCURRENT_TASKS),
    )

    def work(step: int, examples_of: dict[int, Example]) -> Work:
        share = epoch.share(step, rank, workers)
        sizes = {unit: sum(len(examples_of[clip].weights) for clip in unit) for unit in share.units}
        passes = cut(share.units, sizes, seconds_per_pass * float(FPS))
        return Work([collate(units, examples_of, styles) for units in passes], share.counted)

    waiting: dict[int, Example] = {}
    current = first_step
    for table in _readable(rows.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=2)):
        for step, position, example in fetched(table):
            if step != current:
                yield work(current, waiting)
                waiting, current = {}, step
            waiting[position] = example
    yield work(current, waiting)


def _readable(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Raises what reading raised on purpose, not Ray's wrapping of it: a damaged corpus ends the run at once. All else,
    such as a store that cannot be reached for a while, is tried again.
    """
    try:
        yield from tables
    except RayTaskError as error:
        if isinstance(error.cause, EmoTalkError):
            raise error.cause from None
        raise
