"""Connections that an ingress replica takes itself, past Serve's proxy.

The proxy hands every message of a connection to the replica by a Ray call, and every message of the answer back by
another. A live session has ten of each in a second: that is most of what it costs.
"""

import asyncio
import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from emotalk.errors import InputError
from serve_app.proxy import BoundedHttp

KEEP_ALIVE_S = 90  # of a connection between two requests: longer than load balancers keep theirs
CLOSE_S = 15  # for requests in work when the replica goes; Serve itself waits for 20


@dataclass(frozen=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    @classmethod
    def of(cls, text: str) -> "Address":
        """HOST:PORT, [HOST]:PORT for IPv6; else an InputError."""
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isascii() or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise InputError(f"listen must be HOST:PORT, not {text!r}")
        return cls(host, int(port))

    @property
    def is_loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Listener:
    """An HTTP server of the running event loop."""

    def __init__(self, server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
        self._server, self._serving = server, serving

    @classmethod
    async def open(cls, app: ASGIApp, address: Address) -> "Listener":
        """OSError where nothing can listen there."""
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        # Several replicas on one machine share the port: the kernel deals connections out.
        taken = socket.create_server((address.host, address.port), family=family, reuse_port=True)
        config = uvicorn.Config(
            CancelOnLeaving(app),
            http=BoundedHttp,
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="error",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=CLOSE_S,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[taken]))
        while not server.started:
            await asyncio.sleep(0.01)
            if serving.done():
                serving.result()
        return cls(server, serving)

    async def close(self) -> None:
        """Takes no more connections; closes live sessions, which their clients resume elsewhere; lets requests end."""
        self._server.should_exit = True
        with suppress(asyncio.CancelledError):
            await self._serving


class CancelOnLeaving:
    """ASGI middleware: a client that leaves ends the work for it, as behind Serve's proxy. Around an application that
    reads a request's body before it works on it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # a WebSocket's application hears of it by itself
            await self._app(scope, receive, send)
            return
        work, left, answered = asyncio.current_task(), False, False
        watch: asyncio.Task[None] | None = None
        assert work is not None

        async def leaving() -> None:
            nonlocal left
            while (await receive())["type"] != "http.disconnect":
                pass
            if not answered:
                left = True
                work.cancel()

        async def heard() -> Message:
            nonlocal watch
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body", False) and watch is None:
                watch = asyncio.create_task(leaving())
            return message

        async def told(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                answered = True  # whoever has the whole answer may leave
            await send(message)

        try:
            await self._app(scope, heard, told)
        except asyncio.CancelledError:
            if not left:
                raise
            work.uncancel()
        finally:
            if watch is not None:
                watch.cancel()
