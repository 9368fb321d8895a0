"""The opening between the lips as training sees it: whether they close is worth more than its share of coefficients.

A closed mouth is a few coefficients in a few frames; in a mean over all of them it hardly counts, so a network that is
not sure leaves the lips apart. Here the default head's opening is compared itself, in the frames that people will see,
after the default smoothing.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emotalk.inference.post.smoothing import default_taps
from emotalk.rigs.head import procedural_head

UNIT_MM = 10.0  # an error of so much counts 1
CLOSED_MM = 1.0  # lips that are nearer are closed
EDGE_MM = 1.0  # how far from that an opening is plainly closed, or plainly open


class LipGaps(nn.Module):
    """Pairs of points on upper and lower lip; their heights are linear in the coefficients."""

    moves: Tensor
    rest: Tensor
    smoothing: Tensor

    def __init__(self, moves: Tensor, rest: Tensor) -> None:
        """moves: (52, pairs) mm per coefficient. rest: (pairs,) mm at rest. Negative where lips overlap."""
        super().__init__()
        self.register_buffer("moves", moves, persistent=False)
        self.register_buffer("rest", rest, persistent=False)
        self.register_buffer("smoothing", torch.from_numpy(default_taps()), persistent=False)

    def error(self, predicted: Tensor, target: Tensor, frames: Tensor, closed_weight: float) -> Tensor:
        """(B, T, 52) each, (B,) valid frames -> (B, T) squared errors; a frame with closed lips weighs so much more.

        Lips that are to be closed may overlap as they like.
        """
        shown = _smoothed(self._heights(predicted), frames, self.smoothing).amax(-1)
        wanted = self._heights(target).amax(-1)
        closed = wanted < CLOSED_MM
        error = torch.where(wanted > 0, shown - wanted, shown.clamp(min=0)) / UNIT_MM
        return error.square() * torch.where(closed, closed_weight, 1.0)

    def undecided(self, predicted: Tensor, target: Tensor, frames: Tensor, closed_weight: float) -> Tensor:
        """As `error` -> (B, T) cross entropy of whether lips are closed, where the opening is the evidence.

        In squared errors a network that is not sure of a closure leaves the lips half shut, which is neither. Here half
        shut is the worst: a frame that is closed more likely than 1 in 1 + `closed_weight` closes.
        """
        shown = _smoothed(self._heights(predicted), frames, self.smoothing).amax(-1)
        closed = self._heights(target).amax(-1) < CLOSED_MM
        wrong = F.binary_cross_entropy_with_logits(
            (CLOSED_MM - shown) / EDGE_MM, closed.to(shown.dtype), reduction="none"
        )
        return wrong * torch.where(closed, closed_weight, 1.0)

    def _heights(self, weights: Tensor) -> Tensor:
        return self.rest + weights @ self.moves


def lip_gaps() -> LipGaps:
    """Of the default head."""
    rig = procedural_head()
    upper, lower = rig.regions["mouth_upper"], rig.regions["mouth_lower"]
    return LipGaps(
        torch.from_numpy(rig.displacements[:, upper, 1] - rig.displacements[:, lower, 1]),
        torch.from_numpy(rig.neutral[upper, 1] - rig.neutral[lower, 1]),
    )


def _smoothed(values: Tensor, frames: Tensor, window: Tensor) -> Tensor:
    """(B, T, C) -> the same over time; each clip's own first and last frames are held, as in post-processing."""
    reach, length = len(window) // 2, values.shape[1]
    at = torch.arange(-reach, length + reach, device=values.device).clamp(min=0)[None].minimum(frames[:, None] - 1)
    held = values.gather(1, at[..., None].expand(-1, -1, values.shape[2]))
    out = torch.zeros_like(values)
    for offset, weight in enumerate(window):
        out = out + weight * held[:, offset : offset + length]
    return out
