"""A Clip: one utterance with everything that is known of it. What sources produce and the corpus stores."""

from dataclasses import dataclass

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError


@dataclass(frozen=True)
class Phone:
    """One speech sound and when it is heard, in seconds from the clip's first sample."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One utterance.

    samples: (n,) float32, 16 kHz mono, in [-1, 1].
    weights: (frames, 52) float32 at 30 fps, `COEFFICIENTS` order, in [0, 1].
    emotion / level: index into `labels.EMOTIONS` / `labels.LEVELS` by name and number, None where unlabelled.
    head: (frames, 6) float32 or None: yaw, pitch, roll in radians, x, y, z in mm.
    phones: exact or aligned speech sounds, None where unknown.
    rejected: reason (`gates.Reason`) of a clip that a gate turned away and that was kept to be looked at; else None.
    """

    clip_id: str
    source: str
    speaker: str
    statement: str
    samples: np.ndarray
    weights: np.ndarray
    emotion: str | None = None
    level: int | None = None
    repetition: int = 1
    head: np.ndarray | None = None
    phones: tuple[Phone, ...] | None = None
    rejected: str | None = None

    def __post_init__(self) -> None:
        if self.samples.ndim != 1 or self.samples.dtype != np.float32 or not len(self.samples):
            raise InputError("samples must be a non-empty float32 vector", source=self.clip_id)
        if self.weights.ndim != 2 or self.weights.shape[1] != len(COEFFICIENTS) or self.weights.dtype != np.float32:
            raise InputError(f"weights must be (frames, 52) float32, not {self.weights.shape}", source=self.clip_id)

    @property
    def frames(self) -> int:
        return len(self.weights)

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE
