"""How much the service takes at once: bytes per request, requests per process."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.problems import BODY_TOO_LARGE, OVERLOADED, Problem, problem_response


class BodyLimit:
    """ASGI middleware: refuses a body by its declared length, and a body without one as soon as it grows too large."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > self._max_bytes:
            await problem_response(request, self._problem())(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise self._problem()  # an HTTPException: the form's parser lets it pass
            return message

        await self._app(scope, counted, send)

    def _problem(self) -> Problem:
        return Problem(
            BODY_TOO_LARGE, f"the body has more than {self._max_bytes} bytes", max_body_bytes=self._max_bytes
        )


class Admission:
    """Counts the requests in work on one event loop and refuses more than `limit`, before their bodies are read."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        if self._held >= self._limit:
            raise Problem(OVERLOADED, f"{self._held} requests are being worked on")
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
