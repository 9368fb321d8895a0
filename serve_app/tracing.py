"""OpenTelemetry traces, where the configuration names a collector: a request's spans, in the ingress and in the replica
that works for it, as one trace.

Off, OpenTelemetry is neither imported nor needed, and a span costs nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from time import time_ns
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from emotalk.errors import InputError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer

EVERY_MS = 1000.0  # spans are sent, those of this time together
SENT_NS = "sent_ns"

Carrier = Mapping[str, str]
"""What another process needs to go on with a trace: its W3C `traceparent`, and when it was asked."""


def check_collector(url: str) -> None:
    """InputError for what is no collector, and where the extra is not installed."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise InputError(f"traces must be the address of a collector, as http://collector:4318, not {url!r}")
    try:
        found = find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise InputError("traces need the extra tracing: pip install 'emotalk[tracing]'")


class Trace:
    """Where the spans of some work go: below one that has begun. Without a tracer nowhere."""

    def __init__(self, tracer: "Tracer | None" = None, context: "Context | None" = None) -> None:
        self._tracer, self._context = tracer, context

    @contextmanager
    def span(self, name: str, **attributes: Any) -> Iterator[None]:
        """The block as a span; an exception that leaves it is told."""
        if self._tracer is None:
            yield
            return
        with self._tracer.start_as_current_span(name, context=self._context, attributes=attributes):
            yield

    def waited(self, name: str, since_ns: int) -> None:
        """A span that ends now."""
        if self._tracer is not None:
            self._tracer.start_span(name, context=self._context, start_time=since_ns).end()

    def carrier(self) -> Carrier | None:
        """For the process that is asked now."""
        if self._tracer is None:
            return None
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier = {SENT_NS: str(time_ns())}
        TraceContextTextMapPropagator().inject(carrier, context=self._context)
        return carrier


_now: ContextVar[Trace] = ContextVar("trace", default=Trace())  # noqa: B039 - it never changes


def current() -> Trace:
    """Of the request that this task works for."""
    return _now.get()


class Traces:
    """Begins the traces of one process. collector: where they go, None for nowhere. part: which process it is."""

    def __init__(self, collector: str | None, part: str) -> None:
        self._provider = None if collector is None else _provider(collector, part)
        self._tracer = None if self._provider is None else self._provider.get_tracer("emotalk.serve")

    @contextmanager
    def request(self, scope: Scope, request_id: str) -> Iterator["Span | None"]:
        """A span around the work for one request or live session, below the client's own where it sends one."""
        if self._tracer is None:
            yield None
            return
        from opentelemetry.trace import SpanKind, set_span_in_context

        method = scope.get("method", "WS")
        attributes = {"http.request.method": method, "url.path": scope["path"], "emotalk.request_id": request_id}
        with self._tracer.start_as_current_span(
            f"{method} {scope['path']}"[:100],
            context=_extracted(dict(Headers(scope=scope))),
            kind=SpanKind.SERVER,
            attributes=attributes,
        ) as span:
            token = _now.set(Trace(self._tracer, set_span_in_context(span)))
            try:
                yield span
            finally:
                _now.reset(token)

    def follow(self, carrier: Carrier | None) -> Trace:
        """Goes on, in this process, with what was begun in another; the time in between is the span `queue`."""
        if self._tracer is None or carrier is None:
            return Trace()
        trace = Trace(self._tracer, _extracted(carrier))
        trace.waited("queue", int(carrier[SENT_NS]))
        return trace


def _extracted(carrier: Carrier) -> "Context":
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract(carrier, context=Context())


def _provider(collector: str, part: str) -> "TracerProvider":
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # A provider of our own: the process's one is Serve's, whose traces are another matter.
    provider = TracerProvider(resource=Resource.create({"service.name": f"emotalk-{part}"}))
    exporter = OTLPSpanExporter(endpoint=f"{collector.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=EVERY_MS))
    return provider
