"""Errors in millimetres on a rig's mesh. They say nothing about another mesh: print the rig's name with them."""

from collections.abc import Iterator

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.metrics.measures import Quantity, mean
from emotalk.rigs.rig import Rig

FRAMES_AT_A_TIME = 512  # of vertices in memory


class VertexError:
    """LVE and EVE: per frame the largest distance between a predicted vertex and the real one; mean over all frames.

    The lip vertex error of MeshTalk (Richard et al. 2021) as EmoTalk reports it, in mm, and its squared form, in mm²,
    which FaceFormer's, CodeTalker's and torchmetrics' scripts compute under the same name.
    """

    size = 3

    def __init__(self, rig: Rig, regions: tuple[str, ...], name: str) -> None:
        self._fields = _Fields(rig, regions)
        where = f"{' and '.join(regions)} vertices of {rig.name}"
        self.quantities = (
            Quantity(
                name=name, unit="mm", definition=f"per frame the largest distance over the {where}; mean over frames"
            ),
            Quantity(
                name=f"{name} squared",
                unit="mm²",
                definition=f"per frame the largest squared distance over the {where}; mean over frames",
            ),
        )

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """[sum of distances, sum of squared distances, frames]."""
        # The rig is linear: the difference of two faces is the displacement by the difference of their weights.
        largest = [squares.max(1) for squares in self._fields.squared_lengths(predicted - target)]
        squared = np.concatenate([np.zeros(0), *largest]).astype(np.float64)
        return np.array([np.sqrt(squared).sum(), squared.sum(), len(squared)])

    def values(self, sums: np.ndarray) -> tuple[float | None, ...]:
        distance, squared, frames = sums
        return mean(distance, frames), mean(squared, frames)


class UpperFaceDynamics:
    """FDD, upper-face dynamics deviation (CodeTalker, Xing et al. 2023), in mm; positive: livelier in reality.

    Of every vertex the distance from its place at rest, and that distance's standard deviation over a clip; FDD is the
    real deviation less the predicted one, mean over vertices, then over clips.
    """

    size = 2

    def __init__(self, rig: Rig, regions: tuple[str, ...]) -> None:
        self._fields = _Fields(rig, regions)
        self.quantities = (
            Quantity(
                name="FDD",
                unit="mm",
                definition="standard deviation over time of each vertex's distance from rest, real less predicted; "
                f"mean over the {' and '.join(regions)} vertices of {rig.name}, then over clips",
                better="nearer to 0",
            ),
        )

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """[sum of deviations, clips]."""
        if not len(target):
            return np.zeros(2)
        return np.array([self._liveliness(target) - self._liveliness(predicted), 1.0])

    def values(self, sums: np.ndarray) -> tuple[float | None, ...]:
        return (mean(*sums),)

    def _liveliness(self, weights: np.ndarray) -> float:
        total: np.ndarray | float = 0.0
        squares: np.ndarray | float = 0.0
        for block in self._fields.squared_lengths(weights):
            total = total + np.sqrt(block).sum(0, dtype=np.float64)
            squares = squares + block.sum(0, dtype=np.float64)
        variance = squares / len(weights) - np.square(total / len(weights))
        return float(np.sqrt(np.maximum(variance, 0)).mean())


class LipGapError:
    """Error of the opening between the lips, in mm: whether the mouth opens and closes when it should."""

    size = 2

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.quantities = (
            Quantity(
                name="lip gap error",
                unit="mm",
                definition=f"mean absolute error of the height between the lips of {rig.name}; overlap is closed",
            ),
        )

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """[sum of absolute errors, frames]."""
        if not len(target):
            return np.zeros(2)
        error = np.abs(self._rig.gap_mm(predicted) - self._rig.gap_mm(target))
        return np.array([error.sum(dtype=np.float64), len(error)])

    def values(self, sums: np.ndarray) -> tuple[float | None, ...]:
        return (mean(*sums),)


class _Fields:
    """The displacement fields of some regions, ready to be multiplied."""

    def __init__(self, rig: Rig, regions: tuple[str, ...]) -> None:
        fields = rig.displacements[:, rig.region(*regions)]
        # All x, then all y, then all z: the squares are then added in long runs.
        self._matrix = np.ascontiguousarray(fields.transpose(0, 2, 1).reshape(len(COEFFICIENTS), -1))

    def squared_lengths(self, weights: np.ndarray) -> Iterator[np.ndarray]:
        """(frames, 52) -> blocks of (frames, vertices) float32: squared lengths of the displacements, in mm²."""
        for start in range(0, len(weights), FRAMES_AT_A_TIME):
            block = np.asarray(weights[start : start + FRAMES_AT_A_TIME], np.float32)
            moved = (block @ self._matrix).reshape(len(block), 3, -1)
            np.square(moved, out=moved)
            yield moved[:, 0] + moved[:, 1] + moved[:, 2]
