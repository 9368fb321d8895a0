"""Cross-reconstruction: the words of one recording with the emotion of another, and what it is compared beside."""

import numpy as np
import torch

from emotalk.model.network import EmoTalk


@torch.inference_mode()
def cross_reconstruct(model: EmoTalk, content: np.ndarray, emotion: np.ndarray, frames: int) -> np.ndarray:
    """Two recordings (n,) at 16 kHz and the target's number of frames -> (frames, 52) float32 in [0, 1].

    D(Ec(content), Ee(emotion)) of the paper's cross-reconstruction loss, computed by the training's forward: both
    recordings at once, features stretched to the target's frames; level and style unknown. `model` is in eval mode.
    """
    # The second output, the content by itself, is not wanted: one frame of it costs least.
    out = model(content, emotion, frames, 1).out11
    return out[0].clamp(0, 1).float().cpu().numpy()


def resample(weights: np.ndarray, frames: int) -> np.ndarray:
    """(n, 52) -> (frames, 52) float32, linear in time, first and last frame kept."""
    position = np.linspace(0, len(weights) - 1, frames)
    left = np.minimum(position.astype(int), max(len(weights) - 2, 0))
    right = np.minimum(left + 1, len(weights) - 1)
    share = (position - left).astype(np.float32)[:, None]
    return weights[left] * (1 - share) + weights[right] * share
