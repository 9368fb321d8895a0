"""Frames per second of drawing faces: python -m benchmarks.render

Drawing alone, with an MP4 encoded in the same loop, and two faces with a heat map. Prints the figures and writes them
as JSON with the machine and the date. The best of several runs, and the processor time that a frame takes of all cores
together: what else a shared machine does slows the first down and leaves the second nearly as it is.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.animation import Animation
from emotalk.audio import encode_wav
from emotalk.render.film import Film, make_film
from emotalk.render.video import write_mp4
from emotalk.rigs import procedural_head

RESULTS = Path(__file__).parent / "results" / "render-cpu.json"
RUNS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--size", type=int, default=512)
    options = parser.parse_args()
    rig = procedural_head()
    one, two = (talking(options.frames, seed) for seed in (1, 2))
    single = make_film([one], rig, size=options.size)
    pair = make_film([one, two], rig, size=options.size, titles=["truth", "model"], heat_map=True)
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": {"cores": os.cpu_count(), "processor": platform.machine(), "vtk": version("vtk")},
        "frames": options.frames,
        "size": options.size,
        "figures": {
            "drawn": measure(single, encode=False),
            "drawn and encoded with sound": measure(single, encode=True),
            "two faces and a heat map, encoded with sound": measure(pair, encode=True),
        },
    }
    for what, figures in results["figures"].items():
        print(
            f"{what}: {figures['frames_per_second']} frames per second, {figures['core_ms']} ms of one core per frame"
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {options.output}")


def talking(frames: int, seed: int) -> Animation:
    """A face of which everything moves, slowly."""
    rng = np.random.default_rng(seed)
    rate, phase = rng.uniform(0.5, 4, 52), rng.uniform(0, 2 * np.pi, 52)
    swing = np.sin(2 * np.pi * rate * np.arange(frames)[:, None] / 30 + phase)
    return Animation(weights=(0.15 + 0.15 * swing).astype(np.float32))


def measure(film: Film, *, encode: bool) -> dict[str, float]:
    """The best of `RUNS` after one that warms up, the making of the stage included."""
    sound = encode_wav(np.random.default_rng(0).normal(0, 0.1, film.frames * 16000 // 30).astype(np.float32))
    walls, cores = [], []
    for _ in range(1 + RUNS):
        wall, core = time.perf_counter(), time.process_time()
        if encode:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "film.mp4"
                write_mp4(path, film.pictures(), shape=film.shape, fps=film.fps, frames=film.frames, sound=sound)
        else:
            for _picture in film.pictures():
                pass
        walls.append(time.perf_counter() - wall)
        cores.append(time.process_time() - core)
    return {
        "frames_per_second": round(film.frames / min(walls[1:]), 1),
        "core_ms": round(1000 * min(cores[1:]) / film.frames, 1),
    }


if __name__ == "__main__":
    main()
