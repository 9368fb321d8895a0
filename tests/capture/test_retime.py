"""A track of any rate becomes 30 frames a second by its time stamps; what nobody saw is counted."""

from dataclasses import replace

import numpy as np
import pytest

from emotalk.capture.retime import retime
from tests.capture.tracks import make_track


@pytest.mark.parametrize("times_s", [np.arange(0, 4, 1 / 25), np.arange(0, 4, 1 / 59.94), np.arange(60) ** 1.05 / 18])
def test_a_straight_line_stays_one_whatever_the_rate(times_s):
    track = make_track(times_s)
    track = replace(track, near=np.repeat(0.2 + 0.1 * times_s[:, None], 52, 1).astype(np.float32))
    face = retime(track, 0.5, 60)
    want = 0.2 + 0.1 * (0.5 + np.arange(60) / 30)
    np.testing.assert_allclose(face.weights, np.repeat(want[:, None], 52, 1), atol=1e-6)
    assert not face.filled.any()
    assert not face.lost.any()


def test_at_30_fps_it_is_savitzky_golay_with_clamped_ends():
    from scipy.signal import savgol_filter

    times_s = np.arange(90) / 30
    values = np.random.default_rng(1).normal(0.5, 0.4, (90, 52)).astype(np.float32)
    face = retime(replace(make_track(times_s), near=values), 10 / 30, 50)
    np.testing.assert_allclose(face.weights, savgol_filter(values, 5, 2, axis=0)[10:60].clip(0, 1), atol=1e-5)


def test_short_gaps_are_filled_and_counted_and_long_ones_are_lost():
    times_s = np.arange(0, 6, 1 / 25)
    faces = np.ones(len(times_s), np.uint8)
    faces[(times_s > 1.0) & (times_s < 1.2)] = 0  # 1.0 … 1.2 s: five frames between the faces
    faces[(times_s > 3.0) & (times_s < 4.0)] = 0
    values = np.where(faces[:, None] > 0, 0.3, 0.9).astype(np.float32) * np.ones((1, 52), np.float32)
    face = retime(replace(make_track(times_s), faces=faces, near=values), 0.0, 170)
    np.testing.assert_allclose(face.weights, 0.3, atol=1e-6)
    assert 4 <= face.filled.sum() <= 7
    assert 28 <= face.lost.sum() <= 31
    assert not (face.filled & face.lost).any()


def test_the_head_turns_through_half_a_circle_the_short_way():
    times_s = np.arange(0, 2, 0.1)
    head = np.zeros((20, 6), np.float32)
    head[:, 2] = np.where(np.arange(20) % 2, np.pi - 0.01, -np.pi + 0.01)
    roll = retime(replace(make_track(times_s), head=head), 0, 50).head[:, 2]
    assert np.abs(np.cos(roll) + 1).max() < 1e-3


def test_nobody_to_see_is_lost_not_an_error():
    track = make_track(np.arange(0, 2, 0.04))
    face = retime(replace(track, faces=np.zeros(50, np.uint8)), 0, 30)
    assert face.lost.all()
    assert not face.weights.any()
