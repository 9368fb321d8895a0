"""`AsyncClient` and, for programs without an event loop, `Client`: the same calls, waited for."""

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import httpx
import numpy as np

from emotalk.animation import Animation
from emotalk.client.errors import ServiceError
from emotalk.client.jobs import AsyncJobs, Jobs
from emotalk.client.live import LiveSession
from emotalk.client.retry import AGAIN, Backoff
from emotalk.client.sending import Audio, Sent, content_of, named, recording
from emotalk.controls import Controls

T = TypeVar("T")
TIMEOUT = httpx.Timeout(10.0, read=600.0, write=120.0, pool=None)
PATH = "/v1/animations"


@dataclass(frozen=True)
class BatchResult:
    """One item of a batch: its animation, or why there is none."""

    id: str
    animation: Animation | None
    error: ServiceError | None


class AsyncClient:
    """Calls of one service.

    url: as http://127.0.0.1:8000. key: where the service wants one. jobs: those that the service has on its cluster.
    Every call may be repeated, so it is, after what `backoff` says, when the connection fails or the service is too
    busy or has lost a part. `Audio` is a local file, its bytes, or an open binary file; a `uri` is read by the service.
    """

    def __init__(self, url: str, *, key: str | None = None, backoff: Backoff | None = None) -> None:
        self.url, self._key = url.rstrip("/"), key
        self.backoff = backoff or Backoff()
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=TIMEOUT)
        self.jobs = AsyncJobs(self._whole)

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def animate(
        self,
        audio: Audio | None = None,
        controls: Controls | None = None,
        *,
        uri: str | None = None,
        model: str | None = None,
    ) -> Animation:
        """The whole animation."""
        from emotalk.formats import format_named

        body = await self.render("npz", audio, controls, uri=uri, model=model)
        read = format_named("npz").read
        assert read is not None
        return read(io.BytesIO(body), "the service's answer")

    async def render(
        self,
        format: str,
        audio: Audio | None = None,
        controls: Controls | None = None,
        *,
        uri: str | None = None,
        model: str | None = None,
    ) -> bytes:
        """The animation as a file of a format that the service knows, see `formats`."""
        return await self._whole(PATH, recording(audio, uri, controls), {"format": format, **named(model)})

    async def stream(
        self,
        audio: Audio | None = None,
        controls: Controls | None = None,
        *,
        uri: str | None = None,
        model: str | None = None,
    ) -> AsyncIterator[Animation]:
        """Consecutive pieces while they are computed. The last one's `meta` is that of the whole.

        When the connection fails in between, it is asked again and what was had already is left out.
        """
        sent = recording(audio, uri, controls)
        had, tried = 0, 0
        while True:
            async with AsyncExitStack() as stack:
                asked = self._asked(PATH, sent, {"format": "ndjson", **named(model)})
                response = await stack.enter_async_context(asked)  # which has its own tries
                try:
                    async for piece, first in _pieces(response):
                        new = piece.piece(max(0, had - first), piece.frames)
                        had = max(had, first + piece.frames)
                        if new.frames or new.meta:
                            yield new
                        if piece.meta:
                            return
                    raise ServiceError(0, "cut-short", "the answer ended in the middle")
                except (httpx.TransportError, ServiceError) as error:
                    failure = error
            tried += 1
            await self._wait(failure, tried)

    async def batch(
        self,
        files: Mapping[str, Audio] | None = None,
        items: Sequence[Mapping[str, Any]] | None = None,
        controls: Controls | None = None,
        *,
        model: str | None = None,
    ) -> AsyncIterator[BatchResult]:
        """Results as they are done: of `files` by name with controls for all, or of `items` {"id", "uri", "controls"}.

        Each item has its own result; a connection that is lost in between ends them with httpx.TransportError."""
        if items is not None:
            sent = Sent(json={"items": list(items)})
        else:
            forms = [("audio", (name, content_of(audio))) for name, audio in (files or {}).items()]
            sent = Sent(method="POST", files=forms, controls=controls)
        async with self._asked(f"{PATH}/batch", sent, named(model)) as response:
            async for line in response.aiter_lines():
                data = json.loads(line)
                if data["status"] == 200:
                    yield BatchResult(data["id"], _animation(data["animation"]), None)
                else:
                    yield BatchResult(data["id"], None, ServiceError.of(data["problem"]))

    async def models(self) -> list[dict[str, Any]]:
        return list((await self._get("/v1/models"))["models"])

    async def formats(self) -> list[dict[str, Any]]:
        return list((await self._get("/v1/formats"))["formats"])

    async def limits(self) -> dict[str, Any]:
        return await self._get("/v1/limits")

    @asynccontextmanager
    async def live(
        self, controls: Controls | None = None, *, rate: int = 16_000, model: str | None = None
    ) -> AsyncIterator[LiveSession]:
        """A live session while the block lasts, see `LiveSession`."""
        address = self.url.replace("http", "ws", 1) + "/v1/live" + (f"?model={model}" if model else "")
        session = LiveSession(address, controls or Controls(), rate, key=self._key, backoff=self.backoff)
        await session.open()
        try:
            yield session
        finally:
            await session.close()

    async def _get(self, path: str) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(await self._whole(path, Sent(), {}))
        return data

    async def _whole(self, path: str, sent: Sent, query: Mapping[str, str]) -> bytes:
        async with self._asked(path, sent, query) as response:
            return await response.aread()

    @asynccontextmanager
    async def _asked(self, path: str, sent: Sent, query: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        """A good answer, not yet read. Tries again until there is one."""
        tried = 0
        while True:
            tried += 1
            try:
                response = await self._http.send(sent.request(self._http, path, query), stream=True)
            except httpx.TransportError as error:
                await self._wait(error, tried)
                continue
            try:
                if response.is_success:
                    yield response
                    return
                await response.aread()
                failure = _failure(response)
            finally:
                await response.aclose()
            await self._wait(failure, tried, response.headers.get("retry-after"))

    async def _wait(self, error: Exception, tried: int, retry_after: str | None = None) -> None:
        """Raises what cannot be mended by waiting, or has been waited for long enough."""
        if not isinstance(error, ServiceError):
            error = ServiceError(0, "unreachable", f"{self.url} does not answer ({type(error).__name__}: {error})")
        if error.status not in AGAIN or tried >= self.backoff.tries:
            raise error
        await asyncio.sleep(self.backoff.wait_s(tried, retry_after))


class Client:
    """As `AsyncClient`, for programs without an event loop: its calls return when they are done. It has a thread."""

    def __init__(self, url: str, *, key: str | None = None, backoff: Backoff | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="emotalk-client", daemon=True)
        self._thread.start()
        self._client = self._wait(_made(lambda: AsyncClient(url, key=key, backoff=backoff)))
        self.jobs = Jobs(self._client.jobs, self._wait)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with suppress(RuntimeError):  # closed already
            self._wait(self._client.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def animate(
        self,
        audio: Audio | None = None,
        controls: Controls | None = None,
        *,
        uri: str | None = None,
        model: str | None = None,
    ) -> Animation:
        return self._wait(self._client.animate(audio, controls, uri=uri, model=model))

    def render(
        self,
        format: str,
        audio: Audio | None = None,
        controls: Controls | None = None,
        *,
        uri: str | None = None,
        model: str | None = None,
    ) -> bytes:
        return self._wait(self._client.render(format, audio, controls, uri=uri, model=model))

    def stream(
        self,
        audio: Audio | None = None,
        controls: Controls | None = None,
        *,
        uri: str | None = None,
        model: str | None = None,
    ) -> Iterator[Animation]:
        return self._each(self._client.stream(audio, controls, uri=uri, model=model))

    def batch(
        self,
        files: Mapping[str, Audio] | None = None,
        items: Sequence[Mapping[str, Any]] | None = None,
        controls: Controls | None = None,
        *,
        model: str | None = None,
    ) -> Iterator[BatchResult]:
        return self._each(self._client.batch(files, items, controls, model=model))

    def models(self) -> list[dict[str, Any]]:
        return self._wait(self._client.models())

    def formats(self) -> list[dict[str, Any]]:
        return self._wait(self._client.formats())

    def limits(self) -> dict[str, Any]:
        return self._wait(self._client.limits())

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except RuntimeError:
            work.close()
            raise

    def _each(self, results: AsyncIterator[T]) -> Iterator[T]:
        try:
            while True:
                yield self._wait(_next(results))
        except StopAsyncIteration:
            return
        finally:
            self._wait(results.aclose())  # type: ignore[attr-defined]


def _failure(response: httpx.Response) -> ServiceError:
    try:
        problem = response.json()
        assert isinstance(problem, dict)
    except (ValueError, AssertionError):  # a proxy's own words
        return ServiceError(response.status_code, "http", response.text[:200] or f"status {response.status_code}")
    return ServiceError.of(problem, response.status_code)


async def _pieces(response: httpx.Response) -> AsyncIterator[tuple[Animation, int]]:
    """Each piece and the number of its first frame; the last one has no frames, but `meta`."""
    names: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    fps = 30
    async for line in response.aiter_lines():
        data = json.loads(line)
        if data["type"] == "start":
            names, labels, fps = tuple(data["names"]), tuple(data["emotion_names"]), data["fps"]
        elif data["type"] == "frames":
            yield (
                _animation({**data, "names": names, "emotion_names": labels, "fps": [fps, 1], "meta": {}}),
                data["first"],
            )
        elif data["type"] == "end":
            nothing = np.zeros((0, len(names)), np.float32)
            yield Animation(nothing, names=names, fps=Fraction(fps), meta=data["meta"]), data["frames"]
        else:
            raise ServiceError.of(data["problem"])


def _animation(data: Mapping[str, Any]) -> Animation:
    def table(key: str) -> np.ndarray | None:
        return None if data.get(key) is None else np.array(data[key], np.float32)

    weights = table("weights")
    assert weights is not None
    emotion = table("emotion")
    return Animation(
        weights=weights.reshape(-1, len(data["names"])),
        names=tuple(data["names"]),
        fps=Fraction(*data["fps"]),
        head=table("head"),
        emotion=emotion,
        emotion_names=tuple(data["emotion_names"]) if emotion is not None else (),
        meta=data["meta"],
    )


async def _made(make: Callable[[], T]) -> T:
    return make()


async def _next(results: AsyncIterator[T]) -> T:
    return await anext(results)
