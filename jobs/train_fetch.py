"""What a reading task does for training: steps of the plan in, decoded clips out. Without torch, so it starts fast."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa
import ray

from emotalk.training.augment import AugmentConfig
from emotalk.training.examples import Examples
from emotalk.training.plan import Epoch
from emotalk.training.units import Example


def fetch_steps(steps: pa.Table, *, store: ray.ObjectRef, seed: tuple[int, ...], rank: int, workers: int) -> pa.Table:
    """Steps by number -> a row per clip of this worker's share, decoded and augmented, in the order of the steps.

    store: (examples, epoch, augmentation). seed: with step and clip it decides how the clip is augmented.
    """
    examples, epoch, augmentation = _of_this_process(store)
    tables = []
    for step in steps.column("step").to_pylist():
        tables.append(_to_table(step, examples.load(epoch.share(step, rank, workers).units, augmentation, seed, step)))
    return pa.concat_tables(tables)


def fetched(table: pa.Table) -> Iterator[tuple[int, int, Example]]:
    """What `fetch_steps` gave -> (step, position, example) in its order."""
    scalars = [table.column(name).to_pylist() for name in ("step", "position", "clip_id", "emotion", "level", "style")]
    arrays = [_vectors(table.column(name)) for name in ("samples", "weights", "heard_at", "sounds", "head", "heard")]
    rows = zip(zip(*scalars, strict=True), *arrays, strict=True)
    for (step, position, clip_id, emotion, level, style), samples, weights, heard_at, sounds, head, heard in rows:
        # Never empty where it is known: a clip has a frame.
        yield (
            step,
            position,
            Example(
                clip_id,
                samples,
                weights.reshape(-1, 52),
                emotion,
                level,
                style,
                heard_at=heard_at if len(heard_at) else None,
                sounds=sounds if len(sounds) else None,
                head=head.reshape(-1, 6) if len(head) else None,
                heard=heard,
            ),
        )


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
            "heard_at": _lists([np.zeros(0) if e.heard_at is None else e.heard_at for e in examples]),
            "sounds": _lists([np.zeros(0, np.int64) if e.sounds is None else e.sounds for e in examples]),
            "head": _lists([np.zeros(0, np.float32) if e.head is None else e.head.reshape(-1) for e in examples]),
            "heard": _lists([example.heard for example in examples]),
        }
    )


def _lists(vectors: list[np.ndarray]) -> pa.Array:
    ends = np.cumsum([0, *(len(vector) for vector in vectors)]).astype(np.int64)
    return pa.LargeListArray.from_arrays(pa.array(ends), pa.array(np.concatenate(vectors)))


def _vectors(column: pa.ChunkedArray) -> Iterator[np.ndarray]:
    for chunk in column.chunks:
        for row in range(len(chunk)):
            # A copy: arrays in Ray's object store are read-only, and torch wants to own what it pads.
            yield np.array(chunk[row].values.to_numpy())
