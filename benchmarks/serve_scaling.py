"""Replicas that come and go with live streams, as a trace: python -m benchmarks.serve_scaling DATA

One replica, then more streams than one should have, then none: when there are two, and when one again. Writes the trace
as a picture, docs/images/serve-scaling.svg.
"""

import argparse
import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ray import serve
from ray.serve.config import ProxyLocation

from benchmarks.live_load import speeches, together
from emotalk.audio import load_audio
from jobs.cluster import start_ray
from serve_app.app import MODEL_PREFIX, NAME, build
from serve_app.config import DEFAULT, ServeConfig

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "serve-scaling.svg"
STREAMS, EACH = 12, 8  # streams, and how many one replica should have
SPEAK_S, DOWN_S = 25, 10.0
EVERY_S = 0.5
PATIENCE_S = 60.0  # for one replica again
BEFORE_S, AFTER_S = 3.0, 4.0  # of the trace, without load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of audio files")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    sounds = [load_audio(path) for path in sorted(options.data.glob("*.wav"))]
    with start_ray():
        measured(sounds, options.port)
        serve.shutdown()


def measured(sounds: Sequence[np.ndarray], port: int) -> dict[str, Any]:
    """Runs the service on a Ray that runs, tells and draws what happens."""
    config = ServeConfig(
        min_replicas=1,
        max_replicas=2,
        scale_streams=EACH,
        downscale_delay_s=DOWN_S,
        listen=f"127.0.0.1:{port}",
    )
    logging.getLogger("ray.serve").setLevel(logging.WARNING)
    serve.start(ProxyLocation.Disabled)
    serve.run(build(config), name=NAME, route_prefix="/")
    trace = asyncio.run(_traced(f"ws://127.0.0.1:{port}/v1/live", sounds))
    serve.delete(NAME)
    up, down = changes(trace)
    print(
        f"autoscaling: {STREAMS} streams where a replica should have {EACH}: two replicas after "
        f"{'-' if up is None else f'{up:.0f}'} s; one again {'-' if down is None else f'{down:.0f}'} s after the last "
        f"stream (it waits {DOWN_S:g} s)",
        flush=True,
    )
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    PICTURE.write_text(picture(trace))
    return {"up_s": up, "down_s": down, "trace": trace}


async def _traced(url: str, sounds: Sequence[np.ndarray]) -> list[tuple[float, int, int]]:
    """(seconds since the streams began, streams, replicas that run), every half second."""
    trace: list[tuple[float, int, int]] = []
    talking = False
    began = time.monotonic() + BEFORE_S

    async def watch() -> None:
        while True:
            replicas = await asyncio.to_thread(_replicas)
            trace.append((time.monotonic() - began, STREAMS * talking, replicas))
            await asyncio.sleep(EVERY_S)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(BEFORE_S)
    talking = True
    await together(url, speeches(sounds, STREAMS, 0.1, [SPEAK_S]))
    talking, ended = False, time.monotonic()
    while trace[-1][2] != 1 and time.monotonic() < ended + PATIENCE_S:
        await asyncio.sleep(EVERY_S)
    await asyncio.sleep(AFTER_S)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    return trace


def _replicas() -> int:
    """Of the model, those that run."""
    deployment = serve.status().applications[NAME].deployments[f"{MODEL_PREFIX}{DEFAULT}"]
    return int(deployment.replica_states.get("RUNNING", 0))


def changes(trace: Sequence[tuple[float, int, int]]) -> tuple[float | None, float | None]:
    """Seconds from the streams' beginning to two replicas, and from their end to one; None for what did not happen."""
    up = next((at for at, _, replicas in trace if at > 0 and replicas > 1), None)
    ended = max((at for at, streams, _ in trace if streams), default=0.0)
    down = next((at - ended for at, _, replicas in trace if at > ended and replicas == 1), None)
    return up, down if up is not None else None


def picture(trace: Sequence[tuple[float, int, int]]) -> str:
    """Streams and replicas over time, one above the other."""
    width, left, right = 640, 60, 20
    start, stop = trace[0][0], trace[-1][0]
    across = (width - left - right) / (stop - start)

    def steps(values: Sequence[float], bottom: float, up: float, colour: str) -> str:
        points, before = [], values[0]
        for (at, _, _), value in zip(trace, values, strict=True):
            x = left + (at - start) * across
            points += [f"{x:.1f},{bottom - before * up:.1f}", f"{x:.1f},{bottom - value * up:.1f}"]
            before = value
        return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{" ".join(points)}"/>'

    def row(name: str, bottom: float, up: float, marks: Sequence[int], colour: str) -> str:
        lines = "".join(
            f'<line x1="{left}" x2="{width - right}" y1="{bottom - mark * up:.1f}" y2="{bottom - mark * up:.1f}" '
            f'stroke="#ddd"/><text x="{left - 8}" y="{bottom - mark * up + 4:.1f}" text-anchor="end">{mark}</text>'
            for mark in marks
        )
        return f'{lines}<text x="{left + 6}" y="{bottom - marks[-1] * up - 6:.1f}" fill="{colour}">{name}</text>'

    parts = [
        row("live streams", 110, 70 / STREAMS, (0, STREAMS), "#2a6f97"),
        steps([streams for _, streams, _ in trace], 110, 70 / STREAMS, "#2a6f97"),
        row("model replicas that run", 220, 35, (0, 1, 2), "#c1666b"),
        steps([replicas for _, _, replicas in trace], 220, 35, "#c1666b"),
    ]
    for second in range(0, int(stop) + 1, 10):
        x = left + (second - start) * across
        parts.append(f'<text x="{x:.1f}" y="242" text-anchor="middle">{second}</text>')
    parts.append(f'<text x="{width - right}" y="262" text-anchor="end">seconds since the streams began</text>')
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 270" {style}>'
    return f'{head}<rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n'


if __name__ == "__main__":
    main()
