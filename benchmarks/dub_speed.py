"""The dubbing job beside a bare loop: python -m benchmarks.dub_speed

A shelf of short and long recordings is dubbed by `python -m jobs.dub` and by processes that do nothing but decode,
animate and write, with as many processes and threads. Both are timed as wholes, less their start-up: for the job a run
over a recording of a second for each worker, for the loop the time until its models are loaded. Runs alternate, the
best of each counts.
"""

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.network import RESULTS, machine
from benchmarks.sound import recordings, write
from emotalk.model.store import default_model

FORMATS = ("npz", "csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", type=int, default=80, help="recordings of 5 to 60 seconds")
    parser.add_argument("--long", type=int, default=12, help="recordings of --long-minutes")
    parser.add_argument("--long-minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="as many processes, one after the other")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--data", default=os.environ.get("EMOTALK_TEST_DATA"), help="recordings; default: synthetic")
    parser.add_argument("--output", type=Path, default=RESULTS / "dub-cpu.json")
    options = parser.parse_args()
    lengths = [60.0 * options.long_minutes] * options.long + [5 + 55 * i / options.short for i in range(options.short)]
    results: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "audio_s": sum(lengths)}
    results["recordings"] = len(lengths)
    print(f"{len(lengths)} recordings, {sum(lengths) / 60:.0f} minutes")
    with tempfile.TemporaryDirectory() as name:
        folder, paths = Path(name), recordings(options.data)
        shelf = [write(folder / "shelf" / f"{i:03}.wav", s, paths, i) for i, s in enumerate(lengths)]
        results["workers"] = {str(n): beside(shelf, n, options.runs, folder / str(n)) for n in options.workers}
    for workers, figures in results["workers"].items():
        print(
            f"{workers} processes of one thread: start-up of the job {figures['start_up_s']:.1f} s; then job "
            f"{sum(lengths) / figures['job_s']:.0f} × real time, bare loop {sum(lengths) / figures['loop_s']:.0f} ×: "
            f"the job reaches {figures['loop_s'] / figures['job_s']:.0%} of it"
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {options.output}")


def beside(shelf: Sequence[Path], workers: int, runs: int, folder: Path) -> dict[str, float]:
    """Seconds of the job, without its start-up, and of the loop."""
    for i in range(workers):
        write(folder / "seconds" / f"{i}.wav", 1)
    starts, jobs, loops = [], [], []
    for run in range(runs):
        starts.append(_job(folder / "seconds", folder / f"start{run}", workers))
        jobs.append(_job(shelf[0].parent, folder / f"job{run}", workers))
        loops.append(loop(shelf, folder / f"loop{run}", workers))
    return {"start_up_s": min(starts), "job_s": min(jobs) - min(starts), "loop_s": min(loops)}


def _job(shelf: Path, output: Path, workers: int) -> float:
    command = [sys.executable, "-m", "jobs.dub", str(shelf), "--output", str(output), "--workers", str(workers)]
    started = time.perf_counter()
    subprocess.run([*command, "--formats", *FORMATS], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def loop(shelf: Sequence[Path], output: Path, workers: int) -> float:
    """Seconds from when all processes have their model until all recordings are written."""
    context = multiprocessing.get_context("spawn")
    output.mkdir()
    waiting: Any = context.Queue()
    for path in [*sorted(shelf, key=lambda path: -path.stat().st_size), *[None] * workers]:
        waiting.put(path)
    ready = context.Barrier(workers + 1)
    processes = [context.Process(target=_work, args=(waiting, ready, output)) for _ in range(workers)]
    for process in processes:
        process.start()
    ready.wait()
    started = time.perf_counter()
    for process in processes:
        process.join()
        if process.exitcode:
            raise SystemExit(process.exitcode)
    return time.perf_counter() - started


def _work(waiting: Any, ready: Any, output: Path) -> None:
    import torch

    from emotalk.animation import Animation
    from emotalk.audio import stream_audio
    from emotalk.formats import write_animation
    from emotalk.inference.animator import Animator
    from emotalk.model.store import load_model

    torch.set_num_threads(1)
    animator = Animator(load_model(default_model()), device="cpu")
    ready.wait()
    while (path := waiting.get()) is not None:
        pieces: list[Animation] = [piece for piece in animator.animate_blocks(stream_audio(path)) if piece.frames]
        for name in FORMATS:
            write_animation(output / f"{path.stem}.{name}", iter(pieces))


if __name__ == "__main__":
    main()
