"""What a report counts in the clips themselves. Sums of shards add up to the same, in whatever order.

Everything is an integer: coefficients are counted in steps of 1/32768, so that no rounding depends on the order.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.schema import row_samples, row_weights
from emotalk.errors import InputError

STEPS = 2**15  # of a coefficient between 0 and 1
BINS = 1024  # of a coefficient's histogram
MOVING = 0.001  # a change from one frame to the next that is motion, not a tracker's noise
FLOOR_DB = -60.0

DURATION_EDGES_S = (0, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 60, 120, 300, 600)
LEVEL_EDGES_DB = tuple(float(edge) for edge in range(int(FLOOR_DB), 1, 4))
_COLUMNS = ("clip_id", "audio", "samples", "frames", "weights", "head")


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int64)


@dataclass(frozen=True)
class CorpusSums:
    """Counts over any number of clips.

    total / squares: (52,) sums of steps and of their squares. histogram: (52, BINS). low / high: (52,) extremes in
    steps. moving: (52,) frames that moved, out of `changes`. duration / loudness / peak: clips per interval of the
    edges above. unreadable: reason by clip.
    """

    clips: int = 0
    frames: int = 0
    changes: int = 0
    with_head: int = 0
    total: np.ndarray = field(default_factory=lambda: _zeros(52))
    squares: np.ndarray = field(default_factory=lambda: _zeros(52))
    histogram: np.ndarray = field(default_factory=lambda: _zeros(52, BINS))
    low: np.ndarray = field(default_factory=lambda: _zeros(52) + STEPS)
    high: np.ndarray = field(default_factory=lambda: _zeros(52))
    moving: np.ndarray = field(default_factory=lambda: _zeros(52))
    duration: np.ndarray = field(default_factory=lambda: _zeros(len(DURATION_EDGES_S) - 1))
    loudness: np.ndarray = field(default_factory=lambda: _zeros(len(LEVEL_EDGES_DB) - 1))
    peak: np.ndarray = field(default_factory=lambda: _zeros(len(LEVEL_EDGES_DB) - 1))
    unreadable: dict[str, str] = field(default_factory=dict)

    def __add__(self, other: "CorpusSums") -> "CorpusSums":
        added = ("clips", "frames", "changes", "with_head", "total", "squares", "histogram", "moving")
        sums = {name: getattr(self, name) + getattr(other, name) for name in (*added, "duration", "loudness", "peak")}
        return CorpusSums(
            **sums,
            low=np.minimum(self.low, other.low),
            high=np.maximum(self.high, other.high),
            unreadable=self.unreadable | other.unreadable,
        )


def sums_of_clip(samples: np.ndarray, weights: np.ndarray, *, has_head: bool = False) -> CorpusSums:
    """One clip: (n,) samples at 16 kHz, (frames, 52) coefficients."""
    steps = np.rint(weights.astype(np.float64).clip(0, 1) * STEPS).astype(np.int64)
    places = np.minimum(steps * BINS // STEPS, BINS - 1) + BINS * np.arange(len(COEFFICIENTS))
    moved = np.abs(np.diff(weights.astype(np.float64), axis=0)) > MOVING
    power = float(np.mean(samples.astype(np.float64) ** 2))
    return CorpusSums(
        clips=1,
        frames=len(weights),
        changes=len(moved),
        with_head=int(has_head),
        total=steps.sum(0),
        squares=(steps**2).sum(0),
        histogram=np.bincount(places.ravel(), minlength=52 * BINS).reshape(52, BINS),
        low=steps.min(0),
        high=steps.max(0),
        moving=moved.sum(0),
        duration=_place(len(samples) / SAMPLE_RATE, DURATION_EDGES_S),
        loudness=_place(10 * np.log10(max(power, 1e-12)), LEVEL_EDGES_DB),
        peak=_place(20 * np.log10(max(float(np.abs(samples).max()), 1e-6)), LEVEL_EDGES_DB),
    )


def sums_of_shard(corpus: Corpus, shard: str) -> CorpusSums:
    """One shard, a row group in memory at a time. A clip that cannot be decoded is counted as unreadable."""
    sums = CorpusSums()
    for group in sorted({place for name, place in _groups(corpus) if name == shard}):
        table = corpus.read_row_group(shard, group, _COLUMNS)
        for row in range(table.num_rows):
            sums = sums + _sums_of_row(table, row)
    return sums


def _groups(corpus: Corpus) -> Iterator[tuple[str, int]]:
    index = corpus.index
    return zip(index.column("shard").to_pylist(), index.column("row_group").to_pylist(), strict=True)


def _sums_of_row(table: pa.Table, row: int) -> CorpusSums:
    try:
        samples, weights = row_samples(table, row), row_weights(table, row)
    except InputError as error:
        return replace(CorpusSums(), unreadable={table.column("clip_id")[row].as_py(): error.reason})
    return sums_of_clip(samples, weights, has_head=table.column("head")[row].is_valid)


def _place(value: float, edges: tuple[float, ...]) -> np.ndarray:
    """One count in the interval of a value; what lies outside all counts at the end."""
    counts = _zeros(len(edges) - 1)
    counts[int(np.clip(np.searchsorted(edges, value, "right") - 1, 0, len(counts) - 1))] = 1
    return counts
