"""Small saccades: eyes that mostly rest on whom they look at, a little beside each time, and now and then look away.

After Lee, Badler and Badler, Eyes Alive (ACM Transactions on Graphics 21:637, 2002): how long a talking person looks at
the other and away, how long a saccade of so many degrees takes. Seed and time decide everything.
"""

from functools import lru_cache

import numpy as np

from emotalk.blendshapes import INDEX
from emotalk.inference.post.rhythm import BLOCK, Pace, generator, places
from emotalk.inference.post.shaping import smoothstep

GAZE = 1  # a kind of events

FIXATIONS_PER_S, SPREAD = 1.1, 0.6
AWAY = 0.2  # share of fixations, about that of the time in which a talking person looks away
NEAR_DEGREES = (1.3, 0.7)  # standard deviations sideways and up where the eyes stay on the other
AWAY_DEGREES, NEAREST, FARTHEST = 6.0, 3.0, 13.0  # mean of an exponential distribution, and its ends
UP_SHARE = 0.5  # eyes look away sideways more than up and down
SACCADE_S, SACCADE_S_PER_DEGREE = 0.025, 0.0024

# Degrees of an eye at a weight of 1, as on the default head.
SIDE, UP, DOWN = 30.0, 24.0, 28.0
# Lids go with eyes that look down and up, besides what the looks' own shapes do: their part of the look.
LID_DOWN, LID_UP = 0.25, 0.15


class Gaze:
    """Where the eyes of one recording look."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pace = Pace(FIXATIONS_PER_S)
        self._block = lru_cache(maxsize=4)(self._fixations)

    def angles(self, frames: np.ndarray) -> np.ndarray:
        """(n,) frame numbers, rising by 1 -> (n, 2) degrees to the own left and up."""
        now = frames / 30
        first, last = (int(self._pace.due(time_s) // BLOCK) for time_s in (now[0], now[-1]))
        blocks = [self._block(number) for number in range(first - 1, last + 2)]
        begins = np.concatenate([block[0] for block in blocks])
        targets = np.concatenate([block[1] for block in blocks])
        at = np.searchsorted(begins, now, side="right") - 1
        start, goal = targets[at - 1], targets[at]
        lasts = SACCADE_S + SACCADE_S_PER_DEGREE * np.linalg.norm(goal - start, axis=1)
        share = smoothstep((now - begins[at]) / lasts)[:, None]
        return np.asarray(start + share * (goal - start))

    def _fixations(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Of one block, from -1 on: (BLOCK,) when they begin in seconds, (BLOCK, 2) where they look in degrees."""
        rng = generator(self._seed, GAZE, number)
        begins = places(rng, number, SPREAD, 1.0) / FIXATIONS_PER_S
        near = rng.standard_normal((BLOCK, 2)) * NEAR_DEGREES
        far = np.minimum(NEAREST + rng.exponential(AWAY_DEGREES - NEAREST, BLOCK), FARTHEST)
        way = rng.uniform(0, 2 * np.pi, BLOCK)
        away = far[:, None] * np.stack([np.cos(way), UP_SHARE * np.sin(way)], 1)
        return begins, np.where(rng.uniform(size=(BLOCK, 1)) < AWAY, away, near)


def look(face: np.ndarray, degrees: np.ndarray) -> None:
    """In place: both eyes of (n, 52) turned by (n, 2) degrees to the face's own left and up, lids going with them."""
    left, up = degrees.T
    for name, amount in (
        ("eyeLookOutLeft", left / SIDE),
        ("eyeLookInRight", left / SIDE),
        ("eyeLookInLeft", -left / SIDE),
        ("eyeLookOutRight", -left / SIDE),
    ):
        face[:, INDEX[name]] += np.maximum(amount, 0)
    raised, lowered = np.maximum(up, 0) / UP, np.maximum(-up, 0) / DOWN
    for side in ("Left", "Right"):
        face[:, INDEX[f"eyeLookUp{side}"]] += raised
        face[:, INDEX[f"eyeLookDown{side}"]] += lowered
        face[:, INDEX[f"eyeWide{side}"]] += LID_UP * raised
        face[:, INDEX[f"eyeBlink{side}"]] += LID_DOWN * lowered
