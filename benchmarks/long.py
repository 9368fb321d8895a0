"""Whether cost grows with the length of a recording and nothing else does: python -m benchmarks.long

Writes recordings of 10 minutes, 1 hour and (with --hours 10) 10 hours, animates each with `emotalk animate` in a
process of its own, and prints seconds, × real time and memory. Writes the figures as JSON and memory over time as SVG.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.network import RESULTS, machine
from benchmarks.sound import recordings, write
from emotalk.metrics.plots import ticks
from emotalk.timing import clock

EVERY_S = 0.5
COLOURS = ("#2a6f97", "#c1666b", "#4f772d", "#7a5195")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", nargs="+", type=float, default=[1 / 6, 1.0])
    parser.add_argument("--model", help="default: the one that comes with this package")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data", default=os.environ.get("EMOTALK_TEST_DATA"), help="recordings; default: synthetic")
    parser.add_argument("--output", type=Path, default=RESULTS / "long-cpu.json")
    options = parser.parse_args()
    results: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "threads": options.threads}
    results["runs"] = runs = {}
    for hours in options.hours:
        with tempfile.TemporaryDirectory() as folder:
            source = write(Path(folder) / "speech.wav", hours * 3600, recordings(options.data))
            runs[clock(hours * 3600)] = run = animated(source, hours * 3600, options.model, options.threads)
        print(
            f"{clock(hours * 3600):>9} of speech: {run['seconds']:8.1f} s, {run['cpu_s']:8.1f} s of CPU, "
            f"{run['times_real_time']:6.1f} × real time, at most {run['most_mib']:.0f} MiB"
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    plot = options.output.with_suffix(".svg")
    plot.write_text(memory_plot({f"{name} of speech": run["memory_mib"] for name, run in runs.items()}))
    print(f"written: {options.output}, {plot}")


def animated(source: Path, seconds: float, model: str | None, threads: int) -> dict[str, Any]:
    """One run of the command line; `memory_mib`: resident memory, evenly over the run."""
    target = source.with_suffix(".npz")
    command = [sys.executable, "-m", "emotalk.cli", "animate", str(source), "-o", str(target)]
    command += ["--threads", str(threads)] + ([] if model is None else ["--model", model])
    started, before = time.perf_counter(), os.times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    memory = []
    while process.poll() is None:
        memory.append(_resident_mib(process.pid))
        time.sleep(EVERY_S)
    took, after = time.perf_counter() - started, os.times()
    if process.returncode:
        raise SystemExit(process.returncode)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    step = -(-len(memory) // 200)
    return {
        "seconds": took,
        "cpu_s": cpu,
        "times_real_time": seconds / took,
        "most_mib": max(memory),
        "memory_mib": [max(memory[i : i + step]) for i in range(0, len(memory), step)],
    }


def _resident_mib(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


def memory_plot(memory: Mapping[str, Sequence[float]]) -> str:
    """Resident memory over each run, as a picture by itself: every run is as wide as the picture."""
    width, height, left, bottom = 640, 300, 60, 40
    most = max(max(line) for line in memory.values())
    up = (height - bottom - 30) / most
    parts = [
        f'<text x="{left - 8}" y="{height - bottom - tick * up + 4:.1f}" text-anchor="end">{tick:g}</text>'
        f'<line x1="{left}" x2="{width - 20}" y1="{height - bottom - tick * up:.1f}" '
        f'y2="{height - bottom - tick * up:.1f}" stroke="#ddd"/>'
        for tick in ticks(most)
    ]
    for number, (name, line) in enumerate(memory.items()):
        colour, across = COLOURS[number % len(COLOURS)], (width - left - 20) / max(len(line) - 1, 1)
        points = " ".join(f"{left + i * across:.1f},{height - bottom - y * up:.1f}" for i, y in enumerate(line))
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>')
        parts.append(f'<text x="{left + 10 + 110 * number}" y="16" fill="{colour}">{name}</text>')
    parts.append(
        f'<text x="{width - 20}" y="{height - 12}" text-anchor="end">the run, start to end; MiB resident</text>'
    )
    style = 'font-family="sans-serif" font-size="12"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {style}>'
    return f"{head}{''.join(parts)}</svg>\n"


if __name__ == "__main__":
    main()
