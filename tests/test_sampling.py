"""Any rate to 30 a second by time stamps: nothing is invented above it, nothing is changed below it."""

import numpy as np
import pytest

from emotalk.sampling import at_times

WANTED_S = np.arange(15, 105) / 30


def sine(hz: float, times_s: np.ndarray) -> np.ndarray:
    """(n, 2): a sine and a cosine, so that neither phase hides."""
    return np.stack([np.sin(2 * np.pi * hz * times_s), np.cos(2 * np.pi * hz * times_s)], 1)


def unsteady(rate: float) -> np.ndarray:
    """4 s of time stamps that come by a clock that shakes, with lost ones."""
    times_s = np.arange(round(4 * rate)) / rate + np.random.default_rng(0).uniform(-0.2, 0.2, round(4 * rate)) / rate
    return np.delete(times_s, [50, 51, 80])


@pytest.mark.parametrize("rate", [48.0, 50.0, 59.94, 60.0, 120.0])
@pytest.mark.parametrize("hz", [18.0, 20.0])
def test_what_30_frames_cannot_hold_is_gone_and_does_not_come_back_as_another_movement(rate: float, hz: float) -> None:
    times_s = np.arange(round(4 * rate)) / rate
    assert np.abs(at_times(sine(hz, times_s), times_s, WANTED_S)).max() < 0.02


@pytest.mark.parametrize("rate", [48.0, 60.0, 120.0])
@pytest.mark.parametrize(("hz", "gain"), [(2.0, 1.0), (8.0, 1.0), (12.0, 0.78), (13.5, 0.5), (16.0, 0.09)])
def test_what_they_can_hold_stays_in_its_place(rate: float, hz: float, gain: float) -> None:
    times_s = np.arange(round(4 * rate)) / rate
    got = at_times(sine(hz, times_s), times_s, WANTED_S)
    np.testing.assert_allclose(got, gain * sine(hz, WANTED_S), atol=0.02)


def test_a_clock_that_shakes_and_lost_frames_change_little() -> None:
    times_s = unsteady(60)
    np.testing.assert_allclose(at_times(sine(3, times_s), times_s, WANTED_S), sine(3, WANTED_S), atol=0.1)
    assert np.sqrt(np.square(at_times(sine(20, times_s), times_s, WANTED_S)).mean()) < 0.2


@pytest.mark.parametrize("rate", [10.0, 22.13, 25.0, 29.97, 30.0, 31.0])
def test_up_to_30_a_second_it_is_the_straight_line_between_the_two_around(rate: float) -> None:
    times_s = np.arange(round(4 * rate)) / rate
    values = np.random.default_rng(1).uniform(size=(len(times_s), 3))
    want = np.stack([np.interp(WANTED_S, times_s, column) for column in values.T], 1)
    np.testing.assert_allclose(at_times(values, times_s, WANTED_S), want, atol=1e-6)


def test_measurements_that_stand_at_the_wanted_times_stay_to_the_bit() -> None:
    values = np.random.default_rng(1).uniform(size=(120, 52)).astype(np.float32)
    np.testing.assert_array_equal(at_times(values, np.arange(120) / 30, WANTED_S), values[15:105])


@pytest.mark.parametrize("times_s", [np.arange(240) / 60, unsteady(60), unsteady(25), np.array([0.1, 3.9])])
def test_a_straight_line_stays_one_and_is_held_beyond_its_ends(times_s: np.ndarray) -> None:
    wanted_s = np.arange(-30, 150) / 30
    line = np.stack([2 * times_s + 1, np.full(len(times_s), 0.3)], 1)
    held = wanted_s.clip(times_s[0], times_s[-1])
    np.testing.assert_allclose(
        at_times(line, times_s, wanted_s), np.stack([2 * held + 1, 0 * held + 0.3], 1), atol=0.01
    )


def test_a_hole_of_a_minute_is_a_straight_line_and_one_measurement_is_held() -> None:
    times_s = np.concatenate([np.arange(60) / 60, 61 + np.arange(60) / 60])
    got = at_times((times_s > 30)[:, None].astype(float), times_s, np.arange(35, 1800) / 30)
    assert (np.diff(got[:, 0]) > -1e-3).all()
    assert got[-1, 0] == pytest.approx((1800 / 30 - 1) / 60, abs=0.02)
    assert (at_times(np.array([[0.7]]), np.array([2.0]), WANTED_S) == 0.7).all()


def test_what_is_no_number_is_felt_near_it_alone() -> None:
    times_s = np.arange(240) / 60
    values = np.full((240, 1), 0.5)
    values[120] = np.nan
    bad = ~np.isfinite(at_times(values, times_s, WANTED_S))[:, 0]
    assert bad.any()
    assert np.abs(WANTED_S[bad] - 2).max() <= 0.25
    assert bad[np.abs(WANTED_S - 2) < 0.01].all()
