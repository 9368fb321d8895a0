"""The Animator: model + controls → animation. The only inference path of command line, jobs and service.

Three steps: `plan` cuts samples into windows, `predict` runs the network on a batch of them (pure, thread-safe),
`finish` turns raw windows in their order into an Animation. `animate` composes them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import emotalk
from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE, load_audio
from emotalk.audio.samples import checked_samples
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.conditions import Conditions, check
from emotalk.inference.direction import Direction
from emotalk.inference.execution import computing, prepared
from emotalk.inference.finish import Finisher, RawWindow, joined
from emotalk.inference.heard import HeardEmotion
from emotalk.inference.listening import HISTORY
from emotalk.inference.post import POST_VERSION, loudness_dbfs
from emotalk.inference.take import MAX_TAKE_S, EmotionTake
from emotalk.inference.windows import FRAMES_PER_STEP, PLAN_VERSION, Window, WindowShape, plan_windows
from emotalk.model.config import Precision
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

    precision: int8 makes the transformers of `base` and `official` faster on a CPU, bfloat16 is for GPUs; both with an
    error (docs/speed.md). compiled: torch.compile takes a minute for each shape, once, and saves launches on a GPU.
    Live streams have float32.

    model_digest: of the model directory, see `emotalk.model.store`; it goes into every animation's `meta`.
    """

    def __init__(
        self,
        model: EmoTalk,
        *,
        device: str | None = None,
        rows: int | None = None,
        frame_multiple: int | None = None,
        precision: Precision = "float32",
        compiled: bool = False,
        model_digest: str | None = None,
    ) -> None:
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.model = prepared(model.to(device).eval(), precision, compiled)
        self.precision = precision
        self.rows = rows or (1 if device == "cpu" else 8)
        self.frame_multiple = frame_multiple or (1 if device == "cpu" else 150)
        self.model_digest = model_digest
        self.shape = WindowShape.of(model)
        self._takes: dict[str, EmotionTake] = {}

    @property
    def made_on(self) -> str:
        """What the last bits of a result depend on besides model, controls and plan: `cuda`, `cpu, 2 threads`.

        Of a precision that is not float32 more than the last bits do; it stands at the end, as in `cuda, bfloat16`.
        """
        device = self.model.device.type
        threads = torch.get_num_threads()
        where = f"cpu, {threads} thread{'s' * (threads > 1)}" if device == "cpu" else device
        return where if self.precision == "float32" else f"{where}, {self.precision}"

    def check(self, controls: Controls) -> None:
        """InputError where this model cannot do what is asked: an unknown emotion or style, no emotion prototypes."""
        check(self.model, Direction.of(controls))

    def hear(self, samples: np.ndarray) -> EmotionTake:
        """(n,) float32 16 kHz mono, ten minutes at most -> its emotion, to be shown with other words."""
        samples = _sound(samples)
        if len(samples) > MAX_TAKE_S * SAMPLE_RATE:
            raise InputError(f"an emotion can be taken from at most {MAX_TAKE_S // 60} minutes")
        heard, memory = HeardEmotion(self.model.config.emotions), []
        for window in self.plan([samples]):
            own = slice(window.start + window.fade - window.first, window.stop - window.first)
            felt, logits = self._feel(window, own)
            heard.add(logits, len(felt))
            memory.append(felt)
        return EmotionTake(np.concatenate(memory), np.array(list(heard.shares().values()), np.float32))

    def direct(self, controls: Controls | None, emotion_from: EmotionTake | None = None) -> Direction:
        """Controls with all that they refer to; InputError where this model cannot do what is asked.

        emotion_from: takes the place of the controls' own, which is read else.
        """
        controls = controls or Controls()
        if emotion_from is None and controls.emotion_from is not None:
            # One other recording after the other is asked for, if any; threads may ask for several at once.
            emotion_from = self._takes.get(controls.emotion_from)
            if emotion_from is None:
                emotion_from = self._hear_file(controls.emotion_from)
                self._takes = {controls.emotion_from: emotion_from}
        wanted = Direction.of(controls, emotion_from)
        check(self.model, wanted)
        return wanted

    def _hear_file(self, path: str) -> EmotionTake:
        """Whoever says what is wrong with a recording takes it for the one that is animated: this one is named."""
        try:
            return self.hear(load_audio(path))
        except InputError as error:
            raise InputError(f"emotion_from {path}: {error.reason}") from error

    def animate(
        self, samples: np.ndarray, controls: Controls | None = None, *, emotion_from: EmotionTake | None = None
    ) -> Animation:
        """(n,) float32 16 kHz mono -> the whole animation.

        emotion_from: what `hear` made of another recording, whose emotion is shown instead of this one's.
        """
        samples = _sound(samples)
        pieces = self.animate_blocks([samples], controls, emotion_from=emotion_from, frames=frames_of(len(samples)))
        return self.join(pieces, controls)

    def animate_blocks(
        self,
        blocks: Iterable[np.ndarray],
        controls: Controls | None = None,
        *,
        emotion_from: EmotionTake | None = None,
        frames: int | None = None,
    ) -> Iterator[Animation]:
        """Samples in blocks of any size -> consecutive pieces of the animation, in memory that does not grow.

        frames: of the whole recording, which must be known where another one is stretched to it.
        """
        wanted = self.direct(controls, emotion_from).fitted(frames)
        return self.finish(self.predict_in_turn(self.plan(blocks, controls), wanted), wanted)

    def plan(self, blocks: Iterable[np.ndarray], controls: Controls | None = None) -> Iterator[Window]:
        """Samples -> windows; see `emotalk.inference.windows`. Controls that listen back make them begin earlier."""
        return plan_windows(blocks, self.shape_for(controls))

    def shape_for(self, controls: Controls | None) -> WindowShape:
        exact = self.model.past_samples is not None
        return self.shape.hearing(HISTORY) if exact and controls is not None and controls.listens else self.shape

    def predict(self, windows: Sequence[Window], controls: "Asked | Sequence[Asked]") -> list[RawWindow]:
        """Run the network on any number of windows, each with its own controls (or all with the same)."""
        each = [controls] * len(windows) if isinstance(controls, Controls | Direction) else list(controls)
        asked = [self._directed(one) for one in each]
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

    def predict_in_turn(self, windows: Iterable[Window], controls: "Asked") -> Iterator[RawWindow]:
        """`predict` for windows as they come, a batch at a time -> their raw windows in the same order."""
        batch: list[Window] = []
        for window in windows:
            batch.append(window)
            if len(batch) == self.rows:
                yield from self.predict(batch, controls)
                batch = []
        if batch:
            yield from self.predict(batch, controls)

    def finish(self, raw: Iterable[RawWindow], controls: "Asked") -> Iterator[Animation]:
        """Raw windows in order -> consecutive pieces of the finished animation: blend, then post-process.

        The last piece's `meta` tells what was heard in the whole recording: `heard`, a share by label. The tail has no
        part in it: nothing is heard there.
        """
        wanted = self._directed(controls)
        finisher = Finisher(self.model.config, wanted, self.shape.fade * FRAMES_PER_STEP)
        for item in raw:
            yield finisher.push(item)
        if finisher.begun:
            yield finisher.flush()

    def join(self, pieces: Iterable[Animation], controls: Controls | None = None) -> Animation:
        """Consecutive pieces as `finish` gives them -> the whole animation, with its `meta`."""
        whole = joined(self.model.config, list(pieces), controls and controls.compiled)
        return replace(whole, meta={**self.meta(controls), **whole.meta})

    def stream(self, controls: Controls | None = None, *, emotion_from: EmotionTake | None = None) -> "Stream":
        """A face for speech while it is spoken: see `emotalk.streaming.stream` for what to push and what comes out.

        Of models that hear a bounded future (`lite`) frame by frame, of others a window at a time.
        """
        from emotalk.streaming.live import LiveStream
        from emotalk.streaming.windowed import WindowedStream

        controls = controls or Controls()
        wanted = self.direct(controls, emotion_from).fitted(None)
        if self.model.past_samples is None or self.model.future_samples is None:
            return WindowedStream(self, controls, wanted)
        return LiveStream(self.streaming_network, controls, wanted)

    @cached_property
    def streaming_network(self) -> "StreamingNetwork":
        """The model as its live streams run it."""
        from emotalk.streaming.network import StreamingNetwork

        return StreamingNetwork(self.model)

    def meta(self, controls: Controls | None = None) -> dict[str, Any]:
        """What made an animation, for its `meta`: versions, model, controls, and the style that was used."""
        controls = controls or Controls()
        style = controls.to_dict()["style"]
        style = self.model.config.default_style if style is None else style
        known = {} if self.model_digest is None else {"model_sha256": self.model_digest}
        return {
            **known,
            "emotalk": emotalk.__version__,
            "preset": self.model.config.preset,
            "window_plan": PLAN_VERSION,
            "post": POST_VERSION,
            "controls": controls.to_dict(),
            **({} if self.precision == "float32" else {"precision": self.precision}),
            "style_used": "mean of the trained styles" if style is None else style,
        }

    def _directed(self, asked: "Asked") -> Direction:
        return asked if isinstance(asked, Direction) else self.direct(asked).fitted(None)

    @torch.inference_mode()
    def _feel(self, window: Window, own: slice) -> tuple[np.ndarray, np.ndarray]:
        """-> the memory (n, width) of a window's own frames, and what was heard in them, (labels,)."""
        device = self.model.device
        samples = torch.from_numpy(window.samples)[None].to(device)
        lengths = torch.tensor([len(window.samples)], device=device)
        pool = torch.zeros(1, window.frames, dtype=torch.bool, device=device)
        pool[:, own] = True
        with computing(self.precision, device):
            heard = self.model.emotion_encoder.listen(samples, lengths)
            memory, logits = self.model.encode_emotion(heard, frames_of(lengths), pool)
        return memory[0, own].float().cpu().numpy(), logits[0].float().cpu().numpy()

    @torch.inference_mode()
    def _run(self, windows: list[Window], wanted: list[Direction], frames: int) -> list[RawWindow]:
        device = self.model.device
        # What goes to a GPU waits in memory that it reads by itself.
        staged = partial(torch.zeros, pin_memory=device.type == "cuda")
        samples = staged(self.rows, frames * 1_600 // 3)
        lengths = staged(self.rows, dtype=torch.int64).fill_(samples.shape[1])
        pool = staged(self.rows, frames, dtype=torch.bool)
        for row, window in enumerate(windows):
            samples[row, : len(window.samples)] = torch.from_numpy(window.samples)
            lengths[row] = len(window.samples)
            pool[row, window.start - window.first : window.stop - window.first] = True
        idle = self.rows - len(windows)
        rows = [*wanted, *[Direction(Controls())] * idle]
        first = [window.first for window in windows] + [0] * idle
        sound, counts, pooled = (part.to(device, non_blocking=True) for part in (samples, lengths, pool))
        with computing(self.precision, device):
            weights, logits, sure = self._face(sound, counts, pooled, rows, first)
        kept = None if sure is None else sure[..., 0].float().cpu().numpy()
        heard = logits.float().cpu().numpy()
        raw = weights.float().cpu().numpy()
        out = []
        for row, window in enumerate(windows):
            own = slice(window.start - window.first, window.stop - window.first)
            loudness = loudness_dbfs(window.samples, own.start, own.stop - own.start)
            doubted = kept is not None and wanted[row].controls.doubts
            shown = kept[row, own] if kept is not None and doubted else None
            out.append(RawWindow(window, raw[row, own], loudness, heard[row], shown))
        return out

    def _face(
        self, samples: Tensor, lengths: Tensor, pool: Tensor, rows: list[Direction], first: list[int]
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """-> what `EmoTalk.decode` says, logits (B, labels) with each row's emotion and intensity applied, and the
        share (B, T, 1) of what is heard that is sure enough, or None for all. first: each row's first frame."""
        model = self.model
        frames = frames_of(lengths)
        content = model.encode_content(model.content_encoder.listen(samples, lengths), frames)
        heard = model.emotion_encoder.listen(samples, lengths)
        memory, logits = model.encode_emotion(heard, frames, pool[:, : content.shape[1]])
        steps = content.shape[1]
        each = [Conditions.of(model, *row, steps) for row in zip(rows, first, strict=True)]
        asked = Conditions.stack(each, steps)
        kept = None
        if asked.listens:
            hidden = F.pad(model.emotion_encoder.at_positions(heard, frames), (0, 0, HISTORY, 0))
            number = torch.tensor(first, device=model.device)[:, None] + torch.arange(steps, device=model.device)
            memory, kept = asked.listen(model, hidden, number)
        return asked.face(content, memory, model.decode, model.decode), logits, kept


Asked = Controls | Direction


def _sound(samples: np.ndarray) -> np.ndarray:
    sound = checked_samples(samples)
    if not len(sound):
        raise InputError("samples must be one at least")
    return sound
