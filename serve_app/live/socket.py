"""The WebSocket of a live session: reads without end, steps, sends; ends in order, whoever ends it."""

import asyncio
import logging
import re
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from emotalk.controls import Controls
from emotalk.errors import InputError
from serve_app.backend import Model, ModelCard
from serve_app.config import ServeConfig
from serve_app.live.lanes import Lane, Lanes
from serve_app.live.protocol import (
    ChangeControls,
    End,
    Hello,
    controls_message,
    end_message,
    error_message,
    frames_message,
    read_hello,
    read_message,
    ready_message,
)
from serve_app.live.session import LiveSession
from serve_app.live.sound import Sound, samples_at
from serve_app.live.steps import Frames, ResumePoint
from serve_app.problems import (
    BAD_AUDIO,
    BAD_CONTROLS,
    BAD_REQUEST,
    IDLE,
    INTERNAL,
    OVERLOADED,
    SUPERSEDED,
    TOO_FAST,
    TOO_LONG,
    Problem,
    document_of,
)

HELLO_S = 10.0  # for the first message
STEP_S = 30.0  # for one step, replicas that are replaced included
CLOSE_S = 5.0  # for the last words to a client that may not listen
POLICY, FAULT, TRY_LATER, DONE = 1008, 1011, 1013, 1000
TOKEN = re.compile("[0-9a-f]{32}")

logger = logging.getLogger("ray.serve")


class LiveSessions:
    """All live sessions of one ingress with one model."""

    def __init__(self, config: ServeConfig, model: Model) -> None:
        self._config, self._model = config, model
        self.lanes = Lanes(config.lanes, model.step, full=max(1, config.scale_streams // 2))
        self._open: dict[str, Conversation] = {}

    async def serve(self, socket: WebSocket) -> None:
        """Talks to one client, whose connection has been accepted, until either ends it."""
        problem: Problem | None = None
        try:
            await self._talk(socket)
        except WebSocketDisconnect:
            return
        except Problem as known:
            problem = known
        except Exception:
            logger.exception("a live session failed")
            problem = Problem(INTERNAL, "the fault is the service's, not the session's")
        with suppress(Exception):  # who has gone need not hear it
            async with asyncio.timeout(CLOSE_S):
                await farewell(socket, problem)

    async def _talk(self, socket: WebSocket) -> None:
        config = self._config
        if self.lanes.sessions >= config.live_sessions:
            raise Problem(OVERLOADED, f"{config.live_sessions} live sessions are open")
        lane = self.lanes.join()
        session: LiveSession | None = None
        try:
            hello = await _hello(socket, int(30 * config.live_max_session_s))
            card = await self._model.card()
            if card.delay_s is None:
                raise Problem(BAD_REQUEST, f"this {card.preset} model hears whole recordings, not streams")
            token = hello.resume or secrets.token_hex(16)
            if not TOKEN.fullmatch(token):
                raise Problem(BAD_REQUEST, "resume is no token of this service")
            start = await self._start(hello.controls, hello.received_frames)
            try:
                sound = Sound(hello.encoding, hello.rate, samples_at(start.start, hello.rate))
            except InputError as error:
                raise Problem(BAD_AUDIO, error.reason) from error
            session = LiveSession(lane.step, hello.controls, start)
            conversation = Conversation(socket, hello, session, sound, config)
            if token in self._open:
                self._open[token].supersede()
            self._open[token] = conversation
            try:
                await socket.send_text(_ready(hello, card, start, token, sound, config))
                await conversation.run()
            finally:
                if self._open.get(token) is conversation:
                    del self._open[token]
        finally:
            self.lanes.leave(lane)
            if session is not None and not session.ended:
                # Not awaited: this may be a cancellation, and no replica need be there to forget.
                _background(self._forget(lane, session.stream))

    async def _forget(self, lane: Lane, stream: str) -> None:
        # A step that is still on its way would build the stream anew behind it.
        await lane.settled()
        await self._model.forget(lane.key, stream)

    async def _start(self, controls: Controls, frames: int) -> ResumePoint:
        try:
            return await self._model.resume_point(controls, frames)
        except InputError as error:
            raise Problem(BAD_CONTROLS, error.reason) from error


class Conversation:
    """One connection: what has come in and waits, and the two tasks that read and answer."""

    def __init__(
        self, socket: WebSocket, hello: Hello, session: LiveSession, sound: Sound, config: ServeConfig
    ) -> None:
        self._socket, self._hello, self._config = socket, hello, config
        self._session, self._sound = session, sound
        self._inbox: deque[_Chunk | ChangeControls | End] = deque()
        self._arrived = asyncio.Event()
        self._superseded = asyncio.Event()
        self._ended = False

    def supersede(self) -> None:
        """The client has come back on another connection."""
        self._superseded.set()

    async def run(self) -> None:
        """Until the client ends the recording. Raises Problem, or WebSocketDisconnect when it has gone."""
        parts: tuple[Coroutine[Any, Any, None], ...] = (self._answer(), self._read(), self._other())
        tasks = [asyncio.create_task(part) for part in parts]
        try:
            async with asyncio.timeout(self._config.live_max_session_s):
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except TimeoutError as error:
            limit_s = self._config.live_max_session_s
            raise Problem(TOO_LONG, f"a session ends after {limit_s:g} s: begin another") from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _other(self) -> None:
        await self._superseded.wait()
        raise Problem(SUPERSEDED, "this session goes on over another connection")

    async def _read(self) -> None:
        """Reads on while steps are computed: a client that leaves is noticed at once, and limits hold at any time."""
        config, began, first_s = self._config, monotonic(), self._sound.heard_s
        while True:
            try:
                # Behind the end a client has nothing more to say; its leaving is waited for, and that may last.
                async with asyncio.timeout(None if self._ended else config.live_idle_s):
                    message = await self._socket.receive()
            except TimeoutError as error:
                raise Problem(IDLE, f"nothing has come for {config.live_idle_s:g} s") from error
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1006))
            if self._ended:
                continue
            if (text := message.get("text")) is not None:
                said = read_message(text)
                self._ended = isinstance(said, End)
                self._put(said)
                continue
            chunk = message.get("bytes") or b""
            if len(chunk) > config.live_max_chunk_bytes:
                raise Problem(BAD_REQUEST, f"a chunk has more than {config.live_max_chunk_bytes} bytes")
            try:
                samples = self._sound.push(chunk)
            except InputError as error:
                raise Problem(BAD_AUDIO, error.reason) from error
            self._put(_Chunk(samples, self._sound.heard))
            if self._sound.heard_s - first_s > monotonic() - began + config.live_max_ahead_s:
                raise Problem(
                    TOO_FAST,
                    f"more than {config.live_max_ahead_s:g} s ahead of the clock: live sound comes as it is spoken; "
                    "recordings go to /v1/animations",
                )

    def _put(self, item: "_Chunk | ChangeControls | End") -> None:
        self._inbox.append(item)
        self._arrived.set()

    async def _answer(self) -> None:
        """Steps as many chunks at a time as have come, and sends what they complete."""
        session, heard = self._session, self._sound.heard
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._inbox:
                if isinstance(change := self._inbox[0], ChangeControls):
                    self._inbox.popleft()
                    async with _patience():
                        from_frame, frames = await session.change(change.controls)
                    await self._send_frames(frames, heard)
                    await self._socket.send_text(controls_message(from_frame))
                    continue
                chunks = []
                while self._inbox and isinstance(chunk := self._inbox[0], _Chunk):
                    chunks.append(chunk.samples)
                    heard = chunk.heard
                    self._inbox.popleft()
                end = bool(self._inbox) and isinstance(self._inbox[0], End)
                if end:
                    chunks.append(self._sound.flush())
                async with _patience():
                    frames = await session.push(np.concatenate(chunks), end=end)
                await self._send_frames(frames, heard)
                if end:
                    assert frames is not None
                    await self._socket.send_text(end_message(session.frames, frames.heard))
                    return

    async def _send_frames(self, frames: Frames | None, heard: int) -> None:
        if frames is not None and len(frames):
            message = frames_message(frames, heard, binary=self._hello.binary)
            kind = "text" if isinstance(message, str) else "bytes"
            await self._socket.send({"type": "websocket.send", kind: message})


