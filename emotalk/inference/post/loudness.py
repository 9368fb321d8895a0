"""How loud each frame's own 33 ms are: what the silence gate listens to."""

import numpy as np


def loudness_dbfs(samples: np.ndarray, first: int, count: int) -> np.ndarray:
    """(count,) loudness of frames `first`… of (n,) samples: mean power of the frame's own 33 ms, in dBFS."""
    lengths = np.array([len(samples)])
    return batch_loudness_dbfs(samples[None], np.zeros(1, np.int64), lengths, np.array([first]), count)[0]


def batch_loudness_dbfs(
    samples: np.ndarray, start: np.ndarray, lengths: np.ndarray, first: np.ndarray, count: int
) -> np.ndarray:
    """(B, count) loudness of frames `first` (B,)… of B recordings of `lengths` (B,) samples, in dBFS.

    samples: (B, n), which are those from number `start` (B,) on.
    """
    # Rounded down: the last frame has a sample at least.
    edges = (first[:, None] + np.arange(count + 1)) * 1_600 // 3
    edges = np.clip(np.minimum(edges, lengths[:, None]) - start[:, None], 0, samples.shape[1])
    power = np.cumsum(np.square(samples, dtype=np.float64), 1)
    sums = np.where(edges > 0, np.take_along_axis(power, np.maximum(edges - 1, 0), 1), 0)
    mean = np.diff(sums) / np.maximum(np.diff(edges), 1)
    return (10 * np.log10(mean + 1e-12)).astype(np.float32)
