"""Controls that the network itself obeys, as tensors of a batch: emotion, intensity, level, style."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emotalk.controls.mix import NO_STYLE, indices_in, weights_at
from emotalk.controls.track import number_at
from emotalk.errors import InputError
from emotalk.inference.direction import Direction
from emotalk.inference.listening import fading, steadied
from emotalk.labels import NEUTRAL
from emotalk.model.network import EmoTalk

Decode = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # as `EmoTalk.decode`
ONE = np.zeros(1, np.int64)  # the frames of what never changes


@dataclass(frozen=True)
class Conditions:
    """One row per recording; t is the number of frames, or 1 where nothing changes.

    level: (B, t, 2) and style: (B, t, styles) mixes. heard: (B, t, 1), the share of the emotion that is heard, to which
    `memory` (B, t, width) is added. neutral: (B, 1, width). strength: (B, t, 1), the intensity. threshold: (B, t, 1) of
    the confidence. windows: frames over which each row's emotion is averaged. follows: whether nothing but what is
    heard is wanted of all rows. scaled: whether a row's strength is ever other than 1. doubted: whether a row has a
    threshold.
    """

    level: Tensor
    style: Tensor
    heard: Tensor
    memory: Tensor
    neutral: Tensor
    strength: Tensor
    threshold: Tensor
    windows: tuple[int, ...]
    follows: bool
    scaled: bool
    doubted: bool

    @classmethod
    def of(cls, model: EmoTalk, wanted: Direction, first: int, frames: int) -> "Conditions":
        """Of one recording's frames from number `first` on."""
        own, labels = wanted.controls, model.config.emotions
        numbers = ONE if wanted.steady else np.arange(first, first + frames)
        shares = wanted.emotion(labels, numbers)
        rows = {
            "level": model_level(own.level, numbers),
            "style": _styles(model, own.style, numbers),
            "heard": shares.heard,
            "strength": number_at(own.intensity, numbers)[:, None],
            "threshold": number_at(own.confidence, numbers)[:, None],
        }
        on = {name: torch.from_numpy(values)[None].to(model.device) for name, values in rows.items()}
        memory = torch.from_numpy(shares.labels).to(model.device) @ model.prototypes
        if wanted.take is not None:
            taken = torch.from_numpy(wanted.take.at(numbers) * shares.taken).to(memory)
            memory = memory + taken
        index = labels.index(NEUTRAL) if NEUTRAL in labels else None
        neutral = torch.zeros_like(model.prototypes[0]) if index is None else model.prototypes[index]
        return cls(
            **on,
            memory=memory[None],
            neutral=neutral[None, None],
            windows=(max(1, round(own.emotion_smoothing_s * 30)),),
            follows=wanted.follows,
            scaled=own.shows_intensity,
            doubted=own.doubts,
        )

    @classmethod
    def stack(cls, several: Sequence["Conditions"], frames: int = 1) -> "Conditions":
        """Rows side by side, of `frames` at least.

        Some processors multiply one frame's mixes in another order than many frames': with all frames in every batch,
        no bit of a row depends on whether a neighbour changes.
        """
        if len(several) == 1:
            return several[0]

        def together(values: list[Any]) -> Any:
            if isinstance(values[0], bool):
                return any(values)
            if isinstance(values[0], tuple):
                return sum(values, ())
            longest = max(frames, *(value.shape[1] for value in values))
            return torch.cat([value.expand(-1, longest, -1) for value in values])

        rows = {each.name: together([getattr(one, each.name) for one in several]) for each in fields(cls)}
        return cls(**{**rows, "follows": all(one.follows for one in several)})

    @property
    def listens(self) -> bool:
        """Whether more than one moment of what is heard is needed for a frame."""
        return self.doubted or max(self.windows) > 1

    def listen(self, model: EmoTalk, hidden: Tensor, number: Tensor) -> tuple[Tensor, Tensor | None]:
        """Emotion features (B, HISTORY + T, C) with those before, number (B, T) of the frames -> what is felt
        (B, T, width), and the share (B, T, 1) of it that is sure enough to be kept, or None where all is.
        """
        memory = model.emotion_map(steadied(hidden, number, self.windows))
        if not self.doubted:
            return memory, None
        kept = fading(model.emotion_head, hidden, number, self.threshold)
        faded = self.neutral + kept * (memory - self.neutral)
        return torch.where(self.threshold > 0, faded, memory), kept

    def face(self, content: Tensor, memory: Tensor, decode: Decode, decode_neutral: Decode) -> Tensor:
        """What is said (B, T, ·) and how it is felt (B, T, width) -> what `decode` says, conditions applied.

        decode_neutral: of the same face without emotion, from which intensity moves away.
        """
        if not self.follows:
            memory = self.heard * memory + self.memory
        weights = decode(content, memory, self.level, self.style)
        if not self.scaled:
            return weights
        neutral = decode_neutral(content, self.neutral.expand_as(memory).contiguous(), self.level, self.style)
        return torch.where(self.strength == 1, weights, neutral + self.strength * (weights - neutral))


def check(model: EmoTalk, wanted: Direction) -> None:
    """InputError where this model cannot do what is asked: an unknown emotion or style, no emotion prototypes."""
    own = wanted.controls
    wanted.check(model.config.emotions)
    needed = dict.fromkeys(wanted.labels, "asked for")
    if own.shows_intensity or own.doubts:
        needed[NEUTRAL] = "needed for intensity and confidence"
    for label, why in needed.items():
        known = label in model.config.emotions
        if not known or not bool(model.prototypes[model.config.emotions.index(label)].any()):
            raise InputError(
                f"this model has no emotion prototypes of {label}, which is {why}: measure it on recordings that "
                f"sound so with emotalk prototypes, or leave emotion, intensity and confidence as they are"
            )
    for index in indices_in(own.style, NO_STYLE):
        if int(index) >= model.config.styles:
            last = model.config.styles - 1
            raise InputError(f"style {index} does not exist: this model has styles 0 to {last}")


def model_level(level: Any, numbers: np.ndarray) -> np.ndarray:
    """(n,) frame numbers -> (n, 2) mix of the levels; unknown is half of both."""
    strong = number_at(0.5 if level is None else level, numbers)[:, None]
    return np.concatenate([1 - strong, strong], 1)


def _styles(model: EmoTalk, style: Any, numbers: np.ndarray) -> np.ndarray:
    """(n,) frame numbers -> (n, styles); no style is the model's default."""
    mix = weights_at(style, [str(index) for index in range(model.config.styles)], NO_STYLE, numbers)
    default = model.style_mix(None, 1)[0].cpu().numpy()
    return mix[:, :-1] + mix[:, -1:] * default
