"""Audio-visual synchrony: how many frames the lips lag behind what they should follow.

The lag is where two signals correlate most, with a parabola through the three best lags for what lies between frames.
Its confidence is the highest correlation less the median over all lags, as SyncNet (Chung & Zisserman 2016) takes the
median distance less the least: near 0, no lag is better than another.
"""

from typing import NamedTuple

import numpy as np

from emotalk.metrics.loudness import relative_loudness_db
from emotalk.metrics.measures import SPEECH, Quantity
from emotalk.metrics.moments import correlation
from emotalk.metrics.opening import LipOpening
from emotalk.metrics.pair import Pair
from emotalk.rigs.rig import Rig

MAX_LAG_FRAMES = 10  # a third of a second; beyond it, one syllable is taken for the next
MIN_OVERLAP_FRAMES = 10  # of a lag: two frames correlate perfectly with any other two


class SyncOffset(NamedTuple):
    """lag_frames: positive where the first signal comes after the second. confidence: 0 to 2; NaN where undefined."""

    lag_frames: float
    confidence: float


def sync_offset(signal: np.ndarray, reference: np.ndarray, max_lag: int = MAX_LAG_FRAMES) -> SyncOffset:
    """Two signals (frames,) at one frame rate -> by how many frames `signal` follows `reference`.

    (NaN, NaN) where either is constant or there are not enough frames.
    """
    lag, confidence = best_lag(correlation(lagged_moments(signal, reference, max_lag)))
    return SyncOffset(float(lag), float(confidence))


def lagged_moments(signal: np.ndarray, reference: np.ndarray, max_lag: int) -> np.ndarray:
    """Two signals (frames,) -> (2 max_lag + 1, 6): the moments of signal[t + lag] and reference[t], lag by lag.

    Additive over clips. Zero where fewer than 10 frames overlap.
    """
    frames = len(reference)
    x, y = (np.asarray(track, np.float64) for track in (signal, reference))
    # Sums of the first k frames, so that any stretch is a difference of two.
    sums = [np.concatenate([[0.0], np.cumsum(track)]) for track in (x, y, x * x, y * y)]
    out = np.zeros((2 * max_lag + 1, 6))
    for row, lag in enumerate(range(-max_lag, max_lag + 1)):
        overlap = frames - abs(lag)
        if overlap >= MIN_OVERLAP_FRAMES:
            first, second = max(lag, 0), max(-lag, 0)
            starts = (first, second, first, second)
            stretches = [total[start + overlap] - total[start] for total, start in zip(sums, starts, strict=True)]
            product = x[first : first + overlap] @ y[second : second + overlap]
            out[row] = (overlap, *stretches, product)
    return out


def best_lag(correlations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(…, 2 max_lag + 1) correlations from the most negative lag on -> lag in frames (…), confidence (…)."""
    lags = correlations.shape[-1]
    known = ~np.isnan(correlations)
    enough = known.sum(-1) >= 3
    filled = np.where(known, correlations, -np.inf)
    peak = filled.argmax(-1)
    inner = np.clip(peak, 1, lags - 2)
    before, here, after = (np.take_along_axis(filled, (inner + i)[..., None], -1)[..., 0] for i in (-1, 0, 1))
    with np.errstate(invalid="ignore"):
        bend = before - 2 * here + after
        round_top = (peak == inner) & np.isfinite(bend) & (bend < 0)
        shift = np.where(round_top, (before - after) / np.where(round_top, 2 * bend, 1), 0.0)
    best = np.take_along_axis(filled, peak[..., None], -1)[..., 0]
    middle = np.nanmedian(np.where(enough[..., None], correlations, 0.0), -1)
    lag = np.where(enough, peak + shift - lags // 2, np.nan)
    return lag, np.where(enough, best - middle, np.nan)


class LipSync:
    """Lag of the predicted lip opening behind the sound's loudness and behind the real lips, in frames of 1/30 s.

    Correlations are pooled over the frames of all clips, each clip's signals normalised to mean 0 and variance 1. Lips
    move ahead of the sound they make, so that the real face has a lag to the sound of its own: read it beside.
    """

    size = 2 * (2 * MAX_LAG_FRAMES + 1) * 6

    def __init__(self, rig: Rig) -> None:
        self._opening = LipOpening(rig)
        source = "confidence as in SyncNet (Chung & Zisserman 2016)"
        self.quantities = tuple(
            quantity
            for short, what in (("sound", "the loudness in dB"), ("truth", "the real lip opening"))
            for quantity in (
                Quantity(
                    name=f"lag to {short}",
                    unit="frame",
                    definition=f"lag at which the lip opening of {rig.name} correlates most with {what}, within "
                    f"± {MAX_LAG_FRAMES} frames of 1/30 s; positive: the lips are late"
                    + ("; lips lead sound, compare with the real face" if short == "sound" else ""),
                    better="nearer to the real face's" if short == "sound" else "nearer to 0",
                    table=SPEECH,
                ),
                Quantity(
                    name=f"confidence of lag to {short}",
                    unit="",
                    definition=f"highest correlation with {what} less the median over all lags",
                    better="higher",
                    source=source,
                    table=SPEECH,
                ),
            )
        )

    def sums(self, pair: Pair) -> np.ndarray:
        """Moments by lag: against the sound, then against the truth."""
        out = np.zeros((2, 2 * MAX_LAG_FRAMES + 1, 6))
        if not pair.frames:
            return out.reshape(-1)
        lips = _normalised(self._opening.predicted(pair))
        if pair.samples is not None:
            loudness = _normalised(relative_loudness_db(pair.samples, pair.frames))
            out[0] = lagged_moments(lips, loudness, MAX_LAG_FRAMES)
        out[1] = lagged_moments(lips, _normalised(self._opening.of(pair.target)), MAX_LAG_FRAMES)
        return out.reshape(-1)

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        by_lag = sums.reshape(*sums.shape[:-1], 2, 2 * MAX_LAG_FRAMES + 1, 6)
        lag, confidence = best_lag(correlation(by_lag))
        return lag[..., 0], confidence[..., 0], lag[..., 1], confidence[..., 1]


def _normalised(signal: np.ndarray) -> np.ndarray:
    """Mean 0 and variance 1; zeros for a constant signal, which then has no part in a correlation."""
    centred = signal.astype(np.float64) - signal.mean(dtype=np.float64)
    spread = centred.std()
    return np.asarray(centred / spread if spread > 1e-9 else np.zeros_like(centred))
