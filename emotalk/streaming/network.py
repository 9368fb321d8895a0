"""The step: (samples, state) -> (frames, state), a pure function over a batch of streams.

A step advances every stream by the same number of frames and costs what these frames cost. Frame k enters when the
column nearest to it and its future have been heard; it leaves a fixed number of frames later, finished.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.conditions import Conditions, check
from emotalk.inference.direction import Direction
from emotalk.inference.finish import columns_of
from emotalk.inference.listening import HISTORY
from emotalk.inference.post import (
    LONGEST_FRAMES,
    PostState,
    Treatment,
    batch_loudness_dbfs,
    post_process,
)
from emotalk.inference.post.smoothing import Kernel
from emotalk.model.mel import HOP_SAMPLES, WINDOW_FUTURE_SAMPLES, Frame, MelEncoder, column_of
from emotalk.model.network import EmoTalk
from emotalk.streaming.encoder import Step, StreamingEncoder
from emotalk.streaming.state import StreamState, drop_front
from emotalk.timing import frames_of

OPEN = 2**50  # samples of a recording whose end is not known
FRAME_SAMPLES = SAMPLE_RATE / 30
OWN_COLUMNS = 3  # with so many ahead of its own column, a frame's own 33 ms have been heard


@dataclass(frozen=True)
class Asked:
    """What a batch of streams has been asked for: what the network obeys, and by stream what comes behind it."""

    conditions: Conditions
    treatments: tuple[Treatment, ...]

    @classmethod
    def stack(cls, several: Sequence["Asked"]) -> "Asked":
        if len(several) == 1:
            return several[0]
        conditions = Conditions.stack([one.conditions for one in several])
        return cls(conditions, tuple(treatment for one in several for treatment in one.treatments))


@dataclass(frozen=True)
class StepFrames:
    """What a step gives. A frame below 0, or behind its recording's end, means nothing.

    frames: (B, T, 52) finished coefficients, or (B, T, 58) where a head moves in any row. first: (B,) number of each
    row's first.
    logits: (B, T, labels) of the emotion heard from the recording's start to the latest frame that has been heard.
    kept: (B, T) how much of what was heard was sure enough, of the frames that the network says now, which are those
    that `post` holds back later; None: all.
    """

    frames: np.ndarray
    first: np.ndarray
    logits: np.ndarray
    kept: np.ndarray | None = None


class StreamingNetwork:
    """A model that sees a bounded past and future, one step at a time. Holds no stream: those are `StreamState`s."""

    def __init__(self, model: EmoTalk) -> None:
        content, emotion = model.content_encoder, model.emotion_encoder
        if model.future_samples is None or model.past_samples is None:
            raise InputError(f"the encoders of this {model.config.preset} model hear whole recordings, not streams")
        assert isinstance(content, MelEncoder)
        assert isinstance(emotion, MelEncoder)
        self.model = model
        self.ahead = max(OWN_COLUMNS, content.config.patch_future, emotion.config.patch_future)
        shared = model.config.emotion is None
        encoders = {"content": content} if shared else {"content": content, "emotion": emotion}
        self._encoders = {name: StreamingEncoder(encoder, self.ahead) for name, encoder in encoders.items()}
        self.future_frames = max(encoder.future_frames for encoder in self._encoders.values())
        # From the start of the frame that leaves to what has been heard before its step, for its loudness.
        own = int((self.future_frames - 1) * FRAME_SAMPLES) + (self.ahead + 1) * HOP_SAMPLES + WINDOW_FUTURE_SAMPLES
        self._past_samples = max(own, *(encoder.past_samples for encoder in self._encoders.values()))
        # The first frame to enter: so early that nothing of the recording has been heard before it.
        self.first_frame = next(-k for k in range(100) if self.heard_at(-k - 1) <= 0)

    # Time

    def heard_at(self, frame: Frame) -> Frame:
        """Samples that must have been heard for frame `frame` to enter."""
        return (column_of(frame) + self.ahead) * HOP_SAMPLES + WINDOW_FUTURE_SAMPLES

    def entering(self, samples: int) -> int:
        """How many frames, numbered from 0, can enter when so many samples have been heard."""
        column = (samples - WINDOW_FUTURE_SAMPLES) // HOP_SAMPLES - self.ahead
        return (3 * column + 1) // 10 + 1

    def late(self, controls: Controls) -> int:
        """Frames by which a finished frame comes behind the one that enters."""
        return self.future_frames + Kernel.of(controls).held

    def delay_s(self, controls: Controls) -> float:
        """From a sound at 16 kHz until the frame that shows it is out, at most: the future it needs, and one frame,
        because it may have come just after the frame before."""
        samples = max(self.heard_at(k + self.late(controls)) - k * FRAME_SAMPLES for k in range(3))
        return (samples + FRAME_SAMPLES) / SAMPLE_RATE

    def memory_samples(self, controls: Controls) -> int:
        """Samples before the end of what has been heard that can reach into later frames."""
        assert self.model.past_samples is not None
        frames = self.future_frames + 2 * Kernel.of(controls).held + LONGEST_FRAMES
        frames += HISTORY if controls.listens else 0
        return self.model.past_samples + self.heard_at(0) + int(frames * FRAME_SAMPLES) + HOP_SAMPLES

    # Streams

    def asked(self, controls: Controls | Direction, first: int = 0, frames: int = 1) -> Asked:
        """What is asked for in a stream's frames from `first` on; of a `steady` direction in any.

        InputError where this model cannot do what controls ask for; a direction has been checked.
        """
        wanted = controls if isinstance(controls, Direction) else Direction.of(controls)
        if isinstance(controls, Controls):
            check(self.model, wanted)
        return Asked(Conditions.of(self.model, wanted, first, frames), (wanted.treatment,))

    def start(self, batch: int = 1) -> StreamState:
        """Streams that have heard nothing.

        next: (B,) number of the next frame to enter. samples: (B, n), the last that were heard. Per encoder what
        `StreamingEncoder.start` tells, and early: (B, f, C) features that wait for the other encoder's. decoder,
        neutral: (B, past_frames - 1, 2 width) keys and values, of the face as asked and of the one without emotion.
        recent: (B, HISTORY, C) the last emotion features. heard: (B, C) float64 sum of emotion features, counted: (B,)
        their number. post: see `PostState`.
        `next`, `samples` and `post` stay on the CPU.
        """
        config, device = self.model.config, self.model.device
        assert config.past_frames is not None
        keys = torch.zeros(batch, config.past_frames - 1, 2 * config.width, device=device)
        width = self.model.emotion_encoder.width
        tensors = {
            "next": torch.full((batch,), self.first_frame, dtype=torch.int64),
            "samples": torch.zeros(batch, self._past_samples),
            "decoder": keys,
            "neutral": keys.clone(),
            "recent": torch.zeros(batch, HISTORY, width, device=device),
            "heard": torch.zeros(batch, width, dtype=torch.float64, device=device),
            "counted": torch.zeros(batch, dtype=torch.float64, device=device),
        }
        for name, encoder in self._encoders.items():
            tensors |= {f"{name}.{key}": value for key, value in encoder.start(batch).items()}
            early = self.future_frames - encoder.future_frames
            channels = tensors[f"{name}.block0.heard"].shape[2]
            tensors[f"{name}.early"] = torch.zeros(batch, early, channels, device=device)
        post = PostState.start(batch, columns_of(config))._asdict()
        tensors |= {f"post.{key}": torch.from_numpy(value) for key, value in post.items()}
        return StreamState.of(tensors)

    def advance(self, state: StreamState, frames: int) -> Tensor:
        """(B,) columns of 160 samples that a step of so many frames takes: 3 or 4 for one frame, 10 for three."""
        return column_of(state["next"] + frames - 1) - column_of(state["next"] - 1)

    @torch.inference_mode()
    def step(
        self, chunks: Tensor, state: StreamState, asked: Asked, frames: int, lengths: Tensor | None = None
    ) -> tuple[StepFrames, StreamState]:
        """The next `frames` frames of every stream.

        chunks: (B, n) float32 on the CPU, the samples that follow those heard; n is 160 times the largest `advance`,
        and a row that advances less has zeros at its end. The first chunk of a stream begins at sample
        `heard_at(first_frame - 1)`, below 0, with zeros; behind a recording's end are zeros, too. lengths: (B,) samples
        of the recordings, OPEN for those whose end is not known, or None where none is.
        """
        lengths = torch.full((state.batch,), OPEN) if lengths is None else lengths
        first, advance = state["next"], self.advance(state, frames)
        if chunks.shape != (state.batch, int(advance.max()) * HOP_SAMPLES):
            raise ValueError(f"chunks of {int(advance.max()) * HOP_SAMPLES} samples are needed, not {chunks.shape}")
        step = Step(first, frames, advance, frames_of(lengths))
        samples = torch.cat([state["samples"], chunks], 1)
        new = {
            "next": first + frames,
            "samples": drop_front(samples, step.columns * HOP_SAMPLES, self._past_samples),
        }
        features = self._listen(samples.to(self.model.device), state, step, new)
        heard = features.get("emotion", features["content"])
        logits = self._emotion(heard, state, step, new)
        raw, kept = self._decode(features["content"], heard, state, step, asked.conditions, new)
        known = (first - self.future_frames).numpy()
        start = self.heard_at(first - 1).numpy() - self._past_samples
        loudness = batch_loudness_dbfs(samples.numpy(), start, lengths.numpy(), known, frames)
        out, after = post_process(
            post_state(state), raw.float().cpu().numpy(), loudness, known, step.stop.numpy(), asked.treatments
        )
        new |= {f"post.{name}": torch.from_numpy(value) for name, value in after._asdict().items()}
        late = np.array([self.future_frames + treatment.held for treatment in asked.treatments])
        sure = None if kept is None else kept[..., 0].float().cpu().numpy()
        return StepFrames(out, first.numpy() - late, logits.float().cpu().numpy(), sure), state.then(new)

    def _listen(self, samples: Tensor, state: StreamState, step: Step, new: dict[str, Tensor]) -> dict[str, Tensor]:
        """By encoder (B, T, C) features of the frames `future_frames` before those that enter."""
        features = {}
        for name, encoder in self._encoders.items():
            own = state.part(name)
            heard, after = encoder.step(samples, own, step)
            waiting = torch.cat([own["early"], heard], 1)
            features[name] = waiting[:, : step.frames]
            new[f"{name}.early"] = waiting[:, step.frames :]
            new |= {f"{name}.{key}": value for key, value in after.items()}
        return features

    def _emotion(self, heard: Tensor, state: StreamState, step: Step, new: dict[str, Tensor]) -> Tensor:
        """(B, T, labels) of the mean of all that has been heard, as offline of a whole recording."""
        mask = step.mask(self.future_frames, heard.device).double()
        sums = state["heard"][:, None] + (heard * mask).cumsum(1)
        counts = state["counted"][:, None] + mask[..., 0].cumsum(1)
        new["heard"], new["counted"] = sums[:, -1], counts[:, -1]
        return self.model.emotion_head((sums / counts[..., None].clamp(min=1)).to(heard.dtype))

    def _decode(
        self,
        content: Tensor,
        heard: Tensor,
        state: StreamState,
        step: Step,
        conditions: Conditions,
        new: dict[str, Tensor],
    ) -> tuple[Tensor, Tensor | None]:
        """(B, T, 52) raw coefficients, or (B, T, 58) with a head, and (B, T, 1) how much of what is heard is kept."""
        model, first = self.model, (step.first - self.future_frames).to(heard.device)
        new |= {name: state[name] for name in ("decoder", "neutral")}

        def decode(cache: str, content: Tensor, memory: Tensor, level: Tensor, style: Tensor) -> Tensor:
            fused, guide = model.fuse(content, memory, level, style)
            out, new[cache] = model.decoder.step(fused, guide, state[cache], first)
            return out

        hidden = torch.cat([state["recent"], heard], 1)
        new["recent"] = hidden[:, step.frames :]
        if conditions.listens:
            number = first[:, None] + torch.arange(step.frames, device=first.device)
            felt, kept = conditions.listen(model, hidden, number)
        else:
            felt, kept = model.emotion_map(heard), None
        said = model.content_map(content)
        return conditions.face(said, felt, partial(decode, "decoder"), partial(decode, "neutral")), kept


def post_state(state: StreamState) -> PostState:
    """The part of it that post-processing keeps."""
    return PostState(**{name: value.numpy() for name, value in state.part("post").items()})
