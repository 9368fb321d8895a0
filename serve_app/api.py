"""The HTTP interface: a plain FastAPI application around one function, samples and controls → Animation.

It knows nothing of Ray, so it runs (and is tested) wherever such a function is at hand.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from fastapi import FastAPI, Request, Response

import emotalk
from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.dubbing.recording import EMOTION_SHA256, SOURCE_SHA256
from emotalk.errors import InputError
from emotalk.inference.take import MAX_TAKE_S
from serve_app import openapi, problems
from serve_app.answers import choose
from serve_app.config import ServeConfig
from serve_app.limits import Admission, BodyLimit
from serve_app.problems import BAD_CONTROLS, Problem
from serve_app.uploads import decode, received

# Samples, controls, samples of the recording that the emotion is taken from.
Animate = Callable[[np.ndarray, Controls, np.ndarray | None], Awaitable[Animation]]

DESCRIPTION = """Speech in, an emotional 3D face out: 52 ARKit blendshape coefficients at 30 frames per second.

The same recording with the same controls gives the same answer: every request may be repeated.
Errors are problem details (RFC 9457)."""


def build_api(config: ServeConfig, animate: Animate) -> FastAPI:
    """`animate` raises InputError for what the model cannot do with valid controls, Problem for anything else known."""
    app = FastAPI(title="EmoTalk", version=emotalk.__version__, description=DESCRIPTION)
    pool = ThreadPoolExecutor(config.decoders, thread_name_prefix="codec")
    admission = Admission(config.max_requests)

    @app.get("/healthz", tags=["operations"], summary="Is the service alive?")
    async def healthz() -> dict[str, str]:
        """Answers as long as this process does; says nothing of the model."""
        return {"status": "ok"}

    @app.post(
        "/v1/animations",
        tags=["animations"],
        summary="Animate a recording",
        response_class=Response,
        responses={200: openapi.ANIMATION_RESPONSE, **openapi.error_responses(*openapi.CREATE_ERRORS)},
        openapi_extra={"requestBody": openapi.CREATE_BODY, "parameters": [openapi.FORMAT_PARAMETER]},
    )
    async def create_animation(request: Request) -> Response:
        """Send a recording and, if wished, controls; the answer is the whole animation."""
        answer = choose(request.headers.get("accept"), request.query_params.get("format"))
        loop = asyncio.get_running_loop()
        with admission.slot():
            async with received(request) as upload:
                # A client that leaves cancels this; closing the file then ends the thread at its next read.
                samples, sha256 = await loop.run_in_executor(pool, decode, upload.audio, config.max_audio_s)
                other, digest = None, None
                if upload.emotion_from is not None:
                    longest = min(config.max_audio_s, MAX_TAKE_S)
                    other, digest = await loop.run_in_executor(pool, decode, upload.emotion_from, longest)
            try:
                animation = await animate(samples, upload.controls, other)
            except InputError as error:
                raise Problem(BAD_CONTROLS, error.reason) from error
            digests = {SOURCE_SHA256: sha256} | ({} if digest is None else {EMOTION_SHA256: digest})
            animation = replace(animation, meta={**animation.meta, **digests})
            body = await loop.run_in_executor(pool, answer.encode, animation)
        headers = {"Vary": "Accept", "Content-Disposition": f'inline; filename="animation.{answer.name}"'}
        return Response(body, media_type=answer.media_type, headers=headers)

    app.add_middleware(BodyLimit, max_bytes=config.max_body_bytes)
    problems.install(app)
    openapi.describe(app)
    return app
