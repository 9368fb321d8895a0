"""Values measured at times of their own, read at other times: how every frame rate becomes 30 a second, by time stamps.

Measurements that come no faster than that are read on the straight line between the two around, and one that stands at
a wanted time to the bit. Faster ones are low-passed on the way: a tremble of 20 Hz in a capture at 60 fps would else
become a movement of 10 Hz that was never made.
"""

import numpy as np

from emotalk.blendshapes import FPS

FASTER = 1.1  # times 30 a second: clocks that drift are not faster
# A sinc under a Hann window: whole up to 9 Hz, faster than lips are; half at 13.5 Hz; what lies above 18 Hz is gone.
CUTOFF_HZ = 13.5
REACH_S = 0.2
HOLE = 1.5  # usual steps: what is wider is filled on the straight line, so that no measurement counts for all of it
_BLOCK = 256  # wanted times at once


def at_times(values: np.ndarray, times_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """(n, k) at `times_s` (n,), never falling -> (m, k) float64 at `wanted_s` (m,), rising; n and m at least 1.

    Held before the first and after the last. Of equal times the first counts. NaN and infinity stay where they are
    felt.
    """
    if not (keep := np.concatenate([[True], np.diff(times_s) > 0])).all():
        times_s, values = times_s[keep], values[keep]
    near = times_s[(times_s >= wanted_s[0] - REACH_S) & (times_s <= wanted_s[-1] + REACH_S)]
    step_s = float(np.median(np.diff(near))) if len(near) > 2 else np.inf
    if step_s * FASTER * float(FPS) >= 1:
        return _line(values, times_s, wanted_s)
    wanted_s = np.clip(wanted_s, times_s[0], times_s[-1])
    times_s, values = _mirrored(times_s, values, wanted_s)
    nodes_s = _without_holes(times_s, wanted_s, step_s)
    return _low_passed(_line(values, times_s, nodes_s), nodes_s, wanted_s)


def _line(values: np.ndarray, times_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """On the straight line between the measurements around."""
    if len(times_s) == 1:
        return np.repeat(values, len(wanted_s), axis=0).astype(np.float64)
    left = np.clip(np.searchsorted(times_s, wanted_s + 1e-9, "right") - 1, 0, len(times_s) - 2)
    share = np.clip((wanted_s - times_s[left]) / (times_s[left + 1] - times_s[left]), 0, 1)[:, None]
    share[share < 1e-6] = 0  # on a measurement, but for rounding: that one, to the bit
    share[share > 1 - 1e-6] = 1
    before, after = values[left].astype(np.float64), values[left + 1].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        mixed = before * (1 - share) + after * share
    out: np.ndarray = np.where(share == 0, before, np.where(share == 1, after, mixed))
    return out


def _mirrored(times_s: np.ndarray, values: np.ndarray, wanted_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is within reach of the wanted times, going on beyond both ends as it came, turned half a circle.

    So the first and the last measurement stay what they are, and a straight line stays one up to its ends.
    """
    inside = (times_s > wanted_s[0] - 2 * REACH_S) & (times_s < wanted_s[-1] + 2 * REACH_S)
    near_s, near = times_s[inside], values[inside].astype(np.float64)
    if not len(near_s):  # in the middle of a hole
        return times_s, values
    all_s, everything = [near_s], [near]
    with np.errstate(invalid="ignore", over="ignore"):
        if near_s[0] == times_s[0]:
            all_s.insert(0, 2 * near_s[0] - near_s[:0:-1])
            everything.insert(0, 2 * near[0] - near[:0:-1])
        if near_s[-1] == times_s[-1]:
            all_s.append(2 * near_s[-1] - near_s[-2::-1])
            everything.append(2 * near[-1] - near[-2::-1])
    return np.concatenate(all_s), np.concatenate(everything)


def _without_holes(times_s: np.ndarray, wanted_s: np.ndarray, step_s: float) -> np.ndarray:
    """The times within reach of the wanted ones, and others between them where they lie far apart."""
    first_s, last_s = wanted_s[0] - REACH_S - 2 * step_s, wanted_s[-1] + REACH_S + 2 * step_s
    nodes_s = np.concatenate([[first_s], times_s[(times_s > first_s) & (times_s < last_s)], [last_s]])
    steps_s = np.diff(nodes_s)
    between = [
        nodes_s[hole] + steps_s[hole] * np.arange(1, count) / count
        for hole in np.flatnonzero(steps_s > HOLE * step_s)
        for count in (int(np.ceil(steps_s[hole] / step_s)),)
    ]
    return np.sort(np.concatenate([nodes_s, *between]))


def _low_passed(values: np.ndarray, nodes_s: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """Each wanted value is the mean of the nodes within reach, by the kernel and by the time each stands for."""
    stands_s = np.gradient(nodes_s)
    starts, stops = (np.searchsorted(nodes_s, wanted_s + side * REACH_S) for side in (-1, 1))
    out = np.empty((len(wanted_s), values.shape[1]))
    for first in range(0, len(wanted_s), _BLOCK):
        start, stop, at_s = (each[first : first + _BLOCK, None] for each in (starts, stops, wanted_s))
        index = start + np.arange(int((stop - start).max()))
        within = index < stop
        index = np.minimum(index, len(nodes_s) - 1)
        lag_s = nodes_s[index] - at_s
        kernel = np.sinc(2 * CUTOFF_HZ * lag_s) * (1 + np.cos(np.pi * lag_s / REACH_S))
        weight = np.where(within, kernel * stands_s[index], 0)
        weight /= weight.sum(1, keepdims=True)
        with np.errstate(invalid="ignore", over="ignore"):
            found = np.where(within[:, :, None], values[index], 0)
            out[first : first + _BLOCK] = (weight[:, None, :] @ found)[:, 0]
    return out
