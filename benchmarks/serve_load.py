"""How many live streams the service holds, and what it costs above the model: python -m benchmarks.serve_load DATA

The whole takes about five minutes. For every number of streams are told

  fps           of a stream: frames by the time from its first to its last; one that keeps up is at 30 or above, as the
                tail comes at once. The headline is the one that 99 of 100 streams reach (p1).
  first frame   from the arrival of the last sample that it needs. What the model waits for is told apart.
  frames        the same of every frame.
  cores         of the machine, at work: for the clients, for all.

N streams hold when p1 of fps is 30 or more and p99 of the first frames at most 300 ms. UniTalker's service has another
rule, that requests run at 1.5 times real time and are answered within 0.3 s: here speech comes twice as fast as it is
spoken, and 99 of 100 streams have to.

Before, one after the other: a request with 10 s of speech, an empty application of two deployments with the same body,
and a call of the Animator here; and what streams gain by being stepped together. At the end replicas come and go with
the load.

Starts a Ray and the service on this machine, on loopback. DATA has audio files; shorter ones are repeated.
"""

import argparse
import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from ray import serve
from ray.serve.config import HTTPOptions
from starlette.requests import Request
from starlette.responses import Response

from benchmarks import serve_scaling
from benchmarks.live_load import LENGTHS_S, speeches, summary, together
from benchmarks.network import RESULTS, machine
from benchmarks.streaming import pushed
from emotalk.audio import SAMPLE_RATE, encode_wav, load_audio
from emotalk.inference.animator import Animator
from emotalk.model.store import default_model, load_model
from jobs.cluster import start_ray
from serve_app.app import NAME, build
from serve_app.config import ServeConfig

MIN_FPS, MAX_FIRST_MS = 30.0, 300.0
PACE, MIN_SPEED, MAX_ANSWER_MS = 2.0, 1.5, 300.0
REQUESTS = 30
TOGETHER = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of audio files")
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 16, 40, 64, 96, 128, 160])
    parser.add_argument("--fast-streams", type=int, nargs="*", default=[8, 16, 32, 64], help="by UniTalker's rule")
    parser.add_argument("--chunk-ms", type=int, default=100)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--lengths", type=int, nargs="+", default=list(LENGTHS_S), help="seconds of each recording")
    parser.add_argument("--proxy", action="store_true", help="clients come through Serve's proxy")
    parser.add_argument("--only-streams", action="store_true", help="neither requests nor scaling")
    parser.add_argument("--output", type=Path, default=RESULTS / "serve-cpu.json")
    options = parser.parse_args()
    sounds = [load_audio(path) for path in sorted(options.data.glob("*.wav"))]
    if not sounds:
        parser.error(f"{options.data} has no WAV file")
    with reserved_port() as port:
        _measure(options, sounds, port)


def _measure(options: argparse.Namespace, sounds: Sequence[np.ndarray], port: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        proxy_port = free.getsockname()[1]
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "load": os.getloadavg(),
        "replicas": options.replicas,
        "chunk_ms": options.chunk_ms,
    }
    print(f"{results['machine']['device']}, {os.cpu_count()} cores, load before {results['load'][0]:.1f}", flush=True)
    before_ray = time.perf_counter()
    with start_ray():
        started = time.perf_counter()
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        serve.start(http_options=HTTPOptions(host="127.0.0.1", port=proxy_port))
        most = max([*options.streams, *options.fast_streams, 1])
        config = ServeConfig(
            min_replicas=options.replicas,
            max_replicas=options.replicas,
            live_sessions=2 * most,  # those of the run before may not have left yet
            listen=f"127.0.0.1:{port}",
        )
        serve.run(build(config), name=NAME)
        asked = proxy_port if options.proxy else port
        httpx.get(f"http://127.0.0.1:{asked}/readyz", timeout=60).raise_for_status()
        now = time.perf_counter()
        results["start_s"], results["ray_s"] = now - started, started - before_ray
        print(f"cold start: Ray {results['ray_s']:.1f} s, service {results['start_s']:.1f} s until it has animated")
        if not options.only_streams:
            serve.run(Front.bind(Behind.bind()), name="empty", route_prefix="/empty")  # type: ignore[attr-defined]
            results["one"] = one = asyncio.run(overhead(asked, proxy_port, sounds[0]))
            serve.delete("empty")
            print(f"10 s of speech, p50: {told(one)}", flush=True)
            results["batching"] = gain = batching()
            print(
                f"a step of 100 ms, p50: one stream {gain['one_ms']:.1f} ms, {TOGETHER} together "
                f"{gain['together_ms']:.1f} ms: {gain['gain']:.1f} × as many",
                flush=True,
            )
        url = f"ws://127.0.0.1:{asked}/v1/live"
        for streams, pace, rows in [(n, 1.0, "curve") for n in options.streams] + [
            (n, PACE, "fast") for n in options.fast_streams
        ]:
            said = speeches(sounds, streams, options.chunk_ms / 1000, options.lengths)
            row = summary(asyncio.run(together(url, said, pace)))
            row["holds"] = holds(row) if pace == 1 else runs(row)
            results.setdefault(rows, []).append(row)
            show(row, pace)
        for rows in ("curve", "fast"):
            results[f"{rows}_holds"] = max((row["streams"] for row in results.get(rows, []) if row["holds"]), default=0)
        print(f"hold: {results['curve_holds']} streams; by UniTalker's rule {results['fast_holds']}", flush=True)
        serve.delete(NAME)
        if not options.only_streams:
            results["scaling"] = serve_scaling.measured(sounds, port)
        serve.shutdown()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")


