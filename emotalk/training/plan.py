"""The plan of training: which clips meet in which step, as a pure function of (seed, epoch).

The plan holds positions in the corpus index only. Which worker computes what is a slice of a step, so the number of
workers changes nothing else.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emotalk.blendshapes import FPS
from emotalk.errors import InputError
from emotalk.training.squares import ClipKey, Single, Unit, pair_up

LARGE_GROUP = 256  # units of one speaker and level


@dataclass(frozen=True, kw_only=True)
class PlanConfig:
    """Which clips meet, and how many in a step."""

    seed: int = 0
    """Of everything random in a run."""
    seconds_per_step: float = 100.0
    """Animation that is reconstructed in a step, over all workers together."""
    unlabelled_ratio: float = 0.5
    """Clips without a label per labelled clip in one epoch; the rest wait for the next epochs in turn."""
    open_groups: int = 8
    """Groups of one speaker and level that are mixed at a time; more mix better, fewer read fewer row groups twice."""
    squares: bool = True
    """Clips meet in squares, of which faces are reconstructed across; else every clip from itself alone."""
    sorted_steps: int = 16
    """Steps whose units are sorted by length among each other: little padding, equal work for all workers."""

    def __post_init__(self) -> None:
        if min(self.open_groups, self.sorted_steps) < 1 or not self.seconds_per_step > 0:
            raise InputError("seconds_per_step, open_groups and sorted_steps must be positive")
        if self.seed < 0 or not self.unlabelled_ratio >= 0:
            raise InputError("seed and unlabelled_ratio must not be negative")


class Share(NamedTuple):
    """What one worker does in a step. Not `counted`: there was nothing left for it, so it computes a unit of another's
    without weight, because all workers must take part in every step."""

    units: tuple[Unit, ...]
    counted: bool


@dataclass(frozen=True)
class Epoch:
    """The units of one epoch, step by step."""

    by_step: tuple[tuple[Unit, ...], ...]

    @property
    def units(self) -> tuple[Unit, ...]:
        return tuple(unit for units in self.by_step for unit in units)

    @property
    def steps(self) -> int:
        return len(self.by_step)

    def share(self, step: int, rank: int, workers: int) -> Share:
        """Units of a step are in the order of their lengths, so every worker has as much to do."""
        units = self.by_step[step]
        own = units[rank::workers]
        return Share(own, counted=True) if own else Share(units[:1], counted=False)


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
        group: list(pair_up(positions, clips, rng)) if config.squares else [Single(one) for one in positions]
        for group, positions in sorted(labelled.items(), key=_group_order)
    }
    count = sum(len(positions) for positions in labelled.values())
    for position in _turn(unlabelled, epoch, count, config.unlabelled_ratio):
        groups.setdefault((clips[position].speaker, clips[position].level), []).append(Single(position))
    parts = [part for group in groups.values() for part in _in_parts(group)]
    mixed = list(_interleave(parts, config.open_groups, rng))
    return Epoch(tuple(_steps(mixed, clips, config, rng)))


def _turn(unlabelled: list[int], epoch: int, labelled: int, ratio: float) -> list[int]:
    """The unlabelled clips whose turn it is: a window that moves around the list from epoch to epoch."""
    if not labelled:
        return unlabelled
    size = min(len(unlabelled), round(labelled * ratio))
    start = epoch * size
    return [unlabelled[(start + i) % len(unlabelled)] for i in range(size)]


def _in_parts(group: list[Unit]) -> Iterator[list[Unit]]:
    """A group of so many clips that mixing it whole would read each row group once for every one of its clips."""
    if len(group) <= LARGE_GROUP:
        yield group
        return
    # Positions follow each other as the rows do.
    ordered = sorted(group, key=lambda unit: unit[0])
    for start in range(0, len(ordered), LARGE_GROUP // 2):
        yield ordered[start : start + LARGE_GROUP // 2]


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


def _steps(
    units: list[Unit], clips: Sequence[ClipKey], config: PlanConfig, rng: np.random.Generator
) -> Iterator[tuple[Unit, ...]]:
    """Stretches of some steps sorted by length and cut into steps, which then follow each other in random order."""
    sizes = {unit: sum(clips[position].frames for position in unit) for unit in units}
    step = config.seconds_per_step * float(FPS)
    for stretch in cut(units, sizes, step * config.sorted_steps):
        ordered = sorted(stretch, key=lambda unit: max(clips[position].frames for position in unit))
        steps = cut(ordered, sizes, step)
        for number in rng.permutation(len(steps)):
            yield steps[number]


def cut(units: Sequence[Unit], sizes: Mapping[Unit, int], size: float) -> list[tuple[Unit, ...]]:
    """Runs of units in their order, of nearly equal sizes of about `size`; larger units are runs of their own."""
    ends = np.cumsum([sizes[unit] for unit in units])
    count = min(len(units), max(1, round(ends[-1] / size)))
    middles = ends - np.array([sizes[unit] for unit in units]) / 2
    runs: list[list[Unit]] = [[] for _ in range(count)]
    for unit, middle in zip(units, middles, strict=True):
        runs[min(count - 1, int(middle / ends[-1] * count))].append(unit)
    return [tuple(run) for run in runs if run]


def _group_order(item: tuple[tuple[str, int | None], list[int]]) -> tuple[str, int]:
    (speaker, level), _ = item
    return speaker, -1 if level is None else level
