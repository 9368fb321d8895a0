"""Heads that exist in training only: each reads what the network makes of a batch and has a loss of its own.

They lie beside the model, never in it: in checkpoints, so that a run that goes on finds them, not in model directories.
To add one: a module whose `forward(heard, batch)` returns the sum of its loss, a line in `make_auxiliaries` under the
loss's name, and in `emotalk.training.losses` that name in `LOSSES`, its weight in `LossWeights` and its count in
`loss_counts`. Its parameters, the optimiser's state of them, gradients averaged over workers, and a stop in between are
taken care of.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotalk.corpus.synthetic.visemes import SOUNDS
from emotalk.model.config import EmoTalkConfig
from emotalk.model.resample import frame_mask
from emotalk.training.batches import Batch
from emotalk.training.lips import LipGaps, lip_gaps

HIDDEN = 128


class Heard(NamedTuple):
    """What the network makes of a batch's D reconstructions: content (D, T, ·), emotion memory (D, T, ·), which the
    decoder is given, and coefficients (D, T, 52)."""

    content: Tensor
    memory: Tensor
    out: Tensor


class _Reverse(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return -gradients[0]


def reverse_gradient(values: Tensor) -> Tensor:
    """The values as they are; on the way back their gradient with the other sign (Ganin & Lempitsky 2015)."""
    out: Tensor = _Reverse.apply(values)  # type: ignore[no-untyped-call]
    return out


class EmotionAdversary(nn.Module):
    """Reads the emotion from content features; they learn, through a reversed gradient, not to tell it.

    It looks at mean and standard deviation over a recording's frames.
    """

    pace = 10.0  # an adversary must follow what changes under it: at the network's own rate it reads worse than chance

    def __init__(self, content_width: int, labels: int) -> None:
        super().__init__()
        self.read = nn.Sequential(nn.Linear(2 * content_width, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, labels))

    def forward(self, heard: Heard, batch: Batch) -> Tensor:
        """-> sum of the cross entropy over the recordings with a label."""
        own = own_and_labelled(batch)
        mask = frame_mask(batch.frames, heard.content.shape[1])[..., None]
        pooled = pooled_over_time(reverse_gradient(heard.content), mask.to(heard.content))
        losses = F.cross_entropy(self.read(pooled).float(), batch.labels.clamp(min=0), reduction="none")
        return (losses * own).sum()


Compare = Callable[[LipGaps, Tensor, Tensor, Tensor, float], Tensor]


class LipComparison(nn.Module):
    """Compares the opening between the lips in one of the ways of `emotalk.training.lips`. It learns nothing itself."""

    def __init__(self, compare: Compare, closed_weight: float) -> None:
        super().__init__()
        self.gaps, self.compare, self.closed_weight = lip_gaps(), compare, closed_weight

    def forward(self, heard: Heard, batch: Batch) -> Tensor:
        """-> sum over valid frames."""
        mask = frame_mask(batch.frames, heard.out.shape[1])
        wrong = self.compare(self.gaps, heard.out.float(), batch.targets, batch.frames, self.closed_weight)
        return (wrong * mask).sum()


class SoundReader(nn.Module):
    """Reads from each frame of the content which speech sound is heard: what a face must know of a voice, and what all
    voices share.
    """

    def __init__(self, content_width: int) -> None:
        super().__init__()
        self.read = nn.Linear(content_width, len(SOUNDS))

    def forward(self, heard: Heard, batch: Batch) -> Tensor:
        """-> sum of the cross entropy over the frames whose sound is known."""
        known = sounds_known(batch)
        return F.cross_entropy(self.read(heard.content[known]).float(), batch.sounds[known], reduction="sum")


def sounds_known(batch: Batch) -> Tensor:
    """(D, T) bool: frames of reconstructions from one recording alone whose speech sound is known."""
    return (batch.content == batch.emotion)[:, None] & (batch.sounds >= 0)


def own_and_labelled(batch: Batch) -> Tensor:
    """(D,) bool: reconstructions from one recording alone, with a label. Each recording is in one of them."""
    return (batch.content == batch.emotion) & (batch.labels >= 0)


def pooled_over_time(values: Tensor, mask: Tensor) -> Tensor:
    """(D, T, C) with (D, T, 1) 0 or 1 -> (D, 2 C): mean and standard deviation over valid frames."""
    count = mask.sum(1).clamp(min=1)
    mean = (values * mask).sum(1) / count
    variance = ((values - mean[:, None]).square() * mask).sum(1) / count
    # The root has no slope at zero: a channel that never moves would break the gradient.
    return torch.cat([mean, (variance + 1e-6).sqrt()], -1)


def make_auxiliaries(config: EmoTalkConfig, names: tuple[str, ...], closed_weight: float) -> nn.ModuleDict:
    """The heads of the losses that are asked for, by the loss's name."""
    made: dict[str, nn.Module] = {}
    if "leakage" in names:
        made["leakage"] = EmotionAdversary(config.content_width, len(config.emotions))
    if "sounds" in names:
        made["sounds"] = SoundReader(config.content_width)
    if "gap" in names:
        made["gap"] = LipComparison(LipGaps.error, closed_weight)
    if "closure" in names:
        made["closure"] = LipComparison(LipGaps.undecided, closed_weight)
    return nn.ModuleDict(made)
