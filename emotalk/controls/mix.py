"""Names in parts: an emotion two thirds happy, a style between two speakers; and mixes that change over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotalk.controls.checks import shown
from emotalk.controls.track import MAX_POINTS, Track, interpolated, is_number
from emotalk.errors import InputError

Mix = Mapping[str, float]
"""Weights by name, which add up to 1."""

# What None is called within mixes and tracks typed as text.
HEARD = "heard"
NO_STYLE = "none"
MAX_WEIGHT = 1e6


@dataclass(frozen=True)
class MixTrack:
    """Names, mixes or nothing at times, cross-faded in straight lines; two points of one time are a step.

    points: (seconds from the recording's start, a name or number, a mix, or None), times rising.
    """

    points: tuple[tuple[float, Any], ...]

    @classmethod
    def of(cls, points: Any) -> "MixTrack":
        """`[[0, "happy"], [2.5, {"happy": 1, "sad": 1}], [4, null]]`, as JSON and YAML have it."""
        for point in points:
            if not isinstance(point, list | tuple) or len(point) != 2 or not is_number(point[0]):
                raise InputError("every point of a track must be [seconds, what it is then]")
        return cls(tuple((float(at), value) for at, value in points))

    def to_json(self) -> list[list[Any]]:
        """The inverse of `of`."""
        return [[at, dict(value) if isinstance(value, Mapping) else value] for at, value in self.points]

    @property
    def values(self) -> list[Any]:
        return [value for _, value in self.points]


def checked(name: str, value: Any, one: type[str] | type[int], nothing: str) -> Any:
    """A control that is a name (or a whole number), a mix, a track of these, or None: as it is kept, mixes adding up to
    1. `nothing` is what None is called. InputError for anything else."""
    if isinstance(value, MixTrack):
        times = [at for at, _ in value.points]
        if not 1 <= len(times) <= MAX_POINTS or not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise InputError(f"{name} must have 1 to {MAX_POINTS} points at finite times that rise")
        return MixTrack(tuple((at, checked(name, part, one, nothing)) for at, part in value.points))
    if value is None or value == nothing:
        return None
    if isinstance(value, one) and not isinstance(value, bool):
        return value
    if not isinstance(value, Mapping):
        kind = "a label" if one is str else "a whole number"
        raise InputError(f"{name} must be {kind}, a mix or a track of these, not {shown(value)}")
    if not value or not all(isinstance(key, str) for key in value):
        raise InputError(f"{name} must have one name at least, all of them texts")
    for key, weight in value.items():
        if not is_number(weight) or not 0 <= weight <= MAX_WEIGHT:
            raise InputError(f"{name} must have weights of 0 to {MAX_WEIGHT:g}, not {shown(weight)} of {shown(key)}")
    total = sum(value.values())
    if not total > 0:
        raise InputError(f"{name} must have a weight above 0")
    exact = abs(total - 1) < 1e-9  # to divide again would change last bits
    return {key: float(weight if exact else weight / total) for key, weight in value.items()}


def parts_of(value: Any, nothing: str) -> dict[str, float]:
    """A name, a number, a mix or None -> weights by name."""
    if isinstance(value, Mapping):
        return dict(value)
    return {nothing if value is None else str(value): 1.0}


def names_in(value: Any, nothing: str) -> list[str]:
    """All names that it ever speaks of, but for None's."""
    values = value.values if isinstance(value, MixTrack) else [value]
    return sorted({name for part in values for name in parts_of(part, nothing)} - {nothing})


def indices_in(value: Any, nothing: str) -> list[int | str]:
    """All indices that it ever speaks of, as texts where they are none."""
    indices: list[int | str] = []
    for part in value.values if isinstance(value, MixTrack) else [value]:
        names = part if isinstance(part, Mapping) else [nothing if part is None else part]
        indices += [
            int(n) if isinstance(n, str) and n.isdecimal() and len(n) < 20 else n for n in names if n != nothing
        ]
    return indices


def weights_at(value: Any, names: Sequence[str], nothing: str, frames: np.ndarray | None) -> np.ndarray:
    """(n,) frame numbers -> (n, names + 1) float32, the last column being None's. frames None: of what never changes,
    one row."""
    places = {name: i for i, name in enumerate([*names, nothing])}
    points = value.points if isinstance(value, MixTrack) else ((0.0, value),)
    table = np.zeros((len(points), len(places)))
    for row, (_, part) in enumerate(points):
        for name, weight in parts_of(part, nothing).items():
            table[row, places[name]] = weight
    if frames is None or len(points) == 1:
        return np.repeat(table[:1].astype(np.float32), 1 if frames is None else len(frames), 0)
    return interpolated(np.array([at for at, _ in points], np.float64), table, frames)


def never_changes(value: Any) -> bool:
    return not isinstance(value, MixTrack | Track)
