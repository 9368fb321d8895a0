"""Many live clients of a service at once, and what each of them sees.

After NVIDIA's protocol for Audio2Face-3D: N clients, each beginning at a random time within a second, send recordings
of 5, 10 and 20 s at 16 and 44.1 kHz at the speed of speech. Messages are made before; a client only sends, receives and
looks at the clock, as it shares the machine with what it measures.
"""

import asyncio
import json
import os
import random
import struct
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import resample_poly
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from emotalk.audio import SAMPLE_RATE

LENGTHS_S = (5, 10, 20)
RATES = (16_000, 44_100)
HEAD = struct.Struct("<BBHIQ")  # of a binary message: version, flags, frames, number of the first, samples heard
PERCENTILES = (0, 1, 5, 10, 50, 90, 95, 99, 100)


@dataclass(frozen=True)
class Speech:
    """What one client sends: PCM16 chunks, and how many samples there are up to the end of each."""

    rate: int
    chunks: Sequence[bytes]
    ends: Sequence[int]

    @property
    def seconds(self) -> float:
        return self.ends[-1] / self.rate


@dataclass
class Heard:
    """What one client saw, by this process's clock."""

    speech: Speech
    delay_s: float = 0.0
    sent: list[float] = field(default_factory=list)  # when each chunk was
    frames: list[tuple[int, int, float]] = field(default_factory=list)  # first, count, when
    failed: str | None = None

    def fps(self) -> float:
        """Frames by the time from its first to its last."""
        return sum(count for _, count, _ in self.frames) / max(self.frames[-1][2] - self.frames[0][2], 1e-9)

    def speed(self) -> float:
        """Seconds of speech by seconds from its first sample sent to its last frame."""
        return self.speech.seconds / (self.frames[-1][2] - self.sent[0])

    def answered_ms(self) -> float:
        """From its first sample sent to its first frame."""
        return 1000 * (self.frames[0][2] - self.sent[0])

    def late_ms(self) -> list[float]:
        """Of every frame whose sound has been sent in full: from the last sample that it needs until it was here."""
        late, ends = [], np.array(self.speech.ends)
        for first, count, at in self.frames:
            needed = (np.arange(first, first + count) / 30 + self.delay_s - 1 / 30) * self.speech.rate
            late += [1000 * (at - self.sent[i]) for i in np.searchsorted(ends, needed) if i < len(ends)]
        return late


@dataclass(frozen=True)
class Load:
    """A run's clients, and how many cores this process, its replicas by name and the whole machine were at work on."""

    heard: Sequence[Heard]
    cores: Mapping[str, float]


