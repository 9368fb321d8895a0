"""POST /v1/animations and /v1/animations/batch."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.formats.json_text import compact
from serve_app import ndjson, openapi, tracing
from serve_app.answers import Answer, choose
from serve_app.backend import Model
from serve_app.config import ServeConfig
from serve_app.limits import Admission
from serve_app.models import Models
from serve_app.problems import BAD_CONTROLS, INTERNAL, OVERLOADED, Problem, document_of
from serve_app.recordings import Recordings, Sound
from serve_app.uploads import BatchItem, received, received_batch

BATCH_RETRY_S = 1.0  # between tries of an item while the model is busy
BATCH_TRIES = 120

logger = logging.getLogger("ray.serve.emotalk")


def install(app: FastAPI, config: ServeConfig, models: Models) -> None:
    """Adds the routes."""
    recordings = Recordings(config)
    admission, batches = Admission(config.max_requests), Admission(config.max_batches)
    encoders = ThreadPoolExecutor(config.decoders, thread_name_prefix="encoder")
    background = asyncio.Semaphore(config.batch_parallel)

    async def encoded(answer: Answer, animation: Animation) -> bytes:
        with tracing.current().span("write", format=answer.name, frames=animation.frames):
            return await asyncio.get_running_loop().run_in_executor(encoders, answer.encode, animation)

    @app.post(
        "/v1/animations",
        tags=["animations"],
        summary="Animate a recording",
        response_class=Response,
        responses={200: openapi.ANIMATION_RESPONSE, **openapi.error_responses(*openapi.CREATE_ERRORS)},
        openapi_extra={
            "requestBody": openapi.CREATE_BODY,
            "parameters": [openapi.FORMAT_PARAMETER, openapi.MODEL_PARAMETER],
        },
    )
    async def create_animation(request: Request) -> Response:
        """Send a recording, or say where it lies, and, if wished, controls; the answer is the whole animation."""
        model = models.of(request.query_params.get("model"))
        stream = _wants_lines(request)
        answer = None if stream else choose(request.headers.get("accept"), request.query_params.get("format"))
        async with AsyncExitStack() as stack:
            stack.enter_context(admission.slot())
            async with received(request) as asked:
                # A client that leaves cancels this.
                sound = await recordings.read(asked)
            if answer is None:
                lines = await _lines(models, model, sound, asked.controls, request)
                return Streamed(lines, stack.pop_all())
            with _as_problems():
                animation = await model.animate(sound.samples, asked.controls, sound.emotion)
            body = await encoded(answer, replace(animation, meta={**animation.meta, **sound.meta}))
        headers = {"Vary": "Accept", "Content-Disposition": f'inline; filename="animation.{answer.name}"'}
        return Response(body, media_type=answer.media_type, headers=headers)

    @app.post(
        "/v1/animations/batch",
        tags=["animations"],
        summary="Animate many recordings",
        response_class=Response,
        responses={200: openapi.BATCH_RESPONSE, **openapi.error_responses(*openapi.BATCH_ERRORS)},
        openapi_extra={
            "requestBody": openapi.BATCH_BODY,
            "parameters": [openapi.FORMAT_PARAMETER, openapi.MODEL_PARAMETER],
        },
    )
    async def create_batch(request: Request) -> Response:
        """Many recordings in one request, one line of JSON for each as it is done; errors are the item's own. They wait
        for single requests and live sessions."""
        model = models.of(request.query_params.get("model"))
        answer = choose(None, request.query_params.get("format"))
        async with AsyncExitStack() as stack:
            stack.enter_context(batches.slot())
            items = await stack.enter_async_context(received_batch(request, config.max_batch_items))

            async def animate(item: BatchItem) -> str:
                if isinstance(item.asked, Problem):
                    raise item.asked
                recordings.check(item.asked)
                async with background:
                    sound = await recordings.read(item.asked)
                    animation = await _patiently(model, sound, item.asked.controls)
                whole = replace(animation, meta={**animation.meta, **sound.meta})
                return _content(answer, await encoded(answer, whole))

            return Streamed(_results(items, animate, request), stack.pop_all())
        raise AssertionError("not reached")


class Streamed(StreamingResponse):
    """Lines of JSON, and what has to stay open while they are made."""

    def __init__(self, lines: AsyncIterator[str], resources: AsyncExitStack) -> None:
        super().__init__(lines, media_type=ndjson.MEDIA_TYPE)
        self._lines, self._resources = lines, resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with tracing.current().span("write", format="ndjson"):
                await super().__call__(scope, receive, send)
        finally:
            await self._resources.aclose()


async def _lines(
    models: Models, model: Model, sound: Sound, controls: Controls, request: Request
) -> AsyncIterator[str]:
    """Waits for the first piece, so that what is refused is refused with a status of its own."""
    card = await model.card()
    pieces = model.pieces(sound.samples, controls, sound.emotion)
    with _as_problems():
        first = await anext(pieces)

    async def all_pieces() -> AsyncIterator[Animation]:
        yield first
        async for piece in pieces:
            yield piece

    async def lines() -> AsyncIterator[str]:
        yield ndjson.start_line(card, models.name_of(model))
        try:
            async for line in ndjson.frame_lines(all_pieces(), sound.meta):
                yield line
        except Exception as error:
            yield ndjson.error_line(_document(error, request))

    return lines()


async def _results(
    items: Sequence[BatchItem], animate: Callable[[BatchItem], Awaitable[str]], request: Request
) -> AsyncIterator[str]:
    """A line per item, in the order in which they are done."""

    async def line(item: BatchItem) -> str:
        try:
            content = await animate(item)
        except Exception as error:
            problem = _document(error, request)
            return compact({"id": item.id, "status": problem["status"], "problem": problem}) + "\n"
        return f'{{"id":{json.dumps(item.id, ensure_ascii=False)},"status":200,"animation":{content}}}\n'

    tasks = [asyncio.create_task(line(item)) for item in items]
    try:
        for done in asyncio.as_completed(tasks):
            yield await done
    finally:
        for task in tasks:  # a client that leaves wants none of the rest
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _patiently(model: Model, sound: Sound, controls: Controls) -> Animation:
    """In the background; a busy model is asked again."""
    for attempt in range(BATCH_TRIES):
        try:
            with _as_problems():
                return await model.animate(sound.samples, controls, sound.emotion, background=True)
        except Problem as problem:
            if problem.kind is not OVERLOADED or attempt == BATCH_TRIES - 1:
                raise
            await asyncio.sleep(BATCH_RETRY_S)
    raise AssertionError("not reached")


def _content(answer: Answer, body: bytes) -> str:
    """JSON as it is, other text as a string, bytes in base64."""
    if answer.media_type.startswith("application/json"):
        return body.decode()
    text = body.decode() if answer.media_type.startswith("text/") else base64.b64encode(body).decode()
    return json.dumps(text, ensure_ascii=False)


def _document(error: Exception, request: Request) -> dict[str, Any]:
    if not isinstance(error, Problem):
        logger.error("a part of a streamed answer failed", exc_info=error)
        error = Problem(INTERNAL, "the fault is the service's, not the request's")
    return document_of(error, request)


class _as_problems:  # noqa: N801 - reads as a verb
    """What the model cannot do is a problem with the controls."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, InputError):
            raise Problem(BAD_CONTROLS, error.reason) from error


def _wants_lines(request: Request) -> bool:
    wanted, accept = request.query_params.get("format"), request.headers.get("accept", "")
    return wanted == "ndjson" or (wanted is None and ndjson.MEDIA_TYPE in accept)
