"""The emotion of a whole recording: one answer, however many windows it was cut into."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from emotalk.inference.direction import Direction


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


class ShownEmotion:
    """The emotion that a recording's face shows, where that is not simply the one that is heard."""

    def __init__(self, labels: Sequence[str], wanted: "Direction") -> None:
        self._labels, self.wanted = tuple(labels), wanted
        self._sum = np.zeros(len(self._labels))
        self._frames, self._faded = 0, 0
        self._doubted = False

    def add(self, labels: np.ndarray, kept: np.ndarray | None) -> None:
        """(n, labels) of the next frames, and (n,) how much was kept of what was heard in them."""
        self._sum += labels.sum(0, dtype=np.float64)
        self._frames += len(labels)
        if kept is not None:
            self._doubted = True
            self._faded += int((kept < 1).sum())

    def told(self) -> dict[str, Any]:
        """For an animation's `meta`. shown: the mean share of each label; faded: the share of frames in which the
        emotion was not heard surely enough. Each only where it has a meaning."""
        told: dict[str, Any] = {}
        if not self.wanted.follows or self._doubted:
            shares = self._sum / max(self._frames, 1)
            told["shown"] = {name: round(float(share), 6) for name, share in zip(self._labels, shares, strict=True)}
        if self._doubted:
            told["faded"] = round(self._faded / max(self._frames, 1), 6)
        return told


def softmax(logits: np.ndarray) -> np.ndarray:
    """(…, labels) -> (…, labels) probabilities."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def emotion_of(meta: Mapping[str, Any]) -> tuple[str, float] | None:
    """What an animation shows by its `meta`: the label that is shown most, with its share; of what was only heard, the
    label heard most.

    None where `meta` tells neither, as in files of other tools.
    """
    controls, shares = meta.get("controls"), meta.get("shown", meta.get("heard"))
    chosen = controls.get("emotion") if isinstance(controls, Mapping) else None
    if isinstance(chosen, str) and "shown" not in meta:  # as files of earlier versions tell it
        return chosen, 1.0
    if not isinstance(shares, Mapping) or not shares:
        return None
    label = max(shares, key=lambda name: float(shares[name]))
    return label, float(shares[label])
