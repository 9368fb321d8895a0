"""A service of this process on a real port, and a live client that writes down everything it hears."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvicorn
from starlette.types import ASGIApp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

HELLO = {"type": "hello", "audio": {"encoding": "float32", "rate": 16_000}, "format": "binary"}
HEAD = struct.Struct("<BBHIQ")


@asynccontextmanager
async def listening(app: ASGIApp) -> AsyncIterator[str]:
    """The address of its live sessions while the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0)
        assert not serving.done()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"ws://127.0.0.1:{port}/v1/live"
    finally:
        server.should_exit = True
        await serving


@dataclass
class Client:
    """One connection. frames: by number, each once. said: the text messages."""

    socket: ClientConnection
    ready: dict[str, Any] = field(default_factory=dict)
    frames: dict[int, np.ndarray] = field(default_factory=dict)
    heard: list[int] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    code: int | None = None

    async def say(self, message: dict[str, Any] | str) -> None:
        await self.socket.send(message if isinstance(message, str) else json.dumps(message))

    async def sound(self, samples: np.ndarray, chunk: int = 1_600) -> None:
        for start in range(0, len(samples), chunk):
            await self.socket.send(samples[start : start + chunk].astype("<f4").tobytes())

    async def listen(self, until: int | None = None) -> None:
        """Until the connection is closed, or so many frames are here."""
        try:
            while until is None or len(self.frames) < until:
                self._take(await self.socket.recv())
        except ConnectionClosed as closed:
            self.code = closed.rcvd.code if closed.rcvd else 1006

    def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            data = json.loads(message)
            if data["type"] != "frames":
                self.said.append(data)
                return
            first, weights, heard = data["first"], np.array(data["weights"], np.float32), data["heard_samples"]
        else:
            version, flags, count, first, heard = HEAD.unpack_from(message)
            assert (version, flags) == (1, 2)
            weights = np.frombuffer(message, "<f4", count * 52, HEAD.size).reshape(count, 52)
        self.heard.append(heard)
        for i, frame in enumerate(weights):
            assert first + i not in self.frames, "a frame came twice"
            self.frames[first + i] = frame

    def weights(self, start: int = 0) -> np.ndarray:
        """All frames from `start` on, without a gap."""
        assert sorted(self.frames) == list(range(start, start + len(self.frames)))
        return np.stack([self.frames[i] for i in sorted(self.frames)])

    @property
    def problem(self) -> dict[str, Any]:
        assert self.said[-1]["type"] == "error", self.said
        problem: dict[str, Any] = self.said[-1]["problem"]
        return problem


@asynccontextmanager
async def talking(url: str, hello: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Client]:
    """A client that has been greeted."""
    async with connect(url, max_size=None, **options) as socket:
        client = Client(socket)
        await client.say(HELLO if hello is None else hello)
        client.ready = json.loads(await socket.recv())
        assert client.ready["type"] == "ready", client.ready
        yield client
