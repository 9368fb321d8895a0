"""From times of one recording to times of another, and to positions among its frames."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotalk.blendshapes import FPS
from emotalk.corpus.clip import Phone

FRAMES_PER_S = float(FPS)


class TimeMap(NamedTuple):
    """A piecewise-linear map of time: the moment target_s (n,) of one recording is heard_s (n,) of another, in seconds.

    Both begin at 0 and end with their recordings; target_s rises, heard_s does not fall.
    """

    target_s: np.ndarray
    heard_s: np.ndarray

    def at(self, times_s: np.ndarray) -> np.ndarray:
        """Times in the one -> times in the other."""
        return np.interp(times_s, self.target_s, self.heard_s)

    def positions(self, frames: int, heard_frames: int, speed: float = 1.0) -> np.ndarray:
        """(frames,) float64: where each frame of the target lies among the frames of the heard recording.

        speed: both recordings are played faster by it, and the frames are those of the faster ones: frame k is then
        heard at speed · k / 30 of the recordings that the map is of.
        """
        times_s = np.arange(frames) * speed / FRAMES_PER_S
        return np.clip(self.at(times_s) / speed * FRAMES_PER_S, 0, heard_frames - 1)


def even_positions(frames: int, heard_frames: int) -> np.ndarray:
    """(frames,) float64: the heard recording stretched to the target's frames, first and last frame kept."""
    step = (heard_frames - 1) / max(frames - 1, 1)
    return np.minimum(np.arange(frames) * step, heard_frames - 1)


def phone_map(
    target: Sequence[Phone] | None, target_s: float, heard: Sequence[Phone] | None, heard_s: float
) -> TimeMap | None:
    """Speech sounds of two recordings of so many seconds -> each sound onto its own, borders onto borders.

    Linear within a sound, in pauses, before the first sound and behind the last. None where either's sounds are
    unknown or the two do not say the same ones in the same order.
    """
    if not target or not heard or [phone.name for phone in target] != [phone.name for phone in heard]:
        return None
    x, y = (
        np.clip([0.0, *(edge for phone in phones for edge in (phone.start_s, phone.end_s)), length_s], 0.0, length_s)
        for phones, length_s in ((target, target_s), (heard, heard_s))
    )
    return knots(x, y)


def knots(target_s: np.ndarray, heard_s: np.ndarray) -> TimeMap:
    """Times of both that belong together, in order. Several at one moment of the target are a step in time."""
    # A nanosecond apart: what is interpolated between must rise.
    rise = 1e-9 * np.arange(len(target_s))
    return TimeMap(np.maximum.accumulate(target_s) + rise, np.maximum.accumulate(heard_s))