def holds(row: dict[str, Any]) -> bool:
    return bool(not row["failed"] and row["fps"]["p1"] >= MIN_FPS and row["first_frame_ms"]["p99"] <= MAX_FIRST_MS)


def runs(row: dict[str, Any]) -> bool:
    """By UniTalker's rule."""
    return bool(not row["failed"] and row["speed"]["p1"] >= MIN_SPEED and row["answered_ms"]["p99"] <= MAX_ANSWER_MS)


async def overhead(port: int, empty_port: int, sound: np.ndarray) -> dict[str, float]:
    """p50 in ms of requests one after the other."""
    torch.set_num_threads(ServeConfig().threads)  # as in a replica
    samples = np.resize(sound, 10 * SAMPLE_RATE)
    body = encode_wav(samples)
    animator = Animator(load_model(default_model()))
    async with httpx.AsyncClient(timeout=60) as client:

        async def service() -> None:
            response = await client.post(f"http://127.0.0.1:{port}/v1/animations?format=npz", files={"audio": body})
            response.raise_for_status()

        async def empty() -> None:
            (await client.post(f"http://127.0.0.1:{empty_port}/empty", files={"audio": body})).raise_for_status()

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


def batching() -> dict[str, float]:
    """What it gains to step streams together, in this process."""
    animator = Animator(load_model(default_model()))
    one, many = pushed(animator, 1, 30)["p50_ms"], pushed(animator, TOGETHER, 20)["p50_ms"]
    return {"one_ms": one, "together_ms": many, "gain": TOGETHER * one / many}


def told(one: dict[str, float]) -> str:
    above = one["service"] - one["empty"]
    return (
        f"service {one['service']:.0f} ms, empty application {one['empty']:.0f} ms, model alone {one['model']:.0f} ms; "
        f"above the empty one {above:.0f} ms, above it and the model {above - one['model']:.0f} ms"
    )


def show(row: dict[str, Any], pace: float) -> None:
    if pace == 1:
        rate, first, name = row["fps"], row["first_frame_ms"], "fps"
    else:
        rate, first, name = row["speed"], row["answered_ms"], f"sent at {pace:g} ×, speed"
    frame = row["frame_ms"]
    failed = f" ({row['failed']} failed)" if row["failed"] else ""
    print(
        f"{row['streams']:4d} streams  {name} p1 {rate['p1']:5.2f} p50 {rate['p50']:5.2f}   "
        f"{'first frame' if pace == 1 else 'answered'} p50 {first['p50']:4.0f} p99 {first['p99']:4.0f} ms   "
        f"frames p50 {frame['p50']:4.0f} p99 {frame['p99']:4.0f} ms   "
        f"cores: {', '.join(f'{name} {cores:.2f}' for name, cores in row['cores'].items())}   "
        f"{'holds' if row['holds'] else 'falls behind'}{failed}",
        flush=True,
    )


@contextmanager
def reserved_port() -> Iterator[int]:
    """Of loopback, for who shares it as an ingress does: nothing listens here, and nobody else gets it."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


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
