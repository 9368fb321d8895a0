"""An OpenTelemetry collector of this process: an HTTP server that keeps the spans it is sent."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

WAIT_S = 60.0


@dataclass(frozen=True)
class Span:
    """part: the service.name of who made it."""

    name: str
    part: str
    trace: str
    id: str
    parent: str
    attributes: dict[str, str | int]
    start_ns: int
    end_ns: int


@dataclass
class Collector:
    """url: what the setting `traces` is told."""

    url: str = ""
    _spans: list[Span] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    def take(self, body: bytes) -> None:
        """One OTLP export."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._news:
            for resource in request.resource_spans:
                (part,) = [a.value.string_value for a in resource.resource.attributes if a.key == "service.name"]
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        attributes = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
                        ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                        times = (span.start_time_unix_nano, span.end_time_unix_nano)
                        self._spans.append(Span(span.name, part, *ids, attributes, *times))
            self._news.notify_all()

    def spans(self, trace: str, names: set[str]) -> dict[str, Span]:
        """Of one trace, by name, when all of these are here."""

        def here() -> dict[str, Span]:
            return {span.name: span for span in self._spans if span.trace == trace}

        with self._news:
            assert self._news.wait_for(lambda: names <= here().keys(), WAIT_S), here()
            return here()


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                collector.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
