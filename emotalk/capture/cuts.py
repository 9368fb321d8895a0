"""Where a long recording is cut into clips: at the pauses of its voice.

A pure function of the sound's level, so that the same video is cut alike everywhere.
"""

from typing import NamedTuple

import numpy as np

from emotalk.capture.sound import LEVELS_PER_S
from emotalk.errors import InputError

MAX_CLIP_S = 20.0
MIN_CLIP_S = 2.0  # no piece shorter than this is cut off a longer recording
PAUSE_S = 0.3  # a gap of this length is a pause; the level is smoothed over it


class Cut(NamedTuple):
    """One clip of a recording, in seconds on the video's clock."""

    start_s: float
    end_s: float

    @property
    def start_ms(self) -> int:
        return round(1000 * self.start_s)


def plan_cuts(level_db: np.ndarray, *, max_s: float = MAX_CLIP_S) -> list[tuple[float, float]]:
    """(m,) level every 10 ms -> (start, end) in seconds from its start, one after the other, none over `max_s`.

    A cut stands in the middle of the quietest `PAUSE_S` of the later half of the longest clip that may be; of equally
    quiet places the latest wins. What is short enough stays whole.
    """
    if max_s < 2 * MIN_CLIP_S:
        raise InputError(f"clips must be allowed to last {2 * MIN_CLIP_S:g} s at least, not {max_s:g} s")
    total = len(level_db)
    quiet = _smooth(level_db, round(PAUSE_S * LEVELS_PER_S))
    longest, shortest = round(max_s * LEVELS_PER_S), round(MIN_CLIP_S * LEVELS_PER_S)
    every = LEVELS_PER_S // 10
    cuts, start = [], 0
    while total - start > longest:
        last = min(start + longest, total - shortest)
        places = np.arange(-(-(start + longest // 2) // every) * every, last + 1, every)
        end = int(places[::-1][np.argmin(quiet[places[::-1]])])
        cuts.append((start / LEVELS_PER_S, end / LEVELS_PER_S))
        start = end
    cuts.append((start / LEVELS_PER_S, total / LEVELS_PER_S))
    return cuts


def _smooth(level: np.ndarray, width: int) -> np.ndarray:
    """The mean over `width` values around each; the ends are held."""
    padded = np.pad(level.astype(np.float64), (width // 2, width - 1 - width // 2), mode="edge")
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    return (sums[width:] - sums[:-width]) / width
