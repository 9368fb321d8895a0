"""Samples and frames, and how people read lengths of time and counts."""

from typing import TYPE_CHECKING, TypeVar

from emotalk.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from torch import Tensor

Count = TypeVar("Count", int, "Tensor")


def frames_of(samples: Count) -> Count:
    """Frames of a recording of n samples at 16 kHz: ceil(30 n / 16000). Counts may be a tensor of integers."""
    return -(-samples * 30 // SAMPLE_RATE)


def length(hours: float) -> str:
    """4.386 -> `4.39 h`, 0.0353 -> `2.1 min`."""
    return f"{hours:.2f} h" if hours >= 0.1 else f"{60 * hours:.1f} min"


def counted(count: int, what: str) -> str:
    """1, speaker -> `1 speaker`; 3, speaker -> `3 speakers`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def clock(seconds: float) -> str:
    """83.4 -> `1:23`, 5000 -> `1:23:20`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
