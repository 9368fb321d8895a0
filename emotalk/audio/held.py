"""A stream of samples of which only a part is in memory."""

from collections.abc import Iterable

import numpy as np

from emotalk.audio.resample import SAMPLE_RATE

_BLOCK = 10 * SAMPLE_RATE


class Held:
    """The part of a stream that is still needed, addressed by absolute sample number."""

    def __init__(self, blocks: Iterable[np.ndarray]) -> None:
        # A window is a view of what is held: cut small, a long recording in one block is neither kept nor copied whole.
        self._blocks = (block[i : i + _BLOCK] for block in blocks for i in range(0, len(block), _BLOCK))
        self._parts: list[np.ndarray] = []
        self._first = 0
        self._total = 0

    def read_until(self, total: int) -> int:
        """Read until `total` samples have been seen or the stream ends; -> samples seen so far."""
        while self._total < total:
            block = next(self._blocks, None)
            if block is None:
                break
            self._parts.append(np.asarray(block, np.float32))
            self._total += len(block)
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._total

    def samples(self, start: int, stop: int) -> np.ndarray:
        return self._parts[0][start - self._first : stop - self._first]

    def forget_before(self, sample: int) -> None:
        if self._parts and sample > self._first:
            # A copy, so that the long buffer behind the view can go.
            self._parts = [self._parts[0][sample - self._first :].copy()]
            self._first = sample
