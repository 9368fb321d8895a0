"""What the network says of windows, in their order, becomes pieces of an animation: blended, then post-processed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotalk.animation import HEAD_COLUMNS, Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.controls import Controls
from emotalk.inference.direction import Direction
from emotalk.inference.heard import HeardEmotion, ShownEmotion, softmax
from emotalk.inference.post import PostProcessor
from emotalk.inference.post.treatment import has_head
from emotalk.inference.windows import Window
from emotalk.labels import NEUTRAL
from emotalk.model.config import EmoTalkConfig


@dataclass(frozen=True)
class RawWindow:
    """What the network says of one window: raw coefficients (n, 52) of the frames it contributes, and what it heard.

    Where the network has a head pose, `weights` are (n, 58): the head's six columns behind the coefficients.
    loudness: (n,) dBFS per frame. logits: (labels,) of the emotion heard in the frames it contributes. kept: (n,) how
    much of what is heard is sure enough to be shown; None: all. noticed: (bytes,) uint8, what is remarkable about its
    sound, where somebody looked (`emotalk.dubbing.sound`).
    """

    window: Window
    weights: np.ndarray
    loudness: np.ndarray
    logits: np.ndarray
    kept: np.ndarray | None = None
    noticed: np.ndarray | None = None

    @property
    def own_frames(self) -> int:
        """Frames that no window before it has contributed to."""
        return len(self.weights) - self.window.fade


class Finisher:
    """Takes the raw windows of one recording in order, gives consecutive pieces of its animation.

    fade: frames at the end of a window that are held back, because the next one may be blended with them.
    """

    def __init__(self, config: EmoTalkConfig, wanted: Direction, fade: int) -> None:
        self._config, self._wanted, self._fade = config, wanted, fade
        self._post = PostProcessor(wanted.controls)
        self._heard = HeardEmotion(config.emotions)
        self._shown = ShownEmotion(config.emotions, wanted)
        self._logits = np.zeros(len(config.emotions), np.float32)  # of the window before
        self._last = self._logits[None]  # labels of the last frame
        self._tail = np.zeros((0, 0), np.float32)  # frames of the last window that the next one blends with
        self._waiting = self._logits[None][:0]  # labels of frames that post-processing still holds back

    @property
    def begun(self) -> bool:
        return self._heard.frames > 0

    def push(self, item: RawWindow) -> Animation:
        self._heard.add(item.logits, item.own_frames)
        weights = item.weights.copy()
        numbers = item.window.start + np.arange(len(weights))
        labels = shown_labels(self._config, self._wanted, item.logits, numbers, item.kept)
        fade = item.window.fade
        if fade:
            share = (np.arange(1, fade + 1, dtype=np.float32) / (fade + 1))[:, None]
            weights[:fade] = self._tail * (1 - share) + weights[:fade] * share
            before = shown_labels(self._config, self._wanted, self._logits, numbers[:fade], item.kept)
            labels[:fade] = before * (1 - share) + labels[:fade] * share
        self._shown.add(labels[fade:], None if item.kept is None else item.kept[fade:])
        ready = len(weights) - (0 if item.window.last else self._fade)
        self._tail = weights[ready:]
        done = self._post.push(weights[:ready], item.loudness[:ready])
        waiting = np.concatenate([self._waiting, labels[:ready]])
        self._logits, self._last, self._waiting = item.logits, labels[-1:], waiting[len(done) :]
        return piece_of(self._config, done, waiting[: len(done)])

    def flush(self) -> Animation:
        """The last piece; its `meta` tells what was heard in the whole recording: `heard`, a share by label.

        The tail has no part in it: nothing is heard there.
        """
        rest = self._post.flush()
        closing = np.repeat(self._last, len(rest) - len(self._waiting), 0)
        labels = np.concatenate([self._waiting, closing])
        return piece_of(self._config, rest, labels, {"heard": self._heard.shares(), **self._shown.told()})

    def change(self, wanted: Direction) -> None:
        """From the next frame on."""
        self._wanted = self._shown.wanted = wanted
        self._post.change(wanted.controls)


def shown_labels(
    config: EmoTalkConfig, wanted: Direction, logits: np.ndarray, numbers: np.ndarray, kept: np.ndarray | None
) -> np.ndarray:
    """(n, labels) float32 of frames `numbers` (n,): the emotion asked for, or what was heard, as far as it is kept.

    logits: (labels,), or (n, labels). kept: (m,) with m >= n, or None for all.
    """
    heard = np.broadcast_to(softmax(logits), (len(numbers), len(config.emotions))).astype(np.float32)
    if kept is not None and NEUTRAL in config.emotions:
        neutral = np.eye(len(config.emotions), dtype=np.float32)[config.emotions.index(NEUTRAL)]
        heard = neutral + kept[: len(numbers), None] * (heard - neutral)
    if wanted.follows:
        return heard.copy()
    shares = wanted.emotion(config.emotions, numbers)
    shown = shares.labels + shares.heard * heard
    return shown if wanted.take is None else shown + shares.taken * wanted.take.shares


def piece_of(
    config: EmoTalkConfig, frames: np.ndarray, labels: np.ndarray, meta: Mapping[str, Any] | None = None
) -> Animation:
    """Finished frames (n, 52), or (n, 58) with a head, and labels (n, labels) of the emotion -> an animation."""
    return Animation(
        weights=frames[:, : len(COEFFICIENTS)],
        head=frames[:, len(COEFFICIENTS) :] if frames.shape[1] > len(COEFFICIENTS) else None,
        emotion=labels,
        emotion_names=config.emotions,
        meta=meta or {},
    )


def columns_of(config: EmoTalkConfig, controls: Controls | None = None) -> int:
    """Of a model's raw frames, or with controls of finished ones: 52, or 58 with a head."""
    head = config.head_pose if controls is None else has_head(controls, config.head_pose)
    return len(COEFFICIENTS) + len(HEAD_COLUMNS) * head


def joined(config: EmoTalkConfig, pieces: Sequence[Animation], controls: Controls | None = None) -> Animation:
    """Consecutive pieces of one animation, with the last one's `meta`; of none an animation without frames."""
    if not pieces:
        nothing = np.zeros((0, columns_of(config, controls)), np.float32)
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
