"""A small random model in a directory, and sound to animate: enough for every test of the paths around the network."""

from pathlib import Path

import numpy as np
import torch

from emotalk.audio import SAMPLE_RATE, encode_wav
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config


def save_small_model(directory: Path, *, seed: int = 0) -> Path:
    """A random `lite` network of three styles, with prototypes, whose faces move."""
    torch.manual_seed(seed)
    model = EmoTalk(lite_config(styles=3))
    torch.nn.init.normal_(model.decoder.output.weight, std=0.1)
    torch.nn.init.normal_(model.prototypes)
    model.save_pretrained(directory)
    return directory


def murmur(seconds: float, seed: int = 0) -> np.ndarray:
    """(n,) float32 at 16 kHz: noise that swells and falls like syllables."""
    count = round(seconds * SAMPLE_RATE)
    swell = np.abs(np.sin(np.arange(count) * (2 * np.pi * 2 / SAMPLE_RATE)))
    return (0.2 * swell * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def write_murmur(path: Path, seconds: float, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_wav(murmur(seconds, seed)))
    return path
