"""The optimiser of a run: what learns, how fast, and how its learning rate goes over the run."""

import math
from dataclasses import dataclass

import torch
from torch import nn

from emotalk.errors import InputError
from emotalk.model.network import EmoTalk
from emotalk.model.transformer import TransformerEncoder

FINAL_FACTOR = 0.05


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """Adam, as in the paper, with a warm-up and half a cosine."""

    learning_rate: float = 1e-4
    """After the warm-up; it falls to a twentieth along half a cosine."""
    encoder_factor: float = 1.0
    """Of the learning rate, for encoders that were trained before: below 1 they keep more of what they know."""
    frozen_layers: int = 0
    """First transformer layers of both encoders that stay as they were trained before."""
    warmup_steps: int = 100
    """Steps over which the learning rate rises from nothing."""
    clip_norm: float = 1.0
    """Largest norm of a step's gradient."""

    def __post_init__(self) -> None:
        # NaN is not positive either.
        if not all(value > 0 for value in (self.learning_rate, self.clip_norm, self.encoder_factor)):
            raise InputError("learning_rate, encoder_factor and clip_norm must be positive")
        if min(self.frozen_layers, self.warmup_steps) < 0:
            raise InputError("frozen_layers and warmup_steps must not be negative")


def make_optimiser(model: EmoTalk, config: OptimiserConfig, auxiliary: nn.Module | None = None) -> torch.optim.Adam:
    """Freezes what is to stay and returns Adam over the rest; every group knows its `base_lr`.

    auxiliary: heads beside the model that learn with it, at their `pace` times its rate. InputError for more frozen
    layers than an encoder has.
    """
    pretrained: set[torch.nn.Parameter] = set()
    for encoder in (model.content_encoder, model.emotion_encoder):
        if isinstance(encoder, TransformerEncoder):
            encoder.freeze(config.frozen_layers)
            pretrained |= set(encoder.parameters())
    groups = []
    for head in auxiliary.children() if auxiliary else ():
        if weights := list(head.parameters()):
            rate = config.learning_rate * getattr(head, "pace", 1.0)
            groups.append({"params": weights, "lr": rate, "base_lr": rate})
    for inside, factor in ((True, config.encoder_factor), (False, 1.0)):
        # In the model's order: a set's would change from process to process.
        params = [p for p in model.parameters() if p.requires_grad and (p in pretrained) == inside]
        if params:
            rate = config.learning_rate * factor
            groups.append({"params": params, "lr": rate, "base_lr": rate})
    return torch.optim.Adam(groups)


def set_learning_rate(optimiser: torch.optim.Optimizer, factor: float) -> float:
    """Every group at `factor` of its base rate; -> the rate of the last group, the decoder's."""
    for group in optimiser.param_groups:
        group["lr"] = group["base_lr"] * factor
    return float(optimiser.param_groups[-1]["lr"])


def learning_rate_factor(steps_done: int, progress: float, warmup_steps: int) -> float:
    """Factor on the base learning rate after `steps_done` steps at `progress` (0 to 1) of the run."""
    warmup = min(1.0, (steps_done + 1) / max(1, warmup_steps))
    cosine = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return warmup * (FINAL_FACTOR + (1 - FINAL_FACTOR) * cosine)
