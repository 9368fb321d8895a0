"""Simple predictors that a network has to beat, all fitted on clips of the training split alone.

mean face: one constant face. jaw by loudness: the mean face, with a jaw that opens linearly with the loudness in dB.
ridge: a linear map from 0.4 s of log-mel to all 52 coefficients.
"""

from dataclasses import dataclass

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.metrics.logmel import FEATURES, log_mel, with_context
from emotalk.metrics.loudness import relative_loudness_db
from emotalk.metrics.moments import moments, regression

# Of the features' mean variance. Best of 1e-4 … 1e-1 on a validation split, and flat around it.
PENALTY = 1e-2
RIDGE, JAW, MEAN = "ridge regression", "jaw by loudness", "mean face"


@dataclass(frozen=True, eq=False)
class FitSums:
    """What the fit must know of any number of clips: the normal equations, with a last feature that is always 1.

    gram (n + 1, n + 1); cross (n + 1, 52); jaw: the moments of loudness in dB and jawOpen. All float64, additive.
    failed: (clip, reason) of clips that could not be read.
    """

    gram: np.ndarray
    cross: np.ndarray
    jaw: np.ndarray
    clips: int
    samples: int
    failed: tuple[tuple[str, str], ...] = ()

    @classmethod
    def zero(cls, features: int = FEATURES) -> "FitSums":
        size = features + 1
        return cls(np.zeros((size, size)), np.zeros((size, len(COEFFICIENTS))), np.zeros(6), 0, 0)

    @classmethod
    def of(cls, samples: np.ndarray, weights: np.ndarray) -> "FitSums":
        """One clip: (n,) samples at 16 kHz and its (frames, 52) coefficients."""
        loudness = relative_loudness_db(samples, len(weights))
        return cls(
            *normal_equations(with_context(log_mel(samples, len(weights))), weights),
            moments(loudness, weights[:, INDEX["jawOpen"]]),
            1,
            len(samples),
        )

    @property
    def frames(self) -> int:
        return round(float(self.gram[-1, -1]))

    def __add__(self, other: "FitSums") -> "FitSums":
        return FitSums(
            self.gram + other.gram,
            self.cross + other.cross,
            self.jaw + other.jaw,
            self.clips + other.clips,
            self.samples + other.samples,
            self.failed + other.failed,
        )


@dataclass(frozen=True, eq=False)
class Baselines:
    """Fitted baselines. Each takes (n,) samples and a frame count and gives (frames, 52) float32 in [0, 1]."""

    mean: np.ndarray
    jaw_offset: float
    jaw_slope: float
    ridge: np.ndarray  # (FEATURES + 1, 52), the constant last

    @classmethod
    def fit(cls, sums: FitSums) -> "Baselines":
        """ValueError for sums of no frames."""
        if not sums.frames:
            raise ValueError("baselines cannot be fitted to no frames")
        offset, slope = regression(sums.jaw)
        ridge = solve_ridge(sums.gram, sums.cross, PENALTY)
        return cls(sums.cross[-1] / sums.gram[-1, -1], float(offset), float(slope), ridge)

    def mean_face(self, frames: int) -> np.ndarray:
        return _face(np.tile(self.mean, (frames, 1)))

    def jaw_by_loudness(self, samples: np.ndarray, frames: int) -> np.ndarray:
        weights = np.tile(self.mean, (frames, 1))
        weights[:, INDEX["jawOpen"]] = self.jaw_offset + self.jaw_slope * relative_loudness_db(samples, frames)
        return _face(weights)

    def ridge_regression(self, samples: np.ndarray, frames: int) -> np.ndarray:
        return _face(with_context(log_mel(samples, frames)) @ self.ridge[:-1] + self.ridge[-1])

    def predict(self, samples: np.ndarray, frames: int) -> dict[str, np.ndarray]:
        """Every fitted baseline by the name a report shows."""
        return {
            RIDGE: self.ridge_regression(samples, frames),
            JAW: self.jaw_by_loudness(samples, frames),
            MEAN: self.mean_face(frames),
        }


def normal_equations(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(frames, n) features and (frames, m) targets -> gram (n + 1, n + 1) and cross (n + 1, m), a constant appended."""
    extended = np.hstack([features, np.ones((len(features), 1))]).astype(np.float64)
    return extended.T @ extended, extended.T @ targets.astype(np.float64)


def solve_ridge(gram: np.ndarray, cross: np.ndarray, penalty: float) -> np.ndarray:
    """Normal equations -> (n + 1, m) coefficients, the constant last and not penalised.

    penalty: in units of the features' mean variance, so that neither their scale nor the number of frames matters.
    """
    count = gram[-1, -1]
    feature_mean, target_mean = gram[-1, :-1] / count, cross[-1] / count
    covariance = gram[:-1, :-1] / count - np.outer(feature_mean, feature_mean)
    shared = cross[:-1] / count - np.outer(feature_mean, target_mean)
    variance = np.trace(covariance) / len(covariance)
    # The floor keeps the system solvable where no feature varies: the answer is then the mean.
    slopes = np.linalg.solve(covariance + max(penalty * variance, 1e-12) * np.eye(len(covariance)), shared)
    return np.vstack([slopes, target_mean - feature_mean @ slopes])


def _face(weights: np.ndarray) -> np.ndarray:
    return np.clip(weights, 0, 1).astype(np.float32)
