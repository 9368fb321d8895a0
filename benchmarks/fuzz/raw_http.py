"""HTTP/1.1 by hand, for what no client library would send."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

Address = tuple[str, int]
Part = bytes | float  # to send, or seconds to wait
LOST = (ConnectionError, asyncio.IncompleteReadError)
READ_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request. head: its answer has no body. leaves: after so many bytes of the answer the client goes away.
    broken: it is no HTTP, so the connection may just end, or the service may wait for more."""

    parts: Sequence[Part]
    head: bool = False
    leaves: int | None = None
    broken: bool = False


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer; header names in lower case. whole: it ended as it had announced."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


async def exchange(address: Address, sent: Sent, wait_s: float) -> Reply | None:
    """The answer; None where the client left or the connection ended without one. TimeoutError where none comes."""
    reader, writer = await asyncio.open_connection(*address, limit=READ_BYTES)
    sender = asyncio.create_task(_send(writer, sent.parts))
    try:
        async with asyncio.timeout(wait_s):
            if sent.leaves is None:
                return await _reply(reader, sent.head)
            await sender
            with suppress(*LOST):
                await reader.readexactly(sent.leaves)
            return None
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        writer.transport.abort()


async def _send(writer: asyncio.StreamWriter, parts: Sequence[Part]) -> None:
    with suppress(ConnectionError):  # whoever answers early need not read the rest
        for part in parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                writer.write(part)
                await writer.drain()


async def _reply(reader: asyncio.StreamReader, head: bool) -> Reply | None:
    while True:
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        except LOST:
            return None
        status = int(lines[0].split(" ", 2)[1])
        if status != 100:  # go on sending
            break
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    body, whole = bytearray(), True
    try:
        if head or status in (204, 304):
            pass
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                body += (await reader.readexactly(size + 2))[:-2]
        elif "content-length" in headers:
            body += await reader.readexactly(int(headers["content-length"]))
        else:
            body += await reader.read()
    except (*LOST, ValueError):
        whole = False
    return Reply(status=status, headers=headers, body=bytes(body), whole=whole)
