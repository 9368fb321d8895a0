"""In front of every request: its id, who asks, whether they may, and how much. One line of log for each."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.config import ServeConfig
from serve_app.keys import Key, KeyRing
from serve_app.problems import FORBIDDEN, OVERLOADED, UNAUTHORIZED, Problem, problem_response
from serve_app.request_id import identify
from serve_app.tracing import Traces

SUBPROTOCOL, KEY_SUBPROTOCOL = "emotalk.v1", "emotalk.key."

logger = logging.getLogger("ray.serve.emotalk")


class Guard:
    """ASGI middleware, the outermost. Without keys everybody may everything, and only the service's own limits hold."""

    def __init__(self, app: ASGIApp, config: ServeConfig) -> None:
        self._app, self._config = app, config
        self._ring = None if config.api_keys is None else KeyRing.load(config.api_keys)
        self._usage: dict[str, Usage] = {}
        self._traces = Traces(config.traces, "ingress")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = identify(scope)
        with self._traces.request(scope, request_id) as span:
            status = await self._answer(scope, receive, send, request_id)
            if span is not None:
                span.set_attribute("http.response.status_code", status)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> int:
        """The status; of a WebSocket the code that it was closed with."""
        began, status, name = monotonic(), 0, "-"

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                status = message["status"]
                MutableHeaders(scope=message).setdefault("x-request-id", request_id)
            elif message["type"] == "websocket.close":
                status = message.get("code", 1000)
            await send(message)

        try:
            key = self._admitted(HTTPConnection(scope))
            name = key.name if key else "-"
            scope.setdefault("state", {})["key"] = name
            with self._usage_of(key).request() if key else _unlimited():
                await self._app(scope, receive, told)
        except Problem as problem:
            await _refuse(problem, scope, receive, told)
        finally:
            self._log(scope, status, name, request_id, monotonic() - began)
        return status

    def _admitted(self, connection: HTTPConnection) -> Key | None:
        """Who asks, or None where nobody is asked. A Problem for who may not."""
        scope = scope_of(connection.scope["path"])
        if connection.scope["type"] == "http" and connection.scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            _check_origin(connection.headers, self._config.cors)
        if connection.scope["type"] == "websocket":
            _check_origin(connection.headers, self._config.cors)
        if self._ring is None or scope is None:
            return None
        given = key_given(connection.headers)
        key = self._ring.find(given) if given else None
        if key is None:
            raise Problem(UNAUTHORIZED, "send a key: Authorization: Bearer KEY, or X-API-Key: KEY")
        if not key.may(scope):
            raise Problem(FORBIDDEN, f"the key {key.name} has not the scope {scope}")
        return key

    def _usage_of(self, key: Key) -> "Usage":
        config = self._config
        return self._usage.setdefault(key.name, Usage(config.key_requests_per_minute, config.key_concurrent))

    def _log(self, scope: Scope, status: int, key: str, request_id: str, seconds: float) -> None:
        kind = "WS" if scope["type"] == "websocket" else scope["method"]
        path = quote(scope["path"])  # a stranger's line breaks are no lines of the log
        known = {"status": status, "key": key, "request": request_id, "ms": round(1000 * seconds, 1)}
        level = logging.DEBUG if scope["path"] in ("/healthz", "/readyz") else logging.INFO
        logger.log(level, "%s %s %s", kind, path, " ".join(f"{k}={v}" for k, v in known.items()), extra=known)


class Usage:
    """What one key takes of one ingress replica. A bucket fills with the rate and holds a minute of it."""

    def __init__(self, per_minute: int, concurrent: int) -> None:
        self._rate, self._limit = per_minute / 60, float(per_minute)
        self._left, self._at = self._limit, monotonic()
        self._concurrent, self._held = concurrent, 0

    @contextmanager
    def request(self) -> Iterator[None]:
        now = monotonic()
        self._left = min(self._limit, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            wait_s = int((1 - self._left) / self._rate) + 1
            raise Problem(OVERLOADED, f"this key may ask {self._limit:g} times a minute", retry_after_s=wait_s)
        if self._held >= self._concurrent:
            raise Problem(OVERLOADED, f"this key has {self._held} requests in work, as many as it may")
        self._left -= 1
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1


def scope_of(path: str) -> str | None:
    """What a key must be allowed for this path; None where none is needed."""
    if path.startswith("/v1/models/"):
        return "admin"
    if path == "/v1/jobs" or path.startswith("/v1/jobs/"):
        return "jobs"
    return "animate" if path.startswith("/v1/") or path == "/v1" else None


def key_given(headers: Headers) -> str | None:
    """From a header, or, as browsers cannot set headers of a WebSocket, from its subprotocols."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and value.strip():
        return value.strip()
    if given := headers.get("x-api-key"):
        return given
    offered = [part.strip() for part in headers.get("sec-websocket-protocol", "").split(",")]
    return next((part.removeprefix(KEY_SUBPROTOCOL) for part in offered if part.startswith(KEY_SUBPROTOCOL)), None)


def _check_origin(headers: Headers, allowed: tuple[str, ...]) -> None:
    """Browsers let any page open a WebSocket to any host, and send it forms: strangers are known by their origin."""
    origin = headers.get("origin")
    if origin is None or "*" in allowed or origin in allowed or origin.partition("://")[2] == headers.get("host"):
        return
    raise Problem(FORBIDDEN, "pages of this origin may not connect (see the setting cors)")


@contextmanager
def _unlimited() -> Iterator[None]:
    yield


async def _refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await problem_response(Request(scope), problem)(scope, receive, send)
    else:  # before it is accepted, which HTTP answers with 403
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": problem.kind.title})
