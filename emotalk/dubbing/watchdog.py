"""Work that makes no progress for too long is told of, so that its process can be ended.

A decoder that hangs can't be interrupted from Python: whoever is told ends the process. Where it hangs with Python's
own lock held nobody can be told; then the process ends by itself a little later.
"""

import faulthandler
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Watchdog:
    """Watches the threads that are inside `watch`. told: called with the key of what stands still, in another thread.

    limit_s: longest time between two ticks.
    """

    def __init__(self, limit_s: float, told: Callable[[int], None]) -> None:
        self._limit_s, self._told = limit_s, told
        self._ticked: dict[int, float] = {}
        self._here = threading.local()
        self._lock = threading.Lock()
        self._nowhere = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process lives
        threading.Thread(target=self._look, daemon=True).start()

    @contextmanager
    def watch(self, key: int) -> Iterator[None]:
        self._here.key = key
        self.tick()
        try:
            yield
        finally:
            self._here.key = None
            with self._lock:
                self._ticked.pop(key, None)

    def tick(self) -> None:
        """The work of this thread goes on."""
        key = getattr(self._here, "key", None)
        if key is not None:
            with self._lock:
                self._ticked[key] = time.monotonic()

    def _look(self) -> None:
        while True:
            # This thread needs Python's lock to wind this up again.
            faulthandler.dump_traceback_later(2 * self._limit_s, exit=True, file=self._nowhere)
            time.sleep(min(self._limit_s / 4, 5.0))
            with self._lock:
                late = [key for key, at in self._ticked.items() if time.monotonic() - at > self._limit_s]
            for key in late:
                self._told(key)
