"""A rig inside torch: coefficients in, vertices out, gradients through."""

import numpy as np
import torch

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.rigs.rig import Rig


class RigLayer(torch.nn.Module):
    """(..., 52) -> (..., n, 3) mm: all vertices of a rig, or those of one or more regions. Nothing in it is trained."""

    neutral: torch.Tensor
    fields: torch.Tensor

    def __init__(self, rig: Rig, *regions: str) -> None:
        super().__init__()
        ids = rig.region(*regions) if regions else np.arange(len(rig.neutral))
        self.register_buffer("neutral", torch.tensor(rig.neutral[ids].reshape(-1)), persistent=False)
        self.register_buffer("fields", torch.tensor(rig.displacements[:, ids].reshape(52, -1)), persistent=False)

    def forward(self, weights: torch.Tensor) -> torch.Tensor:
        if weights.shape[-1:] != (len(COEFFICIENTS),):
            raise InputError(f"weights are (..., {len(COEFFICIENTS)}), not {tuple(weights.shape)}")
        flat = torch.addmm(self.neutral, weights.reshape(-1, len(COEFFICIENTS)), self.fields)
        return flat.reshape(*weights.shape[:-1], -1, 3)
