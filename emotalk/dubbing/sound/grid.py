"""Rows that come in pieces of any size, given out in whole units of a grid that no cut moves."""

import numpy as np


class Grid:
    """Rows at consecutive places, in whole units: those between two multiples of `unit`.

    Rows before the first multiple wait in `head` for whoever has the rows before them, those behind the last one in
    `tail`. So two neighbours, joined, give the same units as one that had all rows.
    """

    def __init__(self, unit: int, start: int, dtype: np.dtype) -> None:
        self.unit, self.start, self.stop = unit, start, start
        self.head = self.tail = np.zeros(0, dtype)

    @property
    def next_unit(self) -> int:
        """Number of the unit that will be whole next."""
        return -(-self.start // self.unit) if not self.began else (self.stop - len(self.tail)) // self.unit

    @property
    def began(self) -> bool:
        """Whether the first multiple is reached."""
        return self.stop >= -(-self.start // self.unit) * self.unit

    def push(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n,) behind all others -> (units, unit), the units that they complete."""
        if not self.began:
            missing = -self.stop % self.unit
            self.head = np.concatenate([self.head, rows[:missing]])
            self.stop += len(rows[:missing])
            rows = rows[missing:]
        waiting = np.concatenate([self.tail, rows])
        self.stop += len(rows)
        whole = len(waiting) // self.unit * self.unit
        self.tail = waiting[whole:].copy()  # not a view: that would hold the whole block
        return waiting[:whole].reshape(-1, self.unit)

    def join(self, after: "Grid") -> np.ndarray:
        """Takes the rows of the next neighbour -> (units, unit), the units that neither of the two had whole."""
        between = self.push(after.head)
        if after.began:
            self.tail, self.stop = after.tail, after.stop
        return between
