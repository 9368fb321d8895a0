"""Errors in the coefficients themselves: no mesh, comparable with any other system that predicts the same 52."""

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX, upper_face
from emotalk.metrics.measures import Quantity, mean

GROUPS: dict[str, tuple[int, ...]] = {
    "all": tuple(range(len(COEFFICIENTS))),
    "speech": tuple(i for i in range(len(COEFFICIENTS)) if i not in upper_face()),
    "upper face": upper_face(),
}
_MEMBERS = {
    "all": "all 52 coefficients",
    "speech": "the jaw, mouth and tongue coefficients",
    "upper face": "the brow, cheek, eye and nose coefficients",
}


class CoefficientError:
    """MAE and RMSE of one group of coefficients, over frames and coefficients; both in units of a coefficient (0 to 1).

    The coefficient-space errors that FaceDiffuser (Stan et al. 2023) reports for blendshape corpora.
    """

    size = 3

    def __init__(self, group: str) -> None:
        self._columns = list(GROUPS[group])
        label = "" if group == "all" else f" {group}"
        over = f"over frames and {_MEMBERS[group]}"
        self.quantities = (
            Quantity(name=f"MAE{label}", unit="coefficient", definition=f"mean absolute error {over}"),
            Quantity(name=f"RMSE{label}", unit="coefficient", definition=f"root of the mean squared error {over}"),
        )

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """[sum of absolute errors, sum of squared errors, number of errors]."""
        error = predicted[:, self._columns].astype(np.float64) - target[:, self._columns]
        return np.array([np.abs(error).sum(), np.square(error).sum(), error.size])

    def values(self, sums: np.ndarray) -> tuple[float | None, ...]:
        absolute, squared, count = sums
        return mean(absolute, count), float(np.sqrt(squared / count)) if count else None


class VelocityError:
    """Error of the change from frame to frame: jitter and sluggishness that a pose error hides.

    The root of the paper's velocity loss, and the mean absolute error besides; in coefficient units per frame of
    1/30 s. Most coefficients rest most of the time, so the latter favours faces that never move.
    """

    size = 3
    quantities = (
        Quantity(
            name="velocity error",
            unit="coefficient/frame",
            definition="root mean square error of the change from frame to frame (1/30 s) over all 52 coefficients",
        ),
        Quantity(
            name="velocity MAE",
            unit="coefficient/frame",
            definition="mean absolute error of the change from frame to frame (1/30 s) over all 52 coefficients",
        ),
    )

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """[sum of squared, of absolute errors, number of errors]; the change from one clip to the next is none."""
        error = np.diff(predicted.astype(np.float64), axis=0) - np.diff(target.astype(np.float64), axis=0)
        return np.array([np.square(error).sum(), np.abs(error).sum(), error.size])

    def values(self, sums: np.ndarray) -> tuple[float | None, ...]:
        squared, absolute, count = sums
        square = mean(squared, count)
        return (None if square is None else square**0.5, mean(absolute, count))


class JawCorrelation:
    """Pearson correlation of predicted and real jawOpen, all frames of all clips pooled; -1 to 1."""

    size = 6
    quantities = (
        Quantity(
            name="jawOpen r",
            unit="",
            definition="Pearson correlation of predicted and real jawOpen over all frames of all clips pooled",
            better="higher",
        ),
    )

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """The moments of the two tracks."""
        jaw = INDEX["jawOpen"]
        return moments(predicted[:, jaw], target[:, jaw])

    def values(self, sums: np.ndarray) -> tuple[float | None, ...]:
        return (correlation(sums),)


def moments(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Two tracks (n,) -> [n, Σx, Σy, Σx², Σy², Σxy] in float64: additive over clips."""
    a, b = x.astype(np.float64), y.astype(np.float64)
    return np.array([len(a), a.sum(), b.sum(), (a * a).sum(), (b * b).sum(), (a * b).sum()])


def correlation(sums: np.ndarray) -> float | None:
    """Pearson's r of what `moments` summed; None where a track does not move."""
    n, x, y, xx, yy, xy = sums
    if not n:
        return None
    x_variance, y_variance = xx / n - (x / n) ** 2, yy / n - (y / n) ** 2
    # A constant track has no variance but for rounding, which is relative to its size.
    if x_variance <= 1e-10 * xx / n or y_variance <= 1e-10 * yy / n:
        return None
    return float((xy / n - x * y / n**2) / np.sqrt(x_variance * y_variance))


def regression(sums: np.ndarray) -> tuple[float, float]:
    """Least squares y = offset + slope · x of what `moments` summed -> (offset, slope); a constant x has slope 0."""
    n, x, y, xx, _, xy = sums
    variance = xx / n - (x / n) ** 2
    slope = (xy / n - x * y / n**2) / variance if variance > 1e-10 * xx / n else 0.0
    return float(y / n - slope * x / n), float(slope)
