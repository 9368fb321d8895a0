"""EmoTalk: two encoders that tell what is said from how it is felt, and a decoder that turns both into a face.

Chunhui Peng et al., "EmoTalk: Speech-Driven Emotional Disentanglement for 3D Face Animation", ICCV 2023.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotalk.audio import SAMPLE_RATE
from emotalk.errors import InputError
from emotalk.labels import LEVELS
from emotalk.model.config import EmoTalkConfig, EncoderConfig, MelEncoderConfig
from emotalk.model.decoder import EmotionGuidedDecoder
from emotalk.model.mel import MelEncoder
from emotalk.model.resample import Features, frame_mask
from emotalk.model.transformer import TransformerEncoder, load_pretrained
from emotalk.timing import frames_of


class CrossReconstruction(NamedTuple):
    """What the two-recording training forward returns.

    out11: (B, T11, 52) content of `input12` with the emotion of `input21`; out12: (B, T12, 52) `input12` by itself;
    logits: (B, labels) of `input21`.
    """

    out11: Tensor
    out12: Tensor
    logits: Tensor


class EmotionFeatures(NamedTuple):
    """memory (B, T, width): what the decoder is guided by; logits (B, labels): the emotion heard."""

    memory: Tensor
    logits: Tensor


class EmotionHead(nn.Module):
    """Mean over time -> labels: dropout, linear, tanh, dropout, linear."""

    def __init__(self, width: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, width)
        self.output = nn.Linear(width, labels)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.output(self.dropout(torch.tanh(self.dense(self.dropout(pooled)))))


class EmoTalk(nn.Module):
    """The network. Everything it returns is raw: no clamp, no smoothing (see `emotalk.inference`)."""

    prototypes: Tensor

    def __init__(self, config: EmoTalkConfig, *, pretrained_encoders: bool = False) -> None:
        """`pretrained_encoders` loads the encoders' weights from the checkpoints that the config names."""
        super().__init__()
        self.config = config
        self.content_encoder = _encoder(config.content, pretrained_encoders)
        if config.emotion is None:
            # Not registered a second time: its weights are the content encoder's, and stored once.
            self.__dict__["emotion_encoder"] = self.content_encoder
        else:
            self.emotion_encoder = _encoder(config.emotion, pretrained_encoders)
        self.emotion_head = EmotionHead(self.emotion_encoder.width, len(config.emotions), config.dropout)
        self.content_map = nn.Linear(self.content_encoder.width, config.content_width)
        self.emotion_map = nn.Linear(self.emotion_encoder.width, config.width)
        self.emotion_narrow = nn.Linear(config.width, config.emotion_width)
        self.level_map = nn.Linear(len(LEVELS), config.level_width)
        self.style_map = nn.Linear(config.styles, config.style_width)
        self.decoder = EmotionGuidedDecoder(
            width=config.width,
            heads=config.heads,
            feed_forward=config.feed_forward,
            outputs=len(config.coefficients),
            dropout=config.dropout,
            past_frames=config.past_frames,
            periodic_encoding=config.periodic_encoding,
            head_pose=config.head_pose,
        )
        # Mean memory per label, measured at the end of training; zeros where never measured.
        self.register_buffer("prototypes", torch.zeros(len(config.emotions), config.width))

    # Parts: encoders and decoder apart, so that content and emotion can come from different recordings.

    def encode_content(self, heard: Features, frames: Tensor, positions: Tensor | None = None) -> Tensor:
        """`content_encoder.listen(…)`, (B,) frames wanted -> (B, T, content_width): what is said.

        positions: (B, T) float64, where each frame is heard, in frames of the recording; None: evenly over all of it.
        """
        return self.content_map(self.content_encoder.at_positions(heard, frames, positions))

    def encode_emotion(self, heard: Features, frames: Tensor, pool: Tensor | None = None) -> EmotionFeatures:
        """Like `encode_content`, for how it is felt, evenly over the recording: it may say other words than the face.

        pool: (B, T) frames the label is heard from (default: all).
        """
        hidden = self.emotion_encoder.at_positions(heard, frames)
        weights = frame_mask(frames, hidden.shape[1]) if pool is None else pool
        weights = weights.to(hidden.dtype)[..., None]
        pooled = (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
        return EmotionFeatures(self.emotion_map(hidden), self.emotion_head(pooled))

    def decode(self, content: Tensor, memory: Tensor, level: Tensor, style: Tensor) -> Tensor:
        """content (B, T, ·), emotion memory (B, T, width), level (B, 2) and style (B, styles) mixes -> (B, T, 52).

        Mixes of frames, (B, T, ·) or (B, 1, ·), are taken as well.
        (B, T, 58) where the network has a head pose: behind the coefficients yaw, pitch, roll in radians and x, y, z in
        mm about the mean pose.
        """
        return self.decoder(*self.fuse(content, memory, level, style))

    def fuse(self, content: Tensor, memory: Tensor, level: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """What `decode` gives its decoder, both (B, T, width): all that shapes a frame side by side, what guides it."""
        frames = content.shape[1]
        feeling = F.relu(self.emotion_narrow(memory))
        mixes = (mix if mix.ndim == 3 else mix[:, None] for mix in (level, style))
        conditions = [linear(mix) for linear, mix in zip((self.level_map, self.style_map), mixes, strict=True)]
        fused = torch.cat([content, feeling, *(c.expand(-1, frames, -1) for c in conditions)], -1)
        return fused, memory if self.config.emotion_guided else fused

    # The two uses: training on two recordings, prediction from one.

    def forward(
        self, input12: Any, input21: Any, target11: Any, target12: Any, level: Any = None, person: Any = None
    ) -> CrossReconstruction:
        """The two-recording training forward of the paper.

        input12 / input21: 16 kHz samples (n,) of statement 1 with emotion 2 and of statement 2 with emotion 1, or lists
        of them for a batch. target11 / target12: the coefficients (frames, 52) to be reconstructed, of which only the
        number of frames matters here, or that number. level, person: integers (or lists), None for unknown.
        The second cross term is the same call with the roles swapped.
        """
        samples12, lengths12 = self._batch(input12)
        samples21, lengths21 = self._batch(input21)
        frames11, frames12 = self._frames(target11), self._frames(target12)
        mix = self.level_mix(level, len(samples12)), self.style_mix(person, len(samples12))
        content12 = self.content_encoder.listen(samples12, lengths12)
        emotion21 = self.encode_emotion(self.emotion_encoder.listen(samples21, lengths21), frames11)
        emotion12 = self.encode_emotion(self.emotion_encoder.listen(samples12, lengths12), frames12)
        out11 = self.decode(self.encode_content(content12, frames11), emotion21.memory, *mix)
        out12 = self.decode(self.encode_content(content12, frames12), emotion12.memory, *mix)
        face = len(self.config.coefficients)
        return CrossReconstruction(out11[..., :face], out12[..., :face], emotion21.logits)

    @torch.inference_mode()
    def predict(self, samples: Any, level: int | None = None, person: int | None = None) -> np.ndarray:
        """16 kHz mono samples (n,) -> raw coefficients (ceil(30 n / 16000), 52) float32; the whole clip at once."""
        was_training = self.training
        self.eval()
        try:
            batch, lengths = self._batch(samples)
            frames = frames_of(lengths)
            content = self.encode_content(self.content_encoder.listen(batch, lengths), frames)
            memory = self.encode_emotion(self.emotion_encoder.listen(batch, lengths), frames).memory
            out = self.decode(content, memory, self.level_mix(level, 1), self.style_mix(person, 1))
        finally:
            self.train(was_training)
        return out[0, :, : len(self.config.coefficients)].float().cpu().numpy()

    # Conditions

    def level_mix(self, level: float | Sequence[float | None] | Tensor | None, batch: int) -> Tensor:
        """Level 0 (normal) to 1 (strong) -> (batch, 2) weights; unknown is half of both."""
        values = torch.tensor([0.5 if v is None else float(v) for v in _per_clip(level, batch)], device=self.device)
        if bool(((values < 0) | (values > 1)).any()):
            raise InputError(f"level must lie between 0 (normal) and 1 (strong), not {level}")
        return torch.stack([1 - values, values], -1)

    def style_mix(self, style: int | Sequence[int | None] | Tensor | None, batch: int) -> Tensor:
        """Style index of a training speaker -> (batch, styles) weights; unknown is the default style of the config."""
        rows = torch.zeros(batch, self.config.styles, device=self.device)
        for row, value in zip(rows, _per_clip(style, batch), strict=True):
            index = self.config.default_style if value is None else int(value)
            if index is None:
                row.fill_(1 / self.config.styles)
            elif 0 <= index < self.config.styles:
                row[index] = 1
            else:
                raise InputError(f"style {index} does not exist: this model has styles 0 to {self.config.styles - 1}")
        return rows

    @property
    def device(self) -> torch.device:
        return self.prototypes.device

    @property
    def has_prototypes(self) -> bool:
        return bool(self.prototypes.any())

    @property
    def past_samples(self) -> int | None:
        """Samples before a frame that can change it; None where the network sees the whole clip."""
        pasts = (self.content_encoder.past_samples, self.emotion_encoder.past_samples)
        if self.config.past_frames is None or None in pasts:
            return None
        return max(p for p in pasts if p is not None) + -(-self.config.past_frames * SAMPLE_RATE // 30)

    @property
    def future_samples(self) -> int | None:
        """Samples after a frame's time that can change it; None where the network sees the whole clip."""
        futures = (self.content_encoder.future_samples, self.emotion_encoder.future_samples)
        return None if None in futures else max(f for f in futures if f is not None)

    # Files

    @classmethod
    def from_pretrained(cls, path: str | Path) -> "EmoTalk":
        """Load a model directory (local path or URI); see `emotalk.model.store`."""
        from emotalk.model.store import load_model

        return load_model(path)

    def save_pretrained(self, path: str | Path, card: str | None = None, *, half: bool = False) -> None:
        """Write a model directory: model.safetensors, in 16 bits if `half`, the card (Markdown) if there is one, then
        config.json."""
        from emotalk.model.store import save_model

        save_model(self, path, card, half=half)

    @classmethod
    def from_official(cls, checkpoint: Mapping[str, Tensor] | str | Path) -> "EmoTalk":
        """The authors' checkpoint, as a state dict or the path of `EmoTalk.pth`; see `emotalk.model.official`."""
        from emotalk.model.official import load_official

        return load_official(checkpoint)

    def _batch(self, samples: Any) -> tuple[Tensor, Tensor]:
        """One recording, a padded batch or a list of recordings -> (B, N) float32 and (B,) lengths."""
        clips = samples if isinstance(samples, list | tuple) else [samples]
        clips = [torch.as_tensor(clip, dtype=torch.float32, device=self.device) for clip in clips]
        if len(clips) == 1 and clips[0].ndim == 2:
            clips = list(clips[0])
        if any(clip.ndim != 1 or not len(clip) for clip in clips):
            raise InputError("samples must be non-empty vectors of 16 kHz mono sound")
        lengths = torch.tensor([len(clip) for clip in clips], device=self.device)
        return nn.utils.rnn.pad_sequence(clips, batch_first=True), lengths

    def _frames(self, target: Any) -> Tensor:
        """A frame count, coefficients (frames, 52) or (1, frames, 52), or a list of either -> (B,) frame counts."""
        targets = target if isinstance(target, list | tuple) else [target]
        if len(targets) == 1 and getattr(targets[0], "ndim", 0) == 3:
            targets = list(targets[0])
        counts = [t if isinstance(t, int) else len(t) for t in targets]
        return torch.tensor(counts, device=self.device)


def _encoder(config: EncoderConfig, pretrained: bool) -> TransformerEncoder | MelEncoder:
    if isinstance(config, MelEncoderConfig):
        return MelEncoder(config)
    return load_pretrained(config) if pretrained else TransformerEncoder(config)


def _per_clip(value: Any, batch: int) -> list[Any]:
    if isinstance(value, Tensor):
        value = value.tolist()
    values = list(value) if isinstance(value, list | tuple) else [value] * batch
    if len(values) != batch:
        raise InputError(f"{len(values)} conditions for a batch of {batch} recordings")
    return values
