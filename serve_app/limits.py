"""How much the service takes at once: bytes per request, requests per process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve_app.problems import BODY_TOO_LARGE, OVERLOADED, TOO_SLOW, Problem, problem_response

SLOW_BYTES_PER_S = 16 * 2**10


class BodyLimit:
    """ASGI middleware: refuses a body by its declared length, and a body without one as soon as it grows too large.

    late_s: how much later than at `SLOW_BYTES_PER_S` a body may come: who sends a byte now and then holds no place.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, late_s: float) -> None:
        self._app, self._max_bytes, self._late_s = app, max_bytes, late_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        declared = request.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > self._max_bytes:
            await problem_response(request, self._problem())(scope, receive, send)
            return
        received, complete = 0, False
        latest = asyncio.get_running_loop().time() + self._late_s

        async def counted() -> Message:
            nonlocal received, complete
            try:
                # Behind the body nothing comes but the client's leaving.
                async with asyncio.timeout_at(None if complete else latest + received / SLOW_BYTES_PER_S):
                    message = await receive()
            except TimeoutError as error:
                raise Problem(TOO_SLOW, f"{received} bytes of the body in {self._late_s:g} s and more") from error
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
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
