"""Savitzky-Golay smoothing whose future is fixed: a frame is finished as many frames later as half a window has."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy  # whose parts are imported at their first use: many processes read this module and smooth nothing

from emotalk.blendshapes import COEFFICIENTS, GROUPS
from emotalk.controls import Controls
from emotalk.controls.checks import constant
from emotalk.controls.shaping import MAX_WINDOW
from emotalk.controls.track import number_at

MAX_HELD = MAX_WINDOW // 2
UPPER = np.isin(np.arange(len(COEFFICIENTS)), GROUPS["upper_face"])


class Kernel(NamedTuple):
    """Windows in frames, 1 for no smoothing, of the upper face (and a head's pose) and of the lower; their order."""

    upper: int
    lower: int
    order: int

    @classmethod
    def of(cls, controls: Controls) -> "Kernel":
        shaping = controls.shaping
        off = constant(controls.smoothing, 0)
        upper = 1 if off or constant(shaping.upper_smoothing, 0) else shaping.upper_window
        lower = 1 if off or constant(shaping.lower_smoothing, 0) else shaping.lower_window
        return cls(upper, lower, shaping.smoothing_order)

    @property
    def held(self) -> int:
        """Frames that a finished frame comes behind its raw one: both halves of the face wait for the larger window."""
        return max(self.upper, self.lower) // 2

    def smooth(self, frames: np.ndarray) -> np.ndarray:
        """(B, 2 held + T, C) -> (B, T, C), those in the middle, smoothed."""
        count = frames.shape[1] - 2 * self.held
        taps = _taps(self, frames.shape[2])
        out = taps[0] * frames[:, :count]
        for offset in range(1, len(taps)):
            out += taps[offset] * frames[:, offset : offset + count]
        return out


@lru_cache(maxsize=256)
def _taps(kernel: Kernel, columns: int) -> np.ndarray:
    """(2 held + 1, C) float32, or (2 held + 1, 1) where all columns have the same."""
    upper, lower = (_padded(window, kernel) for window in (kernel.upper, kernel.lower))
    if kernel.upper == kernel.lower:
        return upper[:, None]
    above = np.pad(UPPER, (0, columns - len(UPPER)), constant_values=True)
    return np.where(above, upper[:, None], lower[:, None])


def _padded(window: int, kernel: Kernel) -> np.ndarray:
    coefficients = scipy.signal.savgol_coeffs(window, kernel.order) if window > 1 else np.ones(1)
    return np.pad(coefficients, kernel.held - window // 2).astype(np.float32)


def default_taps() -> np.ndarray:
    """(2 held + 1,) float32: what is done to every coefficient if nothing else is asked for."""
    return _taps(Kernel.of(Controls()), len(COEFFICIENTS))[:, 0]


class Strength:
    """How much of the smoothing shows: at 0 the raw frame, at 1 the smoothed one."""

    def __init__(self, controls: Controls) -> None:
        shaping = controls.shaping
        self._all, self._upper, self._lower = controls.smoothing, shaping.upper_smoothing, shaping.lower_smoothing

    @property
    def full(self) -> bool:
        return all(constant(part, 1) for part in (self._all, self._upper, self._lower))

    def at(self, frames: np.ndarray, columns: int) -> np.ndarray:
        """(n,) frame numbers -> (n, C)."""
        above = np.pad(UPPER, (0, columns - len(UPPER)), constant_values=True)
        upper, lower = (number_at(part, frames)[:, None] for part in (self._upper, self._lower))
        return number_at(self._all, frames)[:, None] * np.where(above, upper, lower)
