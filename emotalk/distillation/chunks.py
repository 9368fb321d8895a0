"""A chunk of clips: taught and written as shards, the unit of which an interrupted labelling loses one."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from emotalk.corpus.clip import Clip
from emotalk.corpus.schema import CLIP_SCHEMA, HEARD, clips_to_table
from emotalk.corpus.shards import ShardPlan, ShardReport, finished_shard, shard_content
from emotalk.corpus.store import Store
from emotalk.distillation.teacher import Taught, Teacher

T = TypeVar("T")

SOURCE = "taught"
SPEAKER = "teacher"  # whose face it is, whoever speaks: one style
CLIPS_PER_CHUNK, CLIPS_PER_ROW_GROUP = 64, 32  # about 16 minutes; about 11 MB
VALIDATION_EVERY = 20  # clips; the second is the first of them, so that small shelves have one too
SCHEMA = pa.schema([*CLIP_SCHEMA, HEARD], metadata=CLIP_SCHEMA.metadata)


@dataclass(frozen=True)
class Sound:
    """A clip before it has a face. samples: (n,) float32 at 16 kHz."""

    clip_id: str
    samples: np.ndarray


def label_chunk(
    store: Store, name: str, key: str, sounds: Sequence[Sound], first: int, teacher: Callable[[], Teacher]
) -> list[ShardReport]:
    """Teaches some clips and writes them, a shard for each split; what is there already under this key is kept.

    first: how many clips of the portion come before these.
    """
    by_split: dict[str, list[Sound]] = {"train": [], "validation": []}
    for number, sound in enumerate(sounds, first):
        by_split["validation" if number % VALIDATION_EVERY == 1 else "train"].append(sound)
    reports = []
    for split, own in by_split.items():
        if own:
            plan = ShardPlan(f"{split}/{name}", key, split, ())
            report = finished_shard(plan, store.read(plan.name)) if store.exists(plan.name) else None
            if report is None:
                said = teacher().teach([sound.samples for sound in own])
                content = shard_content(key, SCHEMA, _tables(own, said, split))
                store.write(plan.name, content)
                report = finished_shard(plan, content)
            assert report is not None
            reports.append(report)
    return reports


def _tables(sounds: Sequence[Sound], said: Sequence[Taught], split: str) -> Iterator[pa.Table]:
    """Row groups of `SCHEMA`."""
    for rows in chunks(zip(sounds, said, strict=True), CLIPS_PER_ROW_GROUP):
        clips = [
            Clip(
                clip_id=sound.clip_id,
                source=SOURCE,
                speaker=SPEAKER,
                statement=sound.clip_id,
                samples=sound.samples,
                weights=taught.weights,
            )
            for sound, taught in rows
        ]
        heard = pa.array([None if taught.heard is None else taught.heard.tolist() for _, taught in rows], HEARD.type)
        yield clips_to_table(clips, split=split).append_column(HEARD, heard)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one shorter."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
