"""Ray Data under training: plans name clips, tasks fetch and decode them, a worker reads its own steps in order."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
import ray
from ray.data import TaskPoolStrategy

from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import Batch, Example, collate
from emotalk.training.examples import Examples
from emotalk.training.squares import Epoch

STEPS_PER_TASK = 8
FETCH_CPUS = 0.25  # decoding is a few percent of a training step; a whole CPU each would starve a small machine
CONCURRENT_TASKS = 2


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

    def fetch(steps: pa.Table) -> pa.Table:
        known, plan, config = _of_this_process(store)
        tables = []
        for step in steps.column("step").to_pylist():
            loaded = known.load(plan.step(step, rank, workers), config, (seed, number))
            tables.append(_to_table(step, loaded))
        return pa.concat_tables(tables)

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
        for step, position, example in _from_table(table):
            if step != current:
                yield collate(epoch.step(current, rank, workers), waiting, styles)
                waiting, current = {}, step
            waiting[position] = example
    yield collate(epoch.step(current, rank, workers), waiting, styles)


@lru_cache(maxsize=2)
def _of_this_process(store: ray.ObjectRef) -> tuple[Examples, Epoch, AugmentConfig | None]:
    # Kept between the tasks of a process: the row groups that it has read stay in its cache.
    value: tuple[Examples, Epoch, AugmentConfig | None] = ray.get(store)
    return value


def _to_table(step: int, loaded: dict[int, Example]) -> pa.Table:
    examples = list(loaded.values())
    return pa.table(
        {
            "step": pa.array([step] * len(examples), pa.int64()),
            "position": pa.array(list(loaded), pa.int64()),
            "clip_id": [example.clip_id for example in examples],
            "samples": _lists([example.samples for example in examples]),
            "weights": _lists([example.weights.reshape(-1) for example in examples]),
            "emotion": [example.emotion for example in examples],
            "level": [example.level for example in examples],
            "style": [example.style for example in examples],
        }
    )


def _from_table(table: pa.Table) -> Iterator[tuple[int, int, Example]]:
    scalars = [table.column(name).to_pylist() for name in ("step", "position", "clip_id", "emotion", "level", "style")]
    arrays = [_vectors(table.column(name)) for name in ("samples", "weights")]
    for (step, position, clip_id, *labels), samples, weights in zip(zip(*scalars, strict=True), *arrays, strict=True):
        yield step, position, Example(clip_id, samples, weights.reshape(-1, 52), *labels)


def _lists(vectors: list[np.ndarray]) -> pa.Array:
    ends = np.cumsum([0, *(len(vector) for vector in vectors)]).astype(np.int64)
    return pa.LargeListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(vectors)))


def _vectors(column: pa.ChunkedArray) -> Iterator[np.ndarray]:
    for chunk in column.chunks:
        for row in range(len(chunk)):
            # A copy: arrays in Ray's object store are read-only, and torch wants to own what it pads.
            yield np.array(chunk[row].values.to_numpy(), np.float32)
