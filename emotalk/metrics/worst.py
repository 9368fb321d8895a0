"""The clips that a method got most wrong, with what is needed to look at them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.metrics.predictions import Prediction

KEPT = 3
EXCERPT_FRAMES = 300  # 10 s around the worst frame: clips may last minutes


@dataclass(frozen=True, eq=False, kw_only=True)
class Worst:
    """lve_mm: the clip's lip vertex error. frame: where it is largest, in the excerpt that starts at frame `start`.

    predicted / real: (frames, 52) of the excerpt; the former is None where a method predicts vertices, whose (V, 3) mm
    of that one frame are `vertices`. samples: the excerpt's (n,) at 16 kHz.
    """

    clip_id: str
    lve_mm: float
    start: int
    frame: int
    predicted: np.ndarray | None
    vertices: np.ndarray | None
    real: np.ndarray
    samples: np.ndarray

    @property
    def second(self) -> float:
        """When it is worst, in seconds of the clip."""
        return (self.start + self.frame) / 30


def excerpt(clip_id: str, distances: np.ndarray, predicted: Prediction, real: np.ndarray, samples: np.ndarray) -> Worst:
    """A clip with its frames' largest lip distances in mm (frames,) -> what is kept of it."""
    frame = int(distances.argmax())
    start = max(0, min(frame - EXCERPT_FRAMES // 2, len(real) - EXCERPT_FRAMES))
    stop = start + EXCERPT_FRAMES
    return Worst(
        clip_id=clip_id,
        lve_mm=float(distances.mean(dtype=np.float64)),
        start=start,
        frame=frame - start,
        predicted=None if predicted.weights is None else predicted.weights[start:stop],
        vertices=None if predicted.vertices is None else predicted.vertices[frame].copy(),
        real=real[start:stop],
        samples=samples[start * SAMPLE_RATE // 30 : stop * SAMPLE_RATE // 30],
    )


def keep_worst(clips: Iterable[Worst]) -> tuple[Worst, ...]:
    """The worst few, worst first; equal ones by name."""
    return tuple(sorted(clips, key=lambda clip: (-clip.lve_mm, clip.clip_id))[:KEPT])
