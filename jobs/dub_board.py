"""Where the workers of a dubbing run say how far they are, so that hours of one recording show too."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

LOOK_EVERY_S = 1.0
MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Heard:
    """How far a recording is, in seconds of sound. declared_s: what its header promises, None where it says nothing."""

    seconds: float
    declared_s: float | None


class DubBoard:
    """An actor: what the workers heard of every recording, by its number, and how often its work was begun."""

    def __init__(self) -> None:
        self._heard: dict[int, Heard] = {}
        self._attempts: dict[int, int] = {}

    def begin(self, number: int) -> bool:
        """False where this recording has taken its worker's process down too often to be tried again."""
        self._attempts[number] = self._attempts.get(number, 0) + 1
        return self._attempts[number] <= MAX_ATTEMPTS

    def hear(self, number: int, heard: Heard) -> None:
        self._heard[number] = heard

    def look(self) -> dict[int, Heard]:
        return self._heard


@contextmanager
def watched(board: Any, show: Callable[[dict[int, Heard]], None]) -> Iterator[None]:
    """Calls `show` with what was heard so far, about once a second while the block lasts and once at its end."""
    done = threading.Event()

    def look() -> None:
        last = False
        while not last:
            last = done.wait(LOOK_EVERY_S)
            show(ray.get(board.look.remote()))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=10)
