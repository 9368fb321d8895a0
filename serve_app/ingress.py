"""The ingress deployment: the HTTP interface, in front of model replicas that may be busy, or die."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
from ray import serve
from ray.exceptions import ObjectLostError, RayActorError
from ray.serve import metrics
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError
from serve_app.api import build_api
from serve_app.config import ServeConfig
from serve_app.problems import OVERLOADED, UNAVAILABLE, Problem

ATTEMPTS = 3
REPLICA_LOST = (RayActorError, ObjectLostError, ReplicaUnavailableError)

logger = logging.getLogger("ray.serve")


@serve.deployment
@serve.ingress()
class Ingress:
    """Receives, decodes, asks a model replica, encodes. Holds no state between requests."""

    def __init__(self, config: ServeConfig, model: Any) -> None:
        self._config, self._model = config, model
        self._requests = metrics.Counter(
            "emotalk_requests", description="Answers by status and path.", tag_keys=("status", "path")
        )
        self._audio_s = metrics.Counter("emotalk_audio_seconds", description="Seconds of speech animated.")
        self._retries = metrics.Counter("emotalk_retries", description="Requests repeated after a replica was lost.")

    def __serve_build_asgi_app__(self) -> ASGIApp:
        # Around the application, not among its middleware: those never see the answer to an unexpected error.
        return CountAnswers(build_api(self._config, self._animate), self._count)

    async def _animate(self, samples: np.ndarray, controls: Controls, other: np.ndarray | None) -> Animation:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                # The same samples and controls give the same animation, so a lost one is simply asked for again.
                result = await self._model.animate.remote(samples, controls, other)
            except BackPressureError as error:
                raise Problem(OVERLOADED, "the model's queue is full") from error
            except DeploymentUnavailableError as error:
                raise Problem(UNAVAILABLE, "the model could not be started") from error
            except REPLICA_LOST as error:
                logger.warning("a model replica was lost in attempt %d of %d: %s", attempt, ATTEMPTS, error)
                self._retries.inc()
                continue
            if isinstance(result, InputError):
                raise result
            self._audio_s.inc(len(samples) / SAMPLE_RATE)
            return result
        raise Problem(UNAVAILABLE, f"{ATTEMPTS} model replicas were lost while they worked on this request")

    def _count(self, status: int, path: str) -> None:
        self._requests.inc(tags={"status": str(status), "path": path})


class CountAnswers:
    """ASGI middleware: reports each answer's status with its route; paths that do not exist are one."""

    def __init__(self, app: ASGIApp, count: Callable[[int, str], None]) -> None:
        self._app, self._count = app, count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                self._count(message["status"], getattr(route, "path", "other"))
            await send(message)

        await self._app(scope, receive, counted)