def speeches(sounds: Sequence[np.ndarray], count: int, chunk_s: float, lengths_s: Sequence[int]) -> list[Speech]:
    """Sounds (n,) at 16 kHz, lengths and rates in turn; shorter sounds are repeated."""
    made = []
    for i in range(count):
        seconds, rate = lengths_s[i % len(lengths_s)], RATES[i // len(lengths_s) % len(RATES)]
        samples = np.resize(sounds[i % len(sounds)], seconds * SAMPLE_RATE)
        if rate != SAMPLE_RATE:
            samples = resample_poly(samples, rate // 100, SAMPLE_RATE // 100)
        pcm = (np.clip(samples, -1, 1) * 32_767).astype("<i2")
        starts = range(0, len(pcm), round(chunk_s * rate))
        chunks = [pcm[start : start + starts.step] for start in starts]
        made.append(Speech(rate, [chunk.tobytes() for chunk in chunks], list(np.cumsum([len(one) for one in chunks]))))
    return made


async def together(url: str, said: Sequence[Speech], pace: float = 1.0) -> Load:
    """All of them talk to the WebSocket at `url`, `pace` times as fast as people."""
    before, began = _worked_s(), time.monotonic()
    heard = await asyncio.gather(*(_talk(url, speech, number, pace) for number, speech in enumerate(said)))
    took = time.monotonic() - began
    return Load(heard, {name: (after - before.get(name, 0.0)) / took for name, after in _worked_s().items()})


async def _talk(url: str, speech: Speech, number: int, pace: float) -> Heard:
    heard = Heard(speech)
    await asyncio.sleep(random.Random(number).random())
    try:
        await _conversation(url, heard, number, pace)
    except (OSError, RuntimeError, WebSocketException) as error:
        heard.failed = str(error)
    return heard


async def _conversation(url: str, heard: Heard, number: int, pace: float) -> None:
    speech = heard.speech
    async with connect(url, max_size=None, compression=None) as socket:
        audio = {"encoding": "pcm16", "rate": speech.rate}
        await socket.send(
            json.dumps({"type": "hello", "audio": audio, "format": "binary", "controls": {"seed": number}})
        )
        ready = json.loads(await socket.recv())
        if ready["type"] != "ready":
            raise RuntimeError(str(ready))
        heard.delay_s = ready["delay_ms"] / 1000

        async def speak() -> None:
            began = time.monotonic()
            for chunk, end in zip(speech.chunks, speech.ends, strict=True):
                await asyncio.sleep(max(0.0, began + end / speech.rate / pace - time.monotonic()))
                await socket.send(chunk)
                heard.sent.append(time.monotonic())
            await socket.send('{"type": "end"}')

        speaker = asyncio.create_task(speak())
        try:
            async for message in socket:
                if isinstance(message, bytes):
                    _, _, count, first, _ = HEAD.unpack_from(message)
                    heard.frames.append((first, count, time.monotonic()))
                elif json.loads(message)["type"] == "error":
                    raise RuntimeError(message)
        finally:
            speaker.cancel()
            await asyncio.gather(speaker, return_exceptions=True)


def percentiles(values: Sequence[float]) -> dict[str, float]:
    values = values or [0.0]
    return {f"p{part}": float(np.percentile(values, part)) for part in PERCENTILES} | {"mean": float(np.mean(values))}


def summary(load: Load) -> dict[str, Any]:
    """Of the streams that were served to their end, and how many were not."""
    served = [one for one in load.heard if one.failed is None]
    failed = sorted({one.failed for one in load.heard if one.failed is not None})
    late = [one.late_ms() for one in served] or [[float("inf")]]
    return {
        "streams": len(load.heard),
        "failed": len(load.heard) - len(served),
        "failures": failed,
        "fps": percentiles([one.fps() for one in served]),
        "speed": percentiles([one.speed() for one in served]),
        "answered_ms": percentiles([one.answered_ms() for one in served]),
        "first_frame_ms": percentiles([frames[0] for frames in late]),
        "frame_ms": percentiles([ms for frames in late for ms in frames]),
        "delay_ms": 1000 * max(one.delay_s for one in load.heard),
        "cores": load.cores,
    }


def _worked_s() -> dict[str, float]:
    """Seconds of a core that this process, the replicas below it and the whole machine have been at work."""
    ticks = os.sysconf("SC_CLK_TCK")
    user, nice, system, _, _, irq, soft_irq = map(int, Path("/proc/stat").read_text().split()[1:8])
    worked = {"clients": time.process_time(), "all": (user + nice + system + irq + soft_irq) / ticks}
    parents: dict[int, int] = {}
    replicas: dict[int, tuple[str, float]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            state = (process / "stat").read_text().rpartition(")")[2].split()
            parents[int(process.name)] = int(state[1])
            name = (process / "cmdline").read_text().rstrip("\0")
            if name.startswith(("ray::ServeReplica:", "ray::ProxyActor")):
                # Not those that it started, its decoders: they have names of their own.
                replicas[int(process.name)] = (
                    name.rpartition(":")[2].split("-")[0].split(".")[0].lower(),
                    sum(map(int, state[11:13])) / ticks,
                )
    for pid, (name, seconds) in replicas.items():
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        if pid == os.getpid():
            worked[name] = worked.get(name, 0.0) + seconds
    return worked
