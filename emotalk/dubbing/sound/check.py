"""`SoundCheck`: a recording's blocks of samples go in as they are decoded, its warnings come out.

It keeps 33 bytes for 8 s of sound (15 kB an hour) and at most 25 kB of sound and features that do not fill a unit of
their grid. Where a recording is cut has no influence on the answer: neither the blocks pushed, nor parts added up.
"""

from collections.abc import Iterator
from copy import copy

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.dubbing.findings import Finding, Kind
from emotalk.dubbing.sound.features import BLOCK, BLOCK_S, BLOCKS, CENTI, MOMENT, MOMENTS, block_of, moments_of
from emotalk.dubbing.sound.grid import Grid

MOMENT_S = MOMENT / SAMPLE_RATE
PAUSE_S = 30.0  # of a reader; a longer one is remarkable
SILENT_SHARE = 0.9
QUIET_DBFS = -45.0
CLIPPED_SHARE = 0.001  # of the samples of a block
OFFSET = 0.01
TELEPHONE_DB = -50.0  # of 4.3 kHz to 7.6 kHz against 0.3 kHz to 3.4 kHz, where a recording is at its brightest
STEADY, BEAT = 0.35, 0.45  # speech stays below 0.3, see benchmarks/sound_check.py
MUSIC_S = 15.0  # or half of a short recording
MUSIC_SHORT_S = 4.0  # a shorter rest of a recording tells nothing of music
_NUMBERS, _NUMBERS_COUNT = np.dtype("<i8"), 7  # ahead of the rows of a `SoundCheck` in bytes


class SoundCheck:
    """What is noticed in the samples from `start` (counted at 16 kHz from the recording's begin) on."""

    def __init__(self, start: int = 0) -> None:
        self._samples = Grid(MOMENT, start, np.dtype(np.float32))
        self._moments = Grid(BLOCK, -(-start // MOMENT), MOMENTS)
        self._blocks = bytearray()

    @property
    def start(self) -> int:
        return self._samples.start

    @property
    def stop(self) -> int:
        """Behind the last sample."""
        return self._samples.stop

    def push(self, samples: np.ndarray) -> None:
        """The next (n,) float32 samples at 16 kHz."""
        number = self._samples.next_unit
        self._gather(self._moments.push(moments_of(self._samples.push(samples), number)))

    def __add__(self, after: "SoundCheck") -> "SoundCheck":
        """This part and the one that follows it, as one. ValueError where it does not."""
        if after.start != self.stop:
            raise ValueError(f"a part that starts at {after.start} does not follow one that stops at {self.stop}")
        both = self._copy()
        number = both._samples.next_unit
        both._gather(both._moments.push(moments_of(both._samples.join(after._samples), number)))
        if after._samples.began:
            both._gather(both._moments.join(after._moments))
            both._blocks += after._blocks
        return both

    def to_bytes(self) -> bytes:
        """For `from_bytes` in another process: numbers, then rows as they lie in memory."""
        rows = [part for grid in (self._samples, self._moments) for part in (grid.head, grid.tail)]
        numbers = [self.start, self._samples.stop, self._moments.stop, *map(len, rows)]
        return b"".join([np.array(numbers, _NUMBERS).tobytes(), *(part.tobytes() for part in rows), self._blocks])

    @classmethod
    def from_bytes(cls, content: bytes) -> "SoundCheck":
        start, *stops_and_lengths = np.frombuffer(content, _NUMBERS, _NUMBERS_COUNT).tolist()
        check = cls(start)
        grids = (check._samples, check._moments)
        for grid, stop in zip(grids, stops_and_lengths[:2], strict=True):
            grid.stop = stop
        at = _NUMBERS_COUNT * _NUMBERS.itemsize
        lengths = iter(stops_and_lengths[2:])
        for grid in grids:
            for part in ("head", "tail"):
                setattr(grid, part, np.frombuffer(content, grid.head.dtype, length := next(lengths), at))
                at += length * grid.head.dtype.itemsize
        check._blocks += content[at:]
        return check

    def warnings(self) -> tuple[Finding, ...]:
        """Of a whole recording (ValueError for a part of one); the last tenth of a second may be left out."""
        if self.start:
            raise ValueError(f"only the part that starts at {self.start} is known")
        blocks = self.blocks()
        return tuple(_found(blocks)) if len(blocks) else ()

    def blocks(self) -> np.ndarray:
        """(n,) of BLOCKS: what is known of every 8 s of a whole recording."""
        last = [block_of(self._moments.tail)] if len(self._moments.tail) else []
        return np.concatenate([np.frombuffer(bytes(self._blocks), BLOCKS), *last])

    def _copy(self) -> "SoundCheck":
        other = SoundCheck(self.start)
        # A grid never changes its rows, it takes new ones.
        other._samples, other._moments = copy(self._samples), copy(self._moments)
        other._blocks += self._blocks
        return other

    def _gather(self, units: np.ndarray) -> None:
        for moments in units:
            self._blocks += block_of(moments).tobytes()


def _found(blocks: np.ndarray) -> Iterator[Finding]:
    moments = int(blocks["count"].sum())
    seconds = moments * MOMENT_S
    silent = np.unpackbits(blocks["silent"], axis=1).ravel()[:moments].astype(bool)
    share = float(silent.mean())
    if share >= SILENT_SHARE:
        yield Finding("silent", float(np.argmax(silent)) * MOMENT_S, share)
        return
    pauses = [(first, length) for first, length in _runs(silent) if length * MOMENT_S >= PAUSE_S]
    if pauses:
        longest = max(length for _, length in pauses)
        total = sum(length for _, length in pauses)
        yield Finding("silence", pauses[0][0] * MOMENT_S, total / moments, longest * MOMENT_S)

    heard = blocks["power"] > 0
    spoken = blocks["count"] - np.unpackbits(blocks["silent"], axis=1).sum(1)
    level = 10 * np.log10(np.average(blocks["power"][heard], weights=spoken[heard]))
    if level < QUIET_DBFS:
        yield Finding("quiet", 0.0, 1.0, round(float(level), 1))
    yield from _where("clipped", blocks, blocks["clipped"] >= CLIPPED_SHARE, float(blocks["clipped"].max()))
    offset = float(np.average(blocks["offset"], weights=blocks["count"]))
    if abs(offset) >= OFFSET:
        yield Finding("offset", 0.0, 1.0, round(offset, 4))
    if float(np.median(blocks["high"][heard])) / CENTI < TELEPHONE_DB:
        yield from _where("telephone", blocks, heard & (blocks["high"] / CENTI < TELEPHONE_DB))

    music = (np.maximum(blocks["steady"] / STEADY, blocks["beat"] / BEAT) >= 1) & (
        blocks["count"] * MOMENT_S >= MUSIC_SHORT_S
    )
    if blocks["count"][music].sum() * MOMENT_S >= min(MUSIC_S, seconds / 2):
        yield from _where("music", blocks, music)


def _where(kind: Kind, blocks: np.ndarray, so: np.ndarray, value: float = 0.0) -> Iterator[Finding]:
    """Where blocks are so; nothing where none is."""
    if so.any():
        share = float(blocks["count"][so].sum() / blocks["count"].sum())
        yield Finding(kind, float(np.argmax(so)) * BLOCK_S, share, round(value, 5))


def _runs(values: np.ndarray) -> list[tuple[int, int]]:
    """(n,) bool -> where each run of True begins, and its length."""
    edges = np.flatnonzero(np.diff(np.pad(values.astype(np.int8), 1)))
    return [(int(first), int(stop - first)) for first, stop in zip(edges[::2], edges[1::2], strict=True)]
