"""Errors in the coefficients themselves: no mesh, comparable with any other system that predicts the same 52."""

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX, upper_face
from emotalk.metrics.measures import COEFFICIENT, REGION, SPEECH, Quantity, mean
from emotalk.metrics.moments import correlation, moments
from emotalk.metrics.pair import Pair

FACEDIFFUSER = "FaceDiffuser (Stan et al. 2023), in coefficient space"


def _named(*prefixes: str) -> tuple[int, ...]:
    return tuple(i for name, i in INDEX.items() if name.startswith(prefixes))


# Every coefficient belongs to one region, the part of the face that it moves; ARKit's own prefixes say which.
REGIONS: dict[str, tuple[int, ...]] = {
    "brows": _named("brow"),
    "eyes": _named("eye"),
    "cheeks": _named("cheek"),
    "nose": _named("nose"),
    "jaw": _named("jaw"),
    "lips": _named("mouth"),
    "tongue": _named("tongue"),
}
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
    """MAE and RMSE of one group or region of coefficients, over frames and coefficients; both in coefficient units.

    A coefficient runs from 0 to 1. The coefficient-space errors that FaceDiffuser (Stan et al. 2023) reports for
    blendshape corpora.
    """

    size = 3

    def __init__(self, group: str) -> None:
        columns = (GROUPS | REGIONS)[group]
        self._columns = list(columns)
        label = "" if group == "all" else f" {group}"
        over = f"over frames and {_MEMBERS.get(group) or f'the {len(columns)} coefficients of the {group}'}"
        table = REGION if group in REGIONS else COEFFICIENT
        self.quantities = tuple(
            Quantity(
                name=f"{name}{label}", unit="coefficient", definition=f"{what} {over}", source=FACEDIFFUSER, table=table
            )
            for name, what in (("MAE", "mean absolute error"), ("RMSE", "root of the mean squared error"))
        )

    def sums(self, pair: Pair) -> np.ndarray:
        """[sum of absolute errors, sum of squared errors, number of errors]."""
        if pair.predicted is None:
            return np.zeros(self.size)
        error = pair.predicted[:, self._columns].astype(np.float64) - pair.target[:, self._columns]
        return np.array([np.abs(error).sum(), np.square(error).sum(), error.size])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        absolute, squared, count = (sums[..., i] for i in range(self.size))
        return mean(absolute, count), np.sqrt(mean(squared, count))


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
            source="root of EmoTalk's velocity loss (Peng et al. 2023)",
            table=COEFFICIENT,
        ),
        Quantity(
            name="velocity MAE",
            unit="coefficient/frame",
            definition="mean absolute error of the change from frame to frame (1/30 s) over all 52 coefficients",
            table=COEFFICIENT,
        ),
    )

    def sums(self, pair: Pair) -> np.ndarray:
        """[sum of squared, of absolute errors, number of errors]; the change from one clip to the next is none."""
        if pair.predicted is None:
            return np.zeros(self.size)
        error = np.diff(pair.predicted.astype(np.float64), axis=0) - np.diff(pair.target.astype(np.float64), axis=0)
        return np.array([np.square(error).sum(), np.abs(error).sum(), error.size])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        squared, absolute, count = (sums[..., i] for i in range(self.size))
        return np.sqrt(mean(squared, count)), mean(absolute, count)


class Jerk:
    """The third difference over time: what makes a face tremble.

    Its root mean square error, and its root mean square relative to the real face's: 1 moves as smoothly as reality,
    more trembles, less is sluggish. In coefficient units per frame³ (a frame is 1/30 s). Flash and Hogan (1985) give
    smoothness of movement this measure; corpora of captured faces bring jerk of their own.
    """

    size = 4
    quantities = (
        Quantity(
            name="jerk error",
            unit="coefficient/frame³",
            definition="root mean square error of the third difference over frames (1/30 s), all 52 coefficients",
            source="smoothness as jerk: Flash & Hogan 1985",
            table=COEFFICIENT,
        ),
        Quantity(
            name="jerk ratio",
            unit="",
            definition="root mean square third difference of the predicted face over that of the real one",
            better="nearer to 1",
            source="smoothness as jerk: Flash & Hogan 1985",
            table=COEFFICIENT,
        ),
    )

    def sums(self, pair: Pair) -> np.ndarray:
        """[sum of squared errors, of squared predicted, of squared real jerk, number]."""
        if pair.predicted is None or pair.frames < 4:
            return np.zeros(self.size)
        predicted, real = (np.diff(face.astype(np.float64), 3, axis=0) for face in (pair.predicted, pair.target))
        return np.array([*(np.square(jerk).sum() for jerk in (predicted - real, predicted, real)), real.size])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        error, predicted, real, count = (sums[..., i] for i in range(self.size))
        return np.sqrt(mean(error, count)), np.sqrt(mean(predicted, real))


class JawCorrelation:
    """Pearson correlation of predicted and real jawOpen, all frames of all clips pooled; -1 to 1."""

    size = 6
    quantities = (
        Quantity(
            name="jawOpen r",
            unit="",
            definition="Pearson correlation of predicted and real jawOpen over all frames of all clips pooled",
            better="higher",
            table=SPEECH,
        ),
    )

    def sums(self, pair: Pair) -> np.ndarray:
        """The moments of the two tracks."""
        if pair.predicted is None:
            return np.zeros(self.size)
        jaw = INDEX["jawOpen"]
        return moments(pair.predicted[:, jaw], pair.target[:, jaw])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        return (correlation(sums),)
