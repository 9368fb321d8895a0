"""Looking at a board, an actor that workers post to, while a job runs. A board that is gone never disturbs the job."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.exceptions import RayError

LOOK_EVERY_S = 1.0
ANSWER_WITHIN_S = 10.0  # a board on a lost machine may never answer


@contextmanager
def watched(board: Any, show: Callable[[Any], None]) -> Iterator[None]:
    """Calls `show` with what `board.look` tells, about once a second while the block lasts and once at its end."""
    done = threading.Event()

    def look() -> None:
        last = False
        while not last:
            last = done.wait(LOOK_EVERY_S)
            try:
                told = ray.get(board.look.remote(), timeout=ANSWER_WITHIN_S)
            except RayError:
                continue  # a display is not worth a job; a board that was started again tells what it hears from now on
            show(told)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=2 * ANSWER_WITHIN_S)
