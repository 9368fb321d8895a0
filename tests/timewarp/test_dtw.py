"""Warping finds where the sounds are, whatever the level, and says so where it cannot."""

import numpy as np
import pytest

from emotalk.audio import SAMPLE_RATE
from emotalk.timewarp import TimeMap, warp


def syllables(durations_s: list[float], seed: int = 0, gain: float = 1.0) -> np.ndarray:
    """Noises of different colours, one after the other; the seed changes every sample, not the colours."""
    rng, out = np.random.default_rng(seed), []
    for number, duration in enumerate(durations_s):
        spectrum = np.fft.rfft(rng.normal(0, 0.1, round(duration * SAMPLE_RATE)))
        hz = np.fft.rfftfreq(round(duration * SAMPLE_RATE), 1 / SAMPLE_RATE)
        centre = 300 * 1.5 ** (5 * number % 8)
        out.append(np.fft.irfft(spectrum * np.exp(-np.square(np.log2((hz + 1) / centre))), len(hz) * 2 - 2))
    return (gain * np.concatenate(out)).astype(np.float32)


FIRST, SECOND = [0.3, 0.2, 0.25, 0.4, 0.2, 0.3], [0.2, 0.3, 0.2, 0.6, 0.15, 0.35]


def test_borders_of_sounds_meet_within_an_analysis_step() -> None:
    samples = {0: syllables(FIRST), 1: syllables(SECOND, seed=1, gain=0.05)}
    there, back = warp([(0, 1), (1, 0)], samples)
    assert there is not None
    assert back is not None
    x, y = np.cumsum(FIRST), np.cumsum(SECOND)
    assert there.at(x) == pytest.approx(y, abs=0.03)
    assert back.at(y) == pytest.approx(x, abs=0.03)
    even = np.interp(x, [0, x[-1]], [0, y[-1]])
    assert np.abs(even - y).max() > 0.1, "the sounds are not where stretching looks for them"
    for found in (there, back):
        assert found.at(np.array([0.0])) == 0
        slopes = np.diff(found.heard_s) / np.diff(found.target_s)
        assert slopes[:-2] == pytest.approx(np.clip(slopes[:-2], 0.499, 2.001))


def test_a_pairs_warp_is_its_own_alone_and_beside_others() -> None:
    samples = {i: syllables([d * (1 + 0.1 * i) for d in (FIRST if i % 2 else SECOND)], seed=i) for i in range(40)}
    pairs = [(i, i + 1) for i in range(39)]
    together = warp(pairs, samples)
    for pair, found in zip(pairs[::7], together[::7], strict=True):
        (alone,) = warp([pair], samples)
        assert isinstance(found, TimeMap)
        assert isinstance(alone, TimeMap)
        np.testing.assert_array_equal(found.heard_s, alone.heard_s)


def test_a_recording_is_warped_onto_itself_by_a_straight_line() -> None:
    (found,) = warp([(0, 0)], {0: syllables(FIRST)})
    assert found is not None
    np.testing.assert_allclose(found.target_s, found.heard_s)


def test_more_than_twice_as_long_has_no_warp_and_silence_has_one() -> None:
    samples = {0: syllables([0.2, 0.2]), 1: syllables([0.6, 0.6]), 2: np.zeros(9_000, np.float32)}
    assert warp([(0, 1), (1, 0)], samples) == [None, None]
    (silent,) = warp([(2, 0)], samples)
    assert silent is not None
    assert warp([], samples) == []
