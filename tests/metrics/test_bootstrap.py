"""Intervals: as wide as they should be, the same however the work was spread, and paired."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from emotalk.metrics.bootstrap import MIN_CLIPS, clip_counts, interval, resampled


def names(count: int, tag: str = "") -> list[str]:
    return [f"clip{tag}{i}" for i in range(count)]


def mean_interval(values: np.ndarray, seed: int = 0) -> tuple[float, float]:
    sums = resampled(np.stack([values, np.ones_like(values)], 1), clip_counts(names(len(values)), seed))
    found = interval(sums[:, 0] / sums[:, 1], len(values))
    assert found is not None
    return found


def test_the_first_row_is_the_plain_sum() -> None:
    values = np.random.default_rng(0).normal(size=(30, 4))
    assert resampled(values, clip_counts(names(30)))[0] == pytest.approx(values.sum(axis=0))


def test_the_interval_of_a_mean_is_that_of_scipys_bootstrap() -> None:
    values = np.random.default_rng(3).gamma(2.0, 1.0, 150)
    expected = stats.bootstrap((values,), np.mean, method="percentile", random_state=0).confidence_interval
    found = mean_interval(values)
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.12 * width)


def test_the_true_mean_lies_inside_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    counts = clip_counts(names(60))
    inside = 0
    for _ in range(400):
        values = rng.normal(5, 2, 60)
        sums = resampled(np.stack([values, np.ones(60)], 1), counts)
        low, high = interval(sums[:, 0] / sums[:, 1], 60) or (0, 0)
        inside += low <= 5 <= high
    assert 0.90 <= inside / 400 <= 0.98


@settings(deadline=None, max_examples=20)
@given(order=st.permutations(range(12)), cut=st.integers(0, 12))
def test_neither_order_nor_grouping_changes_a_replicate(order: list[int], cut: int) -> None:
    values = np.arange(24.0).reshape(12, 2)
    clips = names(12)
    whole = resampled(values, clip_counts(clips))
    parts = [order[:cut], order[cut:]]
    total = sum(resampled(values[part], clip_counts([clips[i] for i in part])) for part in parts if part)
    assert np.allclose(total, whole)


def test_a_paired_difference_is_surer_than_its_two_ends() -> None:
    rng = np.random.default_rng(1)
    hard = rng.normal(10, 3, 80)  # what makes a clip hard is hard for both
    one, other = hard + rng.normal(0, 0.1, 80), hard - 0.2 + rng.normal(0, 0.1, 80)
    counts = clip_counts(names(80))
    means = [resampled(v, counts) / resampled(np.ones(80), counts) for v in (one, other)]
    low, high = interval(means[0] - means[1], 80) or (0, 0)
    assert 0 < low < 0.2 < high < 0.3
    assert high - low < 0.1 * np.diff(mean_interval(one))[0]


def test_another_seed_is_another_draw_of_the_same_interval() -> None:
    values = np.random.default_rng(3).normal(0, 1, 200)
    first, second = mean_interval(values, 0), mean_interval(values, 1)
    assert first != second
    assert first == pytest.approx(second, abs=0.05)


def test_few_clips_and_nothing_measured_have_no_interval() -> None:
    assert interval(np.linspace(0, 1, 1001), MIN_CLIPS - 1) is None
    assert interval(np.linspace(0, 1, 1001), MIN_CLIPS) == pytest.approx((0.0255, 0.9755), abs=2e-3)
    assert interval(np.full(1001, np.nan), 50) is None
