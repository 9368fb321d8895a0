"""Post-processing: the same for any cut of the frames, and each step does what it says."""

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.controls import Controls
from emotalk.inference.post import EYES, SPEECH, PostProcessor, blink_track, loudness_dbfs

PLAIN = Controls(smoothing=False, silence_gate=False, blinks_per_minute=0, tail_s=0)
LOUD = 0.0
JAW, SMILE = INDEX["jawOpen"], INDEX["mouthSmileLeft"]


def frames(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.2, 1.2, (count, len(COEFFICIENTS))).astype(np.float32)


def process(raw: np.ndarray, loudness: np.ndarray, controls: Controls, cuts: list[int] | None = None) -> np.ndarray:
    post = PostProcessor(controls)
    edges = [0, *sorted(cuts or []), len(raw)]
    parts = [post.push(raw[a:b], loudness[a:b]) for a, b in pairwise(edges)]
    return np.concatenate([*parts, post.flush()])


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 60), data=st.data())
def test_pieces_of_any_size_give_the_same_frames(count: int, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, count), max_size=6))
    loudness = np.where(np.arange(count) % 7 < 3, -90, -20).astype(np.float32)
    whole = process(frames(count), loudness, Controls())
    assert len(whole) == count + 15
    np.testing.assert_array_equal(process(frames(count), loudness, Controls(), cuts), whole)


@given(count=st.integers(1, 40))
def test_without_any_step_only_the_clamp_is_left(count: int) -> None:
    raw = frames(count)
    np.testing.assert_array_equal(process(raw, np.full(count, LOUD), PLAIN), raw.clip(0, 1))


def test_smoothing_is_savitzky_golay_in_the_middle_and_defined_at_the_ends() -> None:
    raw = frames(30).clip(0.3, 0.7)
    controls = Controls(silence_gate=False, blinks_per_minute=0, tail_s=0)
    smooth = process(raw, np.full(30, LOUD), controls)
    np.testing.assert_allclose(smooth[2:-2], savgol_filter(raw, 5, 2, axis=0)[2:-2], atol=1e-6)
    steady = np.full((3, 52), 0.5, np.float32)
    np.testing.assert_allclose(process(steady, np.full(3, LOUD), controls), steady, atol=1e-6)


def test_in_silence_the_mouth_rests_and_the_expression_stays() -> None:
    raw = np.full((40, 52), 0.6, np.float32)
    loudness = np.where(np.arange(40) < 20, -20, -90).astype(np.float32)
    controls = Controls(smoothing=False, blinks_per_minute=0, tail_s=0)
    out = process(raw, loudness, controls)
    assert out[10, JAW] == np.float32(0.6)
    assert (out[26:, SPEECH] == 0).all()
    assert (out[:, SMILE] == np.float32(0.6)).all()


def test_the_tail_brings_the_face_to_rest_without_touching_earlier_frames() -> None:
    raw = frames(20)
    with_tail = process(raw, np.full(20, LOUD), Controls(smoothing=False, blinks_per_minute=0, tail_s=1.0))
    without = process(raw, np.full(20, LOUD), Controls(smoothing=False, blinks_per_minute=0, tail_s=0))
    np.testing.assert_array_equal(with_tail[:20], without)
    assert len(with_tail) == 50
    assert (with_tail[-1] == 0).all()
    assert (np.diff(with_tail[20:], axis=0) <= 1e-6).all()


def test_a_head_behind_the_face_is_smoothed_and_rests_in_the_tail_and_nothing_else() -> None:
    rng = np.random.default_rng(1)
    head = np.cumsum(rng.normal(0, 5, (40, 6)), 0).astype(np.float32)
    loudness = np.full(40, -90, np.float32)
    both = process(np.hstack([frames(40), head]), loudness, Controls(), [7, 7, 30])
    np.testing.assert_array_equal(both[:, :52], process(frames(40), loudness, Controls()))
    np.testing.assert_allclose(both[2:38, 52:], savgol_filter(head, 5, 2, axis=0)[2:38], rtol=1e-4, atol=1e-4)
    tail = np.abs(both[40:, 52:])
    assert (np.diff(tail, axis=0) <= 0).all()
    assert not tail[-1].any()


def test_a_clip_that_ends_in_a_blink_opens_its_eyes_in_the_tail() -> None:
    controls = Controls(smoothing=False, tail_s=0.5)
    count = int(blink_track(0, 600, controls).argmax()) + 1
    assert blink_track(0, count, controls)[-1] == 1
    raw = np.full((count, 52), 0.2, np.float32)
    out = process(raw, np.full(count, LOUD), controls)
    ease = process(raw, np.full(count, LOUD), Controls(smoothing=False, tail_s=0.5, blinks_per_minute=0))
    blink = blink_track(0, len(out), controls)
    np.testing.assert_array_equal(out[:, EYES[0]], np.maximum(ease[:, EYES[0]], blink))
    assert out[count + 7, EYES[0]] < 0.2


@settings(deadline=None)
@given(first=st.integers(0, 5_000), count=st.integers(1, 400), seed=st.integers(0, 2**40))
def test_blinks_depend_on_seed_and_time_alone(first: int, count: int, seed: int) -> None:
    controls = Controls(seed=seed, blinks_per_minute=20)
    whole = blink_track(0, first + count, controls)
    np.testing.assert_array_equal(blink_track(first, count, controls), whole[first:])


def test_blinks_come_as_often_as_asked_and_close_the_eyes() -> None:
    track = blink_track(0, 30 * 60 * 10, Controls(blinks_per_minute=15))
    starts = np.flatnonzero((track[1:] > 0) & (track[:-1] == 0))
    assert 145 <= len(starts) <= 155
    assert track.max() == 1
    out = process(np.zeros((600, 52), np.float32), np.full(600, LOUD), Controls())
    assert out[:, EYES].max() == 1
    assert out[:, JAW].max() == 0


def test_other_seeds_blink_at_other_times() -> None:
    tracks = [blink_track(0, 3_000, Controls(seed=seed)) for seed in (0, 1)]
    assert not np.array_equal(*tracks)


@given(count=st.integers(1, 5_000))
@example(count=534)  # its second frame has a third of a sample
def test_loudness_is_the_power_of_a_frames_own_samples(count: int) -> None:
    samples = np.full(count, 0.1, np.float32)
    loudness = loudness_dbfs(samples, 0, -(-count * 30 // 16_000))
    np.testing.assert_allclose(loudness, -20, atol=1e-3)
