"""The Animator: model + controls → animation. The only inference path of command line, jobs and service.

Three steps: `plan` cuts samples into windows, `predict` runs the network on a batch of them (pure, thread-safe),
`finish` turns raw windows in their order into an Animation. `animate` composes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

import emotalk
from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.post import PostProcessor, loudness_dbfs
from emotalk.inference.windows import PLAN_VERSION, Window, WindowShape, plan_windows
from emotalk.model.network import EmoTalk


@dataclass(frozen=True)
class RawWindow:
    """What the network says of one window: raw coefficients (n, 52) of the frames it contributes, and what it heard.

    loudness: (n,) dBFS per frame. emotion: (labels,) probabilities.
    """

    window: Window
    weights: np.ndarray
    loudness: np.ndarray
    emotion: np.ndarray


class Animator:
    """A model on a device, ready to animate.

    rows: windows per call of the network, filled up with silence, and frame_multiple: their lengths are rounded up to a
    multiple of it. Fixed shapes make a result independent of its batch mates. On a CPU one row at its own length is
    both exact and fastest; a GPU wants more of both.
    """

    def __init__(
        self,
        model: EmoTalk,
        *,
        device: str | None = None,
        rows: int | None = None,
        frame_multiple: int | None = None,
    ) -> None:
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(device).eval()
        self.rows = rows or (1 if device == "cpu" else 8)
        self.frame_multiple = frame_multiple or (1 if device == "cpu" else 150)
        self.shape = WindowShape.of(model)

    def check(self, controls: Controls) -> None:
        """InputError where this model cannot do what is asked: an unknown emotion or style, no emotion prototypes."""
        self.model.style_mix([controls.style], 1)
        if controls.emotion is not None:
            self._prototype(controls.emotion)
        if controls.intensity != 1:
            self._prototype("neutral")

    def animate(self, samples: np.ndarray, controls: Controls | None = None) -> Animation:
        """(n,) float32 16 kHz mono -> the whole animation."""
        if np.ndim(samples) != 1 or not len(samples):
            raise InputError(
                f"samples must be a non-empty vector of 16 kHz mono sound, not of shape {np.shape(samples)}"
            )
        if not np.isfinite(samples).all():
            raise InputError("samples must be finite numbers")
        return self.join(self.animate_blocks([samples], controls), controls)

    def animate_blocks(self, blocks: Iterable[np.ndarray], controls: Controls | None = None) -> Iterator[Animation]:
        """Samples in blocks of any size -> consecutive pieces of the animation, in memory that does not grow."""
        controls = controls or Controls()
        self.check(controls)
        return self.finish(self._predict_in_batches(self.plan(blocks), controls), controls)

    def plan(self, blocks: Iterable[np.ndarray]) -> Iterator[Window]:
        """Samples -> windows; see `emotalk.inference.windows`."""
        return plan_windows(blocks, self.shape)

    def predict(self, windows: Sequence[Window], controls: Controls | Sequence[Controls]) -> list[RawWindow]:
        """Run the network on any number of windows, each with its own controls (or all with the same)."""
        asked = [controls] * len(windows) if isinstance(controls, Controls) else list(controls)
        by_shape: dict[int, list[int]] = {}
        for i, window in enumerate(windows):
            by_shape.setdefault(-(-window.frames // self.frame_multiple) * self.frame_multiple, []).append(i)
        results: dict[int, RawWindow] = {}
        for frames, members in by_shape.items():
            for start in range(0, len(members), self.rows):
                batch = members[start : start + self.rows]
                raw = self._run([windows[i] for i in batch], [asked[i] for i in batch], frames)
                results.update(zip(batch, raw, strict=True))
        return [results[i] for i in range(len(windows))]

    def finish(self, raw: Iterable[RawWindow], controls: Controls) -> Iterator[Animation]:
        """Raw windows in order -> consecutive pieces of the finished animation: blend, then post-process."""
        post = PostProcessor(controls)
        tail = np.zeros((0, len(COEFFICIENTS)), np.float32)  # frames of the last window that the next one blends with
        heard = np.zeros(len(self.model.config.emotions), np.float32)
        pending = 0  # frames whose label is known, but which post-processing still holds back
        for item in raw:
            weights = item.weights.copy()
            fade = item.window.fade
            if fade:
                share = (np.arange(1, fade + 1, dtype=np.float32) / (fade + 1))[:, None]
                weights[:fade] = tail * (1 - share) + weights[:fade] * share
            hold = 0 if item.window.last else self.shape.fade * 3
            ready = len(weights) - hold
            tail = weights[ready:]
            done = post.push(weights[:ready], item.loudness[:ready])
            labels = np.concatenate([np.tile(heard, (pending, 1)), np.tile(item.emotion, (ready, 1))])
            heard, pending = item.emotion, len(labels) - len(done)
            yield self._piece(done, labels[: len(done)])
        rest = post.flush()
        if len(rest):
            yield self._piece(rest, np.tile(heard, (len(rest), 1)))

    def join(self, pieces: Iterable[Animation], controls: Controls | None = None) -> Animation:
        """Consecutive pieces as `finish` gives them -> the whole animation, with its `meta`."""
        held = list(pieces)
        return Animation(
            weights=np.concatenate([piece.weights for piece in held]),
            emotion=np.concatenate([piece.emotion for piece in held if piece.emotion is not None]),
            emotion_names=self.model.config.emotions,
            meta=self.meta(controls),
        )

    def meta(self, controls: Controls | None = None) -> dict[str, Any]:
        """What made an animation, for its `meta`: version, plan, controls, and the style that was used."""
        controls = controls or Controls()
        style = controls.style if controls.style is not None else self.model.config.default_style
        return {
            "emotalk": emotalk.__version__,
            "preset": self.model.config.preset,
            "window_plan": PLAN_VERSION,
            "controls": controls.to_dict(),
            "style_used": "mean of the trained styles" if style is None else style,
        }

    def _piece(self, weights: np.ndarray, labels: np.ndarray) -> Animation:
        return Animation(weights=weights, emotion=labels, emotion_names=self.model.config.emotions)

    def _predict_in_batches(self, windows: Iterable[Window], controls: Controls) -> Iterator[RawWindow]:
        batch: list[Window] = []
        for window in windows:
            batch.append(window)
            if len(batch) == self.rows:
                yield from self.predict(batch, controls)
                batch = []
        if batch:
            yield from self.predict(batch, controls)

    @torch.inference_mode()
    def _run(self, windows: list[Window], controls: list[Controls], frames: int) -> list[RawWindow]:
        device = self.model.device
        samples = np.zeros((self.rows, frames * 1_600 // 3), np.float32)
        lengths = np.full(self.rows, samples.shape[1])
        pool = np.zeros((self.rows, frames), bool)
        for row, window in enumerate(windows):
            samples[row, : len(window.samples)] = window.samples
            lengths[row] = len(window.samples)
            pool[row, window.start - window.first : window.stop - window.first] = True
        rows = controls + [Controls()] * (self.rows - len(controls))
        weights, logits = self._face(
            torch.from_numpy(samples).to(device),
            torch.from_numpy(lengths).to(device),
            torch.from_numpy(pool).to(device),
            rows,
        )
        heard = torch.softmax(logits.float(), -1).cpu().numpy()
        raw = weights.float().cpu().numpy()
        out = []
        for row, (window, asked) in enumerate(zip(windows, controls, strict=True)):
            own = slice(window.start - window.first, window.stop - window.first)
            emotion = heard[row] if asked.emotion is None else self._one_hot(asked.emotion)
            loudness = loudness_dbfs(window.samples, own.start, own.stop - own.start)
            out.append(RawWindow(window, raw[row, own], loudness, emotion))
        return out

    def _face(self, samples: Tensor, lengths: Tensor, pool: Tensor, rows: list[Controls]) -> tuple[Tensor, Tensor]:
        """-> raw coefficients (B, T, 52) and logits (B, labels) with each row's emotion and intensity applied."""
        model = self.model
        frames = -(-lengths * 30 // 16_000)
        content = model.encode_content(model.content_encoder.listen(samples, lengths), frames)
        heard = model.emotion_encoder.listen(samples, lengths)
        memory, logits = model.encode_emotion(heard, frames, pool[:, : content.shape[1]])
        for row, asked in enumerate(rows):
            if asked.emotion is not None:
                memory[row] = self._prototype(asked.emotion)
        level = model.level_mix([asked.level for asked in rows], len(rows))
        style = model.style_mix([asked.style for asked in rows], len(rows))
        weights = model.decode(content, memory, level, style)
        if any(asked.intensity != 1 for asked in rows):
            neutral = model.decode(content, self._prototype("neutral").expand_as(memory).contiguous(), level, style)
            strength = torch.tensor([asked.intensity for asked in rows], device=samples.device)[:, None, None]
            weights = torch.where(strength == 1, weights, neutral + strength * (weights - neutral))
        return weights, logits

    def _prototype(self, label: str) -> Tensor:
        """(width,) mean memory of a label; models without prototypes can only follow the emotion they hear."""
        if not self.model.has_prototypes:
            raise InputError("this model has no emotion prototypes: emotion can't be chosen and intensity must be 1")
        return self.model.prototypes[self._label(label)]

    def _label(self, label: str) -> int:
        if label not in self.model.config.emotions:
            raise InputError(f"unknown emotion {label!r}: this model knows {', '.join(self.model.config.emotions)}")
        return self.model.config.emotions.index(label)

    def _one_hot(self, label: str) -> np.ndarray:
        out = np.zeros(len(self.model.config.emotions), np.float32)
        out[self._label(label)] = 1
        return out
