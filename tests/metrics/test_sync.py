"""The lag of two signals, known by construction."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.blendshapes import INDEX
from emotalk.metrics.moments import correlation
from emotalk.metrics.pair import Pair
from emotalk.metrics.sync import MAX_LAG_FRAMES, LipSync, best_lag, lagged_moments, sync_offset
from emotalk.rigs import Rig
from tests.random_corpus import Labels, random_clip


def wave(frames: int, shift: float = 0.0, seed: int = 0) -> np.ndarray:
    """Slow random sines at `shift` frames later."""
    rng = np.random.default_rng(seed)
    rates, phases = rng.uniform(0.15, 0.7, 6), rng.uniform(0, 6, 6)
    return np.sin((np.arange(frames)[:, None] - shift) * rates + phases).sum(axis=1)


@settings(deadline=None, max_examples=40)
@given(shift=st.floats(-6, 6), seed=st.integers(0, 100))
def test_a_shift_is_found_to_a_fraction_of_a_frame(shift: float, seed: int) -> None:
    found = sync_offset(wave(200, shift, seed), wave(200, 0, seed))
    assert found.lag_frames == pytest.approx(shift, abs=0.15)
    assert found.confidence > 0.3


def test_scale_and_offset_do_not_matter_and_the_sign_turns_with_the_roles() -> None:
    late, early = wave(120, 3), wave(120)
    assert sync_offset(5 * late + 100, early - 7) == pytest.approx(sync_offset(late, early), abs=1e-6)
    assert sync_offset(early, late).lag_frames == pytest.approx(-sync_offset(late, early).lag_frames, abs=1e-6)


def test_noise_has_little_confidence() -> None:
    rng = np.random.default_rng(1)
    strangers = sync_offset(rng.normal(size=600), rng.normal(size=600))
    assert strangers.confidence < 0.15 < sync_offset(wave(600, 2), wave(600)).confidence


@pytest.mark.parametrize("signal", [np.zeros(50), np.full(50, 0.3), np.zeros(1), np.zeros(0)])
def test_a_constant_or_missing_signal_has_no_lag(signal: np.ndarray) -> None:
    assert np.isnan(sync_offset(signal, wave(len(signal)))).all()


def test_the_parabola_by_hand() -> None:
    correlations = np.array([0.1, 0.2, 0.5, 0.8, 0.7])  # lags -2 … 2; parabola through .5, .8, .7
    lag, confidence = best_lag(correlations)
    assert lag == pytest.approx(1 + (0.5 - 0.7) / (2 * (0.5 - 1.6 + 0.7)))
    assert confidence == pytest.approx(0.8 - 0.5)


def test_a_peak_at_the_edge_stays_there() -> None:
    lag, _ = best_lag(np.linspace(0, 1, 2 * MAX_LAG_FRAMES + 1))
    assert lag == MAX_LAG_FRAMES


def test_moments_of_a_lag_are_those_of_the_shifted_signals() -> None:
    a, b = wave(50, 0, 1), wave(50, 0, 2)
    by_lag = correlation(lagged_moments(a, b, 4))
    assert by_lag[4 + 3] == pytest.approx(np.corrcoef(a[3:], b[:-3])[0, 1])
    assert by_lag[4 - 3] == pytest.approx(np.corrcoef(a[:-3], b[3:])[0, 1])


def test_late_lips_are_found_against_sound_and_truth_over_several_clips(rig: Rig) -> None:
    sync = LipSync(rig)
    total: dict[int, np.ndarray] = {}
    for shift in (0, 3):
        for i in range(12):
            clip = random_clip(Labels("test", f"speaker{i}", "x", None))
            late = np.roll(clip.weights, shift, axis=0)
            late[:shift] = clip.weights[0]
            total[shift] = total.get(shift, 0) + sync.sums(Pair(late, clip.weights, samples=clip.samples))
    in_time, late_by_3 = (sync.values(total[shift]) for shift in (0, 3))
    assert in_time[2] == pytest.approx(0, abs=0.05)
    assert late_by_3[2] == pytest.approx(3, abs=0.3)
    assert late_by_3[0] - in_time[0] == pytest.approx(3, abs=0.4)
    assert in_time[0] == pytest.approx(0, abs=1)  # the jaw of these clips follows their loudness


def test_without_sound_only_the_truth_is_asked(rig: Rig) -> None:
    weights = np.zeros((60, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.5 + 0.1 * wave(60).clip(-4, 4)
    lag_sound, _, lag_truth, _ = LipSync(rig).values(LipSync(rig).sums(Pair(weights, weights)))
    assert np.isnan(lag_sound)
    assert lag_truth == pytest.approx(0, abs=1e-6)
