"""A model's mouth beside the mouth of a real talking head that was captured from video, and beside the sound alone.

A jaw that follows loudness moves at the right moments without a word understood: what a model is worth is how much
closer to the real mouth it comes. Video and sound of a file may be out of step, so all is told by lag.
"""

from dataclasses import dataclass

import numpy as np

from emotalk.inference.post import loudness_dbfs
from emotalk.metrics.loudness import relative_loudness_db
from emotalk.metrics.measures import number
from emotalk.metrics.moments import correlation
from emotalk.metrics.opening import LipOpening
from emotalk.metrics.sync import lagged_moments

MAX_LAG_FRAMES = 15  # half a second


@dataclass(frozen=True, kw_only=True)
class Follows:
    """How a signal goes with the captured mouth. now: correlation as the file is; best: the highest within half a
    second; lag_frames: where, in frames of 1/30 s, positive where the signal comes after the captured mouth."""

    now: float | None
    best: float | None
    lag_frames: int | None


@dataclass(frozen=True, kw_only=True)
class TalkingHead:
    """model: the animation's lip opening. loudness: of the same sound, in dB or as amplitude, whichever does better."""

    model: Follows
    loudness: Follows
    frames: int


def compare_with_captured(
    weights: np.ndarray, samples: np.ndarray, captured: np.ndarray, opening: LipOpening
) -> TalkingHead:
    """An animation (frames, 52), its sound (n,) at 16 kHz and the captured face (frames, 52), from one moment on."""
    frames = min(len(weights), len(captured))
    real = opening.of(captured[:frames])
    amplitude = 10 ** (loudness_dbfs(samples, 0, frames).astype(np.float64) / 20)
    envelopes = [
        _follows(np.convolve(np.pad(track, 1, mode="edge"), np.ones(3) / 3, mode="valid"), real)
        for track in (relative_loudness_db(samples, frames), amplitude)
    ]
    return TalkingHead(
        model=_follows(opening.of(weights[:frames]), real),
        loudness=max(envelopes, key=lambda each: -1.0 if each.best is None else each.best),
        frames=frames,
    )


def _follows(signal: np.ndarray, real: np.ndarray) -> Follows:
    by_lag = correlation(lagged_moments(signal, real, MAX_LAG_FRAMES))
    if np.isnan(by_lag).all():
        return Follows(now=None, best=None, lag_frames=None)
    best = int(np.nanargmax(by_lag))
    return Follows(now=number(by_lag[MAX_LAG_FRAMES]), best=float(by_lag[best]), lag_frames=best - MAX_LAG_FRAMES)
