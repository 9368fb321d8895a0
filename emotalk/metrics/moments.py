"""Correlation and regression from sums that add up over clips."""

import numpy as np


def moments(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two tracks (n,) -> [n, Σx, Σy, Σx², Σy², Σxy] in float64: additive over clips."""
    a, b = x.astype(np.float64), y.astype(np.float64)
    return np.array([len(a), a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()])


def correlation(sums: np.ndarray) -> np.ndarray:
    """Pearson's r of (…, 6) that `moments` summed; NaN where a track does not move or there is none."""
    n, x, y, xx, yy, xy = _means(sums)
    x_variance, y_variance = xx - x**2, yy - y**2
    # A constant track has no variance but for rounding, which is relative to its size.
    still = (x_variance <= 1e-10 * xx) | (y_variance <= 1e-10 * yy) | np.isnan(n)
    product = np.where(still, np.nan, x_variance * y_variance)
    return np.asarray((xy - x * y) / np.sqrt(product))


def regression(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least squares y = offset + slope · x of (…, 6) that `moments` summed -> (offset, slope).

    A constant x has slope 0; NaN where there is nothing.
    """
    n, x, y, xx, _, xy = _means(sums)
    variance = xx - x**2
    moves = variance > 1e-10 * xx
    slope = np.where(moves, (xy - x * y) / np.where(moves, variance, 1), np.where(np.isnan(n), np.nan, 0.0))
    return np.asarray(y - slope * x), slope


def _means(sums: np.ndarray) -> tuple[np.ndarray, ...]:
    n = np.where(sums[..., 0] > 0, sums[..., 0], np.nan)
    return (n, *(sums[..., i] / n for i in range(1, 6)))
