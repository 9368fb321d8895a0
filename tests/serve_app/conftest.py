"""A small random model on disk, the Animator that says what the service must answer, and ways to ask."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from starlette.types import ASGIApp

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.model.store import model_digest
from serve_app.api import build_api
from serve_app.backend import ModelCard
from serve_app.config import ServeConfig
from serve_app.live.steps import Answer, ResumePoint
from serve_app.live.steps import Ask as Step
from serve_app.live.streams import LiveStreams

LIMITS = ServeConfig(max_audio_s=90, max_body_bytes=4 * 2**20, max_requests=4)
Ask = Callable[..., httpx.Response]


class LocalModel:
    """`Model` by an Animator of this process. lose: streams are forgotten before every step, as if replicas died."""

    def __init__(self, animator: Animator, *, lose: bool = False) -> None:
        self._animator, self._lose = animator, lose
        self.streams = LiveStreams(animator, ThreadPoolExecutor(1), 1024, 60)
        self.steps = self.reloads = 0

    async def animate(
        self, samples: np.ndarray, controls: Controls, emotion: np.ndarray | None = None, *, background: bool = False
    ) -> Animation:
        take = None if emotion is None else self._animator.hear(emotion)
        return await asyncio.to_thread(self._animator.animate, samples, controls, emotion_from=take)

    async def pieces(
        self, samples: np.ndarray, controls: Controls, emotion: np.ndarray | None = None
    ) -> AsyncIterator[Animation]:
        take = None if emotion is None else self._animator.hear(emotion)
        *pieces, last = self._animator.animate_blocks([samples], controls, emotion_from=take)
        for piece in pieces:
            yield piece
        yield replace(last, meta={**self._animator.meta(controls), **last.meta})

    async def card(self) -> ModelCard:
        return ModelCard.of(self._animator)

    async def reload(self) -> None:
        self.reloads += 1

    async def step(self, lane: str, asks: Sequence[Step]) -> list[Answer]:
        self.steps += 1
        if self._lose:
            for ask in asks:
                await self.streams.forget(ask.stream)
        return await self.streams.step(asks)

    async def forget(self, lane: str, stream: str) -> None:
        await self.streams.forget(stream)

    async def resume_point(self, controls: Controls, frames: int) -> ResumePoint:
        return self.streams.resume_point(controls, frames)


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = EmoTalk(lite_config(styles=3))
        torch.nn.init.normal_(model.decoder.output.weight, std=0.1)
        torch.nn.init.normal_(model.prototypes)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def animator(model_dir: Path) -> Iterator[Animator]:
    """With the threads of a replica: their number is part of what makes results equal."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Animator(EmoTalk.from_pretrained(model_dir), model_digest=model_digest(model_dir))
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def ask(animator: Animator) -> Ask:
    """One request to the HTTP interface in this process; the Animator behind it stands in for the replicas."""

    return asking(build_api(LIMITS, {"default": LocalModel(animator)}))


def asking(app: ASGIApp) -> Ask:
    """Requests to an application in this process, one after the other, on one event loop."""
    runner = asyncio.Runner()

    def send(method: str, path: str, **request: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path, **request)

        return runner.run(run())

    return send


def check_problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    """The answer is a complete problem document of this kind."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"urn:emotalk:problem:{slug}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["instance"].startswith(response.request.url.path)
    return document
