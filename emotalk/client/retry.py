"""When a call is made again, and after how long."""

import random
from dataclasses import dataclass

from emotalk.errors import InputError

# 500: a proxy whose ingress replica died; 502, 504: a load balancer's. The service's own faults are repeated, too: the
# same request has the same answer, so nothing can happen twice.
AGAIN = frozenset({0, 429, 500, 502, 503, 504})


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Waits `first_s`, then twice as long each time up to `longest_s`, each shortened by up to half at random, so that
    many clients do not come back together. A service that names a time is waited for at least so long."""

    tries: int = 8
    first_s: float = 0.25
    longest_s: float = 8.0

    def __post_init__(self) -> None:
        if self.tries < 1 or self.first_s < 0 or self.longest_s < self.first_s:
            raise InputError("backoff needs at least one try, and times that do not shrink")

    def wait_s(self, tried: int, retry_after: str | None = None) -> float:
        """After so many tries, from 1 on."""
        wait = min(self.longest_s, self.first_s * 2 ** (tried - 1)) * random.uniform(0.5, 1)
        named = float(retry_after) if retry_after is not None and retry_after.isdecimal() else 0.0
        return max(wait, named)
