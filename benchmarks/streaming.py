"""Speed and memory of live streams with random weights: python -m benchmarks.streaming

Figures are the time that 100 ms of audio take: of one stream as its user pushes it, of 64 that are pushed together, and
of a thousand whose states form one batch; and the memory of a thousand open streams that have heard something. Prints
the figures and writes them as JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psutil  # type: ignore[import-untyped]
import torch

from benchmarks.network import RESULTS, machine
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.model.mel import HOP_SAMPLES
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.streaming.live import LiveStream, push_together
from emotalk.streaming.network import Asked, StreamingNetwork

TICK_S = 0.1
TICK_SAMPLES = 1_600
TICK_FRAMES = 3
TOGETHER = 64
MANY = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/streaming-cpu.json or -cuda.json")
    parser.add_argument("--ticks", type=int, default=300, help="pushes of 100 ms that each figure is taken from")
    options = parser.parse_args()
    torch.manual_seed(0)
    animator = Animator(EmoTalk(lite_config()))
    results = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "delay_ms": 1e3 * animator.stream().delay_s,
        "one": pushed(animator, 1, options.ticks),
        "together": {"streams": TOGETHER} | pushed(animator, TOGETHER, options.ticks),
        "open": opened(animator, MANY),
        "many": stepped(animator.streaming_network, MANY, max(3, options.ticks // 10)),
    }
    show(results)
    output = options.output or RESULTS / f"streaming-{animator.model.device.type}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {output}")


def pushed(animator: Animator, streams: int, ticks: int) -> dict[str, float]:
    """Streams of users: chunks in, animations out."""
    members = [LiveStream(animator.streaming_network, Controls()) for _ in range(streams)]
    chunks = list(_sound(streams))

    def tick() -> None:
        push_together(members, chunks)

    return _percentiles(tick, ticks)


def opened(animator: Animator, streams: int) -> dict[str, float]:
    """Streams of users that are open and have heard 0.3 s: what they take of the machine's memory."""
    before = resident_bytes()
    members = [animator.stream(Controls(seed=seed)) for seed in range(streams)]
    for first in range(0, streams, TOGETHER):
        some = [member for member in members[first : first + TOGETHER] if isinstance(member, LiveStream)]
        for _ in range(3):
            push_together(some, list(_sound(len(some))))
    return {"streams": streams, "memory_mb": (resident_bytes() - before) / 1e6}


def resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def stepped(network: StreamingNetwork, streams: int, ticks: int) -> dict[str, float]:
    """One batch of states, stepped: what a server can do that keeps its streams side by side."""
    state = network.start(streams)
    asked = Asked.stack([network.asked(Controls(seed=seed)) for seed in range(streams)])
    chunk = torch.from_numpy(_sound(streams))
    assert int(network.advance(state, TICK_FRAMES)[0]) * HOP_SAMPLES == TICK_SAMPLES

    def tick() -> None:
        nonlocal state
        _, state = network.step(chunk, state, asked, TICK_FRAMES)

    figures = _percentiles(tick, ticks)
    return {
        "streams": streams,
        "state_mb": state.nbytes / 1e6,
        **figures,
        "in_real_time": int(streams * 1e3 * TICK_S / figures["p50_ms"]),
    }


def _sound(streams: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((streams, TICK_SAMPLES))).astype(np.float32)


def _percentiles(tick: Callable[[], None], ticks: int) -> dict[str, float]:
    for _ in range(3):
        tick()
    took = []
    for _ in range(ticks):
        started = time.perf_counter()
        tick()
        took.append(1e3 * (time.perf_counter() - started))
    return {f"p{part}_ms": float(np.percentile(took, part)) for part in (50, 99)}


def show(results: dict[str, Any]) -> None:
    """A few lines for people."""
    told = results["machine"]
    print(f"{told['device']}, {told['threads']} threads, torch {told['torch']}, {results['date']}")
    print(f"algorithmic delay {results['delay_ms']:.1f} ms; per 100 ms of audio:")
    many = results["many"]
    for name, figures in (("1 stream", results["one"]), (f"{TOGETHER} together", results["together"])):
        print(f"  {name:<16} p50 {figures['p50_ms']:7.1f} ms   p99 {figures['p99_ms']:7.1f} ms")
    print(f"  {many['streams']} in a batch  p50 {many['p50_ms']:7.1f} ms   p99 {many['p99_ms']:7.1f} ms")
    print(f"  {results['open']['streams']} open streams take {results['open']['memory_mb']:.0f} MB")
    print(f"  states of the batch take {many['state_mb']:.0f} MB; {many['in_real_time']} streams run in real time")


if __name__ == "__main__":
    main()
