"""Shaping: how far each coefficient moves, lips that meet, lids that rest elsewhere. Every frame by itself."""

from collections.abc import Callable, Mapping

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, GROUPS, INDEX, columns_named
from emotalk.controls import Controls
from emotalk.controls.checks import constant
from emotalk.controls.track import Number, Track, number_at

FACE = len(COEFFICIENTS)
BLINK, WIDE, SQUINT = (np.array(GROUPS[name]) for name in ("eyeBlink", "eyeWide", "eyeSquint"))

# The height between the middles of the lips on the default head, which is linear, in units of jawOpen's (20.7 mm).
OPENS: dict[str, float] = {
    "jawOpen": 1.0,
    "mouthClose": -1.0,
    "mouthFunnel": 0.375,
    "mouthLowerDown": 0.135,
    "mouthUpperUp": 0.12,
    "mouthShrugUpper": 0.14,
    "mouthShrugLower": -0.155,
}
OPENING = np.zeros(FACE, np.float32)
for _name, _share in OPENS.items():
    OPENING[list(columns_named(_name))] = _share
JAW, CLOSE = INDEX["jawOpen"], INDEX["mouthClose"]
PARTING = np.flatnonzero(OPENING > 0)[np.flatnonzero(OPENING > 0) != JAW]
SHUT, NARROWED = 0.145, 0.29  # openings of 3 and 6 mm


class ByColumn:
    """Numbers by name as one number per coefficient and frame, put together where names meet."""

    def __init__(self, neutral: float, meet: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        self._meet = meet
        self._fixed = np.full(FACE, neutral, np.float32)
        self._neutral = np.float32(neutral)
        self._timed: list[tuple[np.ndarray, Track]] = []

    def add(self, numbers: Mapping[str, Number]) -> "ByColumn":
        for name, number in numbers.items():
            columns = np.array(columns_named(name))
            if isinstance(number, Track):
                self._timed.append((columns, number))
            else:
                self._fixed[columns] = self._meet(self._fixed[columns], np.array(number, np.float32))
        return self

    @property
    def idle(self) -> bool:
        return not self._timed and bool((self._fixed == self._neutral).all())

    def at(self, frames: np.ndarray) -> np.ndarray:
        """(n,) frame numbers -> (n, 52), or (1, 52) where time changes nothing."""
        if not self._timed:
            return self._fixed[None]
        out = np.tile(self._fixed, (len(frames), 1))
        for columns, track in self._timed:
            out[:, columns] = self._meet(out[:, columns], track.at(frames)[:, None])
        return out


class Shape:
    """What one recording's controls do to its raw frames."""

    def __init__(self, controls: Controls) -> None:
        shaping = controls.shaping
        strengths = {"upper_face": shaping.upper_face, "lower_face": shaping.lower_face}
        self._gain = ByColumn(1, np.multiply).add(shaping.gain).add(strengths)
        self._offset = ByColumn(0, np.add).add(shaping.offset)
        self._lip_close, self._eyelid = shaping.lip_close, shaping.eyelid

    @property
    def idle(self) -> bool:
        still = constant(self._lip_close, 0) and constant(self._eyelid, 0)
        return still and self._gain.idle and self._offset.idle

    def apply(self, face: np.ndarray, frames: np.ndarray) -> None:
        """In place: (n, 52) raw coefficients of frames numbered `frames` (n,)."""
        face *= self._gain.at(frames)
        face += self._offset.at(frames)
        if not constant(self._lip_close, 0):
            close_lips(face, number_at(self._lip_close, frames))
        if not constant(self._eyelid, 0):
            move_lids(face, number_at(self._eyelid, frames))


class Limits:
    """Between which values each coefficient stays."""

    def __init__(self, controls: Controls) -> None:
        self._low = ByColumn(0, np.maximum).add(controls.shaping.minimum)
        self._high = ByColumn(1, np.minimum).add(controls.shaping.maximum)

    @property
    def idle(self) -> bool:
        return self._low.idle and self._high.idle

    def apply(self, face: np.ndarray, frames: np.ndarray) -> None:
        """In place: (n, 52)."""
        np.maximum(face, self._low.at(frames), out=face)
        np.minimum(face, self._high.at(frames), out=face)


def close_lips(face: np.ndarray, amount: np.ndarray) -> None:
    """In place: lips (n, 52) that are less than `NARROWED` · amount (n,) apart come together, below `SHUT` · amount all
    the way: what parts them shrinks, and mouthClose rises to jawOpen, so that the jaw keeps its place."""
    opening = face @ OPENING
    narrowed = np.maximum(NARROWED * amount, 1e-6)
    shut = smoothstep((narrowed - opening) / (narrowed - SHUT * np.minimum(amount, 1)).clip(min=1e-6))
    face[:, CLOSE] += shut * np.maximum(face[:, JAW] - face[:, CLOSE], 0)
    face[:, PARTING] *= 1 - shut[:, None]


def move_lids(face: np.ndarray, amount: np.ndarray) -> None:
    """In place: lids (n, 52) closed by a share of what is left (amount (n,) above 0), or opened and widened (below)."""
    closed, opened = np.maximum(amount, 0)[:, None], np.maximum(-amount, 0)[:, None]
    face[:, BLINK] = (face[:, BLINK] + closed * (1 - face[:, BLINK])) * (1 - opened)
    face[:, SQUINT] *= 1 - opened
    face[:, WIDE] = (face[:, WIDE] + opened * (1 - face[:, WIDE])) * (1 - closed)


def smoothstep(share: np.ndarray) -> np.ndarray:
    """0 below 0, 1 above 1, without corners in between."""
    share = np.clip(share, 0, 1)
    return share * share * (3 - 2 * share)
