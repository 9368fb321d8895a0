"""The clips that a method got most wrong, with what is needed to look at them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

KEPT = 3


@dataclass(frozen=True, eq=False, kw_only=True)
class Worst:
    """lve_mm: the clip's lip vertex error. frame: where it is largest.

    predicted / real: (frames, 52), the former None for predicted vertices. samples: (n,) at 16 kHz.
    """

    clip_id: str
    lve_mm: float
    frame: int
    predicted: np.ndarray | None
    real: np.ndarray
    samples: np.ndarray


def keep_worst(clips: Iterable[Worst]) -> tuple[Worst, ...]:
    """The worst few, worst first; equal ones by name."""
    return tuple(sorted(clips, key=lambda clip: (-clip.lve_mm, clip.clip_id))[:KEPT])
