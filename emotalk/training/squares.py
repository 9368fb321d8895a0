"""The plan of training: which clips meet in which step, as a pure function of (seed, epoch, step).

Cross-reconstruction needs squares: two statements × two emotions of one speaker at one level. The plan holds positions
in the corpus index only; which worker computes what is a slice of it, so the number of workers changes nothing else.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from emotalk.errors import InputError


class ClipKey(NamedTuple):
    """What the plan must know of a clip; its position in the index is its identity."""

    speaker: str
    level: int | None
    statement: str
    emotion: str | None
    repetition: int
    frames: int = 1


class Square(NamedTuple):
    """Four positions in the index. Sound is read of c1e2 and c2e1; all four are targets."""

    c1e1: int
    c1e2: int
    c2e1: int
    c2e2: int


class Single(NamedTuple):
    """A clip that is reconstructed from itself: it has no label, or found no partners in this epoch."""

    clip: int


Unit = Square | Single


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """seed: of everything random in the plan. units_per_step: squares and singles of a step over all workers together.

    unlabelled_ratio: clips without a label per labelled clip in one epoch; the rest wait for the next epochs in turn.
    open_groups: (speaker, level) groups that are mixed at a time; more mixes better, fewer read fewer row groups twice.
    sorted_steps: steps whose units are sorted by length among each other: little padding, equal work for all workers.
    """

    seed: int = 0
    units_per_step: int = 8
    unlabelled_ratio: float = 0.5
    open_groups: int = 8
    sorted_steps: int = 16

    def __post_init__(self) -> None:
        if min(self.units_per_step, self.open_groups, self.sorted_steps) < 1 or self.unlabelled_ratio < 0:
            raise InputError("units_per_step, open_groups and sorted_steps must be positive, unlabelled_ratio not less")


@dataclass(frozen=True)
class Epoch:
    """The units of one epoch, cut into steps of nearly equal size (never fewer units than asked for in a step)."""

    units: tuple[Unit, ...]
    units_per_step: int
    steps: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", max(1, len(self.units) // self.units_per_step))

    def step(self, number: int, rank: int = 0, workers: int = 1) -> tuple[Unit, ...]:
        """The share of one worker in one step."""
        start, stop = (len(self.units) * (number + i) // self.steps for i in (0, 1))
        return self.units[start:stop][rank::workers]


def plan_epoch(clips: Sequence[ClipKey], epoch: int, config: PlanConfig) -> Epoch:
    """Every labelled clip is a target exactly once; unlabelled ones take turns. InputError for an empty corpus."""
    if not clips:
        raise InputError("there is no clip to train on")
    rng = np.random.default_rng((config.seed, epoch))
    labelled: dict[tuple[str, int | None], list[int]] = defaultdict(list)
    unlabelled: list[int] = []
    for position, clip in enumerate(clips):
        if clip.emotion is None:
            unlabelled.append(position)
        else:
            labelled[clip.speaker, clip.level].append(position)
    groups: dict[tuple[str, int | None], list[Unit]] = {
        group: list(_pair_up(positions, clips, rng)) for group, positions in sorted(labelled.items(), key=_group_order)
    }
    count = sum(len(positions) for positions in labelled.values())
    for position in _turn(unlabelled, epoch, count, config.unlabelled_ratio):
        groups.setdefault((clips[position].speaker, clips[position].level), []).append(Single(position))
    mixed = list(_interleave(list(groups.values()), config.open_groups, rng))
    return Epoch(tuple(_sort_by_length(mixed, clips, config, rng)), config.units_per_step)


def count_squares(clips: Sequence[ClipKey]) -> int:
    """Squares of the first epoch: what cross-reconstruction has to work with."""
    return sum(isinstance(unit, Square) for unit in plan_epoch(clips, 0, PlanConfig()).units) if clips else 0


def _pair_up(positions: list[int], clips: Sequence[ClipKey], rng: np.random.Generator) -> Iterator[Unit]:
    """Partition one speaker's clips of one level into squares; what cannot be placed becomes singles.

    A take is one repetition of a statement: a row of emotions. Takes of different statements are paired at random,
    their common emotions too, so that over the epochs every pair meets.
    """
    takes: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    spare: list[int] = []
    for position in positions:
        clip = clips[position]
        take = takes[clip.statement, clip.repetition]
        if clip.emotion is None or clip.emotion in take:
            spare.append(position)
        else:
            take[clip.emotion] = position
    for first, second in _partners(sorted(takes), rng):
        one, two = takes[first], takes[second]
        common = sorted(one.keys() & two.keys())
        rng.shuffle(common)
        for e1, e2 in zip(common[0::2], common[1::2], strict=False):
            yield Square(one.pop(e1), one.pop(e2), two.pop(e1), two.pop(e2))
    spare += [position for take in takes.values() for position in take.values()]
    yield from map(Single, sorted(spare))


def _partners(
    takes: list[tuple[str, int]], rng: np.random.Generator
) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Pairs of takes with different statements, each take once; the largest statements are served first."""
    waiting: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for index in rng.permutation(len(takes)):
        waiting[takes[index][0]].append(takes[index])
    while len(waiting) > 1:
        order = sorted(waiting, key=lambda statement: (-len(waiting[statement]), rng.random()))
        first, second = order[:2]
        yield waiting[first].pop(), waiting[second].pop()
        for statement in (first, second):
            if not waiting[statement]:
                del waiting[statement]


def _turn(unlabelled: list[int], epoch: int, labelled: int, ratio: float) -> list[int]:
    """The unlabelled clips whose turn it is: a window that moves around the list from epoch to epoch."""
    if not labelled:
        return unlabelled
    size = min(len(unlabelled), round(labelled * ratio))
    start = epoch * size
    return [unlabelled[(start + i) % len(unlabelled)] for i in range(size)]


def _interleave(groups: list[list[Unit]], open_groups: int, rng: np.random.Generator) -> Iterator[Unit]:
    """Mix the units of a few groups at a time: each group's rows are read close together, steps are still mixed."""
    waiting = [groups[i] for i in rng.permutation(len(groups))]
    for group in waiting:
        rng.shuffle(group)  # type: ignore[arg-type]
    open_now: list[list[Unit]] = []
    while waiting or open_now:
        while waiting and len(open_now) < open_groups:
            open_now.append(waiting.pop())
        sizes = np.array([len(group) for group in open_now], float)
        chosen = int(rng.choice(len(open_now), p=sizes / sizes.sum()))
        yield open_now[chosen].pop()
        if not open_now[chosen]:
            open_now.pop(chosen)


def _sort_by_length(
    units: list[Unit], clips: Sequence[ClipKey], config: PlanConfig, rng: np.random.Generator
) -> Iterator[Unit]:
    """Stretches of some steps sorted by length, their steps then in random order."""
    size = config.units_per_step
    for start in range(0, len(units), size * config.sorted_steps):
        stretch = units[start : start + size * config.sorted_steps]
        stretch.sort(key=lambda unit: max(clips[position].frames for position in unit))
        steps = [stretch[i : i + size] for i in range(0, len(stretch), size)]
        for step in rng.permutation(len(steps)):
            yield from steps[step]


def _group_order(item: tuple[tuple[str, int | None], list[int]]) -> tuple[str, int]:
    (speaker, level), _ = item
    return speaker, -1 if level is None else level
