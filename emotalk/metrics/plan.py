"""What is evaluated with what: a pure function of the corpus's index, so that every run compares the same clips."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from emotalk.corpus.corpus import Corpus
from emotalk.corpus.splits import SPLITS
from emotalk.errors import InputError
from emotalk.training.plan import PlanConfig, plan_epoch
from emotalk.training.squares import ClipKey, Square

PROBED_CLIPS = 600  # for the probes of content leakage, whose features are held in memory
STEERED_CLIPS = 48  # for the intensity response: each is animated four times more
FIT_CLIPS = 1_000  # more does not help a linear map of 441 numbers, and the fit stays short on any corpus


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One cross-reconstruction: the words of one clip with the emotion of another, to be compared with a real third."""

    content: str
    emotion: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One clip of the split. other: the clip whose sound stands in for its own; exchange: where it is its target.

    probed: its features are kept for the probes. steered: it is animated at other intensities and levels too.
    """

    clip_id: str
    other: str | None
    exchange: Exchange | None
    probed: bool = False
    steered: bool = False


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The tasks of one row group: what is read, computed and summed in one go."""

    shard: str
    row_group: int
    tasks: tuple[Task, ...]


def plan_evaluation(corpus: Corpus, split: str) -> list[Unit]:
    """The units of a split, in the corpus's order. InputError where the split holds no clips."""
    rows = split_rows(corpus, split)
    if not rows:
        held = [name for name in SPLITS if corpus.clip_ids(name)]
        raise InputError(
            f"the corpus has no clips in its split {split!r}; it has {', '.join(held)}", source=corpus.location
        )
    others = other_clips(rows)
    exchanges = plan_exchanges(rows)
    probed = _chosen(rows, PROBED_CLIPS)
    steered = _chosen([row for row in rows if row["emotion"] not in (None, "neutral")], STEERED_CLIPS)
    units: dict[tuple[str, int], list[Task]] = defaultdict(list)
    for row, other in zip(rows, others, strict=True):
        clip_id = row["clip_id"]
        task = Task(
            clip_id=clip_id,
            other=other,
            exchange=exchanges.get(clip_id),
            probed=clip_id in probed,
            steered=clip_id in steered,
        )
        units[row["shard"], row["row_group"]].append(task)
    return [Unit(shard=shard, row_group=group, tasks=tuple(tasks)) for (shard, group), tasks in units.items()]


def plan_fit(corpus: Corpus, split: str = "train", clips: int = FIT_CLIPS) -> list[Unit]:
    """At most `clips` clips of the split, spread evenly over it by a hash of their names; none for an empty split."""
    rows = split_rows(corpus, split)
    chosen = _chosen(rows, clips)
    units: dict[tuple[str, int], list[Task]] = defaultdict(list)
    for row in rows:
        if row["clip_id"] in chosen:
            task = Task(clip_id=row["clip_id"], other=None, exchange=None)
            units[row["shard"], row["row_group"]].append(task)
    return [Unit(shard=shard, row_group=group, tasks=tuple(tasks)) for (shard, group), tasks in units.items()]


def split_rows(corpus: Corpus, split: str) -> list[dict]:
    """The index rows of a split, in the corpus's order."""
    index: pa.Table = corpus.index
    rows: list[dict] = index.filter(pc.equal(index.column("split"), split)).to_pylist()
    return rows


def other_clips(rows: Sequence[dict]) -> list[str | None]:
    """For every clip a clip that says something else: by the same speaker at the same level where there is one.

    Within a group of clips that offers it to all, nobody's sound is used twice. None where all clips of the corpus say
    the same.
    """
    groups: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        groups[row["speaker"], row["level"]].append(i)
    found: dict[int, int] = {}
    for members in groups.values():
        found |= _derange(members, rows)
    left = [i for i in range(len(rows)) if i not in found]
    found |= _derange(left, rows)
    # One statement may be more than half of what was left: the rest of the split helps out.
    for i in (i for i in left if i not in found):
        strangers = [j for j, row in enumerate(rows) if row["statement"] != rows[i]["statement"]]
        if strangers:
            found[i] = min(strangers, key=lambda j: _draw(rows[j], rows[i]["clip_id"]))
    return [rows[found[i]]["clip_id"] if i in found else None for i in range(len(rows))]


def _derange(members: Iterable[int], rows: Sequence[dict]) -> dict[int, int]:
    """Sorted by statement and turned by the largest statement's size, nobody meets their own statement.

    Empty where that statement has more than half of the members: then no arrangement exists.
    """
    order = sorted(members, key=lambda i: (rows[i]["statement"], _draw(rows[i])))
    sizes: dict[str, int] = defaultdict(int)
    for i in order:
        sizes[rows[i]["statement"]] += 1
    turn = max(sizes.values(), default=0)
    if 2 * turn > len(order):
        return {}
    return {i: order[(k + turn) % len(order)] for k, i in enumerate(order)}


def plan_exchanges(rows: Sequence[dict]) -> dict[str, Exchange]:
    """Target clip -> its exchange: two per square of the split, squares as a first epoch of training plans them."""
    keys = [ClipKey(*(row[name] for name in ClipKey._fields)) for row in rows]
    names = [row["clip_id"] for row in rows]
    out = {}
    for unit in plan_epoch(keys, 0, PlanConfig()).units:
        if isinstance(unit, Square):
            one, two = names[unit.c1e2], names[unit.c2e1]
            out[names[unit.c1e1]] = Exchange(content=one, emotion=two)
            out[names[unit.c2e2]] = Exchange(content=two, emotion=one)
    return out


def _chosen(rows: Sequence[dict], clips: int) -> set[str]:
    return {row["clip_id"] for row in sorted(rows, key=_draw)[:clips]}


def _draw(row: dict, seed: str = "") -> bytes:
    return hashlib.sha256(f"{seed}/{row['clip_id']}".encode()).digest()


def without(units: Sequence[Unit], clip_ids: Collection[str]) -> list[Unit]:
    """The units less the tasks of some clips; those clips may still stand in for others."""
    left_out = frozenset(clip_ids)
    kept = [replace(unit, tasks=tuple(t for t in unit.tasks if t.clip_id not in left_out)) for unit in units]
    return [unit for unit in kept if unit.tasks]
