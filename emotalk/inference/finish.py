"""What the network says of windows, in their order, becomes pieces of an animation: blended, then post-processed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotalk.animation import HEAD_COLUMNS, Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.controls import Controls
from emotalk.inference.heard import HeardEmotion, softmax
from emotalk.inference.post import PostProcessor
from emotalk.inference.windows import Window
from emotalk.model.config import EmoTalkConfig


@dataclass(frozen=True)
class RawWindow:
    """What the network says of one window: raw coefficients (n, 52) of the frames it contributes, and what it heard.

    Where the network has a head pose, `weights` are (n, 58): the head's six columns behind the coefficients.
    loudness: (n,) dBFS per frame. logits: (labels,) of the emotion heard in the frames it contributes.
    noticed: (bytes,) uint8, what is remarkable about its sound, where somebody looked (`emotalk.dubbing.sound`).
    """

    window: Window
    weights: np.ndarray
    loudness: np.ndarray
    logits: np.ndarray
    noticed: np.ndarray | None = None

    @property
    def own_frames(self) -> int:
        """Frames that no window before it has contributed to."""
        return len(self.weights) - self.window.fade


class Finisher:
    """Takes the raw windows of one recording in order, gives consecutive pieces of its animation.

    fade: frames at the end of a window that are held back, because the next one may be blended with them.
    """

    def __init__(self, config: EmoTalkConfig, controls: Controls, fade: int) -> None:
        self._config, self._controls, self._fade = config, controls, fade
        self._post = PostProcessor(controls)
        self._heard = HeardEmotion(config.emotions)
        self._tail = np.zeros((0, 0), np.float32)  # frames of the last window that the next one blends with
        self._label = np.zeros(len(config.emotions), np.float32)  # of the window before
        self._waiting = self._label[None][:0]  # labels of frames that post-processing still holds back

    @property
    def begun(self) -> bool:
        return self._heard.frames > 0

    def push(self, item: RawWindow) -> Animation:
        self._heard.add(item.logits, item.own_frames)
        weights = item.weights.copy()
        emotion = shown_labels(self._config, self._controls, item.logits)
        labels = np.tile(emotion, (len(weights), 1))
        fade = item.window.fade
        if fade:
            share = (np.arange(1, fade + 1, dtype=np.float32) / (fade + 1))[:, None]
            weights[:fade] = self._tail * (1 - share) + weights[:fade] * share
            labels[:fade] = self._label * (1 - share) + emotion * share
        ready = len(weights) - (0 if item.window.last else self._fade)
        self._tail = weights[ready:]
        done = self._post.push(weights[:ready], item.loudness[:ready])
        waiting = np.concatenate([self._waiting, labels[:ready]])
        self._label, self._waiting = emotion, waiting[len(done) :]
        return piece_of(self._config, done, waiting[: len(done)])

    def flush(self) -> Animation:
        """The last piece; its `meta` tells what was heard in the whole recording: `heard`, a share by label.

        The tail has no part in it: nothing is heard there.
        """
        rest = self._post.flush()
        closing = np.tile(self._label, (len(rest) - len(self._waiting), 1))
        labels = np.concatenate([self._waiting, closing])
        return piece_of(self._config, rest, labels, {"heard": self._heard.shares()})


def shown_labels(config: EmoTalkConfig, controls: Controls, logits: np.ndarray) -> np.ndarray:
    """(…, labels) float32: the chosen emotion, or what was heard."""
    if controls.emotion is None:
        return softmax(logits)
    chosen = np.zeros_like(logits, np.float32)
    chosen[..., config.emotions.index(controls.emotion)] = 1
    return chosen


def piece_of(
    config: EmoTalkConfig, frames: np.ndarray, labels: np.ndarray, meta: Mapping[str, Any] | None = None
) -> Animation:
    """Finished frames (n, 52), or (n, 58) with a head, and labels (n, labels) of the emotion -> an animation."""
    return Animation(
        weights=frames[:, : len(COEFFICIENTS)],
        head=frames[:, len(COEFFICIENTS) :] if config.head_pose else None,
        emotion=labels,
        emotion_names=config.emotions,
        meta=meta or {},
    )


def columns_of(config: EmoTalkConfig) -> int:
    """Of a model's raw frames: 52, or 58 with a head."""
    return len(COEFFICIENTS) + len(HEAD_COLUMNS) * config.head_pose


def joined(config: EmoTalkConfig, pieces: Sequence[Animation]) -> Animation:
    """Consecutive pieces of one animation, with the last one's `meta`; of none an animation without frames."""
    if not pieces:
        nothing = np.zeros((0, columns_of(config)), np.float32)
        return piece_of(config, nothing, np.zeros((0, len(config.emotions)), np.float32))
    if len(pieces) == 1:
        return pieces[0]
    heads = [piece.head for piece in pieces if piece.head is not None]
    return Animation(
        weights=np.concatenate([piece.weights for piece in pieces]),
        head=np.concatenate(heads) if heads else None,
        emotion=np.concatenate([piece.emotion for piece in pieces if piece.emotion is not None]),
        emotion_names=config.emotions,
        meta=pieces[-1].meta,
    )
