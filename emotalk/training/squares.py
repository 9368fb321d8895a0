"""Squares: two statements × two emotions of one speaker at one level, which cross-reconstruction needs."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np


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


def pair_up(positions: list[int], clips: Sequence[ClipKey], rng: np.random.Generator) -> Iterator[Unit]:
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
