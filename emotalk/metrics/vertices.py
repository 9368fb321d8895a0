"""Errors in millimetres on a rig's mesh. They say nothing about another mesh: print the rig's name with them."""

from collections.abc import Iterator

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.metrics.measures import Quantity, mean
from emotalk.metrics.pair import Pair
from emotalk.rigs.rig import Rig

FRAMES_AT_A_TIME = 512  # of vertices in memory


class VertexError:
    """LVE and EVE: per frame the largest distance between a predicted vertex and the real one; mean over all frames.

    The lip vertex error of MeshTalk (Richard et al. 2021) and the emotional vertex error of EmoTalk (Peng et al. 2023),
    in mm, and their squared form, in mm², which FaceFormer's, CodeTalker's and torchmetrics' scripts compute under the
    same name.
    """

    size = 3

    def __init__(self, rig: Rig, regions: tuple[str, ...], name: str) -> None:
        self._field = Field(rig, regions)
        where = f"{' and '.join(regions)} vertices of {rig.name}"
        self.quantities = (
            Quantity(
                name=name,
                unit="mm",
                definition=f"per frame the largest distance over the {where}; mean over frames",
                source="MeshTalk (Richard et al. 2021), EmoTalk (Peng et al. 2023)",
            ),
            Quantity(
                name=f"{name} squared",
                unit="mm²",
                definition=f"per frame the largest squared distance over the {where}; mean over frames",
                source="as CodeTalker (Xing et al. 2023) and torchmetrics' LipVertexError compute it",
            ),
        )

    def sums(self, pair: Pair) -> np.ndarray:
        """[sum of distances, sum of squared distances, frames]."""
        largest = [squares.max(1) for squares in self._field.squared_errors(pair)]
        squared = np.concatenate([np.zeros(0), *largest]).astype(np.float64)
        return np.array([np.sqrt(squared).sum(), squared.sum(), len(squared)])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        distance, squared, frames = (sums[..., i] for i in range(self.size))
        return mean(distance, frames), mean(squared, frames)


class UpperFaceDynamics:
    """FDD, upper-face dynamics deviation (CodeTalker, Xing et al. 2023), in mm; positive: livelier in reality.

    Of every vertex the distance from its place at rest, and that distance's standard deviation over a clip; FDD is the
    real deviation less the predicted one, mean over vertices, then over clips.
    """

    size = 2

    def __init__(self, rig: Rig, regions: tuple[str, ...]) -> None:
        self._field = Field(rig, regions)
        self.quantities = (
            Quantity(
                name="FDD",
                unit="mm",
                definition="standard deviation over time of each vertex's distance from rest, real less predicted; "
                f"mean over the {' and '.join(regions)} vertices of {rig.name}, then over clips",
                better="nearer to 0",
                source="CodeTalker (Xing et al. 2023)",
            ),
        )

    def sums(self, pair: Pair) -> np.ndarray:
        """[sum of deviations, clips]."""
        if not pair.frames:
            return np.zeros(2)
        predicted = self._liveliness(self._field.squared_moves(pair), pair.frames)
        return np.array([self._liveliness(self._field.squared_lengths(pair.target), pair.frames) - predicted, 1.0])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        return (mean(sums[..., 0], sums[..., 1]),)

    @staticmethod
    def _liveliness(blocks: Iterator[np.ndarray], frames: int) -> float:
        total: np.ndarray | float = 0.0
        squares: np.ndarray | float = 0.0
        for block in blocks:
            total = total + np.sqrt(block).sum(0, dtype=np.float64)
            squares = squares + block.sum(0, dtype=np.float64)
        variance = squares / frames - np.square(total / frames)
        return float(np.sqrt(np.maximum(variance, 0)).mean())


class Field:
    """The displacement field of some regions, ready to be multiplied."""

    def __init__(self, rig: Rig, regions: tuple[str, ...]) -> None:
        self._vertices = rig.region(*regions)
        self._rest = rig.neutral[self._vertices]
        # All x, then all y, then all z: the squares are then added in long runs.
        fields = rig.displacements[:, self._vertices]
        self._matrix = np.ascontiguousarray(fields.transpose(0, 2, 1).reshape(len(COEFFICIENTS), -1))

    def squared_lengths(self, weights: np.ndarray) -> Iterator[np.ndarray]:
        """(frames, 52) -> blocks of (frames, vertices) float32: squared lengths of the displacements, in mm²."""
        for start in range(0, len(weights), FRAMES_AT_A_TIME):
            yield _squares(self._moved(weights[start : start + FRAMES_AT_A_TIME]))

    def squared_errors(self, pair: Pair) -> Iterator[np.ndarray]:
        """Blocks of (frames, vertices): squared distances between predicted and real vertices, in mm²."""
        if pair.predicted is not None:
            # The rig is linear: the difference of two faces is the displacement by the difference of their weights.
            yield from self.squared_lengths(pair.predicted - pair.target)
            return
        for start, moved in self._given(pair):
            yield _squares(moved - self._moved(pair.target[start : start + FRAMES_AT_A_TIME]))

    def squared_moves(self, pair: Pair) -> Iterator[np.ndarray]:
        """Blocks of (frames, vertices): squared distances of the predicted vertices from rest, in mm²."""
        if pair.predicted is not None:
            yield from self.squared_lengths(pair.predicted)
            return
        for _, moved in self._given(pair):
            yield _squares(moved)

    def _given(self, pair: Pair) -> Iterator[tuple[int, np.ndarray]]:
        """Where each block starts, and (frames, 3, vertices) displacements of predicted vertices."""
        assert pair.vertices is not None
        for start in range(0, pair.frames, FRAMES_AT_A_TIME):
            block = pair.vertices[start : start + FRAMES_AT_A_TIME, self._vertices] - self._rest
            yield start, block.astype(np.float32).transpose(0, 2, 1)

    def _moved(self, weights: np.ndarray) -> np.ndarray:
        return (np.asarray(weights, np.float32) @ self._matrix).reshape(len(weights), 3, -1)


def _squares(moved: np.ndarray) -> np.ndarray:
    squares = np.square(moved)
    return np.asarray(squares[:, 0] + squares[:, 1] + squares[:, 2])
