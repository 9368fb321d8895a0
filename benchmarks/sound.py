"""Sound for measurements of any length: like speech in loudness, pauses and spectrum, or made of real recordings."""

import wave
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import cycle
from pathlib import Path

import numpy as np
from scipy.signal import lfilter

from emotalk.audio import SAMPLE_RATE, stream_audio
from emotalk.errors import InputError

BLOCK_S = 10
FORMANTS = ((300, 2_300), (500, 1_700), (700, 1_200), (400, 900), (600, 1_000))
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus")


def speech(seconds: float, seed: int = 0) -> np.ndarray:
    """(n,) float32 at 16 kHz: a buzz of changing pitch through changing formants, syllables and pauses."""
    random = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    total, wanted = 0, round(seconds * SAMPLE_RATE)
    while total < wanted:
        count = int(random.uniform(0.12, 0.3) * SAMPLE_RATE)
        if random.random() < 0.12:
            part = 1e-3 * random.standard_normal(count)
        else:
            pitch = random.uniform(90, 220) * np.linspace(1, random.uniform(0.8, 1.2), count)
            source = np.diff(np.floor(np.cumsum(pitch) / SAMPLE_RATE), prepend=0) + 0.02 * random.standard_normal(count)
            for formant in FORMANTS[random.integers(len(FORMANTS))]:
                pole = np.exp(-np.pi * 100 / SAMPLE_RATE + 2j * np.pi * formant / SAMPLE_RATE)
                source = lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], source)
            part = random.uniform(0.05, 0.3) * source / np.abs(source).max() * np.hanning(count) ** 0.3
        parts.append(part)
        total += count
    return np.concatenate(parts)[:wanted].astype(np.float32)


def recordings(folder: str | None) -> list[Path]:
    """All recordings below a folder; none without one."""
    return [] if folder is None else sorted(path for path in Path(folder).rglob("*") if path.suffix in SUFFIXES)


def blocks(seconds: float, paths: Sequence[Path] = (), seed: int = 0) -> Iterator[np.ndarray]:
    """So many seconds in blocks: the recordings over and over, each time a little louder or softer, or `speech`."""
    random = np.random.default_rng(seed)
    left = round(seconds * SAMPLE_RATE)
    for path in cycle(paths or [None]):
        gain = random.uniform(0.5, 1)  # another one each time: a second round is not the first one again
        sounds = [_synthetic(int(random.integers(12)))] if path is None else _read(path)
        for sound in sounds:
            block = (gain * sound[:left]).astype(np.float32)
            yield block
            left -= len(block)
            if left <= 0:
                return


def write(path: Path, seconds: float, paths: Sequence[Path] = (), seed: int = 0) -> Path:
    """A WAV of 16 bits, written block by block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for block in blocks(seconds, paths, seed):
            file.writeframes((np.clip(block, -1, 1) * 32_767).astype("<i2").tobytes())
    return path


def _read(path: Path) -> Iterator[np.ndarray]:
    """What can be read: folders of test data have broken recordings, too."""
    with suppress(InputError):
        yield from stream_audio(path)


@lru_cache(maxsize=12)
def _synthetic(seed: int) -> np.ndarray:
    return speech(BLOCK_S, seed)
