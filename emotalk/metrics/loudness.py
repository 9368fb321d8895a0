"""Loudness of a recording at the animation's frames, and how a jaw follows it."""

from dataclasses import dataclass

import numpy as np

from emotalk.blendshapes import INDEX
from emotalk.inference.post import loudness_dbfs
from emotalk.metrics.measures import number
from emotalk.metrics.moments import correlation, moments

RANGE_DB = 40.0  # below the loudest tenth of a second all is silence
SILENT_DB, LOUD_DB = -30.0, -10.0


def relative_loudness_db(samples: np.ndarray, frames: int) -> np.ndarray:
    """(n,) samples at 16 kHz -> (frames,) dB below the recording's loudest three frames in a row, from -40 to 0.

    Relative, so that a recording's gain does not matter. A silent recording is silent throughout.
    """
    power = 10 ** (loudness_dbfs(samples, 0, frames).astype(np.float64) / 10)
    smooth = np.convolve(power, np.ones(3) / 3, mode="same") if frames >= 3 else power
    loudest = smooth.max(initial=0.0)
    if loudest <= 1e-11:  # the floor of `loudness_dbfs`, rounded: there is nothing to be relative to
        return np.full(frames, -RANGE_DB)
    return np.clip(10 * np.log10(power / loudest), -RANGE_DB, 0.0)


@dataclass(frozen=True, kw_only=True)
class JawLoudness:
    """How a jaw follows loudness, where no real face is known: it should rest in silence and open in loud frames.

    silent / loud: mean jawOpen (0 to 1) in frames at least 30 dB below the loudest and in those within 10 dB of it;
    None where there are none. correlation: Pearson's r of jawOpen and loudness in dB; None where either is constant.
    """

    silent: float | None
    loud: float | None
    correlation: float | None


def jaw_follows_loudness(samples: np.ndarray, weights: np.ndarray) -> JawLoudness:
    """(n,) samples at 16 kHz and their animation (frames, 52); frames after the sound ends count as silent."""
    loudness = relative_loudness_db(samples, len(weights))
    jaw = weights[:, INDEX["jawOpen"]].astype(np.float64)
    silent, loud = jaw[loudness <= SILENT_DB], jaw[loudness >= LOUD_DB]
    return JawLoudness(
        silent=float(silent.mean()) if len(silent) else None,
        loud=float(loud.mean()) if len(loud) else None,
        correlation=number(correlation(moments(jaw, loudness))),
    )
