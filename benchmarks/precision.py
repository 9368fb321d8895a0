"""What int8 and bfloat16 cost and gain on this machine: python -m benchmarks.precision

Coefficients of a large network with random weights against those in float32, and the processor time that each takes.
Passes alternate, so that what else the machine does burdens both alike.
"""

import argparse
import json
import statistics
import time
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.network import PRESETS, RESULTS, _config, machine
from benchmarks.sound import speech
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.model.config import Precision
from emotalk.model.network import EmoTalk


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", choices=PRESETS[1:], default=PRESETS[1:])
    parser.add_argument("--precision", choices=("int8", "bfloat16"), default="int8")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--output", type=Path, default=RESULTS / "precision-cpu.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "seconds": options.seconds}
    for preset in options.presets:
        results[preset] = figures = measure(preset, options.precision, options.seconds, options.runs)
        print(
            f"{preset} in {options.precision}: " + ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
        )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {options.output}")


def measure(preset: str, precision: Precision, seconds: int, runs: int) -> dict[str, float]:
    torch.manual_seed(0)
    model = EmoTalk(_config(preset))
    # As far from frame to frame as a trained face: coefficients of a standard deviation of about 0.15.
    torch.nn.init.normal_(model.decoder.output.weight, std=0.005)
    exact, other = (Animator(model, device="cpu", precision=kind) for kind in ("float32", precision))  # type: ignore[arg-type]
    windows = list(exact.plan([speech(seconds)]))
    truth, told = (animator.predict(windows, Controls())[0].weights for animator in (exact, other))
    took: dict[Animator, list[float]] = {exact: [], other: []}
    for _ in range(runs):
        for animator, times in took.items():
            started = time.process_time()
            animator.predict(windows, Controls())
            times.append(time.process_time() - started)
    ratios = [slow / fast for slow, fast in zip(took[exact], took[other], strict=True)]
    return {
        "faster by": statistics.median(ratios),
        "float32 cpu_s": statistics.median(took[exact]),
        "mean difference": float(np.abs(truth - told).mean()),
        "largest difference": float(np.abs(truth - told).max()),
        "standard deviation of coefficients": float(truth.std(0).mean()),
    }


if __name__ == "__main__":
    main()
