"""A small random model on disk, the Animator that says what the service must answer, and ways to ask."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.model.store import model_digest
from serve_app.api import build_api
from serve_app.config import ServeConfig

LIMITS = ServeConfig(max_audio_s=90, max_body_bytes=4 * 2**20, max_requests=4)
Ask = Callable[..., httpx.Response]


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


@pytest.fixture
def ask(animator: Animator) -> Ask:
    """One request to the HTTP interface in this process; the Animator behind it stands in for the replicas."""

    async def animate(samples: np.ndarray, controls: Controls, other: np.ndarray | None) -> Animation:
        take = None if other is None else animator.hear(other)
        return await asyncio.to_thread(animator.animate, samples, controls, emotion_from=take)

    app = build_api(LIMITS, animate)

    def send(method: str, path: str, **request: Any) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, path, **request)

        return asyncio.run(run())

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
