"""From a track's pictures to 30 frames a second: by time stamps, gaps filled and counted, smoothed and clamped."""

from math import inf
from typing import NamedTuple

import numpy as np

from emotalk.blendshapes import FPS
from emotalk.capture.track import Track
from emotalk.sampling import at_times

SMOOTHING = np.array([-3, 12, 17, 12, -3], np.float64) / 35  # Savitzky-Golay, window 5, order 2
EDGE = len(SMOOTHING) // 2
SHORT_GAP_S = 0.1  # faces this near need nothing filled in between, whatever the video's rate
MAX_GAP_S = 0.25  # in longer gaps a closed mouth may have been missed


class Retimed(NamedTuple):
    """Frames at 30 fps. weights: (frames, 52) float32 in [0, 1]. head: (frames, 6) float32.

    filled: (frames,) bool, inside a short gap and interpolated. lost: (frames,) bool, inside a longer one: the
    values are interpolated there as well, but nobody saw them.
    """

    weights: np.ndarray
    head: np.ndarray
    filled: np.ndarray
    lost: np.ndarray


def retime(track: Track, start_s: float, frames: int, *, scene_s: tuple[float, float] = (-inf, inf)) -> Retimed:
    """Frame k is the face at start_s + k / 30 s on the video's clock, between the pictures before and after.

    scene_s: first and last moment of which pictures may be used; beyond it may be another face. Frames beyond the first
    and last face hold its values. Where there is no face at all everything is 0 and lost.
    """
    seen = (track.faces > 0) & (track.times_s >= scene_s[0]) & (track.times_s < scene_s[1])
    wanted_s = start_s + np.arange(-EDGE, frames + EDGE) / float(FPS)
    if not seen.any():
        nothing = np.zeros(frames, bool)
        zeros = np.zeros((frames, track.near.shape[1]), np.float32)
        return Retimed(zeros, np.zeros((frames, 6), np.float32), nothing, ~nothing)
    times_s = track.times_s[seen]
    scores = at_times(track.near[seen], times_s, wanted_s)
    smooth = sum(weight * scores[k : k + frames] for k, weight in enumerate(SMOOTHING))
    angles = np.unwrap(track.head[seen].astype(np.float64)[:, :3], axis=0)
    inner_s = wanted_s[EDGE : EDGE + frames]
    head = at_times(np.hstack([angles, track.head[seen][:, 3:]]), times_s, inner_s)
    gap_s = _gaps(inner_s, times_s)
    lost = gap_s > MAX_GAP_S
    filled = (gap_s > max(SHORT_GAP_S, 1.5 * track.step_s)) & ~lost
    return Retimed(np.clip(smooth, 0, 1).astype(np.float32), head.astype(np.float32), filled, lost)


def _gaps(wanted_s: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """How far apart the faces around each wanted time are; beyond the first and last, twice the way to it."""
    after = np.searchsorted(times_s, wanted_s)
    inside = (after > 0) & (after < len(times_s))
    before = np.clip(after - 1, 0, len(times_s) - 1)
    after = np.clip(after, 0, len(times_s) - 1)
    outside = 2 * np.maximum(times_s[0] - wanted_s, wanted_s - times_s[-1])
    return np.asarray(np.where(inside, times_s[after] - times_s[before], outside))
