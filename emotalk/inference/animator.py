"""The Animator: model + controls → animation. The only inference path of command line, jobs and service.

Three steps: `plan` cuts samples into windows, `predict` runs the network on a batch of them (pure, thread-safe),
`finish` turns raw windows in their order into an Animation. `animate` composes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

import emotalk
from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.conditions import Conditions
from emotalk.inference.finish import Finisher, RawWindow, joined
from emotalk.inference.post import POST_VERSION, loudness_dbfs
from emotalk.inference.windows import FRAMES_PER_STEP, PLAN_VERSION, Window, WindowShape, plan_windows
from emotalk.model.network import EmoTalk
from emotalk.timing import frames_of

if TYPE_CHECKING:
    from emotalk.streaming.network import StreamingNetwork
    from emotalk.streaming.stream import Stream


class Animator:
    """A model on a device, ready to animate.

    rows: windows per call of the network, filled up with silence, and frame_multiple: their lengths are rounded up to a
    multiple of it. Fixed shapes make a result independent of its batch mates. On a CPU one row at its own length is
    both exact and fastest; a GPU wants more of both.

    model_digest: of the model directory, see `emotalk.model.store`; it goes into every animation's `meta`.
    """

    def __init__(
        self,
        model: EmoTalk,
        *,
        device: str | None = None,
        rows: int | None = None,
        frame_multiple: int | None = None,
        model_digest: str | None = None,
    ) -> None:
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = model.to(device).eval()
        self.rows = rows or (1 if device == "cpu" else 8)
        self.frame_multiple = frame_multiple or (1 if device == "cpu" else 150)
        self.model_digest = model_digest
        self.shape = WindowShape.of(model)

    @property
    def made_on(self) -> str:
        """What the last bits of a result depend on besides model, controls and plan: `cuda`, `cpu, 2 threads`."""
        device = self.model.device.type
        threads = torch.get_num_threads()
        return f"cpu, {threads} thread{'s' * (threads > 1)}" if device == "cpu" else device

    def check(self, controls: Controls) -> None:
        """InputError where this model cannot do what is asked: an unknown emotion or style, no emotion prototypes."""
        Conditions.of(self.model, [controls])

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
        """Raw windows in order -> consecutive pieces of the finished animation: blend, then post-process.

        The last piece's `meta` tells what was heard in the whole recording: `heard`, a share by label. The tail has no
        part in it: nothing is heard there.
        """
        finisher = Finisher(self.model.config, controls, self.shape.fade * FRAMES_PER_STEP)
        for item in raw:
            yield finisher.push(item)
        if finisher.begun:
            yield finisher.flush()

    def join(self, pieces: Iterable[Animation], controls: Controls | None = None) -> Animation:
        """Consecutive pieces as `finish` gives them -> the whole animation, with its `meta`."""
        whole = joined(self.model.config, list(pieces), controls)
        return replace(whole, meta={**self.meta(controls), **whole.meta})

    def stream(self, controls: Controls | None = None) -> "Stream":
        """A face for speech while it is spoken: see `emotalk.streaming.stream` for what to push and what comes out.

        Of models that hear a bounded future (`lite`) frame by frame, of others a window at a time.
        """
        from emotalk.streaming.live import LiveStream
        from emotalk.streaming.windowed import WindowedStream

        controls = controls or Controls()
        if self.model.past_samples is None or self.model.future_samples is None:
            self.check(controls)
            return WindowedStream(self, controls)
        return LiveStream(self.streaming_network, controls)

    @cached_property
    def streaming_network(self) -> "StreamingNetwork":
        """The model as its live streams run it."""
        from emotalk.streaming.network import StreamingNetwork

        return StreamingNetwork(self.model)

    def meta(self, controls: Controls | None = None) -> dict[str, Any]:
        """What made an animation, for its `meta`: versions, model, controls, and the style that was used."""
        controls = controls or Controls()
        style = controls.style if controls.style is not None else self.model.config.default_style
        known = {} if self.model_digest is None else {"model_sha256": self.model_digest}
        return {
            **known,
            "emotalk": emotalk.__version__,
            "preset": self.model.config.preset,
            "window_plan": PLAN_VERSION,
            "post": POST_VERSION,
            "controls": controls.to_dict(),
            "style_used": "mean of the trained styles" if style is None else style,
        }

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
        heard = logits.float().cpu().numpy()
        raw = weights.float().cpu().numpy()
        out = []
        for row, window in enumerate(windows):
            own = slice(window.start - window.first, window.stop - window.first)
            loudness = loudness_dbfs(window.samples, own.start, own.stop - own.start)
            out.append(RawWindow(window, raw[row, own], loudness, heard[row]))
        return out

    def _face(self, samples: Tensor, lengths: Tensor, pool: Tensor, rows: list[Controls]) -> tuple[Tensor, Tensor]:
        """-> what `EmoTalk.decode` says and logits (B, labels) with each row's emotion and intensity applied."""
        model = self.model
        frames = frames_of(lengths)
        content = model.encode_content(model.content_encoder.listen(samples, lengths), frames)
        heard = model.emotion_encoder.listen(samples, lengths)
        memory, logits = model.encode_emotion(heard, frames, pool[:, : content.shape[1]])
        asked = Conditions.of(model, rows)
        return asked.face(content, memory, model.decode, model.decode), logits
