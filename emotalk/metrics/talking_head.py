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


@dataclass(frozen=True)
class Follows:
    """How a signal goes with the captured mouth.

    by_lag: correlations from 15 frames of 1/30 s early to 15 late (the signal after the captured mouth); NaN where
    either is constant.
    """

    by_lag: np.ndarray

    @property
    def lag_frames(self) -> int | None:
        """Where the correlation is highest; None where there is none."""
        return None if np.isnan(self.by_lag).all() else int(np.nanargmax(self.by_lag)) - MAX_LAG_FRAMES

    @property
    def best(self) -> float | None:
        return None if self.lag_frames is None else self.at(self.lag_frames)

    def at(self, lag_frames: int) -> float | None:
        """At a lag; None beyond half a second."""
        inside = abs(lag_frames) <= MAX_LAG_FRAMES
        return number(self.by_lag[lag_frames + MAX_LAG_FRAMES]) if inside else None


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
    return Follows(correlation(lagged_moments(signal, real, MAX_LAG_FRAMES)))
