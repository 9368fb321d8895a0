"""What a worker has done and not yet written down: a segment of the ledger every few seconds."""

import threading
import time
from collections.abc import Callable

from emotalk.dubbing.ledger import Record, append

WRITE_EVERY_S = 5.0  # of work that a kill may cost in short recordings; long ones are written down as they end


class Journal:
    """Records of one run (`generation`), for the threads of one worker."""

    def __init__(self, location: str, generation: int) -> None:
        self._location, self._generation = location, generation
        self._records: list[Record] = []
        self._then: list[Callable[[], None]] = []
        self._written = time.monotonic()
        self._lock = threading.Lock()

    def forget(self, records: list[Record]) -> None:
        """Written down at once: these no longer vouch for files that are about to be replaced."""
        append(self._location, self._generation, records)

    def add(self, record: Record) -> None:
        """Of files that stand under their final names."""
        with self._lock:
            self._records.append(record)

    def done(self, then: Callable[[], None]) -> None:
        """All that belongs together was added: `then` is called when it is written down, now or soon."""
        with self._lock:
            self._then.append(then)
            due = time.monotonic() - self._written >= WRITE_EVERY_S
        if due:
            self.flush()

    def flush(self) -> None:
        with self._lock:
            records, then = self._records, self._then
            append(self._location, self._generation, records)
            self._records, self._then = [], []
            self._written = time.monotonic()
        for call in then:
            call()
