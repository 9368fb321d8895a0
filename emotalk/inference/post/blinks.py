"""Blinks that come as people's do: a function of seed, rate and time, but for eyes that are closed already.

Intervals between spontaneous blinks are strongly skewed, many short and few long ones ("Spontaneous interblink time
distributions", Investigative Ophthalmology & Visual Science 52:3419, 2011): here log-normal. People blink 17 times a
minute at rest, 26 in conversation, 4.5 reading (Bentivoglio et al., Movement Disorders 12:1028, 1997). Lids fall
faster than they rise, and blinks that close fully look most natural (Trutoiu et al., Modeling and Animating Eye Blinks,
ACM Transactions on Applied Perception 8:17, 2011). How often a blink is doubled is our choice.
"""

from bisect import bisect_left
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from emotalk.blendshapes import GROUPS
from emotalk.controls.track import Number, Track
from emotalk.inference.post.rhythm import BLOCK, Pace, generator, places
from emotalk.inference.post.shaping import smoothstep

BLINKS = 0  # a kind of events

SPREAD = 0.6  # standard deviation of an interval's logarithm
DOUBLED = 0.05  # share of blinks that a second one follows at once
DOWN_S, SHUT_S, UP_S = 0.09, 0.05, 0.19  # shut longer than a frame, so that some frame shows it
DURATION_SPREAD = 0.15  # standard deviation of a duration's logarithm
LONGEST_FRAMES = 16
SHALLOWEST = 0.9

# Lids that are closed so far when a blink begins take its depth away, from all of it to none.
OPEN_EYES, CLOSED_EYES = 0.3, 0.7

# Both sides stand beside each other.
LIDS, WIDE, SQUINT, BROWS, CHEEKS = (
    slice(GROUPS[name][0], GROUPS[name][1] + 1)
    for name in ("eyeBlink", "eyeWide", "eyeSquint", "browDown", "cheekSquint")
)
BROW_SHARE, CHEEK_SHARE = 0.05, 0.06  # the ring muscle pulls at its surroundings


class Blink(NamedTuple):
    """Frames `start` to `stop` and their lids' closure (stop - start,), 0 to 1."""

    start: int
    stop: int
    closure: np.ndarray


class Blinks:
    """The blinks of one recording, two of which never overlap."""

    def __init__(self, per_minute: Number, variety: float, seed: int) -> None:
        scaled = (
            Track(tuple((time_s, value / 60) for time_s, value in per_minute.points))
            if isinstance(per_minute, Track)
            else per_minute / 60
        )
        self._pace, self._variety, self._seed = Pace(scaled), variety, seed
        self._block = lru_cache(maxsize=4)(self._blinks)  # a stream asks for the same one with every step
        self._quiet = (0, 0)  # frames between two blinks: most steps lie there

    def near(self, first: int, stop: int) -> list[Blink]:
        """Those with a part in frames `first` to `stop`."""
        begin, end = self._quiet
        if begin <= first and stop <= end:
            return []
        earliest = int(self._pace.due((first - LONGEST_FRAMES) / 30) // BLOCK)
        latest = int(self._pace.due(stop / 30) // BLOCK)
        found: list[Blink] = []
        for number in range(earliest, latest + 1):
            blinks = self._block(number)
            for blink in blinks[bisect_left(blinks, (first - LONGEST_FRAMES,)) :]:
                if blink.start >= stop:
                    if not found:
                        self._quiet = (first, blink.start)
                    return found
                if blink.stop > first:
                    found.append(blink)
        return found

    def _blinks(self, number: int) -> list[Blink]:
        own = self._chain(number)
        if number and (before := self._chain(number - 1)):
            own = [blink for blink in own if blink.start >= before[-1].stop]
        return own

    def _chain(self, number: int) -> list[Blink]:
        """Of one block: a blink that would begin in the one before is left out."""
        rng = generator(self._seed, BLINKS, number)
        begins = self._pace.when(places(rng, number, SPREAD, self._variety))
        lasts = np.exp(DURATION_SPREAD * self._variety * rng.standard_normal((BLOCK, 2)).clip(-2, 2))
        depth = 1 - (1 - SHALLOWEST) * self._variety * rng.uniform(size=(BLOCK, 2)) ** 2
        doubled = rng.uniform(size=BLOCK) < DOUBLED * self._variety
        chain: list[Blink] = []
        for i in range(BLOCK):
            if not np.isfinite(begins[i]):
                break
            once = _blink(begins[i], lasts[i, 0], depth[i, 0])
            if chain and once.start < chain[-1].stop:
                continue
            chain.append(once)
            if doubled[i]:
                chain.append(_blink(once.stop / 30, lasts[i, 1], depth[i, 1]))
        return chain


def _blink(begin_s: float, lasts: float, depth: float) -> Blink:
    down, shut, up = (lasts * part for part in (DOWN_S, SHUT_S, UP_S))
    start = int(begin_s * 30) + 1
    stop = int(np.ceil((begin_s + down + shut + up) * 30))
    since = np.arange(start, stop) / 30 - begin_s
    falls, rises = smoothstep(since / down), smoothstep(((since - down - shut) / up).clip(min=0) ** 0.8)
    return Blink(start, stop, (depth * (falls - rises)).astype(np.float32))


def depth_left(eyes: np.ndarray) -> float:
    """How deep a blink is that begins while eyes (…,) are closed so far."""
    closed = float(eyes.max())
    return 1 - float(smoothstep(np.array((closed - OPEN_EYES) / (CLOSED_EYES - OPEN_EYES))))


def close_eyes(face: np.ndarray, closure: np.ndarray) -> None:
    """In place: lids (n, 52) closed at least as far as `closure` (n,), with what takes part in it."""
    closure = closure[:, None]
    face[:, LIDS] = np.maximum(face[:, LIDS], closure)
    face[:, WIDE] *= 1 - closure  # lids that are pulled up do not meet
    face[:, SQUINT] *= 1 - closure  # lids that are pushed together would cross
    face[:, BROWS] += BROW_SHARE * closure
    face[:, CHEEKS] += CHEEK_SHARE * closure
