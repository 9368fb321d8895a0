"""Intensity response: does the upper face show more where more is asked for?

The activity of a face is the mean distance of its upper-face vertices from rest, over frames, in mm. It is measured
with the control `intensity` at 0.5, 1 and 1.5 and with the trained level at 0 and 1, on clips of an emotion other than
neutral, and beside it on real clips of both levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from emotalk.metrics.bootstrap import interval
from emotalk.metrics.measures import mean, number
from emotalk.metrics.moments import moments, regression
from emotalk.metrics.vertices import Field
from emotalk.rigs.rig import Rig

INTENSITIES = (0.5, 1.0, 1.5)
LEVELS = (0.0, 1.0)
# Sums of a clip: activity per setting and a count, twice; whether it rises, twice; the real clips' moments.
_INTENSITY, _LEVEL = slice(0, 3), slice(4, 6)
_INTENSITY_CLIPS, _LEVEL_CLIPS, _RISES, _RISES_LEVEL = 3, 6, 7, 8
_REAL = slice(9, 15)
SIZE = 15


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value with its 95 % interval over clips; None where there is none."""

    value: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, kw_only=True)
class Response:
    """How the upper face answers, in mm of mean distance from rest.

    by_intensity / by_level: activity at each setting. intensity_slope: mm per unit of intensity, the least-squares line
    through 0.5, 1 and 1.5. level_slope: mm from level 0 to 1. real_level_slope: the same of the real clips, whose
    levels are labelled (other clips at each level). rising: share of the clips whose activity rises at every step.
    """

    clips: int
    by_intensity: dict[str, Estimate]
    intensity_slope: Estimate
    rising: Estimate
    by_level: dict[str, Estimate]
    level_slope: Estimate
    rising_level: Estimate
    real_level_slope: Estimate


class Activity:
    """Mean distance of some vertices of a rig from rest, over frames."""

    def __init__(self, rig: Rig, regions: tuple[str, ...]) -> None:
        self._field = Field(rig, regions)

    def mm(self, weights: np.ndarray) -> float:
        """(frames, 52) -> mm."""
        total = sum(
            float(np.sqrt(block).mean(1).sum(dtype=np.float64)) for block in self._field.squared_lengths(weights)
        )
        return total / max(len(weights), 1)


def clip_response(
    by_intensity: Mapping[float, float], by_level: Mapping[float, float], real: tuple[int, float] | None
) -> np.ndarray:
    """One clip's activities in mm -> (SIZE,) sums. by_intensity / by_level: empty where not measured.

    real: level and activity of the real clip, None where it has no level or is neutral.
    """
    out = np.zeros(SIZE)
    if by_intensity:
        steps = [by_intensity[setting] for setting in INTENSITIES]
        out[_INTENSITY], out[_INTENSITY_CLIPS], out[_RISES] = steps, 1, _rises(steps)
    if by_level:
        steps = [by_level[setting] for setting in LEVELS]
        out[_LEVEL], out[_LEVEL_CLIPS], out[_RISES_LEVEL] = steps, 1, _rises(steps)
    if real is not None:
        out[_REAL] = moments(np.array([real[0]]), np.array([real[1]]))
    return out


def response(sums: np.ndarray) -> Response | None:
    """(1 + replicates, SIZE) resampled sums -> the answer, None where nothing was measured."""
    count = int(max(sums[0, _INTENSITY_CLIPS], sums[0, _LEVEL_CLIPS]))
    if not count and not sums[0, _REAL].any():
        return None

    def estimate(values: np.ndarray, of: int = count) -> Estimate:
        return Estimate(value=number(values[0]), interval=interval(values, of))

    intensities = [mean(value, sums[:, _INTENSITY_CLIPS]) for value in sums[:, _INTENSITY].T]
    levels = [mean(value, sums[:, _LEVEL_CLIPS]) for value in sums[:, _LEVEL].T]
    offsets = np.array(INTENSITIES) - np.mean(INTENSITIES)
    slope = sum(offset * value for offset, value in zip(offsets, intensities, strict=True)) / np.square(offsets).sum()
    _, real = regression(sums[:, _REAL])
    labelled = int(sums[0, _REAL][0])
    both = 0 < sums[0, _REAL][1] < labelled
    return Response(
        clips=count,
        by_intensity={str(x): estimate(value) for x, value in zip(INTENSITIES, intensities, strict=True)},
        intensity_slope=estimate(slope),
        rising=estimate(mean(sums[:, _RISES], sums[:, _INTENSITY_CLIPS])),
        by_level={str(x): estimate(value) for x, value in zip(LEVELS, levels, strict=True)},
        level_slope=estimate(levels[1] - levels[0]),
        rising_level=estimate(mean(sums[:, _RISES_LEVEL], sums[:, _LEVEL_CLIPS])),
        real_level_slope=estimate(real, labelled) if both else Estimate(value=None, interval=None),
    )


def _rises(steps: list[float]) -> bool:
    return all(after > before for before, after in pairwise(steps))
