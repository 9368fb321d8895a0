"""Windows in, raw windows out, in order: at once on a CPU, or through one network that several recordings share.

A GPU wants full batches and must not wait while a file is decoded: there several lanes decode at a time, and their
windows meet in the batches of one thread. Batch mates change no result.
"""

import queue
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Protocol

from emotalk.inference.finish import RawWindow
from emotalk.inference.windows import Window

if TYPE_CHECKING:  # planning a run reads this module, and does without torch
    from emotalk.inference.animator import Animator, Asked


class Predictor(Protocol):
    """The network as one recording sees it."""

    animator: "Animator"

    def predict(self, windows: Iterable[Window], controls: "Asked") -> Iterator[RawWindow]: ...


class Alone:
    """One recording at a time."""

    def __init__(self, animator: "Animator") -> None:
        self.animator = animator

    def predict(self, windows: Iterable[Window], controls: "Asked") -> Iterator[RawWindow]:
        return self.animator.predict_in_turn(windows, controls)


class Shared:
    """Several recordings at a time, each in a thread of its own; the network runs in another.

    lanes: recordings that may be at work. Each has two batches of windows under way at most, so memory is bounded.
    """

    def __init__(self, animator: "Animator", lanes: int) -> None:
        self.animator = animator
        self._ahead = 2 * animator.rows
        self._full = animator.rows * lanes
        self._asked: queue.Queue[tuple[Window, Asked, Future[RawWindow]]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def predict(self, windows: Iterable[Window], controls: "Asked") -> Iterator[RawWindow]:
        under_way: deque[Future[RawWindow]] = deque()
        for window in windows:
            future: Future[RawWindow] = Future()
            self._asked.put((window, controls, future))
            under_way.append(future)
            while under_way and (len(under_way) > self._ahead or under_way[0].done()):
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()

    def _run(self) -> None:
        while True:
            asked = [self._asked.get()]
            while len(asked) < self._full and not self._asked.empty():
                asked.append(self._asked.get())
            try:
                raw = self.animator.predict([window for window, _, _ in asked], [controls for _, controls, _ in asked])
            except Exception as error:
                self._one_by_one(asked, error)
                continue
            for (_, _, future), one in zip(asked, raw, strict=True):
                future.set_result(one)

    def _one_by_one(self, asked: list[tuple[Window, "Asked", Future[RawWindow]]], error: Exception) -> None:
        """So that controls which the model refuses cost their own recording alone."""
        for window, controls, future in asked:
            try:
                (one,) = self.animator.predict([window], controls) if len(asked) > 1 else _raised(error)
            except Exception as own:
                future.set_exception(own)
            else:
                future.set_result(one)


def _raised(error: Exception) -> list[RawWindow]:
    raise error
