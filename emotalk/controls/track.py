"""A number that may change over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotalk.errors import InputError

MAX_POINTS = 100_000


@dataclass(frozen=True)
class Track:
    """Values at times, straight lines between them; before the first and behind the last point their values hold.

    points: (seconds from the recording's start, value), times rising. Two points of one time are a step, which has
    happened at that time already.
    """

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.points) <= MAX_POINTS:
            raise InputError(f"a track must have 1 to {MAX_POINTS} points, not {len(self.points)}")
        flat = np.asarray(self.points, np.float64)
        if not np.isfinite(flat).all():
            raise InputError("times and values of a track must be finite numbers")
        if (np.diff(flat[:, 0]) < 0).any():
            raise InputError("the times of a track must rise")

    @classmethod
    def of(cls, points: Any) -> "Track":
        """`[[0, 1], [2.5, 0]]`, as JSON and YAML have it. InputError for anything else."""
        if not isinstance(points, Sequence) or isinstance(points, str):
            raise InputError("a track must be a list of [seconds, value]")
        pairs = []
        for point in points:
            numbers = isinstance(point, Sequence) and all(is_number(part) for part in point)
            if not numbers or len(point) != 2:
                raise InputError("every point of a track must be [seconds, value]")
            pairs.append((float(point[0]), float(point[1])))
        return cls(tuple(pairs))

    def at(self, frames: np.ndarray) -> np.ndarray:
        """(n,) frame numbers at 30 fps -> (n,) float32. A function of each frame alone, however they are asked for."""
        times, values = np.asarray(self.points, np.float64).T
        return interpolated(times, values, frames)

    @property
    def extent(self) -> tuple[float, float]:
        """The smallest and the largest value it ever takes."""
        values = [value for _, value in self.points]
        return min(values), max(values)

    def to_json(self) -> list[list[float]]:
        """The inverse of `of`."""
        return [[float(at), float(value)] for at, value in self.points]


Number = float | Track
"""What a control that may change over time is: one value for all of it, or a track."""


def number_at(value: Number, frames: np.ndarray) -> np.ndarray:
    """(n,) frame numbers -> (n,) float32."""
    return value.at(frames) if isinstance(value, Track) else np.full(len(frames), value, np.float32)


def interpolated(times: np.ndarray, values: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(k,) seconds that rise, (k, …) values at them, (n,) frame numbers -> (n, …) float32, as a `Track` means it."""
    now = np.asarray(frames, np.float64) / 30
    after = np.searchsorted(times, now, side="right")
    left, right = np.clip(after - 1, 0, None), np.clip(after, None, len(times) - 1)
    span = times[right] - times[left]
    share = np.clip(np.divide(now - times[left], span, out=np.zeros_like(now), where=span > 0), 0, 1)
    share = share.reshape(-1, *(1,) * (values.ndim - 1))
    return (values[left] + share * (values[right] - values[left])).astype(np.float32)


def is_number(value: object) -> bool:
    """Whether it is one that a float holds: JSON's integers may have thousands of digits."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, float) or value.bit_length() < 1024
