"""An error budget: a job that fails nearly everywhere is stopped, and says so, before it has tried everything."""

import re
from dataclasses import dataclass, field

from emotalk.errors import InputError

FIRST_LOOK = 20  # recordings that must be decided before a share of them means anything


@dataclass
class Budget:
    """Counts what became of recordings. limit: `12` recordings, or `5%` of those decided so far."""

    limit: str
    decided: int = field(default=0, init=False)
    failed: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)%|(\d+)", self.limit.strip())
        if match is None or (match[1] and float(match[1]) > 100):
            raise InputError(f"max_failed is a number of recordings or a share such as 5%, not {self.limit!r}")
        self._share = float(match[1]) / 100 if match[1] else None
        self._count = int(match[2]) if match[2] else 0

    def add(self, *, failed: bool) -> None:
        self.decided += 1
        self.failed += failed

    @property
    def spent(self) -> bool:
        if self._share is None:
            return self.failed > self._count
        return self.decided >= FIRST_LOOK and self.failed > self._share * self.decided
