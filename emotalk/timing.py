"""Samples and frames, and how people read a length of time."""

from typing import TYPE_CHECKING, TypeVar

from emotalk.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor

Count = TypeVar("Count", int, "Tensor")


def frames_of(samples: Count) -> Count:
    """Frames of a recording of n samples at 16 kHz: ceil(30 n / 16000). Counts may be a tensor of integers."""
    return -(-samples * 30 // SAMPLE_RATE)


def clock(seconds: float) -> str:
    """83.4 -> `1:23`, 5000 -> `1:23:20`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
