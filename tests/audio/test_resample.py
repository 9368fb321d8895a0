"""The resampler: exact lengths, no delay, no aliases, one answer however the input is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly

from emotalk.audio import Resampler
from emotalk.errors import InputError
from tests.audio.recordings import sweep

RATES = [8_000, 11_025, 22_050, 24_000, 44_100, 48_000, 96_000]


def resampled(samples: np.ndarray, rate: int, cuts: tuple[int, ...] = ()) -> np.ndarray:
    resampler = Resampler(rate)
    return np.concatenate([*(resampler.push(part) for part in np.split(samples, cuts)), resampler.flush()])


@pytest.mark.parametrize("rate", RATES)
def test_a_sweep_keeps_its_place_in_time(rate: int) -> None:
    expected = sweep(2.0, 16_000)
    got = resampled(sweep(2.0, rate), rate)
    assert len(got) == len(expected)
    np.testing.assert_allclose(got, expected, atol=3e-5)


@pytest.mark.parametrize("rate", RATES)
def test_agrees_with_scipy(rate: int) -> None:
    samples = sweep(1.0, rate)
    reference = resample_poly(samples.astype(np.float64), 16_000, rate)
    got = resampled(samples, rate)
    assert len(got) == len(reference)
    lag = np.argmax(np.correlate(got[:3000], reference[100:2900], "valid")) - 100
    assert lag == 0
    np.testing.assert_allclose(got, reference, atol=2e-3)  # scipy's filter is the shorter one


def test_what_16_khz_cannot_hold_is_removed() -> None:
    t = np.arange(48_000) / 48_000
    high = np.sin(2 * np.pi * 9_000 * t).astype(np.float32)
    assert np.abs(resampled(high, 48_000)[200:-200]).max() < 1e-4


@settings(deadline=None, max_examples=15)
@given(
    rate=st.sampled_from([8_000, 22_050, 44_100, 48_000, 16_001]),
    length=st.integers(0, 60_000),
    cuts=st.lists(st.integers(0, 60_000), max_size=6),
)
def test_the_cuts_do_not_matter(rate: int, length: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    whole = resampled(samples, rate)
    assert len(whole) == -(-length * 16_000 // rate)
    np.testing.assert_array_equal(resampled(samples, rate, tuple(sorted(cuts))), whole)


def test_16_khz_passes_through_untouched() -> None:
    samples = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    np.testing.assert_array_equal(resampled(samples, 16_000), samples)


@pytest.mark.parametrize("rate", [0, 999, 1_092_676])
def test_broken_rates_are_refused(rate: int) -> None:
    with pytest.raises(InputError, match=str(rate)):
        Resampler(rate)
