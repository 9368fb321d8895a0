"""Animation: coefficients over time with all that is known of them. What every path of this package produces.

The head's axes, stated once, here: seen from a viewer who faces the face, x points right (to the face's own left), y up
and z out of the face to the viewer: right-handed. The six columns of `head` are yaw, pitch, roll in radians and x, y, z
in mm. Positive yaw (about y) turns the face to its own left, positive pitch (about x) lowers the nose, positive roll
(about z) tilts the head to its own right shoulder. The rotation is Ry(yaw) · Rx(pitch) · Rz(roll): roll acts first.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, FPS
from emotalk.errors import InputError
from emotalk.files import PathOrUri

HEAD_COLUMNS = ("yaw", "pitch", "roll", "x", "y", "z")


@dataclass(frozen=True)
class Track:
    """A named extra signal of an animation: `values` (frames, k) float32 and the names of its k columns."""

    values: np.ndarray
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Animation:
    """One face over time. Frame k is shown at k / fps seconds, or at `times_s[k]` where a capture was irregular.

    weights: (frames, n) float32, one column per name of `names`; usually in [0, 1], never clamped here.
    head: (frames, 6) float32 or None; axes, order and signs at the top of this module.
    emotion: (frames, labels) float32 or None, one column per name of `emotion_names`.
    meta: what made it (digests, versions, start time code); anything JSON can hold.
    times_s: (frames,) float64, never decreasing, or None for a regular animation. A piece of a longer animation keeps
        the longer one's times.
    tracks: further signals by name, such as eye rotations.
    """

    weights: np.ndarray
    names: tuple[str, ...] = COEFFICIENTS
    fps: Fraction = FPS
    head: np.ndarray | None = None
    emotion: np.ndarray | None = None
    emotion_names: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)
    times_s: np.ndarray | None = None
    tracks: Mapping[str, Track] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """InputError for a shape that does not fit, a number that is not finite, or a name given twice."""
        put = object.__setattr__
        put(self, "names", tuple(self.names))
        put(self, "emotion_names", tuple(self.emotion_names))
        put(self, "fps", _fraction(self.fps))
        put(self, "weights", _matrix("weights", self.weights, None, self.names))
        if self.head is not None:
            put(self, "head", _matrix("head", self.head, self.frames, HEAD_COLUMNS))
        if self.emotion is not None:
            put(self, "emotion", _matrix("emotion", self.emotion, self.frames, self.emotion_names))
        elif self.emotion_names:
            raise InputError("emotion_names are given without emotion")
        if self.times_s is not None:
            put(self, "times_s", _times(self.times_s, self.frames))
        put(self, "tracks", {name: _track(name, track, self.frames) for name, track in self.tracks.items()})
        try:
            put(self, "meta", json.loads(json.dumps(dict(self.meta), allow_nan=False)))
        except (TypeError, ValueError) as error:
            raise InputError(f"meta must be what JSON can hold ({error})") from error

    @property
    def frames(self) -> int:
        return len(self.weights)

    @property
    def duration_s(self) -> float:
        """From the first frame's start to the last frame's end."""
        if self.times_s is None or not self.frames:
            return float(self.frames / self.fps)
        return float(self.times_s[-1] - self.times_s[0] + 1 / self.fps)

    def time_s(self) -> np.ndarray:
        """(frames,) float64: when each frame is shown, for regular and irregular animations alike."""
        if self.times_s is not None:
            return self.times_s
        return np.arange(self.frames) * self.fps.denominator / self.fps.numerator

    def column(self, name: str) -> np.ndarray:
        """(frames,) float32 of one coefficient; InputError for a name that is not here."""
        if name not in self.names:
            raise InputError(f"no coefficient {name!r} in this animation")
        return self.weights[:, self.names.index(name)]

    def piece(self, start: int, stop: int) -> "Animation":
        """Frames start…stop with everything that belongs to them; irregular times stay those of the whole."""

        def cut(values: np.ndarray | None) -> np.ndarray | None:
            return None if values is None else values[start:stop]

        return replace(
            self,
            weights=self.weights[start:stop],
            head=cut(self.head),
            emotion=cut(self.emotion),
            times_s=cut(self.times_s),
            tracks={name: Track(track.values[start:stop], track.columns) for name, track in self.tracks.items()},
        )

    def pieces(self, frames: int) -> Iterator["Animation"]:
        """Consecutive pieces of at most `frames` frames; at least one, so that an empty animation stays one."""
        for start in range(0, max(self.frames, 1), frames):
            yield self.piece(start, start + frames)

    def equals(self, other: "Animation") -> bool:
        """Every value, name and piece of meta is the same, bit for bit (0.0 and -0.0 are the same)."""
        mine = (self.names, self.fps, self.emotion_names, self.meta, {n: t.columns for n, t in self.tracks.items()})
        theirs = (
            other.names,
            other.fps,
            other.emotion_names,
            other.meta,
            {n: t.columns for n, t in other.tracks.items()},
        )
        if mine != theirs:
            return False
        pairs = [
            (self.weights, other.weights),
            (self.head, other.head),
            (self.emotion, other.emotion),
            (self.times_s, other.times_s),
            *((track.values, other.tracks[name].values) for name, track in self.tracks.items()),
        ]
        return all(a is b if a is None or b is None else np.array_equal(a, b) for a, b in pairs)

    def save(self, target: PathOrUri, **options: Any) -> None:
        """Writes a local path or fsspec URI, whole or not at all; the suffix picks the format.

        options: `format`, `fps` and what else `emotalk.formats.write_animation` takes.
        """
        from emotalk.formats import write_animation

        write_animation(target, [self], **options)

    @classmethod
    def load(cls, source: PathOrUri, **options: Any) -> "Animation":
        """Reads what `save`, or the tool that owns the format, wrote. InputError names file and reason.

        options: `format` and what else `emotalk.formats.read_animation` takes.
        """
        from emotalk.formats import read_animation

        return read_animation(source, **options)


def _fraction(fps: Fraction | float) -> Fraction:
    if isinstance(fps, float) and not fps.is_integer():
        raise InputError(f"fps must be a whole number or a Fraction (30000/1001, not {fps}): a float drifts over hours")
    value = Fraction(fps)
    if not 0 < value <= 1000:
        raise InputError(f"fps must be in (0, 1000], not {value}")
    return value


def _matrix(what: str, values: np.ndarray, frames: int | None, columns: tuple[str, ...]) -> np.ndarray:
    array = np.asarray(values)
    expected = f"({'frames' if frames is None else frames}, {len(columns)})"
    if array.ndim != 2 or array.shape[1] != len(columns) or (frames is not None and len(array) != frames):
        raise InputError(f"{what} must be {expected}, not {array.shape}")
    if array.dtype.kind not in "fiu":
        raise InputError(f"{what} must be numbers, not {array.dtype}")
    if len(set(columns)) != len(columns):
        raise InputError(f"{what} has a column name twice")
    with np.errstate(over="ignore"):
        array = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(array).all():
        frame, column = np.argwhere(~np.isfinite(array))[0]
        raise InputError(f"{what} of frame {frame} is not a finite number ({columns[column]})")
    return array


def _times(times_s: np.ndarray, frames: int) -> np.ndarray:
    array = np.ascontiguousarray(times_s, np.float64)
    if array.shape != (frames,):
        raise InputError(f"times_s must be ({frames},), not {array.shape}")
    if not np.isfinite(array).all():
        raise InputError("times_s holds a number that is not finite")
    if (backwards := np.flatnonzero(np.diff(array) < 0)).size:
        raise InputError(f"times_s runs backwards after frame {backwards[0]}")
    return array


def _track(name: str, track: Track, frames: int) -> Track:
    if not name.isidentifier():
        raise InputError(f"a track's name must be an identifier, not {name!r}")
    columns = tuple(track.columns)
    return Track(_matrix(f"track {name}", track.values, frames, columns), columns)
