"""How many live streams the service holds, and what it costs above the model: python -m benchmarks.serve_load DATA

After NVIDIA's protocol for Audio2Face-3D: N clients at once, each beginning at a random time within a second, send
recordings of 5, 10 and 20 s at 16 and 44.1 kHz at the speed of speech. Per stream are told

  fps           frames by the time from its first to its last; a stream that keeps up is at 30 or above, as the tail
                comes at once. The headline is the one that 99 of 100 streams reach (p1).
  first frame   from the arrival of the last sample that it needs. What the model waits for is told apart.
  frames        the same of every frame.

N holds when p1 of fps is 30 or more and p99 of the first frames at most 300 ms. Before, one after the other: a request
with 10 s of speech, an empty application of two deployments with the same body, and a call of the Animator here.

Starts a Ray and the service on this machine, on loopback. DATA has audio files; shorter ones are repeated.
"""

import argparse
import asyncio
import json
import random
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from ray import serve
from ray.serve.config import HTTPOptions
from starlette.requests import Request
from starlette.responses import Response

from benchmarks.network import RESULTS, machine
from emotalk.audio import SAMPLE_RATE, encode_wav, load_audio
from emotalk.client import AsyncClient
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.model.store import default_model, load_model
from jobs.cluster import start_ray
from serve_app.app import NAME, build
from serve_app.config import ServeConfig

LENGTHS_S = (5, 10, 20)
RATES = (16_000, 44_100)
MIN_FPS, MAX_FIRST_MS = 30.0, 300.0
PERCENTILES = (0, 1, 5, 10, 50, 90, 95, 99, 100)
REQUESTS = 30


@dataclass
class Heard:
    """What one stream's client saw, by the clock of this process."""

    sent: list[tuple[int, float]] = field(default_factory=list)  # samples up to here, when
    frames: list[tuple[int, int, float]] = field(default_factory=list)  # first, count, when
    delay_s: float = 0.0
    rate: int = SAMPLE_RATE

    def fps(self) -> float:
        times = [at for _, _, at in self.frames]
        return sum(count for _, count, _ in self.frames) / max(times[-1] - times[0], 1e-9)

    def late_ms(self) -> list[float]:
        """Of every frame whose sound has been sent in full, the first one first."""
        late, ends = [], np.array([until for until, _ in self.sent])
        for first, count, at in self.frames:
            for frame in range(first, first + count):
                needed = (frame / 30 + self.delay_s - 1 / 30) * self.rate
                if (i := int(np.searchsorted(ends, needed))) < len(ends):
                    late.append(1000 * (at - self.sent[i][1]))
        return late


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of audio files")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 8, 16, 24, 32, 40, 48, 64])
    parser.add_argument("--chunk-ms", type=int, default=100)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS_S), help="seconds of each recording")
    parser.add_argument("--output", type=Path, default=RESULTS / "serve-cpu.json")
    options = parser.parse_args()
    sounds = [load_audio(path) for path in sorted(options.data.glob("*.wav"))]
    if not sounds:
        parser.error(f"{options.data} has no WAV file")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with start_ray():
        started = time.perf_counter()
        serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port))
        most = max(options.streams)
        config = ServeConfig(min_replicas=options.replicas, max_replicas=options.replicas, live_sessions=most)
        serve.run(build(config), name=NAME)
        cold_s = time.perf_counter() - started
        serve.run(Front.bind(Behind.bind()), name="empty", route_prefix="/empty")  # type: ignore[attr-defined]
        url = f"http://127.0.0.1:{port}"
        results: dict[str, Any] = {
            "date": date.today().isoformat(),
            "machine": machine(),
            "replicas": options.replicas,
            "chunk_ms": options.chunk_ms,
            "start_s": cold_s,
            "one": asyncio.run(overhead(url, sounds[0])),
            "curve": [],
        }
        print(f"started in {cold_s:.1f} s; 10 s of speech, p50: {told(results['one'])}", flush=True)
        for streams in options.streams:
            heard = asyncio.run(together(url, sounds, streams, options.chunk_ms / 1000, options.lengths))
            row = summary(streams, heard)
            results["curve"].append(row)
            show(row)
        serve.shutdown()
    held = [row["streams"] for row in results["curve"] if row["holds"]]
    results["holds"] = max(held, default=0)
    print(f"holds {results['holds']} streams")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")


async def together(
    url: str, sounds: Sequence[np.ndarray], streams: int, chunk_s: float, lengths: Sequence[int]
) -> list[Heard]:
    async with AsyncClient(url) as service:
        work = (stream(service, sounds[i % len(sounds)], i, chunk_s, lengths) for i in range(streams))
        return await asyncio.gather(*work)


