"""What the ridge baseline hears: log-mel bands at the animation's frame rate, normalised per clip, with context."""

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.audio.mel import mel_filters

BANDS = 40
WINDOW_SAMPLES = 1_024  # 64 ms around a frame's time
CONTEXT = 5  # frames before and after a frame
FEATURES = (2 * CONTEXT + 1) * BANDS
RANGE = 1e-4  # 40 dB below the clip's level all is silence


def log_mel(samples: np.ndarray, frames: int) -> np.ndarray:
    """(n,) samples at 16 kHz -> (frames, 40) float64: natural log of band power relative to the clip's level.

    The level is the 95th percentile of the frames' mean power over the whole clip: a baseline may look at all of it.
    """
    centres = np.arange(frames) * SAMPLE_RATE // 30
    padded = np.zeros(max(len(samples), int(centres[-1]) if frames else 0) + WINDOW_SAMPLES)
    padded[WINDOW_SAMPLES // 2 : WINDOW_SAMPLES // 2 + len(samples)] = samples
    pieces = padded[centres[:, None] + np.arange(WINDOW_SAMPLES)]
    power = np.square(np.abs(np.fft.rfft(pieces * np.hanning(WINDOW_SAMPLES))))
    bands = power @ mel_filters(BANDS, WINDOW_SAMPLES).astype(np.float64)
    level = np.percentile(bands.mean(1), 95) if frames else 0.0
    return np.log(bands / max(float(level), 1e-10) + RANGE)


def with_context(features: np.ndarray) -> np.ndarray:
    """(frames, bands) -> (frames, 11 · bands): each frame with its neighbours; the ends are repeated outwards.

    Differences over time (deltas) are linear in these and would tell a linear map nothing new.
    """
    frames = len(features)
    index = np.arange(frames)[:, None] + np.arange(-CONTEXT, CONTEXT + 1)
    return features[np.clip(index, 0, max(frames - 1, 0))].reshape(frames, (2 * CONTEXT + 1) * features.shape[1])
