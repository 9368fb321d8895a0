"""Cross-reconstruction: the words of one recording with the emotion of another, and what it is compared beside."""

from collections.abc import Sequence

import numpy as np
import torch

from emotalk.blendshapes import COEFFICIENTS
from emotalk.model.network import EmoTalk


@torch.inference_mode()
def cross_reconstruct(
    model: EmoTalk, content: np.ndarray, emotion: np.ndarray, alignments: Sequence[np.ndarray]
) -> list[np.ndarray]:
    """Two recordings (n,) at 16 kHz and where the target's frames lie in the first -> faces (frames, 52) in [0, 1].

    D(Ec(content), Ee(emotion)) of the paper's cross-reconstruction loss, once for each alignment (frames,), which are
    positions among the content's own frames; the emotion, of other words, is stretched. Level and style are unknown.
    `model` is in eval mode.
    """
    said, felt = (
        encoder.listen(
            torch.as_tensor(samples, dtype=torch.float32, device=model.device)[None],
            torch.tensor([len(samples)], device=model.device),
        )
        for encoder, samples in ((model.content_encoder, content), (model.emotion_encoder, emotion))
    )
    mix = model.level_mix(None, 1), model.style_mix(None, 1)
    faces = []
    for alignment in alignments:
        frames = torch.tensor([len(alignment)], device=model.device)
        positions = torch.as_tensor(alignment, dtype=torch.float64, device=model.device)[None]
        memory = model.encode_emotion(felt, frames).memory
        out = model.decode(model.encode_content(said, frames, positions), memory, *mix)
        faces.append(out[0, :, : len(COEFFICIENTS)].clamp(0, 1).float().cpu().numpy())
    return faces


def resample(weights: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(n, 52) at positions (frames,) among its frames -> (frames, 52) float32, linear in time."""
    left = np.minimum(positions.astype(int), max(len(weights) - 2, 0))
    right = np.minimum(left + 1, len(weights) - 1)
    share = (positions - left).astype(np.float32)[:, None]
    return weights[left] * (1 - share) + weights[right] * share
