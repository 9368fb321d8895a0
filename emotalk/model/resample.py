"""Feature sequences of clips of different lengths, and their resampling in time, each clip to its own length."""

from typing import NamedTuple

import torch
from torch import Tensor


class Features(NamedTuple):
    """What an encoder made of a batch of recordings: values (B, T, C), valid frames of each (B,).

    own: (B,) animation frames of each recording, the first of which is heard at the first of `values` and the last at
    the last.
    """

    values: Tensor
    counts: Tensor
    own: Tensor

    def select(self, rows: Tensor) -> "Features":
        """The recordings `rows` (D,), which may repeat."""
        return Features(self.values[rows], self.counts[rows], self.own[rows])


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
    return frames_at(features, lengths, targets, position)


def frames_at(features: Tensor, lengths: Tensor, targets: Tensor, positions: Tensor) -> Tensor:
    """(B, T, C) with `lengths` (B,) valid frames -> (B, max(targets), C): what lies at `positions` (B, max(targets)).

    Positions are float64 frame numbers, linear between two frames; beyond the last frame the last one holds. Frames
    behind a clip's target are zero.
    """
    positions = torch.minimum(positions, (lengths - 1)[:, None].double())
    left = positions.floor().long()
    right = torch.minimum(left + 1, (lengths - 1)[:, None])
    weight = (positions - left).to(features.dtype)[..., None]
    rows = torch.arange(len(features), device=features.device)[:, None]
    mixed = torch.lerp(features[rows, left], features[rows, right], weight)
    return mixed * frame_mask(targets, positions.shape[1])[..., None].to(features.dtype)


def resample_heard(features: Features, frames: Tensor, positions: Tensor | None) -> Tensor:
    """Values of each recording at `frames` (B,) moments -> (B, max(frames), C), zero behind them.

    positions: (B, max(frames)) float64, the moments as numbers of the recording's own frames; None: evenly from its
    first to its last.
    """
    if positions is None:
        return resample_frames(features.values, features.counts, frames)
    scale = (features.counts - 1).double() / (features.own - 1).clamp(min=1).double()
    return frames_at(features.values, features.counts, frames, positions * scale[:, None])


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """(B, frames) bool: True where a frame belongs to the clip."""
    return torch.arange(frames, device=lengths.device) < lengths[:, None]
