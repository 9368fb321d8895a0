"""How much of a GPU the network uses, with random weights: python -m benchmarks.gpu

Windows of a minute in full batches through `Animator.predict`, as a dubbing worker runs them: in float32 and bfloat16,
as it is written and compiled. Prints × real time and the share of the chip's measured matrix rate, and writes JSON.
Operations are counted by `benchmarks.arithmetic`.
"""

import argparse
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

import torch

from benchmarks.arithmetic import gflop_per_second
from benchmarks.network import PRESETS, RESULTS, _config, machine, matrix_rates
from benchmarks.sound import speech
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.model.config import Precision
from emotalk.model.network import EmoTalk

ROWS = {"lite": 64, "base": 16, "official": 16}
RUNS = 5
PASSES: tuple[tuple[Precision, bool], ...] = (
    ("float32", False),
    ("bfloat16", False),
    ("bfloat16", True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--seconds", type=int, default=60, help="of each window")
    parser.add_argument("--rows", type=int, help="windows per batch; default: 64 of lite, 16 of others")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--output", type=Path, default=RESULTS / "gpu.json")
    options = parser.parse_args()
    results: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "matrix": matrix_rates()}
    for preset in options.presets:
        results[preset] = measure(preset, options.seconds, options.rows or ROWS[preset], options.device, results)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {options.output}")


def measure(preset: str, seconds: int, rows: int, device: str, results: dict[str, Any]) -> dict[str, Any]:
    torch.manual_seed(0)
    model = EmoTalk(_config(preset))
    torch.nn.init.normal_(model.decoder.output.weight, std=0.01)
    gflop = gflop_per_second(model.config, seconds)
    out: dict[str, Any] = {"gflop_per_audio_s": gflop, "rows": rows, "seconds": seconds}
    exact = None
    for precision, compiled in PASSES:
        animator = Animator(model, device=device, rows=rows, precision=precision, compiled=compiled)
        windows = [window for row in range(rows) for window in animator.plan([speech(seconds, row)])]
        raw = animator.predict(windows, Controls())[0].weights  # warm, and compiled
        exact = raw if exact is None else exact
        took = []
        for _ in range(RUNS):
            started = time.perf_counter()
            animator.predict(windows, Controls())  # its results are on the CPU: nothing is left to wait for
            took.append(time.perf_counter() - started)
        speed = rows * seconds / min(took)
        rate = results["matrix"]["bf16" if precision == "bfloat16" and "bf16" in results["matrix"] else "fp32"]
        name = precision + (", compiled" if compiled else "")
        difference = float(abs(raw - exact).max())
        out[name] = {"times_real_time": speed, "matrix_share": speed * gflop / rate, "largest_difference": difference}
        print(
            f"{preset:<9}{name:<20}{speed:10.1f} × real time {speed * gflop / rate:6.1%} of the matrix rate, "
            f"{gflop:.2f} GFLOP per second of audio, differs by {difference:.1e}"
        )
    return out


if __name__ == "__main__":
    main()
