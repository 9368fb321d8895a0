"""A model behind a Serve handle: replicas may be busy, or die; what can be asked again is asked again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from time import monotonic
from typing import Any

import numpy as np
from ray.exceptions import ObjectLostError, RayActorError
from ray.serve import metrics
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, ReplicaUnavailableError

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError
from serve_app import tracing
from serve_app.backend import ModelCard
from serve_app.live.steps import Answer, Ask, Lost, ResumePoint
from serve_app.problems import OVERLOADED, UNAVAILABLE, Problem

ATTEMPTS = 3
CARD_S = 1.0  # so long a card is believed: many live sessions may begin in a second
REPLICA_LOST = (RayActorError, ObjectLostError, ReplicaUnavailableError)

logger = logging.getLogger("ray.serve")


class RemoteModel:
    """`Model` by calls of a deployment's handle. The same samples and controls give the same animation, so one that is
    lost with its replica is asked for again."""

    def __init__(self, name: str, handle: Any) -> None:
        self._name, self._handle = name, handle
        self._card: tuple[float, ModelCard] | None = None  # and when it was told
        self._lanes: dict[str, Any] = {}  # handles whose calls go to one replica
        self._audio_s = metrics.Counter(
            "emotalk_audio_seconds", description="Seconds of speech animated.", tag_keys=("model",)
        )
        self._retries = metrics.Counter(
            "emotalk_retries", description="Calls repeated after a replica was lost.", tag_keys=("model",)
        )

    async def animate(
        self, samples: np.ndarray, controls: Controls, emotion: np.ndarray | None = None, *, background: bool = False
    ) -> Animation:
        animation: Animation = await self._ask(
            lambda: self._handle.animate.remote(
                samples, controls, emotion, background=background, trace=tracing.current().carrier()
            )
        )
        self._heard(samples)
        return animation

    async def pieces(
        self, samples: np.ndarray, controls: Controls, emotion: np.ndarray | None = None
    ) -> AsyncIterator[Animation]:
        sent = 0
        for _ in range(ATTEMPTS):
            try:
                trace, before = tracing.current().carrier(), 0
                pieces = self._handle.options(stream=True).pieces.remote(samples, controls, emotion, trace=trace)
                async for piece in pieces:
                    if isinstance(piece, InputError):
                        raise piece
                    known = min(max(0, sent - before), piece.frames)
                    before += piece.frames
                    sent = max(sent, before)
                    yield piece.piece(known, piece.frames)
                self._heard(samples)
                return
            except (asyncio.CancelledError, GeneratorExit):
                pieces.cancel()
                raise
            except BackPressureError as error:
                raise Problem(OVERLOADED, "the model's queue is full") from error
            except DeploymentUnavailableError as error:
                raise Problem(UNAVAILABLE, "the model could not be started") from error
            except REPLICA_LOST as error:
                self._lost(error)
        raise Problem(UNAVAILABLE, f"{ATTEMPTS} model replicas were lost while they worked on this request")

    async def card(self) -> ModelCard:
        if self._card is None or monotonic() - self._card[0] > CARD_S:
            self._card = monotonic(), await self._ask(self._handle.card.remote)
        return self._card[1]

    async def reload(self) -> None:
        # To every replica: none is restarted. Those that come later load what lies there then.
        try:
            answers = await self._handle.broadcast("reload").results_async()
        except REPLICA_LOST as error:
            self._lost(error)
            raise Problem(UNAVAILABLE, "a replica was lost while it loaded the model") from error
        for answer in answers:
            if isinstance(answer, InputError):
                raise answer
        self._card = None

    async def step(self, lane: str, asks: Sequence[Ask]) -> list[Answer]:
        # After a loss the streams are elsewhere, or nowhere: their owners bring what rebuilds them.
        try:
            answers: list[Answer] = await self._lane(lane).step.remote(list(asks))
        except BackPressureError as error:
            raise Problem(OVERLOADED, "the model's queue is full") from error
        except DeploymentUnavailableError as error:
            raise Problem(UNAVAILABLE, "the model could not be started") from error
        except REPLICA_LOST as error:
            self._lost(error)
            return [Lost.STREAM for _ in asks]
        return answers

    async def forget(self, lane: str, stream: str) -> None:
        await self._lane(lane).forget.remote(stream)

    async def resume_point(self, controls: Controls, frames: int) -> ResumePoint:
        point: ResumePoint = await self._ask(lambda: self._handle.resume_point.remote(controls, frames))
        return point

    def _lane(self, lane: str) -> Any:
        if lane not in self._lanes:
            self._lanes[lane] = self._handle.options(session_id=lane)
        return self._lanes[lane]

    async def _ask(self, call: Callable[[], Any]) -> Any:
        """The answer of a call that may be repeated; an InputError that is returned is raised."""
        for _ in range(ATTEMPTS):
            try:
                answer = await _awaited(call())
            except BackPressureError as error:
                raise Problem(OVERLOADED, "the model's queue is full") from error
            except DeploymentUnavailableError as error:
                raise Problem(UNAVAILABLE, "the model could not be started") from error
            except REPLICA_LOST as error:
                self._lost(error)
                continue
            if isinstance(answer, InputError):
                raise answer
            return answer
        raise Problem(UNAVAILABLE, f"{ATTEMPTS} model replicas were lost while they worked on this request")

    def _heard(self, samples: np.ndarray) -> None:
        self._audio_s.inc(len(samples) / SAMPLE_RATE, tags={"model": self._name})

    def _lost(self, error: Exception) -> None:
        logger.warning("a replica of model %s was lost: %s", self._name, error)
        self._retries.inc(tags={"model": self._name})


async def _awaited(response: Any) -> Any:
    try:
        return await response
    except asyncio.CancelledError:
        response.cancel()  # nobody waits for it: the replica need not go on
        raise
