"""The latest samples of a recording that goes on, found by their numbers in it."""

import numpy as np


class Tape:
    """Samples are added at the end and forgotten at the beginning; each is copied a few times at most, however many are
    kept. start: number of the first one that is kept. stop: of the next one to come.
    """

    def __init__(self, start: int = 0) -> None:
        self.start = self.stop = start
        self._space = np.empty(4_096, np.float32)
        self._at = 0  # where sample `start` lies

    def append(self, samples: np.ndarray) -> None:
        """(n,) float32."""
        kept, after = self.stop - self.start, self._at + self.stop - self.start
        if after + len(samples) > len(self._space):
            space = self._space
            if 2 * (kept + len(samples)) > len(space):
                space = np.empty(4 * (kept + len(samples)), np.float32)
            space[:kept] = self._space[self._at : after]
            self._space, self._at, after = space, 0, kept
        self._space[after : after + len(samples)] = samples
        self.stop += len(samples)

    def forget(self, before: int) -> None:
        """Samples with smaller numbers than that."""
        before = min(max(before, self.start), self.stop)
        self._at += before - self.start
        self.start = before

    def read(self, start: int, stop: int) -> np.ndarray:
        """(stop - start,) samples, a copy."""
        if not self.start <= start <= stop <= self.stop:
            raise IndexError(f"samples {start} to {stop} of a tape that has {self.start} to {self.stop}")
        return self._space[self._at + start - self.start : self._at + stop - self.start].copy()
