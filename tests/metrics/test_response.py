"""Intensity response by hand: activities in mm, slopes, and how often they rise."""

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.metrics.bootstrap import clip_counts, resampled
from emotalk.metrics.face import UPPER_FACE
from emotalk.metrics.response import SIZE, Activity, Response, clip_response, response
from emotalk.rigs import Rig


def answer(clips: list[np.ndarray]) -> Response:
    found = response(resampled(np.array(clips), clip_counts([str(i) for i in range(len(clips))])))
    assert found is not None
    return found


def test_activity_is_the_mean_distance_from_rest(rig: Rig) -> None:
    weights = np.zeros((2, 52), np.float32)
    weights[:, INDEX["browInnerUp"]] = (0.5, 1.0)  # the eye moves 1 and 2 mm, the forehead 3 and 6
    weights[:, INDEX["jawOpen"]] = 1.0  # not of the upper face
    assert Activity(rig, UPPER_FACE).mm(weights) == pytest.approx((2 + 4) / 2)


def test_slopes_and_shares_by_hand() -> None:
    rising = clip_response({0.5: 1.0, 1.0: 2.0, 1.5: 3.0}, {0.0: 1.0, 1.0: 1.5}, (0, 1.0))
    falling = clip_response({0.5: 2.0, 1.0: 1.0, 1.5: 2.0}, {0.0: 1.0, 1.0: 0.5}, (1, 3.0))
    found = answer([rising, falling] * 10)
    assert [found.by_intensity[x].value for x in ("0.5", "1.0", "1.5")] == pytest.approx([1.5, 1.5, 2.5])
    assert found.intensity_slope.value == pytest.approx(1.0)
    assert found.rising.value == pytest.approx(0.5)
    assert found.level_slope.value == pytest.approx(0.0)
    assert found.rising_level.value == pytest.approx(0.5)
    assert found.real_level_slope.value == pytest.approx(2.0)
    assert found.clips == 20


def test_the_interval_of_a_slope_holds_the_true_one() -> None:
    rng = np.random.default_rng(0)
    clips = []
    for _ in range(60):
        base = rng.normal(2, 1)
        clips.append(clip_response({x: base + 0.7 * x + rng.normal(0, 0.1) for x in (0.5, 1.0, 1.5)}, {}, None))
    slope = answer(clips).intensity_slope
    assert slope.interval is not None
    assert slope.interval[0] < 0.7 < slope.interval[1]
    assert slope.interval[1] - slope.interval[0] < 0.12  # though the clips themselves differ by a millimetre


def test_what_was_not_measured_is_no_number() -> None:
    assert response(np.zeros((1001, SIZE))) is None
    only_level = answer([clip_response({}, {0.0: 1.0, 1.0: 2.0}, (0, 1.0))] * 12)
    assert only_level.intensity_slope.value is None
    assert only_level.level_slope.value == pytest.approx(1.0)
    assert only_level.real_level_slope.value is None  # real clips of one level alone
