"""Controls that the network itself obeys, as tensors of a batch: emotion, intensity, level, style."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.model.network import EmoTalk

Decode = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # as `EmoTalk.decode`


class Conditions(NamedTuple):
    """One row per recording.

    level: (B, 2) and style: (B, styles) mixes. chosen: (B, 1, 1), whether `memory` (B, 1, width) of a label takes the
    place of the emotion that is heard. neutral: (B, 1, width). strength: (B, 1, 1), the intensity.
    """

    level: Tensor
    style: Tensor
    chosen: Tensor
    memory: Tensor
    neutral: Tensor
    strength: Tensor

    @classmethod
    def of(cls, model: EmoTalk, asked: Sequence[Controls]) -> "Conditions":
        """InputError where this model cannot do what is asked: an unknown emotion or style, no emotion prototypes."""
        nothing = torch.zeros_like(model.prototypes[0])
        memory = [nothing if one.emotion is None else _prototype(model, one.emotion) for one in asked]
        neutral = [nothing if one.intensity == 1 else _prototype(model, "neutral") for one in asked]
        device = model.device
        return cls(
            level=model.level_mix([one.level for one in asked], len(asked)),
            style=model.style_mix([one.style for one in asked], len(asked)),
            chosen=torch.tensor([one.emotion is not None for one in asked], device=device)[:, None, None],
            memory=torch.stack(memory)[:, None],
            neutral=torch.stack(neutral)[:, None],
            strength=torch.tensor([one.intensity for one in asked], device=device)[:, None, None],
        )

    def face(self, content: Tensor, memory: Tensor, decode: Decode, decode_neutral: Decode) -> Tensor:
        """What is said (B, T, ·) and how it is felt (B, T, width) -> what `decode` says, conditions applied.

        decode_neutral: of the same face without emotion, from which intensity moves away.
        """
        memory = torch.where(self.chosen, self.memory, memory)
        weights = decode(content, memory, self.level, self.style)
        if bool((self.strength == 1).all()):
            return weights
        neutral = decode_neutral(content, self.neutral.expand_as(memory).contiguous(), self.level, self.style)
        return torch.where(self.strength == 1, weights, neutral + self.strength * (weights - neutral))


def _prototype(model: EmoTalk, label: str) -> Tensor:
    """(width,) mean memory of a label; models without prototypes can only follow the emotion they hear."""
    if not model.has_prototypes:
        raise InputError("this model has no emotion prototypes: emotion can't be chosen and intensity must be 1")
    if label not in model.config.emotions:
        raise InputError(f"unknown emotion {label!r}: this model knows {', '.join(model.config.emotions)}")
    return model.prototypes[model.config.emotions.index(label)]
