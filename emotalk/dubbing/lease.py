"""One run at a time writes into an output folder: a lease that its holder renews, and that a dead run loses.

No clock is compared with another: who finds a lease watches whether it changes. A run that was killed is noticed at
once on its own machine, else after `WATCH_S`.
"""

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from emotalk.corpus.store import Store
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.errors import EmoTalkError, InputError

LEASE = f"{OWN_FOLDER}/run.json"
RENEW_S = 10.0
WATCH_S = 3 * RENEW_S
LOOK_EVERY_S = 1.0


class LeaseLostError(EmoTalkError):
    """Another run writes into the output folder: this one stops."""


@dataclass(frozen=True)
class Lease:
    """Who writes. run: unlike any other. started: of the process, so that its number given again is not taken for it.

    count: grows with every renewal.
    """

    location: str
    run: str
    generation: int
    host: str
    pid: int
    started: str
    count: int = 0

    def is_held(self) -> bool:
        """Whether the folder is still this run's. A worker asks before it puts files under their final names."""
        now = _read(self.location)
        return now is not None and now.run == self.run

    def check(self) -> None:
        if not self.is_held():
            raise LeaseLostError(f"{self.location}: another run has taken this output over; this one stops")

    def _write(self) -> None:
        Store(self.location).write(LEASE, json.dumps(asdict(self)).encode())


@contextmanager
def leased(location: str, generation: int) -> Iterator[Lease]:
    """Holds the lease of an output folder while the block lasts; `generation`: at least so much.

    InputError where another run is at work there.
    """
    before = _read(location)
    if before is not None and not _dead_here(before):
        _watch(before)
    lease = Lease(
        location,
        secrets.token_hex(8),
        max(generation, before.generation + 1 if before else 0),
        socket.gethostname(),
        os.getpid(),
        _started(os.getpid()),
    )
    lease._write()
    ended = threading.Event()

    def renew() -> None:
        renewed = lease
        while not ended.wait(RENEW_S):
            renewed = replace(renewed, count=renewed.count + 1)
            try:
                if not lease.is_held():
                    return  # taken over: this run's workers find out and stop
                renewed._write()
            except OSError:
                continue  # a store that fails for a while; who waits for the lease waits longer than that

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        ended.set()
        thread.join(timeout=RENEW_S)
        if lease.is_held():
            # Its generation stays known, so that the next run counts on.
            replace(lease, run="", pid=0)._write()


def _watch(before: Lease) -> None:
    """Returns once the holder is surely gone; InputError as soon as it shows itself alive."""
    if not before.run:
        return
    deadline = time.monotonic() + WATCH_S
    while time.monotonic() < deadline:
        time.sleep(LOOK_EVERY_S)
        now = _read(before.location)
        if now is None or not now.run or _dead_here(now):
            return
        if (now.run, now.count) != (before.run, before.count):
            raise InputError(
                f"another run (process {now.pid} on {now.host}) writes here: wait for it, or choose another output",
                source=before.location,
            )


def _read(location: str) -> Lease | None:
    try:
        data = json.loads(Store(location).read(LEASE))
        return Lease(**(data | {"location": location}))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _dead_here(lease: Lease) -> bool:
    """Whether the holder ran on this machine and runs no more."""
    return lease.host == socket.gethostname() and _started(lease.pid) != lease.started


def _started(pid: int) -> str:
    """When a process of this machine began, as its kernel counts; empty for one that is not there or has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return ""
    return "" if fields[0] in "ZX" else f"{_boot()}-{fields[19]}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