@asynccontextmanager
async def _patience() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(STEP_S):
            yield
    except TimeoutError as error:
        raise Problem(OVERLOADED, "the model is too busy to follow") from error


@dataclass(frozen=True)
class _Chunk:
    """Samples at 16 kHz, and how many of the client's had come with them."""

    samples: np.ndarray
    heard: int


async def farewell(socket: WebSocket, problem: Problem | None) -> None:
    """Says why and closes the connection."""
    if socket.application_state is not WebSocketState.CONNECTED:
        return
    if problem is None:
        await socket.close(DONE)
        return
    await socket.send_text(error_message(document_of(problem, socket)))
    later = problem.kind is OVERLOADED or problem.status_code == 503
    code = TRY_LATER if later else FAULT if problem.status_code >= 500 else POLICY
    await socket.close(code, problem.kind.title)


async def _hello(socket: WebSocket, max_frames: int) -> Hello:
    try:
        async with asyncio.timeout(HELLO_S):
            message = await socket.receive()
    except TimeoutError as error:
        raise Problem(IDLE, f"no hello within {HELLO_S:g} s") from error
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1006))
    if (text := message.get("text")) is None:
        raise Problem(BAD_REQUEST, "the first message must be hello, as text")
    return read_hello(text, max_frames)


def _ready(hello: Hello, card: ModelCard, start: ResumePoint, token: str, sound: Sound, config: ServeConfig) -> str:
    more: dict[str, Any] = {"limits": config.limits()["live"]}
    if hello.resume is not None:
        more["next_sample"] = sound.heard
    return ready_message(
        session=token,
        token=token,
        emotion_names=card.labels,
        head=start.head,
        delay_ms=round(1000 * start.delay_s, 1),
        **more,
    )


_tasks: set[asyncio.Task[None]] = set()


def _background(work: Coroutine[Any, Any, None], *, log: Callable[[str], None] = logger.debug) -> None:
    async def quietly() -> None:
        try:
            await work
        except Exception as error:
            log(f"a stream could not be forgotten: {error}")

    task = asyncio.create_task(quietly())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
