"""The lag between lips and sound: exact on signals with a known one, and silent where nothing can be known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from emotalk.capture.sync import MAX_CORRECTED_S, Offset, estimate_offset


def speech(seconds: float, seed: int) -> np.ndarray:
    """(n, 4) at 1 kHz: what opens the mouth, as unlike from moment to moment as syllables are."""
    noise = np.random.default_rng(seed).normal(size=(round(1000 * seconds), 4))
    shaped = gaussian_filter1d(noise, 60, axis=0)
    return shaped / shaped.std(0)


def signals(late_s: float, seconds: float, *, fps: float = 25, noise: float = 0.5, seed: int = 0):
    """Lips at `fps` and levels at 100 Hz of one speech, `late_s` apart, each mixed in its own way, with noise."""
    cause = speech(seconds + 2, seed)
    rng = np.random.default_rng(seed + 1)
    times_s = np.arange(0, seconds, 1 / fps)
    level_s = (np.arange(round(100 * seconds)) + 0.5) / 100
    clock = np.arange(len(cause)) / 1000 - 1
    lips = np.stack([np.interp(times_s, clock, column) for column in cause.T], 1) @ rng.normal(size=(4, 4))
    bands = np.stack([np.interp(level_s - late_s, clock, column) for column in cause.T], 1) @ rng.normal(size=(4, 4))
    lips += noise * rng.normal(size=lips.shape)
    return times_s, lips, 5 * (bands + noise * rng.normal(size=bands.shape)) - 40


@settings(deadline=None, max_examples=15)
@given(late_s=st.floats(-0.6, 0.6), fps=st.sampled_from([22.13, 25, 29.97, 60]), seed=st.integers(0, 99))
def test_a_known_lag_is_found_to_a_part_of_a_frame(late_s, fps, seed):
    times_s, lips, bands = signals(late_s, 12, fps=fps, seed=seed)
    offset = estimate_offset(times_s, lips, bands, sound_start_s=0)
    assert offset is not None
    assert offset.late_s == pytest.approx(late_s, abs=0.012)
    assert offset.sure


def test_the_sounds_own_start_counts():
    times_s, lips, bands = signals(0.1, 12)
    offset = estimate_offset(times_s, lips, bands, sound_start_s=0.2)
    assert offset is not None
    assert offset.late_s == pytest.approx(0.3, abs=0.012)


def test_lips_and_sound_that_do_not_belong_together_are_not_moved():
    sure = 0
    for seed in range(20):
        times_s, lips, _ = signals(0, 8, seed=seed)
        _, _, bands = signals(0, 8, seed=seed + 1000)
        offset = estimate_offset(times_s, lips, bands, sound_start_s=0)
        sure += offset is not None and offset.sure
    assert sure <= 1


def test_nothing_is_said_of_a_still_mouth_of_silence_or_of_a_moment():
    times_s, lips, bands = signals(0, 12)
    assert estimate_offset(times_s, np.ones_like(lips), bands, sound_start_s=0) is None
    assert estimate_offset(times_s, lips, np.full_like(bands, -100), sound_start_s=0) is None
    short = times_s < 3
    assert estimate_offset(times_s[short], lips[short], bands, sound_start_s=0) is None
    assert estimate_offset(times_s[:0], lips[:0], bands, sound_start_s=0) is None


def test_small_lags_are_corrected_large_ones_refused_and_doubtful_ones_left():
    def offset(late_s: float, halves: tuple[float, float] | None = None) -> Offset:
        return Offset(late_s, 1.5, halves or (late_s, late_s))

    assert offset(0.03).correction_s == 0
    assert offset(-0.2).correction_s == -0.2
    far = offset(MAX_CORRECTED_S + 0.1)
    assert far.too_far
    assert far.correction_s == 0
    doubtful = offset(0.5, (0.5, -0.3))
    assert not doubtful.too_far
    assert offset(0.2, (0.2, 0.3)).correction_s == 0
    assert Offset(0.2, 1.01, (0.2, 0.2)).correction_s == 0
    assert Offset(0.2, 1.9, (0.2, -0.4)).correction_s == 0.2
    assert Offset(0.2, 1.9, (0.5, -0.4)).correction_s == 0
