"""One speaker becomes many: speech taken apart into pitch, spectral envelope and noise, and put together otherwise.

The WORLD vocoder (Morise et al. 2016) through `pyworld`. What is taken apart once is rendered many times, each with its
own pace, pitch, melody and throat; sounds keep their order and, but for the pace, their times.
"""

from dataclasses import dataclass

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.errors import MissingExtraError

FRAME_MS = 5.0
LOWEST_HZ, HIGHEST_HZ = 60.0, 700.0  # of a rendered voice


@dataclass(frozen=True)
class Parts:
    """Speech taken apart, a row per `FRAME_MS`: f0 (T,) in Hz, 0 where unvoiced; envelope, noise (T, bins)."""

    f0: np.ndarray
    envelope: np.ndarray
    noise: np.ndarray


def take_apart(samples: np.ndarray) -> Parts:
    """(n,) samples at 16 kHz. MissingExtraError without the extra `voices`."""
    world = _world()
    sound = samples.astype(np.float64)
    rough, times = world.dio(sound, SAMPLE_RATE, frame_period=FRAME_MS)
    f0 = world.stonemask(sound, rough, times, SAMPLE_RATE)
    envelope = world.cheaptrick(sound, f0, times, SAMPLE_RATE)
    # Half the memory; a render takes them back.
    noise = world.d4c(sound, f0, times, SAMPLE_RATE)
    return Parts(f0, envelope.astype(np.float32), noise.astype(np.float32))


def put_together(
    parts: Parts, *, rate: float = 1.0, pitch_st: float = 0.0, melody: float = 1.0, tract: float = 1.0
) -> np.ndarray:
    """-> samples at 16 kHz, float32, 1/rate times as long.

    pitch_st: semitones higher. melody: how far the pitch moves around its mean, relative to the original. tract: length
    of the vocal tract relative to the original; formants scale with 1/tract, the pitch does not.
    """
    world = _world()
    voiced = parts.f0 > 0
    f0 = parts.f0.copy()
    if voiced.any():
        tune = np.log(f0[voiced])
        tune = tune.mean() + melody * (tune - tune.mean()) + pitch_st * np.log(2) / 12
        f0[voiced] = np.exp(tune).clip(LOWEST_HZ, HIGHEST_HZ)
    envelope, noise = (np.ascontiguousarray(_warped(part, tract), np.float64) for part in (parts.envelope, parts.noise))
    sound = world.synthesize(f0, envelope, noise, SAMPLE_RATE, FRAME_MS / rate)
    return np.asarray(sound, np.float32)


def _warped(part: np.ndarray, tract: float) -> np.ndarray:
    """(T, bins): what stood at frequency f x tract now stands at f; beyond the band its upper end goes on."""
    if tract == 1:
        return part
    bins = part.shape[1]
    position = np.minimum(np.arange(bins) * tract, bins - 1)
    left = np.minimum(position.astype(int), bins - 2)
    share = (position - left).astype(np.float32)
    return part[:, left] * (1 - share) + part[:, left + 1] * share


def _world():  # type: ignore[no-untyped-def]
    try:
        import pyworld
    except ImportError as error:
        raise MissingExtraError("Neural voices", "voices") from error
    return pyworld
