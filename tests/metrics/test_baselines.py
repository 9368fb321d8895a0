"""Baselines recover what they can express, and see nothing of a recording's gain."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.blendshapes import INDEX
from emotalk.metrics.baselines import Baselines, FitSums, normal_equations, solve_ridge
from emotalk.metrics.logmel import BANDS, CONTEXT, log_mel, with_context
from emotalk.metrics.loudness import jaw_follows_loudness, relative_loudness_db
from tests.random_corpus import random_clip, squares

JAW = INDEX["jawOpen"]
CLIPS = [random_clip(labels) for labels in squares("train", ("ann", "bob", "cleo"))]


def bursts(loudness_db: list[float], samples_each: int = 1_600) -> np.ndarray:
    """A 1 kHz tone whose level steps every 0.1 s (three frames)."""
    gain = np.repeat(10 ** (np.array(loudness_db) / 20), samples_each)
    return (0.5 * gain * np.sin(2 * np.pi * 1_000 * np.arange(len(gain)) / 16_000)).astype(np.float32)


@given(seed=st.integers(0, 1_000), scale=st.floats(0.01, 100))
@settings(deadline=None, max_examples=25)
def test_ridge_recovers_a_linear_map_of_any_scale(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(3, 1, (200, 12)) * scale
    slopes, offset = rng.normal(0, 1, (12, 5)) / scale, rng.normal(0, 1, 5)
    halves = [normal_equations(part, part @ slopes + offset) for part in (features[:70], features[70:])]
    gram, cross = (sum(parts) for parts in zip(*halves, strict=True))
    found = solve_ridge(gram, cross, penalty=1e-9)
    assert found[:-1] * scale == pytest.approx(slopes * scale, abs=1e-5)
    assert found[-1] == pytest.approx(offset, abs=1e-4)


def test_a_heavy_penalty_leaves_the_mean() -> None:
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(50, 4)), rng.uniform(size=(50, 3))
    found = solve_ridge(*normal_equations(features, targets), penalty=1e9)
    assert features @ found[:-1] + found[-1] == pytest.approx(np.tile(targets.mean(axis=0), (50, 1)), abs=1e-6)


def test_features_without_variance_still_give_the_mean() -> None:
    found = solve_ridge(*normal_equations(np.full((10, 4), 7.0), np.arange(10.0)[:, None]), penalty=0.01)
    assert np.full(4, 7.0) @ found[:-1] + found[-1] == pytest.approx([4.5])


def test_mean_face_is_the_mean_over_all_frames() -> None:
    fitted = Baselines.fit(sum((FitSums.of(c.samples, c.weights) for c in CLIPS), FitSums.zero()))
    expected = np.concatenate([clip.weights for clip in CLIPS]).mean(axis=0)
    assert fitted.mean_face(3) == pytest.approx(np.tile(expected, (3, 1)), abs=1e-6)


def test_jaw_by_loudness_recovers_a_jaw_linear_in_decibels() -> None:
    def clip(levels: list[float]) -> tuple[np.ndarray, np.ndarray]:
        samples = bursts(levels)
        weights = np.full((3 * len(levels), 52), 0.3, np.float32)
        weights[:, JAW] = 0.8 + 0.02 * np.repeat(levels, 3)
        return samples, weights

    fitted = Baselines.fit(FitSums.of(*clip([0, -10, -20, -30])) + FitSums.of(*clip([-5, 0, -25, -12, -3])))
    samples, weights = clip([0, -15, -8, -28])
    assert fitted.jaw_by_loudness(samples, len(weights)) == pytest.approx(weights, abs=0.01)


def test_ridge_follows_a_jaw_that_follows_loudness_and_the_mean_face_does_not() -> None:
    train, strangers = CLIPS[:12], CLIPS[12:]
    fitted = Baselines.fit(sum((FitSums.of(c.samples, c.weights) for c in train), FitSums.zero()))
    found, real = [], []
    for clip in strangers:
        faces = fitted.predict(clip.samples, clip.frames)
        assert {face.shape for face in faces.values()} == {clip.weights.shape}
        assert all(face.min() >= 0 and face.max() <= 1 for face in faces.values())
        found.append(faces["ridge regression"][:, JAW])
        real.append(clip.weights[:, JAW])
    assert np.corrcoef(np.concatenate(found), np.concatenate(real))[0, 1] > 0.8


def test_the_fit_does_not_depend_on_how_the_clips_were_grouped() -> None:
    sums = [FitSums.of(clip.samples, clip.weights) for clip in CLIPS]
    one_by_one = Baselines.fit(sum(sums, FitSums.zero()))
    grouped = Baselines.fit(sum(sums[7:], FitSums.zero()) + sum(sums[:7], FitSums.zero()))
    samples, frames = CLIPS[0].samples, CLIPS[0].frames
    for name, face in one_by_one.predict(samples, frames).items():
        assert grouped.predict(samples, frames)[name] == pytest.approx(face, abs=1e-5)


def test_a_fit_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no frames"):
        Baselines.fit(FitSums.zero())


@pytest.mark.parametrize("gain", [0.1, 0.5])
def test_features_do_not_know_the_recordings_gain(gain: float) -> None:
    samples = CLIPS[0].samples
    assert log_mel(gain * samples, 20) == pytest.approx(log_mel(samples, 20), abs=1e-3)
    assert relative_loudness_db(gain * samples, 20) == pytest.approx(relative_loudness_db(samples, 20), abs=1e-3)


@pytest.mark.parametrize("frames", [0, 1, 2, 30])
def test_silence_and_very_short_recordings_have_finite_features(frames: int) -> None:
    samples = np.zeros(max(1, frames * 533), np.float32)
    features = with_context(log_mel(samples, frames))
    assert features.shape == (frames, (2 * CONTEXT + 1) * BANDS)
    assert np.isfinite(features).all()
    assert relative_loudness_db(samples, frames) == pytest.approx(np.full(frames, -40.0))


def test_a_features_band_is_where_its_tone_is() -> None:
    loudest = [int(log_mel(_tone(hz), 30)[15].argmax()) for hz in (200, 1_000, 4_000)]
    assert loudest[0] < loudest[1] < loudest[2]


def test_context_puts_neighbours_in_their_order_and_repeats_the_ends() -> None:
    rows = with_context(np.arange(8.0)[:, None])
    assert rows[0].tolist() == [0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5]
    assert rows[6].tolist() == [1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7]


def test_a_jaw_that_follows_loudness_is_told_from_one_that_does_not() -> None:
    samples = bursts([0, -60, 0, -60, -3, -60])
    good = np.zeros((18, 52), np.float32)
    good[:, JAW] = np.repeat([0.6, 0.05, 0.6, 0.05, 0.5, 0.05], 3)
    followed = jaw_follows_loudness(samples, good)
    assert (followed.silent, followed.loud) == pytest.approx((0.05, 1.7 / 3))
    assert followed.correlation is not None
    assert followed.correlation > 0.95
    still = jaw_follows_loudness(samples, np.full((18, 52), 0.3, np.float32))
    assert (still.silent, still.loud, still.correlation) == (pytest.approx(0.3), pytest.approx(0.3), None)


def _tone(hz: int) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000).astype(np.float32)
