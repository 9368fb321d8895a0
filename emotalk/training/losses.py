"""The training objective of the paper: L = 1.0 L_cross + 1.0 L_self + 0.5 L_vel + 0.1 L_cls.

Every loss is kept as a sum and a count until the counts of all workers are known: shares of a batch never change their
weight because of how it was cut.
"""

from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotalk.errors import InputError
from emotalk.head import HEAD_UNITS
from emotalk.model.network import EmoTalk
from emotalk.model.resample import frame_mask
from emotalk.training.auxiliary import Heard, make_auxiliaries, own_and_labelled, sounds_known
from emotalk.training.batches import Batch

PAPER_LOSSES = ("cross", "self", "velocity", "classification")
LOSSES = (*PAPER_LOSSES, "head", "leakage", "gap", "closure", "sounds")


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """Weights of the losses; the defaults are the paper's, and nothing besides."""

    cross: float = 1.0
    self: float = 1.0
    velocity: float = 0.5
    classification: float = 0.1
    head: float = 1.0
    """Of networks that move the head: a turn of 0.1 rad, or 10 mm, counts as much as 0.1 of a coefficient."""
    leakage: float = 0.0
    """Content features are to hide the emotion from a classifier that learns to read it from them."""
    gap: float = 0.0
    """The opening between the lips, above all where it is closed."""
    closure: float = 0.0
    """Whether the lips are closed: half shut, where squared errors leave lips in doubt, is the worst here."""
    closed: float = 4.0
    """What a frame with closed lips weighs in `gap` and `closure`, relative to others: more shuts them oftener, right
    or wrong."""
    sounds: float = 0.0
    """Content features are to tell the speech sound of each frame, where the corpus knows it."""

    def __post_init__(self) -> None:
        if any(getattr(self, f.name) < 0 for f in fields(self)):
            raise InputError("loss weights must not be negative")


class Predicted(NamedTuple):
    """What a step computes: coefficients (D, T, 52), emotion logits (D, labels), sums of the auxiliaries by name.

    head: (D, T, 6) its pose about the mean one, of networks that move it.
    """

    out: Tensor
    logits: Tensor
    auxiliary: dict[str, Tensor]
    head: Tensor | None = None


class TrainingStep(nn.Module):
    """The network as training runs it, with the heads that exist in training only (`emotalk.training.auxiliary`)."""

    def __init__(self, model: EmoTalk, weights: LossWeights | None = None) -> None:
        """weights: an auxiliary whose loss weighs nothing is not made."""
        super().__init__()
        self.model = model
        wanted = tuple(name for name in LOSSES if weights is not None and getattr(weights, name) > 0)
        self.auxiliary = make_auxiliaries(model.config, wanted, weights.closed if weights else 1.0)

    def forward(self, batch: Batch) -> Predicted:
        said = self.model.content_encoder.listen(batch.samples, batch.lengths).select(batch.content)
        felt = self.model.emotion_encoder.listen(batch.samples, batch.lengths).select(batch.emotion)
        content = self.model.encode_content(said, batch.frames, batch.positions)
        memory, logits = self.model.encode_emotion(felt, batch.frames)
        out = self.model.decode(content, memory, batch.level, batch.style)
        face, pose = out[..., : batch.targets.shape[-1]], out[..., batch.targets.shape[-1] :]
        heard = Heard(content, memory, face)
        auxiliary = {name: head(heard, batch) for name, head in self.auxiliary.items()}
        return Predicted(face, logits, auxiliary, pose if self.model.config.head_pose else None)

    def counts(self, batch: Batch) -> Tensor:
        """`loss_counts`; nothing is counted of auxiliaries that were not made, nor of a pose that the network lacks."""
        wanted = {*PAPER_LOSSES, *self.auxiliary, *(["head"] if self.model.config.head_pose else [])}
        made = [name in wanted for name in LOSSES]
        counts = loss_counts(batch)
        return counts * torch.tensor(made, device=counts.device)


def loss_counts(batch: Batch) -> Tensor:
    """-> (losses,) how many frames or labels each of `LOSSES` has in the batch; known before anything is computed."""
    frames, cross = batch.frames, batch.cross
    counts = {
        "cross": (frames * cross).sum(),
        "self": (frames * ~cross).sum(),
        "velocity": (frames - 1).sum(),
        "classification": _emotion_known(batch).sum(),
        "head": (frames * batch.posed).sum(),
        "leakage": own_and_labelled(batch).sum(),
        "gap": frames.sum(),
        "closure": frames.sum(),
        "sounds": sounds_known(batch).sum(),
    }
    return torch.stack([counts[name] for name in LOSSES])


def _emotion_known(batch: Batch) -> Tensor:
    """(D,) bool: the recording that gives the emotion has a label, or a teacher heard it."""
    return (batch.labels >= 0) | (batch.heard.sum(-1) > 0)


def loss_sums(predicted: Predicted, batch: Batch) -> Tensor:
    """-> (losses,) sums in the order of `LOSSES`; divided by `loss_counts` they are the losses.

    Squared errors are means over coefficients, or the pose's six columns in `HEAD_UNITS`, summed over valid frames. The
    paper adds the errors of a square's two cross-reconstructions, so the mean over them counts twice.
    """
    out, logits = predicted.out.float(), predicted.logits.float()
    mask = frame_mask(batch.frames, out.shape[1])
    error = (out - batch.targets).square().mean(-1) * mask
    speed = (out.diff(dim=1) - batch.targets.diff(dim=1)).square().mean(-1) * mask[:, 1:]
    cross, known = batch.cross[:, None], batch.labels >= 0
    label_loss = F.cross_entropy(logits, batch.labels.clamp(min=0), reduction="none") * known
    # The same against what a teacher heard; no clip has both.
    label_loss = label_loss - (batch.heard * logits.log_softmax(-1)[:, : batch.heard.shape[1]]).sum(-1)
    sums = {
        "cross": 2 * (error * cross).sum(),
        "self": (error * ~cross).sum(),
        "velocity": speed.sum(),
        "classification": label_loss.sum(),
        **predicted.auxiliary,
    }
    if predicted.head is not None:
        missed = (predicted.head.float() - batch.head) / error.new_tensor(HEAD_UNITS)
        sums["head"] = (missed.square().mean(-1) * mask * batch.posed[:, None]).sum()
    nothing = error.new_zeros(())
    return torch.stack([sums.get(name, nothing).float() for name in LOSSES])


def weighted_total(sums: Tensor, counts: Tensor, weights: LossWeights) -> Tensor:
    """What is minimised: weights · (sums / counts); a loss without any example counts nothing."""
    scale = torch.tensor([getattr(weights, name) for name in LOSSES], device=sums.device)
    return (scale * sums / counts.clamp(min=1)).sum()


def objective(sums: Tensor, counts: Tensor, weights: LossWeights) -> Tensor:
    """What tells a better network from a worse one: the same without an adversary's loss, which is to be high."""
    return weighted_total(sums, counts, replace(weights, leakage=0.0))
