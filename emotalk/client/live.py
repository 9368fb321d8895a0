"""A live session from the client's side: speech goes in while it is spoken, frames come out; a lost connection is
resumed."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from emotalk.animation import Animation
from emotalk.audio.tape import Tape
from emotalk.client.errors import ServiceError
from emotalk.client.retry import AGAIN, Backoff
from emotalk.controls import Controls

FPS = 30
HISTORY_S = 12.0  # of sound before the last frame that is here: what a service may want again
CHUNK_S = 0.5  # of sound in one message, at most
POLICY = 1008
HEAD = struct.Struct("<BBHIQ")  # version, flags, frames, number of the first, samples heard
HAS_HEAD, HAS_EMOTION = 1, 2


@dataclass(frozen=True, kw_only=True)
class LivePiece:
    """Frames that have just come. first: the number of the first; frame k shows the sound at k / 30 s. arrived: when,
    by `time.monotonic`."""

    first: int
    animation: Animation
    arrived: float


class LiveSession:
    """Made by `AsyncClient.live`. `send` what is spoken, `end` it, and iterate over the pieces meanwhile.

    ready: what the service said at its beginning: `delay_ms`, `emotion_names`, `limits`. heard: share by label, at the
    end. resumed: how many times a lost connection was taken up again.
    """

    def __init__(
        self, address: str, controls: Controls, rate: int, *, key: str | None = None, backoff: Backoff | None = None
    ) -> None:
        self.ready: Mapping[str, Any] = {}
        self.heard: Mapping[str, float] | None = None
        self.resumed = 0
        self._address, self._rate, self._controls = address, rate, controls
        self._headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        self._backoff = backoff or Backoff()
        self._kept = Tape()
        self._sent = 0
        self._frames = 0
        self._changes: list[tuple[int, Controls]] = []  # still to be sent, each at its sample
        self._ended = False
        self._news = asyncio.Event()
        self._pieces: asyncio.Queue[LivePiece | None] = asyncio.Queue()
        self._work: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects. ServiceError where that cannot be done."""
        socket = await self._connected()
        self._work = asyncio.create_task(self._keep_up(socket))
        self._work.add_done_callback(lambda _: self._pieces.put_nowait(None))

    async def send(self, samples: np.ndarray) -> None:
        """(n,) float32 mono samples of the session's rate, of any number."""
        self._check()
        self._kept.append(np.asarray(samples, np.float32))
        self._forget()
        self._news.set()

    async def change(self, controls: Controls) -> None:
        """From the next frame on that the sound sent so far does not complete."""
        self._check()
        self._changes.append((self._kept.stop, controls))
        self._news.set()

    async def end(self) -> None:
        """The recording is over; the pieces still to come end by themselves."""
        self._check()
        self._ended = True
        self._news.set()

    async def close(self) -> None:
        """Whether it has ended or not."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    async def __aiter__(self) -> AsyncIterator[LivePiece]:
        """Pieces in order, every frame once, up to the recording's end. ServiceError where the service gives up."""
        while (piece := await self._pieces.get()) is not None:
            yield piece
        self._check()

    def _check(self) -> None:
        if self._work is not None and self._work.done() and not self._work.cancelled():
            self._work.result()

    def _forget(self) -> None:
        """Sound that nobody will want again."""
        self._kept.forget(min(self._sent, int((self._frames / FPS - HISTORY_S) * self._rate)))

    async def _keep_up(self, socket: ClientConnection) -> None:
        """Talks until the end, over as many connections as it takes."""
        lost = 0
        while True:
            before = self._frames
            try:
                if await self._talk(socket):
                    return
            finally:
                socket.transport.abort()
            lost = 1 if self._frames > before else lost + 1
            if lost > self._backoff.tries:
                raise ServiceError(0, "unreachable", f"{self._address}: the connection is lost again and again")
            await asyncio.sleep(self._backoff.wait_s(lost) if lost > 1 else 0)
            socket = await self._connected()
            self.resumed += 1

    async def _talk(self, socket: ClientConnection) -> bool:
        """Whether the recording has ended; False when the connection is lost."""
        sender = asyncio.create_task(self._send(socket))
        try:
            while True:
                if self._take(await socket.recv()):
                    return True
        except ConnectionClosed:
            return False
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)

    async def _send(self, socket: ClientConnection) -> None:
        chunk = int(CHUNK_S * self._rate)
        with suppress(ConnectionClosed):  # the reader notices, too
            while True:
                self._news.clear()
                while self._sent < self._kept.stop or self._changes:
                    if self._changes and self._changes[0][0] <= self._sent:
                        _, self._controls = self._changes.pop(0)
                        await socket.send(json.dumps({"type": "controls", "controls": self._controls.to_dict()}))
                        continue
                    until = min(self._sent + chunk, *(at for at, _ in self._changes[:1]), self._kept.stop)
                    await socket.send(self._kept.read(self._sent, until).astype("<f4").tobytes())
                    self._sent = until
                if self._ended:
                    await socket.send('{"type": "end"}')
                    return
                await self._news.wait()

    async def _connected(self) -> ClientConnection:
        """Greeted by the service, with what it wants again to be sent first."""
        tried = 0
        while True:
            tried += 1
            try:
                return await self._greeted()
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError) as error:
                refused = isinstance(error, InvalidStatus) and 400 <= error.response.status_code < 500
                if refused or tried >= self._backoff.tries:
                    status = error.response.status_code if isinstance(error, InvalidStatus) else 0
                    kind = "forbidden" if refused else "unreachable"
                    raise ServiceError(status, kind, f"{self._address} cannot be reached ({error})") from error
            except ServiceError as error:
                if error.status not in AGAIN or tried >= self._backoff.tries:
                    raise
            await asyncio.sleep(self._backoff.wait_s(tried))

    async def _greeted(self) -> ClientConnection:
        # Samples hardly shrink by being compressed, and it takes time at both ends.
        socket = await connect(self._address, additional_headers=self._headers, max_size=None, compression=None)
        try:
            hello: dict[str, Any] = {
                "type": "hello",
                "audio": {"encoding": "float32", "rate": self._rate},
                "format": "binary",
                "controls": self._controls.to_dict(),
            }
            if self.ready:
                hello |= {"resume": self.ready["resume"], "received_frames": self._frames}
            await socket.send(json.dumps(hello))
            answer = json.loads(await socket.recv())
            if answer["type"] != "ready":
                raise ServiceError.of(answer["problem"])
            if self.ready:
                if answer["next_sample"] < self._kept.start:
                    raise ServiceError(409, "too-late", "the service wants sound again that is not kept any more")
                self._sent = answer["next_sample"]
            self.ready = answer
        except BaseException:
            socket.transport.abort()
            raise
        return socket

    def _take(self, message: str | bytes) -> bool:
        """Whether it was the last. ServiceError for an error that does not pass."""
        if isinstance(message, bytes):
            piece = self._piece(message)
            if piece.animation.frames:
                self._frames = piece.first + piece.animation.frames
                self._pieces.put_nowait(piece)
            return False
        data = json.loads(message)
        if data["type"] == "end":
            self.heard = data["heard"]
            return True
        if data["type"] == "error" and (error := ServiceError.of(data["problem"])).status not in AGAIN:
            raise error
        return False

    def _piece(self, message: bytes) -> LivePiece:
        _, flags, count, first, _ = HEAD.unpack_from(message)
        names, labels = self.ready["names"], self.ready["emotion_names"]
        values = np.frombuffer(message, "<f4", offset=HEAD.size)
        weights, values = values[: count * len(names)].reshape(count, -1), values[count * len(names) :]
        head = emotion = None
        if flags & HAS_HEAD:
            head, values = values[: count * 6].reshape(count, 6), values[count * 6 :]
        if flags & HAS_EMOTION:
            emotion = values.reshape(count, len(labels))
        whole = Animation(
            weights=weights,
            names=tuple(names),
            head=head,
            emotion=emotion,
            emotion_names=tuple(labels) if emotion is not None else (),
        )
        known = max(0, self._frames - first)
        return LivePiece(first=first + known, animation=whole.piece(known, count), arrived=monotonic())
