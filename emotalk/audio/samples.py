"""What counts as samples: vectors of floating-point numbers that a network can hear without overflow."""

import numpy as np

from emotalk.errors import InputError

LOUDEST = 1e6  # times full scale: float files whose samples are integers' stay below; powers overflow far above


def checked_samples(samples: object) -> np.ndarray:
    """(n,) floating-point mono sound -> the same as float32, not copied where it is. InputError for anything else."""
    given = np.asarray(samples)
    if given.ndim != 1 or given.dtype.kind != "f":
        raise InputError(
            f"samples must be a vector of floating-point mono sound, not {given.dtype} of shape {given.shape}"
        )
    if (place := first_wrong(given)) is not None:
        raise InputError(f"samples must be finite numbers about full scale, not {given[place]:g}, as number {place} is")
    return given.astype(np.float32, copy=False)


def first_wrong(samples: np.ndarray) -> int | None:
    """The place of the first of (n,) numbers that is none, or no sound."""
    fine = np.abs(samples) <= LOUDEST
    return None if fine.all() else int(np.argmin(fine))
