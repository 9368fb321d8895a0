"""The configuration of a network: stored beside its weights, enough to rebuild it without any hub."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, TypeVar

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.labels import EMOTIONS

Preset = Literal["official", "base", "lite"]
Precision = Literal["float32", "bfloat16", "int8"]  # in which products are made; weights are stored in float32
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class TransformerEncoderConfig:
    """A pretrained speech transformer of the wav2vec 2.0 family (wav2vec2, HuBERT, WavLM).

    architecture: the `transformers` configuration as a plain dict (its `model_type` names the family).
    at_target_rate: the transformer runs on exactly the frames asked for (the paper's content encoder); otherwise at
        30 fps of its own recording, its output then resampled to the frames asked for (the paper's emotion encoder).
    normalise: zero mean and unit variance per recording, as the checkpoint's feature extractor says.
    """

    kind: Literal["transformer"] = "transformer"
    architecture: dict[str, Any]
    at_target_rate: bool
    normalise: bool = True
    checkpoint: str = ""  # where the weights came from: a hub name or a folder; kept for the model card

    def __post_init__(self) -> None:
        family = self.architecture.get("model_type")
        if family not in ("wav2vec2", "hubert", "wavlm"):
            raise InputError(f"encoders of type {family!r} are not supported: use wav2vec2, hubert or wavlm")


@dataclass(frozen=True, kw_only=True)
class MelEncoderConfig:
    """Log-mel patches and causal convolutions: bounded past, bounded future, no weights from elsewhere.

    window_samples: analysis window; it always ends `window_future_samples` after the centre of its hop, so a longer
        window costs no delay.
    patch_past / patch_future: 10 ms mel columns before and after a frame's own that the frame sees.
    dilations: one residual block per entry, kernel `kernel`; the first block looks `block_future` frames ahead.
    """

    kind: Literal["mel"] = "mel"
    bands: int = 80
    window_samples: int = 400
    patch_past: int = 8
    patch_future: int = 5
    channels: int
    kernel: int = 5
    dilations: tuple[int, ...]
    block_future: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "dilations", tuple(self.dilations))
        if min(self.bands, self.window_samples, self.channels, self.kernel, *self.dilations) < 1:
            raise InputError("sizes of a mel encoder must be positive")
        if not 0 <= self.block_future < self.kernel or min(self.patch_past, self.patch_future) < 0:
            raise InputError("block_future must lie in [0, kernel) and patch sizes must not be negative")


EncoderConfig = TransformerEncoderConfig | MelEncoderConfig


@dataclass(frozen=True, kw_only=True)
class EmoTalkConfig:
    """Everything that shapes the network. Sizes of the paper are the defaults.

    emotion: None (an ablation of the paper): one encoder, the content's, hears what is said and how it is felt.
    past_frames: how far the decoder's self-attention looks back; None: to the start.
    styles: number of training speakers. speakers: their names in the order of the styles, empty where nobody knows.
    default_style: what an unknown speaker gets; None: the mean of the styles.
    emotion_guided: the decoder's memory is the emotion sequence; off (an ablation of the paper): the fused sequence.
    periodic_encoding: the positional encoding of the paper's figure, absent from the released network.
    head_pose: the decoder also says how the head moves about its mean pose, see `emotalk.head`.
    """

    preset: Preset
    content: EncoderConfig
    emotion: EncoderConfig | None
    emotions: tuple[str, ...] = EMOTIONS
    styles: int = 24
    speakers: tuple[str, ...] = ()
    default_style: int | None = None
    content_width: int = 512
    emotion_width: int = 256
    level_width: int = 32
    style_width: int = 32
    heads: int = 4
    feed_forward: int = 832
    dropout: float = 0.1
    past_frames: int | None = None
    periodic_encoding: bool = False
    emotion_guided: bool = True
    head_pose: bool = False
    coefficients: tuple[str, ...] = field(default=COEFFICIENTS)

    def __post_init__(self) -> None:
        object.__setattr__(self, "emotions", tuple(self.emotions))
        object.__setattr__(self, "speakers", tuple(self.speakers))
        object.__setattr__(self, "coefficients", tuple(self.coefficients))
        if self.width % self.heads:
            raise InputError(f"{self.heads} heads do not divide the decoder's width {self.width}")
        if self.coefficients != COEFFICIENTS:
            raise InputError("coefficients must be the 52 names of emotalk.blendshapes, in that order")
        if not self.emotions or self.styles < 1:
            raise InputError("a network needs at least one emotion label and one style")
        if self.speakers and len(self.speakers) != self.styles:
            raise InputError(f"{len(self.speakers)} names of speakers for {self.styles} styles")
        if self.default_style is not None and not 0 <= self.default_style < self.styles:
            raise InputError(f"default_style {self.default_style} is not one of {self.styles} styles")
        if self.past_frames is not None and self.past_frames < 1:
            raise InputError("past_frames must be positive, or null for the whole past")
        if self.past_frames is not None and self.periodic_encoding:
            # It counts from the first frame that the network sees: windows would no longer be exact.
            raise InputError("periodic_encoding needs the whole past: leave past_frames out")

    @property
    def width(self) -> int:
        """Width of the decoder: content, emotion, level and style side by side (832 in the paper)."""
        return self.content_width + self.emotion_width + self.level_width + self.style_width

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, source: object = None) -> "EmoTalkConfig":
        """The inverse of `to_dict`. Unknown or missing keys are an InputError that names them."""
        values = dict(data)
        for branch in ("content", "emotion"):
            if branch == "content" or values.get(branch, 0) is not None:
                values[branch] = _encoder_from_dict(values.get(branch), branch, source)
        return _strict(cls, values, source)


def _encoder_from_dict(data: Any, branch: str, source: object) -> EncoderConfig:
    kinds: dict[str, type[EncoderConfig]] = {"transformer": TransformerEncoderConfig, "mel": MelEncoderConfig}
    kind = data.get("kind") if isinstance(data, Mapping) else None
    if kind not in kinds:
        raise InputError(f"{branch}.kind must be one of {sorted(kinds)}, not {kind!r}", source=source)
    return _strict(kinds[kind], data, source)


def _strict(cls: type[T], data: Mapping[str, Any], source: object) -> T:
    unknown = sorted(set(data) - {f.name for f in fields(cls)})  # type: ignore[arg-type]
    if unknown:
        raise InputError(f"unknown keys in the {cls.__name__}: {', '.join(unknown)}", source=source)
    try:
        return cls(**data)
    except TypeError as error:
        raise InputError(f"the {cls.__name__} is incomplete: {error}", source=source) from error
