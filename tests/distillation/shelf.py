"""A shelf of sounds that differ, and a small teacher of the transformer family that has learnt to hear how."""

from pathlib import Path

import numpy as np
import torch
from scipy import signal

from emotalk.audio import SAMPLE_RATE, encode_wav
from emotalk.timing import frames_of
from emotalk.training.batches import collate
from emotalk.training.learner import Learner, Place, Work
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.squares import Single
from emotalk.training.units import UNKNOWN, Example
from tests.model.small import small_transformer

COLOURS = (0.0, 0.6, 0.95)


def syllables(seconds: float, seed: int) -> np.ndarray:
    """(n,) float32: noise of one of three colours that swells and falls at its own pace."""
    rng = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    noise = signal.lfilter([1.0], [1.0, -COLOURS[seed % 3]], rng.standard_normal(count))
    swell = np.sin(np.arange(count) * (np.pi * rng.uniform(1, 3) / SAMPLE_RATE) + rng.uniform(0, 3)) ** 2
    return (0.3 * swell * noise / np.abs(noise).max()).astype(np.float32)


def write_sound(path: Path, *sounds: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_wav(np.concatenate(sounds)))
    return path


def write_teacher(folder: Path, seed: int = 0) -> str:
    """A random one: its faces are as good as any where nobody learns from them."""
    teacher = small_transformer("hubert", "group")
    torch.nn.init.normal_(teacher.decoder.output.weight, std=0.1, generator=torch.Generator().manual_seed(seed))
    teacher.save_pretrained(folder)
    return str(folder)


def write_taught_teacher(folder: Path, *, steps: int = 60) -> str:
    """One that moves every coefficient with the loudness, by a share of its own, and tells the colours as emotions."""
    shares = np.random.default_rng(0).uniform(-1, 1, 52)

    def example(seed: int) -> Example:
        samples = syllables(2, seed)
        power = np.add.reduceat(np.square(samples), np.arange(frames_of(len(samples))) * 1_600 // 3)
        loud = np.convolve(np.sqrt(power), np.ones(5) / 5, mode="same")
        weights = 0.5 + 0.5 * shares * (loud / loud.max())[:, None]
        return Example(str(seed), samples, weights.astype(np.float32), seed % 3, UNKNOWN, UNKNOWN)

    teacher = small_transformer("hubert", "group")
    teach(Learner(teacher, *LEARNING, device=torch.device("cpu"), seed=0), {s: example(s) for s in range(30)}, steps)
    teacher.save_pretrained(folder)
    return str(folder)


LEARNING = (OptimiserConfig(learning_rate=3e-3, warmup_steps=10), LossWeights(classification=0.5))


def teach(learner: Learner, examples: dict[int, Example], steps: int) -> None:
    rng = np.random.default_rng(0)
    for step in range(steps):
        units = [Single(int(clip)) for clip in rng.choice(list(examples), 6, replace=False)]
        batch = collate(units, examples, learner.model.config.styles)
        learner.learn(Work([batch], counted=True), Place(0, 1, step, steps))
