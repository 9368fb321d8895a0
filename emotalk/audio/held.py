"""A stream of samples of which only a part is in memory."""

from collections.abc import Iterable, Iterator

import numpy as np

from emotalk.audio.resample import SAMPLE_RATE

_BLOCK = 10 * SAMPLE_RATE


class Held:
    """The part of a stream that is still needed, addressed by absolute sample number."""

    def __init__(self, blocks: Iterable[np.ndarray] = ()) -> None:
        self._blocks = (part for block in blocks for part in cut_small(block))
        self._parts: list[np.ndarray] = []
        self._first = 0
        self._total = 0

    def read_until(self, total: int) -> int:
        """Read until `total` samples have been seen or the stream ends; -> samples seen so far."""
        while self._total < total:
            block = next(self._blocks, None)
            if block is None:
                break
            self.add(block)
        return self._total

    def add(self, block: np.ndarray) -> int:
        """The stream's next samples, for who has no iterator of them; -> samples seen so far."""
        self._parts.append(np.asarray(block, np.float32))
        self._total += len(block)
        return self._total

    def samples(self, start: int, stop: int) -> np.ndarray:
        self._join()
        return self._parts[0][start - self._first : stop - self._first]

    def forget_before(self, sample: int) -> None:
        if self._parts and sample > self._first:
            self._join()
            # A copy, so that the long buffer behind the view can go.
            self._parts = [self._parts[0][sample - self._first :].copy()]
            self._first = sample

    def _join(self) -> None:
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]


def cut_small(block: np.ndarray) -> Iterator[np.ndarray]:
    """A block in parts of 10 s: a window is a view of what is held, so a long block would be kept and copied whole."""
    return (block[i : i + _BLOCK] for i in range(0, len(block), _BLOCK))
