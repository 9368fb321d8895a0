"""Feature sequences of clips of different lengths, and their resampling in time, each clip to its own length."""

from typing import NamedTuple

import torch
from torch import Tensor


class Features(NamedTuple):
    """What an encoder made of a batch of recordings: values (B, T, C), valid frames of each (B,)."""

    values: Tensor
    counts: Tensor

    def select(self, rows: Tensor) -> "Features":
        """The recordings `rows` (D,), which may repeat."""
        return Features(self.values[rows], self.counts[rows])


def resample_frames(features: Tensor, lengths: Tensor, targets: Tensor) -> Tensor:
    """(B, T, C) with `lengths` (B,) valid frames -> (B, max(targets), C), linear, first and last frame kept.

    Frames behind a clip's target are zero. This is `F.interpolate(..., align_corners=True)` for clips of different
    lengths, with positions in double precision so that hours of frames stay exact.
    """
    frames = int(targets.max())
    if features.shape[1] == frames and torch.equal(lengths, targets):
        return features * frame_mask(targets, frames)[..., None].to(features.dtype)
    step = (lengths - 1).double() / (targets - 1).clamp(min=1).double()
    position = torch.arange(frames, device=features.device, dtype=torch.float64) * step[:, None]
    position = torch.minimum(position, (lengths - 1)[:, None].double())
    left = position.floor().long()
    right = torch.minimum(left + 1, (lengths - 1)[:, None])
    weight = (position - left).to(features.dtype)[..., None]
    rows = torch.arange(len(features), device=features.device)[:, None]
    mixed = torch.lerp(features[rows, left], features[rows, right], weight)
    return mixed * frame_mask(targets, frames)[..., None].to(features.dtype)


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """(B, frames) bool: True where a frame belongs to the clip."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]
