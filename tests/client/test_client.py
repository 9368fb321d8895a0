"""The client against a service of this process: same animations, patience, resumption. No Ray."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotalk.animation import Animation
from emotalk.client import AsyncClient, Backoff, Client, LiveSession, ServiceError
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from serve_app.api import build_api
from serve_app.live.steps import Answer, Ask
from tests.serve_app.conftest import LIMITS, LocalModel
from tests.serve_app.conftest import animator as animator
from tests.serve_app.conftest import model_dir as model_dir
from tests.serve_app.live.clients import listening
from tests.serve_app.recordings import voice, wav

AT_ONCE = Backoff(tries=4, first_s=0, longest_s=0)
CONTROLS = Controls(emotion="happy", seed=2)


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """In a thread of its own, for the client that has no loop."""
    started, stop, url = threading.Event(), threading.Event(), ""

    async def run() -> None:
        nonlocal url
        async with listening(app) as address:
            url = http(address)
            started.set()
            while not stop.is_set():
                await asyncio.sleep(0.01)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    started.wait(60)
    yield url
    stop.set()
    thread.join()


def http(address: str) -> str:
    return address.replace("ws://", "http://").removesuffix("/v1/live")


class Failing:
    """Ahead of an application: answers the first `times` requests by itself, as a proxy would."""

    def __init__(self, app: ASGIApp, times: int, status: int = 503) -> None:
        self._app, self.times, self._status = app, times, status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.times:
            self.times -= 1
            await send({"type": "http.response.start", "status": self._status, "headers": []})
            await send({"type": "http.response.body", "body": b"Internal Server Error"})
            return
        await self._app(scope, receive, send)


def test_the_client_without_a_loop(animator: Animator, tmp_path: Path) -> None:
    expected = animator.animate(voice(1), CONTROLS)
    (tmp_path / "speech.wav").write_bytes(wav(1))
    with served(build_api(LIMITS, {"default": LocalModel(animator)})) as url, Client(url) as service:
        for audio in (tmp_path / "speech.wav", str(tmp_path / "speech.wav"), wav(1), io.BytesIO(wav(1))):
            answer = service.animate(audio, CONTROLS)
            np.testing.assert_array_equal(answer.weights, expected.weights)
            assert answer.meta["controls"]["emotion"] == "happy"
        assert service.render("csv", wav(1)).startswith(b"Timecode")
        pieces = list(service.stream(wav(1), CONTROLS))
        np.testing.assert_array_equal(np.concatenate([piece.weights for piece in pieces]), expected.weights)
        assert pieces[-1].meta["heard"] == expected.meta["heard"]
        results = {result.id: result for result in service.batch({"a": wav(1), "b": b"no sound"}, controls=CONTROLS)}
        answer_a, error = results["a"].animation, results["b"].error
        assert answer_a is not None
        np.testing.assert_array_equal(answer_a.weights, expected.weights)
        assert error is not None
        assert error.kind == "bad-audio"
        assert service.models()[0]["preset"] == "lite"
        assert service.limits()["max_audio_s"] == LIMITS.max_audio_s
        with pytest.raises(ServiceError) as refused:
            service.animate(wav(1), Controls(emotion="bored"))
        assert (refused.value.status, refused.value.kind) == (400, "bad-controls")
        assert refused.value.instance.startswith("/v1/animations#")
        for _ in service.stream(wav(3)):  # who looks at the beginning alone leaves nothing behind
            break
        with pytest.raises(ValueError, match="either"):
            service.animate()


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_it_is_patient_with_what_passes(animator: Animator, status: int) -> None:
    app = Failing(build_api(LIMITS, {"default": LocalModel(animator)}), 3, status)

    async def run() -> None:
        async with listening(app) as address, AsyncClient(http(address), backoff=AT_ONCE) as service:
            assert (await service.animate(wav(0.2))).frames > 0
            app.times = 4
            with pytest.raises(ServiceError) as failed:
                await service.animate(wav(0.2))
            assert failed.value.status == status

    asyncio.run(run())


def test_a_service_that_is_not_there() -> None:
    with Client("http://127.0.0.1:9", backoff=AT_ONCE) as service, pytest.raises(ServiceError, match="does not answer"):
        service.models()


def test_waits_grow_and_the_service_may_ask_for_longer_ones() -> None:
    backoff = Backoff(first_s=1, longest_s=4)
    for tried, longest in ((1, 1), (2, 2), (3, 4), (9, 4)):
        assert longest / 2 <= backoff.wait_s(tried) <= longest
    assert backoff.wait_s(1, "30") == 30
    assert backoff.wait_s(1, "Wed, 21 Oct 2026 07:28:00 GMT") <= 1
    with pytest.raises(InputError):
        Backoff(tries=0)


def test_a_stream_that_is_cut_goes_on_where_it_was(animator: Animator) -> None:
    expected = animator.animate(voice(2))
    cuts = 2

    class Cutting(LocalModel):
        async def pieces(
            self, samples: np.ndarray, controls: Controls, emotion: Any = None
        ) -> AsyncIterator[Animation]:
            nonlocal cuts
            async for piece in super().pieces(samples, controls):
                for part in piece.pieces(20):
                    yield part
                    if cuts:
                        cuts -= 1
                        raise RuntimeError("a replica died")

    async def run() -> list[Animation]:
        app = build_api(LIMITS, {"default": Cutting(animator)})
        async with listening(app) as address, AsyncClient(http(address), backoff=AT_ONCE) as service:
            return [piece async for piece in service.stream(wav(2))]

    pieces = asyncio.run(run())
    np.testing.assert_array_equal(np.concatenate([piece.weights for piece in pieces]), expected.weights)


async def spoken(session: LiveSession, sound: np.ndarray) -> np.ndarray:
    """A second after the other, each when the frames of the one before it are here."""
    frames, news = 0, asyncio.Event()

    async def speak() -> None:
        for second in range(len(sound) // 16_000):
            while frames < 30 * (second - 1):
                news.clear()
                await news.wait()
            await session.send(sound[16_000 * second : 16_000 * (second + 1)])
        await session.end()

    speaker = asyncio.create_task(speak())
    pieces = []
    try:
        async for piece in session:
            assert piece.first == frames
            frames += piece.animation.frames
            pieces.append(piece.animation.weights)
            news.set()
    finally:
        speaker.cancel()
        await asyncio.gather(speaker, return_exceptions=True)
    return np.concatenate(pieces)


def test_a_live_session(animator: Animator) -> None:
    expected = animator.animate(voice(4), CONTROLS)

    async def run() -> None:
        app = build_api(LIMITS, {"default": LocalModel(animator)})
        async with listening(app) as address, AsyncClient(http(address)) as service:
            async with service.live(CONTROLS) as session:
                assert session.ready["delay_ms"] == pytest.approx(199.2, abs=0.1)
                np.testing.assert_allclose(await spoken(session, voice(4)), expected.weights, atol=1e-5)
                assert session.heard == pytest.approx(expected.meta["heard"], abs=1e-4)
            with pytest.raises(ServiceError, match="bored"):
                async with service.live(Controls(emotion="bored")):
                    pass

    asyncio.run(run())


def test_a_live_session_is_resumed_when_connections_are_lost(animator: Animator) -> None:
    """The connection is cut again and again, long recordings and controls that have changed included."""
    sound = voice(24, seed=6)
    expected = animator.animate(sound, CONTROLS).weights
    seen = 0

    class CutError(Exception): ...

    def cutting(app: ASGIApp) -> ASGIApp:
        async def cut(scope: Scope, receive: Receive, send: Send) -> None:
            async def counted(message: Message) -> None:
                nonlocal seen
                seen += message.get("bytes") is not None
                if message.get("bytes") is not None and seen % 3 == 0:
                    raise CutError  # the server closes the connection, with or without the frames on their way
                await send(message)

            await app(scope, receive, counted)

        return cut

    async def run() -> tuple[np.ndarray, int]:
        app = cutting(build_api(replace(LIMITS, live_sessions=64), {"default": LocalModel(animator)}))
        async with (
            listening(app) as address,
            AsyncClient(http(address), backoff=AT_ONCE) as service,
            service.live(Controls()) as session,
        ):
            await session.change(CONTROLS)
            return await spoken(session, sound), session.resumed

    weights, resumed = asyncio.run(run())
    assert resumed > 0
    assert weights.shape == expected.shape
    np.testing.assert_allclose(weights[30:], expected[30:], atol=1e-5)


def test_a_live_session_that_fails_for_good_says_so(animator: Animator) -> None:
    class Broken(LocalModel):
        async def step(self, lane: str, asks: Sequence[Ask]) -> list[Answer]:
            raise RuntimeError("no model")

    async def run() -> Any:
        app = build_api(LIMITS, {"default": Broken(animator)})
        async with (
            listening(app) as address,
            AsyncClient(http(address), backoff=AT_ONCE) as service,
            service.live() as session,
        ):
            await spoken(session, voice(1))

    with pytest.raises(ServiceError, match="again and again"):
        asyncio.run(run())
