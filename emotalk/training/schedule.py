"""The learning rate over a run: a linear warm-up, then half a cosine down to a twentieth."""

import math

FINAL_FACTOR = 0.05


def learning_rate_factor(steps_done: int, progress: float, warmup_steps: int) -> float:
    """Factor on the base learning rate after `steps_done` steps at `progress` (0 to 1) of the run."""
    warmup = min(1.0, (steps_done + 1) / max(1, warmup_steps))
    cosine = (1 + math.cos(math.pi * min(1.0, progress))) / 2
    return warmup * (FINAL_FACTOR + (1 - FINAL_FACTOR) * cosine)
