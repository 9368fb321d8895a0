"""A replica that listens itself: its address, clients that leave, its end."""

import asyncio
import socket

import httpx
import pytest
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from emotalk.errors import InputError
from serve_app.listener import Address, Listener


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:80", Address("127.0.0.1", 80)), ("[::1]:8000", Address("::1", 8_000)), ("a.b:1", Address("a.b", 1))],
)
def test_addresses_are_read_and_told(text: str, address: Address) -> None:
    assert Address.of(text) == address
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "8000", ":8000", "a:", "a:0", "a:65536", "a:+8", "a:٣"])
def test_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="HOST:PORT"):
        Address.of(text)


class Slow:
    """An application that reads all, begins its answer, and ends it when it is told to."""

    def __init__(self) -> None:
        self.working, self.go_on, self.cancelled = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept"})
            while (await receive())["type"] != "websocket.disconnect":
                pass
            return
        while (await receive()).get("more_body", False):
            pass
        self.working.set()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await self.go_on.wait()
            await send({"type": "http.response.body", "body": b"done"})
            await asyncio.sleep(0)  # what comes behind the answer is not cut off
            self.working.clear()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise


def address() -> Address:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return Address(*free.getsockname())


def test_a_client_that_leaves_ends_its_work_and_one_that_stays_does_not() -> None:
    async def run() -> None:
        app, place = Slow(), address()
        listener = await Listener.open(app, place)
        async with httpx.AsyncClient() as client:
            staying = asyncio.create_task(client.post(f"http://{place}/", content=b"x"))
            await app.working.wait()
            app.go_on.set()
            assert (await staying).text == "done"
            while app.working.is_set():
                await asyncio.sleep(0)
        assert not app.cancelled.is_set()
        app.go_on.clear()
        _, writer = await asyncio.open_connection(place.host, place.port)
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx")
        await app.working.wait()
        writer.close()
        await app.cancelled.wait()
        await listener.close()

    asyncio.run(asyncio.wait_for(run(), 30))


def test_its_end_lets_requests_end_and_closes_live_sessions() -> None:
    """And another can listen at the same address meanwhile."""

    async def run() -> None:
        app, place = Slow(), address()
        first = await Listener.open(app, place)
        async with httpx.AsyncClient() as client, connect(f"ws://{place}/") as live:
            asking = asyncio.create_task(client.post(f"http://{place}/", content=b"x"))
            await app.working.wait()
            second = await Listener.open(Slow(), place)
            ending = asyncio.create_task(first.close())
            with pytest.raises(ConnectionClosed) as closed:
                await live.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            app.go_on.set()
            assert (await asking).text == "done"
        await ending
        async with connect(f"ws://{place}/"):
            pass
        await second.close()

    asyncio.run(asyncio.wait_for(run(), 30))
