"""The mel scale: what all log-mel analyses of this package weigh a spectrum with. Without torch."""

import math

import numpy as np

from emotalk.audio.resample import SAMPLE_RATE


def mel_filters(bands: int, window: int) -> np.ndarray:
    """(window // 2 + 1, bands): triangles on the mel scale, 50 Hz to 8 kHz; noise of power p gives p in every band."""
    frequencies = np.fft.rfftfreq(window, 1 / SAMPLE_RATE)
    edges = 700 * (10 ** (np.linspace(_mel(50.0), _mel(SAMPLE_RATE / 2), bands + 2) / 2595) - 1)
    rising = (frequencies[:, None] - edges[:-2]) / np.maximum(edges[1:-1] - edges[:-2], SAMPLE_RATE / window)
    falling = (edges[2:] - frequencies[:, None]) / np.maximum(edges[2:] - edges[1:-1], SAMPLE_RATE / window)
    triangles = np.clip(np.minimum(rising, falling), 0, None)
    # A band between two bins of a short window would be empty: give it the nearest bin.
    empty = triangles.sum(0) == 0
    nearest = np.abs(frequencies[:, None] - edges[1:-1]).argmin(0)
    triangles[nearest[empty], np.flatnonzero(empty)] = 1
    triangles /= triangles.sum(0)
    hann_power = 3 / 8 * window  # the sum of the squared window
    return np.asarray(triangles / hann_power, np.float32)


def _mel(hz: float) -> float:
    return 2595 * math.log10(1 + hz / 700)
