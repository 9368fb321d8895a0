"""Speed, memory and arithmetic of the network with random weights: python -m benchmarks.network

Needs torch, transformers, numpy, scipy and safetensors only, so it runs as it is on a GPU machine. Each preset runs in
a process of its own, whose memory is therefore its own. Prints the figures and writes them as JSON, from which
`benchmarks.table` makes the README's table.
"""

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from emotalk.model.config import EmoTalkConfig, TransformerEncoderConfig
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config, official_config
from emotalk.training.batches import Batch, collate
from emotalk.training.losses import LossWeights, TrainingStep, loss_counts, loss_sums, weighted_total
from emotalk.training.squares import Single, Square
from emotalk.training.units import Example

PRESETS = ("lite", "base", "official")
SECONDS = (4, 20, 36)
BATCHES = (1, 8, 32)
BATCH_SECONDS = 10
TRAINING_SQUARES = 2
REPEAT_FOR_S = 4.0
RESULTS = Path(__file__).parent / "results"
MATRIX = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="default: benchmarks/results/network-cpu.json or -cuda.json")
    parser.add_argument("--presets", nargs="+", choices=PRESETS, default=PRESETS)
    parser.add_argument("--long", action="store_true", help="also 10 minutes of audio in one call")
    parser.add_argument("--preset", choices=PRESETS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.preset:
        print(json.dumps(measure(options.preset, options.long)))
        return
    results: dict[str, Any] = {"date": date.today().isoformat(), "machine": machine(), "matrix": matrix_rates()}
    for preset in options.presets:
        command = [sys.executable, "-m", "benchmarks.network", "--preset", preset, *(["--long"] * options.long)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        results[preset] = shares(json.loads(done.stdout.splitlines()[-1]), results["matrix"])
        show(preset, results[preset])
    output = options.output or RESULTS / f"network-{_device().type}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=1) + "\n")
    print(f"written: {output}")


def measure(preset: str, long: bool) -> dict[str, Any]:
    """All figures of one preset."""
    device = _device()
    torch.manual_seed(0)
    model = EmoTalk(_config(preset)).eval().to(device)
    torch.nn.init.normal_(model.decoder.output.weight, std=0.1)
    gpu = device.type == "cuda"
    loaded = _memory_mib()
    out: dict[str, Any] = {"parameters": sum(parameter.numel() for parameter in model.parameters())}
    out["gflop_per_audio_s"] = _gflop(model, 4) / 4
    out["predict"] = {str(s): _predict(model, s) for s in (*SECONDS, *([600] if long else []))}
    out["memory_mib"] = {"loaded": loaded, "alone": _memory_mib()}
    out["batches"] = {str(size): _batch(model, size) for size in (BATCHES if gpu or preset == "lite" else (1,))}
    if gpu:
        out["bf16"] = _bf16(model)
    out["memory_mib"]["batches"] = _memory_mib()
    out["training"] = _training(model)
    out["memory_mib"]["training"] = _memory_mib()
    return out


def _memory_mib() -> float:
    """The most that this process ever held: of the GPU's memory where there is one, else of the machine's."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def shares(result: dict[str, Any], rates: dict[str, float]) -> dict[str, Any]:
    """Each forward pass with the share of the machine's matrix rate that it reached."""
    passes = [(figures, "fp32") for kind in ("predict", "batches") for figures in result[kind].values()]
    passes += [(result["bf16"], "bf16")] if "bf16" in result else []
    for figures, kind in passes:
        figures["matrix_share"] = figures["times_real_time"] * result["gflop_per_audio_s"] / rates[kind]
    return result


def _config(preset: str) -> EmoTalkConfig:
    if preset == "lite":
        return lite_config()
    if preset == "official":
        return official_config()
    # The size of WavLM-base, HuBERT-base and wav2vec2-base; the family with the plain attention.
    encoder = {"model_type": "hubert", "feat_extract_norm": "group"}
    content, emotion = (TransformerEncoderConfig(architecture=encoder, at_target_rate=rate) for rate in (True, False))
    return EmoTalkConfig(preset="base", content=content, emotion=emotion)


def _sound(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16_000))).astype(np.float32)


def _predict(model: EmoTalk, seconds: int) -> dict[str, float]:
    sound = _sound(seconds)
    took = _median_s(lambda: model.predict(sound), once=seconds > 100)
    return {"seconds": took, "times_real_time": seconds / took}


def _batch(model: EmoTalk, size: int) -> dict[str, float]:
    """Content and emotion of a batch of 10 s recordings, decoded: what a dubbing worker does all day."""
    batch = collate_singles(size).to(model.device)
    step = TrainingStep(model)
    with torch.inference_mode():
        took = _median_s(lambda: step(batch))
    return {"seconds": took, "times_real_time": size * BATCH_SECONDS / took}


