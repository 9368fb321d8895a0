"""What stands in Serve's HTTP proxy, in front of the ingress: requests that no application ever sees.

Serve calls `middlewares` in each of its proxies where RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH names it. Without it
the service works, but clients can speak to Serve itself by headers, some of which make it answer 500, and a connection
may send headers for ever.
"""

import json
import os
from asyncio import BaseTransport, TimerHandle
from http import HTTPStatus
from typing import Any

import uvicorn.config
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serve_app.problems import BAD_REQUEST, HEADERS_TOO_LARGE, TOO_SLOW, Problem, ProblemType, document_of
from serve_app.request_id import identify

CALLBACK = "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"
MAX_HEAD_BYTES = 64 * 2**10  # of a request line and headers that have not ended
HEAD_S = 30.0  # for them, from the connection or the first byte on
# Each of these Serve obeys, as the model to route to or the time after which it gives up.
OF_SERVE = {
    b"serve-multiplexed-model-id",
    b"x-request-disconnect-disabled",
    b"x-request-timeout-seconds",
    os.environ.get("RAY_SERVE_SESSION_ID_HEADER_KEY", "x-session-id").lower().replace("_", "-").encode(),
}


def use() -> None:
    """Proxies of a Ray that this process starts from now on have it."""
    os.environ.setdefault(CALLBACK, f"{__name__}.{middlewares.__name__}")


def middlewares() -> list[Middleware]:
    """Called by each proxy before it listens."""
    uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedHttp.__name__}"
    return [Middleware(CleanHeaders)]


class CleanHeaders:
    """ASGI middleware: only the service speaks to Serve; a request's id is one, and a path begins with a slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope["headers"] = [
                (name, value) for name, value in scope["headers"] if name.lower().replace(b"_", b"-") not in OF_SERVE
            ]
            identify(scope)
            if not scope["path"].startswith("/"):  # as OPTIONS * has it: Serve finds no application for that
                scope["path"] = f"/{scope['path']}"
        await self._app(scope, receive, send)


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's connection, but headers end, and in time; what is no HTTP is told so by a problem document."""

    _head_bytes = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:  # type: ignore[override]
        super().connection_made(transport)  # type: ignore[arg-type]
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._timer is not None:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HEADERS_TOO_LARGE, f"they have more than {MAX_HEAD_BYTES} bytes")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._begin_head()

    def on_headers_complete(self) -> None:
        self._end_head()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(BAD_REQUEST, msg)

    def _begin_head(self) -> None:
        self._head_bytes = 0
        self._timer = self.loop.call_later(HEAD_S, self._refuse, TOO_SLOW, f"no headers within {HEAD_S:g} s")

    def _end_head(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, kind: ProblemType, detail: str) -> None:
        self._end_head()
        if self.transport.is_closing():
            return
        unknown: dict[str, Any] = {"type": "http", "path": "/", "headers": []}
        body = json.dumps(document_of(Problem(kind, detail), HTTPConnection(unknown))).encode()
        head = f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\nContent-Type: application/problem+json\r\n"
        self.transport.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        self.transport.close()
