"""What a measure is: additive sums of a pair of animations, and the values that sums come to.

Sums of clips are added up, in the corpus's order, to the sums of a split: memory does not grow with the corpus, and the
same clips give the same bytes however the work was spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emotalk.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number of a report. `better`: which way is better, empty where neither is."""

    name: str
    unit: str
    definition: str
    better: str = "lower"


class Measure(Protocol):
    """Implementations hold no results: those are in the sums alone."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What `values` returns, in its order."""
        ...

    @property
    def size(self) -> int:
        """Length of the vector of sums."""
        ...

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """A clip's (frames, 52) twice -> (size,) float64. Sums of zero frames are zero."""
        ...

    def values(self, sums: np.ndarray) -> tuple[float | None, ...]:
        """Sums of any number of clips -> one value per quantity, None where there is nothing to measure."""
        ...


class Measures:
    """Several measures as one: their sums side by side."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = tuple(measures)
        self.quantities = tuple(quantity for measure in measures for quantity in measure.quantities)
        self.size = sum(measure.size for measure in measures)

    def sums(self, predicted: np.ndarray, target: np.ndarray) -> np.ndarray:
        """InputError where the two animations differ in shape."""
        if predicted.shape != target.shape:
            raise InputError(f"an animation of shape {predicted.shape} cannot be compared with one of {target.shape}")
        return np.concatenate([measure.sums(predicted, target) for measure in self.measures])

    def values(self, sums: np.ndarray) -> dict[str, float | None]:
        """-> value by the quantity's name."""
        out: list[float | None] = []
        start = 0
        for measure in self.measures:
            out += measure.values(sums[start : start + measure.size])
            start += measure.size
        return {quantity.name: value for quantity, value in zip(self.quantities, out, strict=True)}


def mean(total: float, count: float) -> float | None:
    """None for a mean of nothing."""
    return float(total / count) if count else None
