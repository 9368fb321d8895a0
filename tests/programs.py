"""Programs that answer over HTTP, for the tests that run a real Prometheus."""

import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_WITHIN_S = 60.0


def fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def answered(url: str, wanted: str) -> str:
    """What is at the URL once it holds `wanted`."""
    until = time.monotonic() + START_WITHIN_S
    never = threading.Event()
    text = "nothing"
    while time.monotonic() < until:
        try:
            text = fetched(url)
            if wanted in text:
                return text
        except OSError as error:
            text = str(error)
        never.wait(0.1)
    raise AssertionError(f"{url}: {text}")
