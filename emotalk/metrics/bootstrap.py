"""How sure a number is: a bootstrap over clips.

Every replicate counts every clip a Poisson(1) number of times (Hanley & MacGibbon 2006; Chamandy et al. 2012), which
for more than a few clips is the ordinary bootstrap and needs no more memory than the replicates' sums, however many
clips there are. A clip's counts depend on its name and the seed alone: all methods are resampled alike, so that a
difference of two of them is paired, and no order or spread of the work changes an interval.

Clips are the unit: frames of one clip are no independent evidence. Clips of one speaker are not quite independent
either; an interval speaks of other clips of the same speakers, not of other speakers.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

REPLICATES = 1_000
LEVEL = 0.95
MIN_CLIPS = 10  # with fewer, percentiles of resampled clips promise more than they keep


def clip_counts(clip_ids: Sequence[str], seed: int = 0, replicates: int = REPLICATES) -> np.ndarray:
    """(1 + replicates, clips) float64: how often each replicate counts each clip. Row 0 counts each once."""
    out = np.ones((1 + replicates, len(clip_ids)))
    for column, clip_id in enumerate(clip_ids):
        digest = hashlib.sha256(f"{seed}/{clip_id}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "little"))
        out[1:, column] = rng.poisson(1.0, replicates)
    return out


def resampled(sums: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(clips, …) sums, (1 + replicates, clips) counts -> (1 + replicates, …): the plain sum, then the replicates'."""
    return np.asarray((counts @ sums.reshape(len(sums), -1)).reshape(len(counts), *sums.shape[1:]))


def interval(values: np.ndarray, clips: int) -> tuple[float, float] | None:
    """(1 + replicates,) values of `resampled` sums -> the central 95 %; None for too few clips or nothing measured.

    Replicates in which there was nothing to measure are left out.
    """
    known = values[1:][~np.isnan(values[1:])]
    if clips < MIN_CLIPS or np.isnan(values[0]) or len(known) < len(values) // 2:
        return None
    low, high = np.percentile(known, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)