async def stream(service: AsyncClient, sound: np.ndarray, number: int, chunk_s: float, lengths: Sequence[int]) -> Heard:
    """One client: lengths and rates in turn."""
    from scipy.signal import resample_poly

    seconds, rate = lengths[number % len(lengths)], RATES[number // len(lengths) % len(RATES)]
    samples = np.resize(sound, seconds * SAMPLE_RATE)
    if rate != SAMPLE_RATE:
        samples = resample_poly(samples, rate // 100, SAMPLE_RATE // 100).astype(np.float32)
    heard = Heard(rate=rate)
    await asyncio.sleep(random.Random(number).random())
    async with service.live(Controls(seed=number), rate=rate) as session:
        heard.delay_s = session.ready["delay_ms"] / 1000

        async def speak() -> None:
            began, step = time.monotonic(), round(chunk_s * rate)
            for start in range(0, len(samples), step):
                end = min(start + step, len(samples))
                await asyncio.sleep(max(0.0, began + end / rate - time.monotonic()))
                await session.send(samples[start:end])
                heard.sent.append((end, time.monotonic()))
            await session.end()

        speaker = asyncio.create_task(speak())
        async for piece in session:
            heard.frames.append((piece.first, piece.animation.frames, piece.arrived))
        await speaker
    return heard


def summary(streams: int, heard: Sequence[Heard]) -> dict[str, Any]:
    fps = [one.fps() for one in heard]
    late = [one.late_ms() for one in heard]
    first = [frames[0] for frames in late]
    row: dict[str, Any] = {
        "streams": streams,
        "fps": percentiles(fps),
        "first_frame_ms": percentiles(first),
        "frame_ms": percentiles([ms for frames in late for ms in frames]),
        "delay_ms": 1000 * heard[0].delay_s,
    }
    row["holds"] = bool(row["fps"]["p1"] >= MIN_FPS and row["first_frame_ms"]["p99"] <= MAX_FIRST_MS)
    return row


def percentiles(values: Sequence[float]) -> dict[str, float]:
    return {f"p{part}": float(np.percentile(values, part)) for part in PERCENTILES} | {"mean": float(np.mean(values))}


async def overhead(url: str, sound: np.ndarray) -> dict[str, float]:
    """p50 in ms of requests one after the other."""
    samples = np.resize(sound, 10 * SAMPLE_RATE)
    body = encode_wav(samples)
    animator = Animator(load_model(default_model()))
    async with httpx.AsyncClient(timeout=60) as client:

        async def service() -> None:
            response = await client.post(f"{url}/v1/animations?format=npz", files={"audio": body})
            response.raise_for_status()

        async def empty() -> None:
            (await client.post(f"{url}/empty", files={"audio": body})).raise_for_status()

        async def direct() -> None:
            animator.animate(samples)

        return {name: await _p50(call) for name, call in (("service", service), ("empty", empty), ("model", direct))}


async def _p50(call: Callable[[], Any]) -> float:
    took = []
    for i in range(REQUESTS + 3):
        started = time.perf_counter()
        await call()
        if i >= 3:
            took.append(1000 * (time.perf_counter() - started))
    return float(np.median(took))


def told(one: dict[str, float]) -> str:
    above = one["service"] - one["empty"] - one["model"]
    return (
        f"{one['service']:.0f} ms; empty {one['empty']:.0f} ms, model {one['model']:.0f} ms, above both {above:.0f} ms"
    )


def show(row: dict[str, Any]) -> None:
    fps, first, frame = row["fps"], row["first_frame_ms"], row["frame_ms"]
    print(
        f"{row['streams']:4d} streams  fps p1 {fps['p1']:5.1f} p50 {fps['p50']:5.1f}   "
        f"first frame p50 {first['p50']:5.0f} p99 {first['p99']:5.0f} ms   "
        f"frames p50 {frame['p50']:5.0f} p99 {frame['p99']:5.0f} ms   "
        f"{'holds' if row['holds'] else 'falls behind'}",
        flush=True,
    )


@serve.deployment
class Behind:
    """Takes a body and gives one back."""

    async def answer(self, body: bytes) -> bytes:
        return body


@serve.deployment
class Front:
    """The empty application's ingress."""

    def __init__(self, behind: Any) -> None:
        self._behind = behind

    async def __call__(self, request: Request) -> Response:
        return Response(await self._behind.answer.remote(await request.body()))


if __name__ == "__main__":
    main()
