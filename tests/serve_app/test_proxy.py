"""What stands in Serve's proxy, on a server of this process."""

import asyncio
import json
from collections.abc import Iterator

import pytest
import uvicorn.config
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.fuzz.raw_http import Reply, Sent, exchange
from serve_app import proxy
from serve_app.proxy import OF_SERVE, middlewares
from tests.serve_app.live.clients import listening


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the path and the headers that it was sent."""
    body = json.dumps([[name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]])
    path = scope["path"].encode("latin-1")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-path", path)]})
    await send({"type": "http.response.body", "body": body.encode()})


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[ASGIApp]:
    """As a proxy has it."""
    monkeypatch.setitem(uvicorn.config.HTTP_PROTOCOLS, "auto", uvicorn.config.HTTP_PROTOCOLS["auto"])
    (middleware,) = middlewares()
    return middleware.cls(echo, *middleware.args, **middleware.kwargs)


def asked(app: ASGIApp, *parts: bytes) -> Reply:
    async def run() -> Reply | None:
        async with listening(app) as url:
            host, _, port = url.removeprefix("ws://").removesuffix("/v1/live").partition(":")
            return await exchange((host, int(port)), Sent(parts=parts), wait_s=60)

    reply = asyncio.run(run())
    assert reply is not None
    return reply


def problem(reply: Reply) -> str:
    assert reply.headers["content-type"] == "application/problem+json"
    document = json.loads(reply.body)
    assert document["status"] == reply.status
    return str(document["type"]).rsplit(":", 1)[1]


def test_clients_speak_to_the_service_alone(app: ASGIApp) -> None:
    for name in OF_SERVE:
        reply = asked(app, b"GET / HTTP/1.1\r\nHost: x\r\n%s: \xff\r\nX-Mine: yes\r\n\r\n" % name)
        names = [header for header, _ in json.loads(reply.body)]
        assert name.decode().lower() not in names
        assert "x-mine" in names


@pytest.mark.parametrize(("given", "kept"), [(b"abc-1", True), (b"\xff", False), (b"a b", False), (b"a" * 65, False)])
def test_a_requests_id_is_one(app: ASGIApp, given: bytes, kept: bool) -> None:
    reply = asked(app, b"GET / HTTP/1.1\r\nHost: x\r\nX-Request-ID: %s\r\n\r\n" % given)
    (found,) = [value for header, value in json.loads(reply.body) if header == "x-request-id"]
    assert (found == given.decode("latin-1")) == kept


def test_every_request_is_the_services(app: ASGIApp) -> None:
    """Serve answers those without a path by itself."""
    assert asked(app, b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").headers["x-path"] == "/*"


def test_headers_without_end_are_cut(app: ASGIApp) -> None:
    line = b"X-More: " + b"m" * 1000 + b"\r\n"
    reply = asked(app, b"GET / HTTP/1.1\r\nHost: x\r\n", *[line] * 10_000)
    assert (reply.status, problem(reply)) == (431, "headers-too-large")


def test_one_header_without_end_is_cut(app: ASGIApp) -> None:
    reply = asked(app, b"GET / HTTP/1.1\r\nHost: x\r\nX-Huge: ", *[b"h" * 1000] * 10_000)
    assert (reply.status, problem(reply)) == (431, "headers-too-large")


@pytest.mark.parametrize("parts", [[], [b"GET / HTTP/1.1\r\nX"], [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"G"]])
def test_who_never_ends_the_headers_is_told_so(
    app: ASGIApp, parts: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "HEAD_S", 0.5)

    async def run() -> bytes:
        async with listening(app) as url:
            host, _, port = url.removeprefix("ws://").removesuffix("/v1/live").partition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                for part in parts:
                    writer.write(part)
                    await writer.drain()
                return await reader.read()
            finally:
                writer.close()

    assert b"408 Request Timeout" in asyncio.run(run())


@pytest.mark.parametrize(
    "line", [b"\x16\x03\x01\x02\0", b"FETCH / HTTP/1.1", b"GET \xff HTTP/1.1", b"GET / HTTP/1.1\r\nx y: z"]
)
def test_what_is_no_http_is_told_so(app: ASGIApp, line: bytes) -> None:
    reply = asked(app, line + b"\r\n\r\n")
    assert (reply.status, problem(reply)) == (400, "bad-request")
