"""How steadily and how surely an emotion is heard: causal, over a bounded past, so that streams hear the same."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from emotalk.model.network import EmotionHead

HISTORY = 29  # frames before one that can have a part in it
SURE_FRAMES = HISTORY + 1  # the label is told from the last second
RAMP = 0.1  # so far below the threshold nothing of the emotion is left


def steadied(hidden: Tensor, number: Tensor, windows: Sequence[int]) -> Tensor:
    """Features (B, HISTORY + T, C), number (B, T) of the last T frames -> (B, T, C), each the mean of its row's last
    `windows` frames, as far as the recording has so many."""
    kinds = set(windows)
    if len(kinds) == 1:
        return _mean(hidden, number, windows[0])
    return torch.cat([_mean(hidden[i : i + 1], number[i : i + 1], window) for i, window in enumerate(windows)])


def fading(head: EmotionHead, hidden: Tensor, number: Tensor, threshold: Tensor) -> Tensor:
    """-> (B, T, 1): 1 where the likeliest label of the last second is as probable as the threshold (B, t, 1), 0 where
    it is RAMP less so."""
    sure = head(_mean(hidden, number, SURE_FRAMES)).softmax(-1).amax(-1, keepdim=True)
    return torch.where(threshold > 0, (1 + (sure - threshold) / RAMP).clamp(0, 1), 1.0)


def _mean(hidden: Tensor, number: Tensor, window: int) -> Tensor:
    recent = hidden[:, HISTORY + 1 - window :]
    if window == 1:
        return recent
    sums = F.avg_pool1d(recent.transpose(1, 2), window, 1).transpose(1, 2) * window
    return sums / (number + 1).clamp(1, window)[..., None].to(hidden.dtype)
