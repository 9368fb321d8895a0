"""Distances between two faces in millimetres, vertex by vertex, and the colours that show them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emotalk.errors import InputError
from emotalk.rigs.rig import Rig

# From nothing (clay) to the limit, evenly spaced; lightness falls all the way, so that grey prints and colour-blind
# eyes read the same order.
ANCHORS = np.array([(222, 220, 216), (252, 217, 125), (244, 140, 66), (204, 48, 62), (92, 14, 74)], np.float64)
BLOCK = 256  # frames measured at a time


@dataclass(frozen=True)
class HeatScale:
    """Colours of 0 … `limit_mm`; what is farther has the limit's colour."""

    limit_mm: float

    def __post_init__(self) -> None:
        if not 0 < self.limit_mm < 1e6:
            raise InputError(f"the heat map's limit must be above 0 mm, not {self.limit_mm:g}")

    def colours(self, distances_mm: np.ndarray) -> np.ndarray:
        """(…,) mm -> (…, 3) uint8 sRGB."""
        share = np.clip(np.asarray(distances_mm, np.float64) / self.limit_mm, 0, 1)
        return _TABLE[np.round(share * (len(_TABLE) - 1)).astype(np.intp)]


def distances_mm(rig: Rig, weights_a: np.ndarray, weights_b: np.ndarray) -> np.ndarray:
    """Two (frames, 52) -> (frames, V) float32: how far each vertex of b lies from the same vertex of a."""
    if np.shape(weights_a) != np.shape(weights_b):
        raise InputError(f"faces to compare have different shapes: {np.shape(weights_a)} and {np.shape(weights_b)}")
    difference = np.asarray(weights_b, np.float32) - np.asarray(weights_a, np.float32)
    moved = rig.vertices(difference) - rig.neutral
    return np.sqrt(np.einsum("fvi,fvi->fv", moved, moved))


def distance_blocks(rig: Rig, weights_a: np.ndarray, weights_b: np.ndarray) -> Iterator[np.ndarray]:
    """As `distances_mm`, in blocks of frames, for animations of any length."""
    for start in range(0, len(weights_a), BLOCK):
        yield distances_mm(rig, weights_a[start : start + BLOCK], weights_b[start : start + BLOCK])


def round_limit(mm: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten, at least 0.5: a scale that people can read."""
    mm = max(mm, 0.5)
    power = 10.0 ** np.floor(np.log10(mm) + 1e-9)
    steps = (round(step * power, 9) for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10))
    return float(next(step for step in steps if mm <= step * (1 + 1e-9)))


def fitting_limit(rig: Rig, reference: np.ndarray, others: list[np.ndarray]) -> float:
    """A limit for whole animations: 19 of 20 frames stay below it at their worst vertex."""
    worst = [block.max(axis=1) for other in others for block in distance_blocks(rig, reference, other)]
    return round_limit(float(np.percentile(np.concatenate(worst), 95))) if worst else round_limit(0)


def _table(steps: int = 257) -> np.ndarray:
    at = np.linspace(0, len(ANCHORS) - 1, steps)
    channels = [np.interp(at, np.arange(len(ANCHORS)), ANCHORS[:, channel]) for channel in range(3)]
    return np.round(np.stack(channels, 1)).astype(np.uint8)


_TABLE = _table()
