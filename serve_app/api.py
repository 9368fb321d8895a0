"""The HTTP interface: a plain FastAPI application around models by name.

It knows nothing of Ray, so it runs (and is tested) wherever a `Model` is at hand.
"""

from collections.abc import Mapping

from fastapi import FastAPI, WebSocket
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

import emotalk
from serve_app import animations, models, openapi, problems, studio
from serve_app.backend import Model
from serve_app.config import ServeConfig
from serve_app.guard import KEY_SUBPROTOCOL, SUBPROTOCOL, Guard
from serve_app.jobs import routes, schemas
from serve_app.jobs.desk import JobDesk
from serve_app.limits import BodyLimit
from serve_app.live.socket import LiveSessions, farewell
from serve_app.models import Models
from serve_app.problems import Problem

DESCRIPTION = """Speech in, an emotional 3D face out: 52 ARKit blendshape coefficients at 30 frames per second.

The same recording with the same controls gives the same answer: every request may be repeated.
Errors are problem details (RFC 9457). Speech as it is spoken goes over a WebSocket, `/v1/live`: see docs/live.md."""


def build_api(config: ServeConfig, by_name: Mapping[str, Model], desk: JobDesk | None = None) -> ASGIApp:
    """The application; the first model is the default one. desk: of jobs, where there are to be any."""
    app = FastAPI(title="EmoTalk", version=emotalk.__version__, description=DESCRIPTION)
    known = Models(by_name)
    live = {name: LiveSessions(config, model) for name, model in by_name.items()}

    @app.get("/healthz", tags=["operations"], summary="Is the service alive?")
    async def healthz() -> dict[str, str]:
        """Answers as long as this process does; says nothing of the model."""
        return {"status": "ok"}

    @app.websocket("/v1/live")
    async def talk(socket: WebSocket) -> None:
        await socket.accept(_subprotocol(socket))
        try:
            name = known.name_of(known.of(socket.query_params.get("model")))
        except Problem as problem:
            await farewell(socket, problem)
            return
        await live[name].serve(socket)

    animations.install(app, config, known)
    models.install(app, config, known)
    studio.install(app)
    if desk is not None:
        routes.install(app, config, known, desk)
    app.add_middleware(BodyLimit, max_bytes=config.max_body_bytes, late_s=config.upload_late_s)
    problems.install(app)
    openapi.describe(app, {} if desk is None else schemas.COMPONENTS)
    # Around all: an unexpected error's answer has its request's id, too, and pages may read who refused them.
    guarded = Guard(app, config)
    if not config.cors:
        return guarded
    return CORSMiddleware(
        guarded,
        allow_origins=config.cors,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-API-Key", "X-Request-ID"],
        expose_headers=["Location", "Retry-After", "X-Request-ID"],
    )


def _subprotocol(socket: WebSocket) -> str | None:
    """Browsers that offer some want one back: the one without a key, where there is one."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    plain = [name for name in offered if name == SUBPROTOCOL]
    return next(iter(plain or [name for name in offered if name.startswith(KEY_SUBPROTOCOL)]), None)
