"""The emotion of a whole recording: one answer, however many windows it was cut into."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class HeardEmotion:
    """Adds up what a recording's windows heard, each by the frames it contributes.

    The mean is taken of the logits and made into probabilities at the end: a window that cannot tell moves the answer
    little, and a recording of one window is told as that window was.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._sum = np.zeros(len(self._labels))
        self.frames = 0

    def add(self, logits: np.ndarray, frames: int) -> None:
        """logits: (labels,) of one window. frames: those that no other window has counted."""
        self._sum += logits.astype(np.float64) * frames
        self.frames += frames

    def shares(self) -> dict[str, float]:
        """Probability by label, for an animation's `meta`; of one frame at least."""
        shares = softmax(self._sum / self.frames)
        return {label: round(float(share), 6) for label, share in zip(self._labels, shares, strict=True)}


def softmax(logits: np.ndarray) -> np.ndarray:
    """(…, labels) -> (…, labels) probabilities."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def emotion_of(meta: Mapping[str, Any]) -> tuple[str, float] | None:
    """What an animation shows by its `meta`: the chosen label with share 1, else the label heard most with its share.

    None where `meta` tells neither, as in files of other tools.
    """
    controls, heard = meta.get("controls"), meta.get("heard")
    chosen = controls.get("emotion") if isinstance(controls, Mapping) else None
    if isinstance(chosen, str):
        return chosen, 1.0
    if not isinstance(heard, Mapping) or not heard:
        return None
    label = max(heard, key=lambda name: float(heard[name]))
    return label, float(heard[label])
