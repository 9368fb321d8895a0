"""Where the workers of a dubbing run say how far they are, so that hours of one recording show too."""

from dataclasses import dataclass
from typing import Any

import ray
from ray.exceptions import RayError

from jobs.watch import ANSWER_WITHIN_S

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Heard:
    """How far recordings are: seconds heard, seconds they promise to have, bytes of their files. One, or a sum."""

    seconds: float = 0.0
    promised_s: float = 0.0
    bytes: int = 0

    def __add__(self, other: "Heard") -> "Heard":
        return Heard(self.seconds + other.seconds, self.promised_s + other.promised_s, self.bytes + other.bytes)

    def __neg__(self) -> "Heard":
        return Heard(-self.seconds, -self.promised_s, -self.bytes)


class DubBoard:
    """What the workers heard of every recording, by its number, and how often its work was begun."""

    def __init__(self) -> None:
        self._heard: dict[int, Heard] = {}
        self._total = Heard()
        self._attempts: dict[int, int] = {}

    def begin(self, number: int) -> bool:
        """False where this recording has taken its worker's process down too often to be tried again."""
        self._attempts[number] = self._attempts.get(number, 0) + 1
        return self._attempts[number] <= MAX_ATTEMPTS

    def hear(self, number: int, heard: Heard) -> None:
        self._total += heard + -self._heard.get(number, Heard())
        self._heard[number] = heard

    def look(self) -> Heard:
        """The sum over all recordings begun: a shelf may hold a million."""
        return self._total


def start_board() -> Any:
    """A `DubBoard` as an actor. One that dies is started again, empty."""
    return ray.remote(num_cpus=0, max_restarts=-1)(DubBoard).remote()


def may_begin(board: Any, number: int) -> bool:
    """`DubBoard.begin`; True where the board does not answer: its death costs no recording."""
    try:
        return bool(ray.get(board.begin.remote(number), timeout=ANSWER_WITHIN_S))
    except RayError:
        return True