def _bf16(model: EmoTalk) -> dict[str, float]:
    """bf16 autocast against fp32: the largest difference of a coefficient, and the speed of a full batch."""
    batch = collate_singles(BATCHES[-1]).to(model.device)
    step = TrainingStep(model)

    def run() -> torch.Tensor:
        with torch.autocast("cuda", torch.bfloat16):
            out: torch.Tensor = step(batch).out
        return out

    with torch.inference_mode():
        exact, fast = step(batch).out, run().float()
        took = _median_s(run)
    return {
        "largest_difference": float((exact - fast).abs().max()),
        "mean_difference": float((exact - fast).abs().mean()),
        "times_real_time": BATCHES[-1] * BATCH_SECONDS / took,
    }


def _training(model: EmoTalk) -> dict[str, float]:
    """One optimiser step over a few squares of 4 s clips; bf16 autocast on a GPU."""
    examples = {
        i: Example(str(i), _sound(4), np.zeros((120, 52), np.float32), i % 7, i % 2, i % 24)
        for i in range(4 * TRAINING_SQUARES)
    }
    units = [Square(*range(4 * i, 4 * i + 4)) for i in range(TRAINING_SQUARES)]
    batch = collate(units, examples, model.config.styles).to(model.device)
    model.train()
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-4)
    step = TrainingStep(model)

    def run() -> None:
        with torch.autocast(model.device.type, torch.bfloat16, enabled=model.device.type == "cuda"):
            predicted = step(batch)
        sums, counts = loss_sums(predicted, batch), loss_counts(batch)
        optimiser.zero_grad(set_to_none=True)
        weighted_total(sums, counts, LossWeights()).backward()
        optimiser.step()

    took = _median_s(run)
    audio_s = float(batch.lengths.sum()) / 16_000
    return {"seconds": took, "audio_s": audio_s, "times_real_time": audio_s / took}


def collate_singles(size: int) -> Batch:
    """`size` recordings of 10 s, each decoded from itself."""
    frames = BATCH_SECONDS * 30
    examples = {
        i: Example(str(i), _sound(BATCH_SECONDS), np.zeros((frames, 52), np.float32), 0, 0, 0) for i in range(size)
    }
    return collate([Single(i) for i in range(size)], examples, 24)


def _gflop(model: EmoTalk, seconds: int) -> float:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    counter = FlopCounterMode(display=False)
    try:
        # The counter follows gradients, which prediction has none of.
        model.requires_grad_(False)
        # Of attention's kernels it knows some only: as plain products it is counted everywhere.
        with counter, sdpa_kernel(SDPBackend.MATH):
            model.predict(_sound(seconds))
    finally:
        for parameter in trained:
            parameter.requires_grad_(True)
    return float(counter.get_total_flops()) / 1e9


def matrix_rates() -> dict[str, float]:
    """Measured GFLOP/s of a large matrix product: what the machine could do at most."""
    device = _device()
    kinds = {"fp32": torch.float32} | ({"bf16": torch.bfloat16} if device.type == "cuda" else {})
    size = MATRIX * 2 if device.type == "cuda" else MATRIX // 2
    rates = {}
    for name, kind in kinds.items():
        a, b = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
        rates[name] = 2 * size**3 / _median_s(partial(torch.matmul, a, b)) / 1e9
    return rates


def machine() -> dict[str, Any]:
    device = _device()
    return {
        "device": torch.cuda.get_device_name() if device.type == "cuda" else _cpu(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _median_s(work: Callable[[], Any], once: bool = False) -> float:
    """Median duration, after a warm-up (none for what takes minutes), over a few seconds of runs."""
    if once:
        return next(_timed(work))
    work()
    timings = _timed(work)
    runs = [next(timings) for _ in range(3)]
    while sum(runs) < REPEAT_FOR_S:
        runs.append(next(timings))
    return statistics.median(runs)


def _timed(work: Callable[[], Any]) -> Iterator[float]:
    while True:
        _wait()
        started = time.perf_counter()
        work()
        _wait()
        yield time.perf_counter() - started


def _wait() -> None:
    # A GPU answers before it has worked.
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def show(preset: str, result: dict[str, Any]) -> None:
    """A few lines for people."""
    print(
        f"{preset}: {result['parameters'] / 1e6:.1f} M parameters, "
        f"{result['gflop_per_audio_s']:.2f} GFLOP per second of audio"
    )
    passes = {f"{seconds} s alone": figures for seconds, figures in result["predict"].items()}
    passes |= {f"{size} x {BATCH_SECONDS} s": figures for size, figures in result["batches"].items()}
    if "bf16" in result:
        passes[f"{BATCHES[-1]} x {BATCH_SECONDS} s bf16"] = result["bf16"]
    for name, figures in passes.items():
        speed, share = figures["times_real_time"], figures["matrix_share"]
        print(f"  {name:<16}{speed:9.1f} x real time   {share:5.0%} of the matrix rate")
    if "bf16" in result:
        print(f"  bf16 differs by at most {result['bf16']['largest_difference']:.1e}")
    print(f"  {'training step':<16}{result['training']['times_real_time']:9.1f} x real time")
    print("  memory, MiB     " + ", ".join(f"{name} {mib:.0f}" for name, mib in result["memory_mib"].items()))


if __name__ == "__main__":
    main()
