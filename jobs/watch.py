"""Telling now and then how a job goes, while it goes. Nothing that is told ever disturbs the job."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

LOOK_EVERY_S = 1.0
ANSWER_WITHIN_S = 10.0  # a board on a lost machine may never answer


@contextmanager
def repeated(tell: Callable[[bool], None], *, every_s: float, within_s: float) -> Iterator[None]:
    """Calls `tell` every so many seconds while the block lasts, with False, and once at its end, with True.

    within_s: what a call may take; one that takes far longer at the end is left alone.
    """
    done = threading.Event()

    def run() -> None:
        last = False
        while not last:
            last = done.wait(every_s)
            tell(last)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=2 * within_s)


def watched(board: Any, show: Callable[[Any], None]) -> AbstractContextManager[None]:
    """Calls `show` with what `board.look` tells, about once a second while the block lasts and once at its end.

    The board is an actor that workers post to; one that is gone tells nothing.
    """
    import ray
    from ray.exceptions import RayError

    def look(_: bool) -> None:
        try:
            told = ray.get(board.look.remote(), timeout=ANSWER_WITHIN_S)
        except RayError:
            return  # a display is not worth a job; a board that was started again tells what it hears from now on
        show(told)

    return repeated(look, every_s=LOOK_EVERY_S, within_s=ANSWER_WITHIN_S)
