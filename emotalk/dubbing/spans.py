"""Spans of a recording, chapters say, taken in order in one pass of the decoder."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

from emotalk.audio import SAMPLE_RATE, AudioInfo, probe_audio, stream_audio
from emotalk.dubbing.ledger import Chapter


def span_of(chapter: Chapter | None) -> tuple[int, int | None]:
    """First sample and the one behind the last (None: the recording's end), at 16 kHz."""
    if chapter is None:
        return 0, None
    end = None if chapter.end_s is None else round(chapter.end_s * SAMPLE_RATE)
    return round(chapter.start_s * SAMPLE_RATE), end


class Cursor:
    """A recording's blocks, read once, from which spans are taken in order."""

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        self._blocks = iter(blocks)
        self._rest = np.zeros(0, np.float32)
        self._at = 0  # the sample at `_rest[0]`

    def span(self, start: int, stop: int | None) -> Iterator[np.ndarray]:
        """The samples from `start` on, up to `stop`, in blocks of any size; none of them may have been read before."""
        if start < self._at:
            raise ValueError(f"sample {start} has passed, the next one is {self._at}")
        while stop is None or self._at < stop:
            if not len(self._rest):
                block = next(self._blocks, None)
                if block is None:
                    return
                self._rest = block
            skip = min(max(start - self._at, 0), len(self._rest))
            end = len(self._rest) if stop is None else min(len(self._rest), stop - self._at)
            given, self._rest, self._at = self._rest[skip:end], self._rest[end:], self._at + end
            if len(given):
                yield given


class OnePass:
    """A recording's samples for one pass of the decoder, opened when the first are wanted.

    tick: hears that decoding goes on. heard_frames: for whoever counts them. is_broken: whether decoding has failed.
    """

    def __init__(self, path: Path, tick: Callable[[], None]) -> None:
        self._path, self._tick = path, tick
        self._cursor: Cursor | None = None
        self.heard_frames = 0
        self.is_broken = False

    @cached_property
    def info(self) -> AudioInfo:
        """What its headers say."""
        return probe_audio(self._path)

    def span(self, start: int, stop: int | None) -> Iterator[np.ndarray]:
        if self._cursor is None:
            self._cursor = Cursor(self._blocks())
        yield from self._cursor.span(start, stop)

    def _blocks(self) -> Iterator[np.ndarray]:
        try:
            for block in stream_audio(self._path):
                self._tick()
                yield block
        except Exception:
            self.is_broken = True
            raise
