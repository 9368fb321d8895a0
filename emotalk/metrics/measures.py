"""What a measure is: additive sums of a pair of animations, and the values that sums come to.

Sums of clips are added up, in the corpus's order, to the sums of a split: memory does not grow with the corpus, and the
same clips give the same bytes however the work was spread. Values are computed of many vectors of sums at once, which
is what a bootstrap needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from emotalk.metrics.pair import Pair

# Tables of a report: what is measured on the mesh, of speech, of the head's pose, in the coefficients, and in them
# region by region.
MESH, SPEECH, HEAD, COEFFICIENT, REGION = "mesh", "speech", "head", "coefficients", "regions"


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One number of a report. better: which way is better, empty where neither is. source: who defined it, or empty.

    table: where a report shows it, one of MESH, SPEECH, HEAD, COEFFICIENT and REGION.
    """

    name: str
    unit: str
    definition: str
    better: str = "lower"
    source: str = ""
    table: str = MESH


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

    def sums(self, pair: Pair) -> np.ndarray:
        """A clip -> (size,) float64. Zero for no frames, and where the pair lacks what the measure needs."""
        ...

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        """(…, size) sums of any number of clips -> (…) per quantity, NaN where there is nothing to measure."""
        ...


class Measures:
    """Several measures as one: their sums side by side."""

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = tuple(measures)
        self.quantities = tuple(quantity for measure in measures for quantity in measure.quantities)
        self.size = sum(measure.size for measure in measures)

    def sums(self, pair: Pair) -> np.ndarray:
        return np.concatenate([measure.sums(pair) for measure in self.measures])

    def array(self, sums: np.ndarray) -> np.ndarray:
        """(…, size) -> (…, quantities) float64, NaN where there is nothing to measure."""
        out: list[np.ndarray] = []
        start = 0
        for measure in self.measures:
            out += measure.values(sums[..., start : start + measure.size])
            start += measure.size
        return np.stack([np.asarray(value, np.float64) for value in out], -1)

    def values(self, sums: np.ndarray) -> dict[str, float | None]:
        """(size,) -> value by the quantity's name, None where there is nothing to measure."""
        names = (quantity.name for quantity in self.quantities)
        return {name: number(value) for name, value in zip(names, self.array(sums), strict=True)}


def mean(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """NaN for a mean of nothing."""
    return np.asarray(total / np.where(count > 0, count, np.nan))


def number(value: float | np.ndarray) -> float | None:
    """What a report shows: None for NaN."""
    return None if np.isnan(value) else float(value)
