"""A dubbing run for Prometheus: a page of the driver to scrape, metrics pushed to a gateway, or both."""

import hashlib
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import get_args
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, start_http_server
from prometheus_client.exposition import push_to_gateway

from emotalk.dubbing.findings import MEANINGS
from emotalk.dubbing.report import FAILED, IGNORED, FailureClass, Row, State
from emotalk.errors import InputError
from jobs.progress import Progress
from jobs.watch import repeated

JOB = "emotalk_dub"
PUSH_EVERY_S = 10.0
PUSH_WITHIN_S = 5.0


class DubMetrics:
    """The metrics of one run, see docs/dubbing-report.md for each."""

    def __init__(self, **info: str) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, said: str, *labels: str) -> Counter:
            return Counter(f"{JOB}_{name}", said, labels, registry=registry)

        def gauge(name: str, said: str) -> Gauge:
            return Gauge(f"{JOB}_{name}", said, registry=registry)

        Info(f"{JOB}_run", "What is dubbed with what.", registry=registry).info(info)
        self._items = counter("items_total", "Recordings that are through, by what became of them.", "state")
        self._failures = counter("failures_total", "Recordings that failed, by the class of the reason.", "reason")
        self._warnings = counter("warnings_total", "Recordings with a warning, by its kind.", "kind")
        self._audio = counter("audio_seconds_total", "Seconds of sound heard in this run.")
        self._planned = gauge("items_planned", "Recordings of this run, those already done included.")
        self._planned_audio = gauge("audio_planned_seconds", "Seconds of sound to be heard in this run, an estimate.")
        self._speed = gauge("speed_ratio", "Seconds of sound per second of wall clock, since the workers started.")
        self._left = gauge("seconds_left", "Estimated seconds of wall clock until the end; NaN until known.")
        self._in_flight = gauge("parts_in_flight", "Pieces of work that workers have begun and not finished.")
        self._workers = gauge("workers", "Workers that the run may hold.")
        self._moved = gauge("last_progress_timestamp_seconds", "Unix time at which sound was last heard.")
        for state in get_args(State):
            if state != IGNORED:
                self._items.labels(state)
        for reason in get_args(FailureClass):
            self._failures.labels(reason)
        for kind in MEANINGS:
            self._warnings.labels(kind)
        self._left.set(float("nan"))
        self._heard_s = 0.0

    def plan(self, items: int, workers: int = 0) -> None:
        self._planned.set(items)
        self._workers.set(workers)

    def row(self, row: Row) -> None:
        """A recording is through."""
        if row.state == IGNORED:
            return
        self._items.labels(row.state).inc()
        if row.state == FAILED:
            self._failures.labels(row.failure or "fault").inc()
        for found in row.warnings:
            self._warnings.labels(found.kind).inc()

    def progress(self, progress: Progress, in_flight: int) -> None:
        if progress.audio_s > self._heard_s:  # less is a board that was started again
            self._audio.inc(progress.audio_s - self._heard_s)
            self._heard_s = progress.audio_s
            self._moved.set_to_current_time()
        self._planned_audio.set(progress.planned_audio_s)
        self._speed.set(progress.speed)
        self._left.set(float("nan") if progress.left_s is None else progress.left_s)
        self._in_flight.set(in_flight)


def check_export(port: int | None, gateway: str | None) -> None:
    """InputError for what can be neither a port nor the address of a push gateway."""
    if port is not None and not 0 <= port < 2**16:
        raise InputError(f"the port of the metrics must be between 0 and {2**16 - 1}, not {port}")
    if gateway is not None and (urlsplit(gateway).scheme not in ("http", "https") or not urlsplit(gateway).hostname):
        raise InputError(f"the push gateway must be an address such as http://127.0.0.1:9091, not {gateway}")


@contextmanager
def exported(
    metrics: DubMetrics, *, host: str, port: int | None, gateway: str | None, run: str
) -> Iterator[str | None]:
    """Shows the metrics while the block lasts -> the address of their page, where there is one.

    port: of the page, 0 for any free one, None for no page. gateway: they are pushed there every 10 s and at the end,
    in the group {job="emotalk_dub", run=…} that the next run of the same output replaces; a gateway that does not
    answer is told of when that is noticed and at the end. InputError where the port cannot be had.
    """
    with ExitStack() as stack:
        if gateway is not None:
            stack.enter_context(_pushed(metrics, gateway, hashlib.sha256(run.encode()).hexdigest()[:12]))
        yield None if port is None else stack.enter_context(_served(metrics, host, port))


@contextmanager
def _served(metrics: DubMetrics, host: str, port: int) -> Iterator[str]:
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise InputError(f"no metrics at {host}:{port} ({error}): choose another port or host") from error
    try:
        yield f"http://{host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pushed(metrics: DubMetrics, gateway: str, run: str) -> AbstractContextManager[None]:
    told = False

    def push(last: bool) -> None:
        nonlocal told
        try:
            push_to_gateway(gateway, JOB, metrics.registry, {"run": run}, PUSH_WITHIN_S)
        except OSError as error:  # urllib's errors are such
            if last or not told:
                print(f"warning: the push gateway {gateway} does not take metrics ({error})", file=sys.stderr)
            told = True

    return repeated(push, every_s=PUSH_EVERY_S, within_s=PUSH_WITHIN_S)
