"""Whether windows leave seams in a long recording: python -m benchmarks.seams

A jump is the largest change of a coefficient from one frame to the next. Jumps at the borders of windows, where windows
are blended all of them there, are compared with all others. Blinks are left out: they are no seams. Besides, a minute
in windows of 10 s is compared with the same minute in one window.
"""

import argparse
import json
import os
import resource
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.network import RESULTS, _config, machine
from benchmarks.sound import blocks, recordings
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.inference.windows import FRAMES_PER_STEP, Window
from emotalk.model.network import EmoTalk
from emotalk.model.store import default_model, load_model

CONTROLS = Controls(blinks_per_minute=0, tail_s=0)
CLIP_S, CLIP_WINDOW_S = 60, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--model", help="default: the one that comes with this package")
    parser.add_argument("--random", choices=("lite", "base"), help="a network of random weights instead")
    parser.add_argument("--data", default=os.environ.get("EMOTALK_TEST_DATA"), help="recordings; default: synthetic")
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/seams-PRESET.json")
    options = parser.parse_args()
    model = _random(options.random) if options.random else load_model(options.model or default_model())
    animator, paths = Animator(model), recordings(options.data)
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "weights": "random" if options.random else "trained",
        "sound": "recordings" if paths else "synthetic",
        "hours": options.hours,
        "windows": clip(animator, paths),
    }
    results["jumps"] = jumps(animator, blocks(options.hours * 3600, paths))
    results["most_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name, figures in results["jumps"].items():
        print(f"{name:<28}{figures:g}")
    print(f"a minute in windows of {CLIP_WINDOW_S} s and in one: {results['windows']}")
    print(f"at most {results['most_mib']:.0f} MiB")
    output = options.output or RESULTS / f"seams-{model.config.preset}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {output}")


def jumps(animator: Animator, sound: Iterable[np.ndarray]) -> dict[str, float]:
    """Statistics of jumps at borders and elsewhere, in memory for a number per frame."""
    borders: list[int] = []

    def planned() -> Iterable[Window]:
        for window in animator.plan(sound):
            if window.start:
                borders.extend(range(window.start, window.start + window.fade + 1))
            yield window

    raw = (item for window in planned() for item in animator.predict([window], CONTROLS))
    sizes, last = [np.zeros(1, np.float32)], None
    for piece in animator.finish(raw, CONTROLS):
        if piece.frames:
            joined = piece.weights if last is None else np.concatenate([last, piece.weights])
            sizes.append(np.abs(np.diff(joined, axis=0)).max(1))
            last = piece.weights[-1:]
    return statistics(np.concatenate(sizes), np.array(borders))


def statistics(sizes: np.ndarray, borders: np.ndarray) -> dict[str, float]:
    """sizes: (frames,) jump into each frame. borders: numbers of the frames at borders.

    Two frames after a border belong to it: smoothing spreads what happens there.
    """
    there = np.zeros(len(sizes), bool)
    there[borders] = True
    spread = there.copy()
    for shift in (1, 2):
        spread[:-shift] |= there[shift:]
        spread[shift:] |= there[:-shift]
    high = float(np.percentile(sizes, 99))
    return {
        "frames": len(sizes),
        "border frames": int(there.sum()),
        "99th percentile": high,
        "share of borders above it": float((sizes[there] > high).mean()) if there.any() else 0.0,
        "largest at borders": float(sizes[there].max()) if there.any() else 0.0,
        "largest elsewhere": float(sizes[~spread].max()),
    }


def clip(animator: Animator, paths: list[Path]) -> dict[str, float]:
    """A minute in windows of 10 s against the same in one window."""
    sound = np.concatenate(list(blocks(CLIP_S, paths)))
    shape = animator.shape
    assert len(sound) <= shape.longest * 1_600
    whole = animator.animate(sound, CONTROLS).weights
    try:
        animator.shape = replace(shape, core=CLIP_WINDOW_S * 30 // FRAMES_PER_STEP)
        cut = animator.animate(sound, CONTROLS).weights
    finally:
        animator.shape = shape
    difference = np.abs(whole - cut)
    return {"mean difference": float(difference.mean()), "largest difference": float(difference.max())}


def _random(preset: str) -> EmoTalk:
    torch.manual_seed(0)
    model = EmoTalk(_config(preset))
    # So that most faces lie in [0, 1]: a clamp would hide jumps.
    torch.nn.init.normal_(model.decoder.output.weight, std=0.005)
    torch.nn.init.constant_(model.decoder.output.bias, 0.5)
    return model


if __name__ == "__main__":
    main()
