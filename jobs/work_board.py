"""Where the workers of a job say how far they are, so that hours of one recording show too, and what they survived."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs.watch import ANSWER_WITHIN_S

MAX_ATTEMPTS = 3
POST_EVERY_S = 1.0  # as often as somebody looks; a post costs both sides a millisecond


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


class WorkBoard:
    """What the workers heard of every piece of work, by its number, how often it was begun, and what is finished of it.

    The finished answers of a portion are kept until all of it is: should its worker die, the next one goes on there.
    """

    def __init__(self) -> None:
        self._heard: dict[int, Heard] = {}
        self._total = Heard()
        self._attempts: dict[int, int] = {}
        self._stalled: set[int] = set()
        self._finished: dict[int, Any] = {}

    def begin(self, number: int) -> bool:
        """False where this piece has taken its worker's process down too often to be tried again."""
        return self.attempt(number) <= MAX_ATTEMPTS

    def attempt(self, number: int) -> int:
        """Which attempt begins now, from 1 on; 0 where the piece is known to stand still for ever."""
        if number in self._stalled:
            return 0
        self._attempts[number] = self._attempts.get(number, 0) + 1
        return self._attempts[number]

    def stalled(self, number: int) -> None:
        self._stalled.add(number)

    def finish(self, number: int, answer: Any) -> None:
        self._finished[number] = answer

    def finished(self, numbers: Sequence[int]) -> dict[int, Any]:
        """Answers of an earlier attempt at the same portion."""
        return {number: self._finished[number] for number in numbers if number in self._finished}

    def close(self, numbers: Sequence[int]) -> None:
        """The portion of these is finished: its answers are on their way."""
        for number in numbers:
            self._finished.pop(number, None)

    def hear(self, heard: Mapping[int, Heard]) -> None:
        """How far these are now."""
        for number, now in heard.items():
            self._total += now + -self._heard.get(number, Heard())
            self._heard[number] = now

    def look(self) -> Heard:
        """The sum over all recordings begun: a shelf may hold a million."""
        return self._total


class Posts:
    """What one worker, whose threads may share this, hears and tells the board now and then."""

    def __init__(self, board: Any) -> None:
        self._board = board
        self._heard: dict[int, Heard] = {}
        self._posted = 0.0
        self._lock = threading.Lock()

    def hear(self, number: int, heard: Heard) -> None:
        with self._lock:
            self._heard[number] = heard
            due = time.monotonic() - self._posted >= POST_EVERY_S
        if due:
            self.flush()

    def flush(self) -> None:
        with self._lock:
            heard, self._heard = self._heard, {}
            self._posted = time.monotonic()
        if heard:
            self._board.hear.remote(heard)


def start_board() -> Any:
    """A `WorkBoard` as an actor. One that dies is started again, empty."""
    import ray

    return ray.remote(num_cpus=0, max_restarts=-1)(WorkBoard).remote()


def may_begin(board: Any, number: int) -> bool:
    """`WorkBoard.begin`; True where the board does not answer: its death costs no recording."""
    return bool(asked(board.begin, number, otherwise=True))


def asked(method: Any, *arguments: Any, otherwise: Any) -> Any:
    """What the board answers, or `otherwise` where it does not."""
    import ray
    from ray.exceptions import RayError

    try:
        return ray.get(method.remote(*arguments), timeout=ANSWER_WITHIN_S)
    except RayError:
        return otherwise
