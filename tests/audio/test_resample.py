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
    rate=st.sampled_from([8_000, 22_050, 44_100, 48_000, 16_001, 44_101]),
    length=st.integers(0, 60_000),
    cuts=st.lists(st.integers(0, 60_000), max_size=6),
)
def test_the_cuts_do_not_matter(rate: int, length: int, cuts: list[int]) -> None:
    samples = np.random.default_rng(length).standard_normal(length).astype(np.float32)
    whole = resampled(samples, rate)
    assert len(whole) == -(-length * 16_000 // rate)
    np.testing.assert_array_equal(resampled(samples, rate, tuple(sorted(cuts))), whole)


# Rates that share little with 16 kHz, over the whole range that recordings have.
@settings(deadline=None, max_examples=12)
@given(rate=st.one_of(st.sampled_from([4_001, 22_051, 44_101, 47_999, 383_987, 384_000]), st.integers(4_000, 384_000)))
def test_any_rate_has_a_small_filter_and_keeps_a_sine(rate: int) -> None:
    resampler = Resampler(rate)
    assert resampler.filter_size < 600_000  # 2.4 MB
    samples = np.sin(2 * np.pi * 777.7 * np.arange(rate + 123) / rate).astype(np.float32)
    got = np.concatenate([resampler.push(samples), resampler.flush()])
    assert len(got) == -(-len(samples) * 16_000 // rate)
    expected = np.sin(2 * np.pi * 777.7 * np.arange(len(got)) / 16_000)
    np.testing.assert_allclose(got[200:-200], expected[200:-200], atol=4e-5)


def test_an_odd_rate_does_not_drift() -> None:
    # A clock that errs by a part in a million would be 1.2 samples off at the end of these 75 s.
    rate, seconds = 47_999, 75
    samples = np.sin(2 * np.pi * 777.7 * np.arange(seconds * rate) / rate).astype(np.float32)
    got = resampled(samples, rate)
    assert len(got) == seconds * 16_000
    last_second = np.arange(len(got) - 16_000, len(got) - 200)
    np.testing.assert_allclose(got[last_second], np.sin(2 * np.pi * 777.7 * last_second / 16_000), atol=4e-5)


@pytest.mark.parametrize("rate", [44_101, 96_001])
def test_what_16_khz_cannot_hold_is_removed_at_odd_rates(rate: int) -> None:
    high = np.sin(2 * np.pi * 9_000 * np.arange(rate) / rate).astype(np.float32)
    assert np.abs(resampled(high, rate)[200:-200]).max() < 1e-4


def test_16_khz_passes_through_untouched() -> None:
    samples = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    np.testing.assert_array_equal(resampled(samples, 16_000), samples)


@pytest.mark.parametrize("rate", [0, 999, 1_092_676])
def test_broken_rates_are_refused(rate: int) -> None:
    with pytest.raises(InputError, match=str(rate)):
        Resampler(rate)
