"""The training objective of the paper: L = 1.0 L_cross + 1.0 L_self + 0.5 L_vel + 0.1 L_cls.

Every loss is kept as a sum and a count until the counts of all workers are known: shares of a batch never change their
weight because of how it was cut.
"""

from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotalk.errors import InputError
from emotalk.model.network import EmoTalk
from emotalk.model.resample import frame_mask
from emotalk.training.batches import Batch

LOSSES = ("cross", "self", "velocity", "classification")


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the four losses; the defaults are the paper's."""

    cross: float = 1.0
    self: float = 1.0
    velocity: float = 0.5
    classification: float = 0.1

    def __post_init__(self) -> None:
        if any(getattr(self, f.name) < 0 for f in fields(self)):
            raise InputError("loss weights must not be negative")


class TrainingStep(nn.Module):
    """The network as training runs it: a batch -> coefficients (D, T, 52) and emotion logits (D, labels)."""

    def __init__(self, model: EmoTalk) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        said = self.model.content_encoder.listen(batch.samples, batch.lengths).select(batch.content)
        felt = self.model.emotion_encoder.listen(batch.samples, batch.lengths).select(batch.emotion)
        content = self.model.encode_content(said, batch.frames, batch.positions)
        memory, logits = self.model.encode_emotion(felt, batch.frames)
        return self.model.decode(content, memory, batch.level, batch.style), logits


def loss_counts(batch: Batch) -> Tensor:
    """-> (4,) how many frames or labels each of `LOSSES` has in the batch; known before anything is computed."""
    frames, cross = batch.frames, batch.cross
    counts = [(frames * cross).sum(), (frames * ~cross).sum(), (frames - 1).sum(), (batch.labels >= 0).sum()]
    return torch.stack(counts)


def loss_sums(out: Tensor, logits: Tensor, batch: Batch) -> Tensor:
    """-> (4,) sums in the order of `LOSSES`; divided by `loss_counts` they are the losses of the paper.

    Squared errors are means over coefficients, summed over valid frames. The paper adds the errors of a square's two
    cross-reconstructions, so the mean over them counts twice.
    """
    mask = frame_mask(batch.frames, out.shape[1])
    error = (out - batch.targets).square().mean(-1) * mask
    speed = (out.diff(dim=1) - batch.targets.diff(dim=1)).square().mean(-1) * mask[:, 1:]
    cross, known = batch.cross[:, None], batch.labels >= 0
    label_loss = F.cross_entropy(logits.float(), batch.labels.clamp(min=0), reduction="none")
    sums = [2 * (error * cross).sum(), (error * ~cross).sum(), speed.sum(), (label_loss * known).sum()]
    return torch.stack([s.float() for s in sums])


def weighted_total(sums: Tensor, counts: Tensor, weights: LossWeights) -> Tensor:
    """The objective: weights · (sums / counts); a loss without any example counts nothing."""
    scale = torch.tensor([getattr(weights, name) for name in LOSSES], device=sums.device)
    return (scale * sums / counts.clamp(min=1)).sum()
