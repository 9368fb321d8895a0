"""What runs in a process that decodes. Imports little: such a process may be started for one recording."""

import hashlib
import os
import resource
from pathlib import Path

import numpy as np

from emotalk.audio import load_audio

MAX_MEMORY = 6 * 2**30  # addresses, not bytes in use: libraries alone take more than one


def limit() -> None:
    """At its start: memory that cannot grow without end, and no place before the model's threads."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    highest = MAX_MEMORY if hard == resource.RLIM_INFINITY else min(MAX_MEMORY, hard)
    resource.setrlimit(resource.RLIMIT_AS, (highest, hard))
    os.nice(2)


def decode(source: bytes | Path, max_audio_s: float) -> tuple[np.ndarray, str]:
    """-> (n,) float32 16 kHz mono, and the SHA-256 of the bytes."""
    samples = load_audio(source, max_duration_s=max_audio_s)
    if isinstance(source, bytes):
        return samples, hashlib.sha256(source).hexdigest()
    with source.open("rb") as file:
        return samples, hashlib.file_digest(file, "sha256").hexdigest()
