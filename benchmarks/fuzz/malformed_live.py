"""Live sessions that no client should have, frame by frame: broken handshakes, hellos, sound and endings."""

import asyncio
import base64
import json
import os
import random
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from benchmarks.fuzz.nasty import VALUES, damaged, json_text
from benchmarks.fuzz.raw_http import LOST, Address
from benchmarks.fuzz.verdict import fault_of_problem

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9
ABNORMAL = 1006
FAULTS = {1011, 1012, 1014}  # the service's own; 1013 asks to come again
HELLO = {"type": "hello", "audio": {"encoding": "float32", "rate": 16_000}}
ENCODINGS = ("pcm16", "float32", "opus", "mp3", "", None)
RATES = (8_000, 16_000, 44_100, 48_000, 384_000, 0, -1, 1, 10**9, 16_000.5, None, "16000")


@dataclass
class Talk:
    """What one client sends, in order: frames as bytes, or seconds of silence. leaves: it goes without a word. broken:
    what it sends is no WebSocket. ends: it keeps to the protocol, and wants all of its frames."""

    parts: list[bytes | float] = field(default_factory=list)
    handshake: bytes = b""
    leaves: bool = False
    broken: bool = False
    ends: bool = False


def frame(
    opcode: int, payload: bytes, *, mask: bool = True, first: int | None = None, length: int | None = None
) -> bytes:
    """A client's frame. first: its first byte, where it should not be the opcode's; length: a wrong one."""
    size = len(payload) if length is None else length
    masked = 0x80 if mask else 0
    head = bytes([0x80 | opcode if first is None else first])
    if size < 126:
        head += bytes([masked | size])
    elif size < 2**16:
        head += struct.pack(">BH", masked | 126, size)
    else:
        head += struct.pack(">BQ", masked | 127, size)
    if not mask:
        return head + payload
    key = os.urandom(4)
    whole = int.from_bytes(key * (len(payload) // 4 + 1)) >> 8 * (4 - len(payload) % 4)
    return head + key + (int.from_bytes(payload) ^ whole).to_bytes(len(payload))


def text(message: object) -> bytes:
    return frame(TEXT, message if isinstance(message, bytes) else json.dumps(message).encode())


def handshake(path: bytes = b"/v1/live", key: bytes | None = None, **more: bytes) -> bytes:
    headers = {
        "Host": b"service",
        "Upgrade": b"websocket",
        "Connection": b"Upgrade",
        "Sec-WebSocket-Version": b"13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)) if key is None else key,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    lines = [b"%s: %s" % (name.encode(), value) for name, value in headers.items()]
    return b"GET %s HTTP/1.1\r\n" % path + b"\r\n".join(lines) + b"\r\n\r\n"


def sound(rng: random.Random, seconds: float) -> bytes:
    return struct.pack(
        f"<{round(seconds * 16_000)}f", *(rng.uniform(-0.5, 0.5) for _ in range(round(seconds * 16_000)))
    )


def made(rng: random.Random) -> Talk:
    """One of all kinds."""
    return rng.choice(KINDS)(rng)


def _good(rng: random.Random) -> Talk:
    chunks = [frame(BINARY, sound(rng, rng.choice((0.02, 0.1)))) for _ in range(3)]
    return Talk([text(HELLO), *chunks, text({"type": "end"})], ends=True)


def _strange_handshake(rng: random.Random) -> Talk:
    shaken = rng.choice(
        (
            handshake(b"/v1/nothing"), handshake(b"/"), handshake(b"/v1/live?model=%00"),
            handshake(b"/v1/live?model=x"), handshake(key=b""), handshake(key=b"x"), handshake(key=b"\xff"),
            handshake(Sec_WebSocket_Version=b"99"),
            handshake(Sec_WebSocket_Protocol=b"emotalk.key.\xff"), handshake(Origin=b"http://["),
            handshake(Origin=b"https://evil.example"), handshake(Sec_WebSocket_Extensions=b"permessage-deflate; x=y"),
            handshake(Sec_WebSocket_Protocol=b"," * 300), handshake(Connection=b"close"), handshake(Upgrade=b"h2c"),
            damaged(rng, handshake()),
        )
    )  # fmt: skip
    return Talk([text(HELLO), text({"type": "end"})], handshake=shaken, broken=True)


def _strange_hello(rng: random.Random) -> Talk:
    key = rng.choice(("format", "controls", "resume", "received_frames", "type", "audio", "x", "\ud800"))
    audio = {"encoding": rng.choice(ENCODINGS), "rate": rng.choice(RATES)}
    hello = text({**HELLO, "audio": audio, key: rng.choice(VALUES)})
    first = rng.choice((hello, text(json_text(rng)), frame(BINARY, b"hello"), text(b"\xff\xfe"), text(b"a" * 70_000)))
    return Talk([first, frame(BINARY, b"\0" * 64), text({"type": "end"})])


def _resumed(rng: random.Random) -> Talk:
    """Sessions of others, or of nobody; the sound of all sessions that claim one token is their own."""
    token = rng.choice(("0" * 32, "f" * 32, "x", "", "0" * 31 + "\n"))
    hello = {**HELLO, "resume": token, "received_frames": rng.choice((0, 1, 90, 10**4, 10**9))}
    return Talk([text(hello), frame(BINARY, sound(rng, 0.1)), text({"type": "end"})])


def _strange_sound(rng: random.Random) -> Talk:
    encoding = rng.choice(ENCODINGS[:3])
    hello = {"type": "hello", "audio": {"encoding": encoding, "rate": 48_000}, "format": rng.choice(("json", "binary"))}
    strange = (b"", b"\0", b"\xff" * 7, os.urandom(640), b"\xff" * 640, b"\0\0\xc0\x7f" * 9, b"\0" * 300_000)
    chunks = [rng.choice(strange) for _ in range(rng.randint(1, 5))]
    return Talk([text(hello), *(frame(BINARY, chunk) for chunk in chunks), text({"type": "end"})])


def _strange_message(rng: random.Random) -> Talk:
    messages = []
    for _ in range(rng.randint(1, 3)):
        change = {"type": "controls", "controls": {rng.choice(("emotion", "shaping", "x")): rng.choice(VALUES)}}
        messages.append(rng.choice((text(json_text(rng)), text(change))))
    return Talk([text(HELLO), frame(BINARY, sound(rng, 0.05)), *messages, text({"type": "end"})])


def _strange_frame(rng: random.Random) -> Talk:
    broken = rng.choice(
        (
            frame(TEXT, b"{}", mask=False), frame(TEXT, b"{}", first=0xF1), frame(3, b"x"),
            frame(BINARY, b"x", length=2**62), frame(PING, b"p" * 200), frame(CLOSE, b"\x03"),
            frame(CLOSE, struct.pack(">H", 9)), frame(0, b"rest"),
            frame(TEXT, b"{", first=0x01), os.urandom(200), frame(BINARY, b"\0" * 100, length=50), frame(CLOSE, b""),
            frame(BINARY, b"x", length=17 * 2**20),
        )
    )  # fmt: skip
    return Talk([text(HELLO), broken, text({"type": "end"})], broken=True)


def _leaving(rng: random.Random) -> Talk:
    """In the middle of sound, of a frame, of the hello or of the handshake."""
    whole = [text(HELLO), *(frame(BINARY, sound(rng, 0.1)) for _ in range(4)), text({"type": "end"})]
    parts: list[bytes | float] = []
    for part in whole[: rng.randint(0, len(whole))]:
        parts += [part, rng.choice((0.0, 0.01, 0.1))]
    return Talk([*parts, whole[0][: rng.randrange(20)]], leaves=True)


KINDS: tuple[Callable[[random.Random], Talk], ...] = (
    _good, _strange_handshake, _strange_hello, _resumed, _strange_sound, _strange_message, _strange_frame, _leaving,
)  # fmt: skip


async def talk(address: Address, talk: Talk, wait_s: float) -> str | None:
    """Has it; what was wrong with what the service did, or None."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        async with asyncio.timeout(wait_s):
            writer.write(talk.handshake or handshake())
            try:
                status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
            except LOST:
                return None if talk.broken else "no answer to the handshake"
            if status != 101:
                return f"status {status} for a handshake" if status >= 500 and status != 503 else None
            said, code = await _conversation(reader, writer, talk)
    except TimeoutError:
        return None if talk.broken else "a live session that does not end"
    finally:
        writer.transport.abort()
    return None if talk.leaves else _fault(said, code, talk)


async def _conversation(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Talk
) -> tuple[Sequence[dict], int]:
    said: list[dict] = []

    async def send() -> None:
        with suppress(ConnectionError):
            for part in talk.parts:
                if isinstance(part, float):
                    await asyncio.sleep(part)
                else:
                    writer.write(part)
                    await writer.drain()

    sender = asyncio.create_task(send())
    try:
        if talk.leaves:
            await sender
            return said, ABNORMAL
        while True:
            opcode, payload = await _frame(reader)
            if opcode == TEXT:
                said.append(json.loads(payload))
            elif opcode == CLOSE:
                return said, int.from_bytes(payload[:2]) if payload else 1005
    except LOST:
        return said, ABNORMAL
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size = await reader.readexactly(2)
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2))
    elif size == 127:
        size = int.from_bytes(await reader.readexactly(8))
    return first & 0x0F, await reader.readexactly(size)


def _fault(said: Sequence[dict], code: int, talk: Talk) -> str | None:
    for message in said:
        if message.get("type") == "error" and (fault := fault_of_problem(message.get("problem"))):
            return f"in a live session: {fault}"
    # Who goes on sending when it has been refused may lose the reason: TCP resets a connection with unread bytes.
    if code in FAULTS or (code == ABNORMAL and talk.ends):
        return f"a live session closed with {code} after {said[-1:]!r:.300}"
    busy = code == 1013
    if talk.ends and not busy and (not said or said[-1].get("type") != "end"):
        return f"a good live session without its end, but {code} and {said[-1:]!r:.300}"
    return None
