"""A shelf of sounds that differ, and a small random teacher of the transformer family that hears how."""

from pathlib import Path

import numpy as np
import torch

from emotalk.audio import SAMPLE_RATE, encode_wav
from tests.model.small import small_transformer


def voices(seconds: float, seed: int) -> np.ndarray:
    """(n,) float32: a buzz that goes to and fro between two timbres, at a pitch and a pace of its own.

    Pitches are multiples of 50 Hz, the rate at which such encoders listen: a random one hears nothing but noise in
    sounds whose phase differs from frame to frame.
    """
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = 50 * (2 + seed % 4)
    harmonics = np.arange(1, 3_500 // pitch)
    dark, bright = (
        (np.sin(2 * np.pi * pitch * harmonics[:, None] * time + harmonics[:, None] ** 2) * weight[:, None]).sum(0)
        for weight in (1 / harmonics, np.exp(-(((pitch * harmonics - 1_800) / 700) ** 2)))
    )
    share = np.sin(np.pi * rng.uniform(0.4, 1.2) * time + rng.uniform(0, 3)) ** 2
    mixed = share * dark / dark.std() + (1 - share) * bright / bright.std()
    return (0.08 * mixed).astype(np.float32)


def write_sound(path: Path, *sounds: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_wav(np.concatenate(sounds)))
    return path


def write_teacher(folder: Path, seed: int = 0) -> str:
    """Sure of the emotions that it hears."""
    teacher = small_transformer("hubert", "group")
    torch.nn.init.normal_(teacher.decoder.output.weight, std=0.1, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        teacher.emotion_head.output.weight *= 20
    teacher.save_pretrained(folder)
    return str(folder)
