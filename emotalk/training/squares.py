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

CHOICES = 12  # looked at for each pair: more waste less on padding, fewer mix better


def pair_up(positions: list[int], clips: Sequence[ClipKey], rng: np.random.Generator) -> Iterator[Unit]:
    """Partition one speaker's clips of one level into squares; what cannot be placed becomes singles.

    A take is one repetition of a statement: a row of emotions. Takes of different statements are paired at random,
    their common emotions too, so that over the epochs every pair meets; of a few random choices the one is taken whose
    clips differ least in length, because the shorter ones are padded.
    """
    takes: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    spare: list[int] = []
    for position in positions:
        clip = clips[position]
        take = takes[clip.statement, clip.repetition]
        assert clip.emotion is not None
        if clip.emotion in take:
            spare.append(position)
        else:
            take[clip.emotion] = position
    lengths = {
        take: float(np.mean([clips[position].frames for position in row.values()])) for take, row in takes.items()
    }
    for first, second in _partners(sorted(takes), lengths, rng):
        one, two = takes[first], takes[second]
        common = sorted(one.keys() & two.keys())
        longest = {e: max(clips[one[e]].frames, clips[two[e]].frames) for e in common}
        for e1, e2 in _closest_pairs(common, longest, rng):
            yield Square(one.pop(e1), one.pop(e2), two.pop(e1), two.pop(e2))
    spare += [position for take in takes.values() for position in take.values()]
    yield from map(Single, sorted(spare))


def _closest_pairs(names: list[str], lengths: dict[str, int], rng: np.random.Generator) -> list[tuple[str, str]]:
    """Names in pairs, each once but for an odd one: of some random pairings the one with the least differences."""

    def pairing() -> list[tuple[str, str]]:
        order = [names[i] for i in rng.permutation(len(names))]
        return list(zip(order[0::2], order[1::2], strict=False))

    return min(
        (pairing() for _ in range(CHOICES)), key=lambda pairs: sum(abs(lengths[a] - lengths[b]) for a, b in pairs)
    )


def _partners(
    takes: list[tuple[str, int]], lengths: dict[tuple[str, int], float], rng: np.random.Generator
) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Pairs of takes with different statements, each take once; the largest statements are served first."""
    waiting: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for index in rng.permutation(len(takes)):
        waiting[takes[index][0]].append(takes[index])
    while len(waiting) > 1:
        order = sorted(waiting, key=lambda statement: (-len(waiting[statement]), rng.random()))
        first = order[0]
        long = lengths[waiting[first][-1]]
        # Among statements of equal size, so that none is left over that could have found a partner.
        equal = [name for name in order[1 : 1 + CHOICES] if len(waiting[name]) == len(waiting[order[1]])]
        second = min(equal, key=lambda name: abs(lengths[waiting[name][-1]] - long))
        yield waiting[first].pop(), waiting[second].pop()
        for statement in (first, second):
            if not waiting[statement]:
                del waiting[statement]
