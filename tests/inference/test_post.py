"""Post-processing: the same for any cut of the frames, and each step does what it says."""

from itertools import pairwise

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.signal import savgol_filter

from emotalk.blendshapes import COEFFICIENTS, GROUPS, INDEX
from emotalk.controls import Controls, Shaping, Track
from emotalk.controls.track import number_at
from emotalk.inference.post import PostProcessor, loudness_dbfs
from emotalk.inference.post.gate import SPEECH, gates
from tests.controls.shapings import shapings, tracks

PLAIN = Controls(smoothing=0, silence_gate=0, blinks_per_minute=0, tail_s=0)
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
    controls = Controls(silence_gate=0, blinks_per_minute=0, tail_s=0)
    smooth = process(raw, np.full(30, LOUD), controls)
    np.testing.assert_allclose(smooth[2:-2], savgol_filter(raw, 5, 2, axis=0)[2:-2], atol=1e-6)
    steady = np.full((3, 52), 0.5, np.float32)
    np.testing.assert_allclose(process(steady, np.full(3, LOUD), controls), steady, atol=1e-6)


def test_in_silence_the_mouth_rests_and_the_expression_stays() -> None:
    raw = np.full((40, 52), 0.6, np.float32)
    loudness = np.where(np.arange(40) < 20, -20, -90).astype(np.float32)
    controls = Controls(smoothing=0, blinks_per_minute=0, tail_s=0)
    out = process(raw, loudness, controls)
    assert out[10, JAW] == np.float32(0.6)
    assert (out[26:, SPEECH] == 0).all()
    assert (out[:, SMILE] == np.float32(0.6)).all()


def test_the_tail_brings_the_face_to_rest_without_touching_earlier_frames() -> None:
    raw = frames(20)
    with_tail = process(raw, np.full(20, LOUD), Controls(smoothing=0, blinks_per_minute=0, tail_s=1.0))
    without = process(raw, np.full(20, LOUD), Controls(smoothing=0, blinks_per_minute=0, tail_s=0))
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


def test_a_gate_of_half_strength_leaves_half_the_speech() -> None:
    raw = np.full((40, 52), 0.6, np.float32)
    quiet = np.full(40, -90, np.float32)
    timed = Track(((0.0, 0.0), (1.0, 0.0), (1.0, 0.5)))
    for strength in (0.5, timed):
        controls = Controls(smoothing=0, blinks_per_minute=0, tail_s=0, silence_gate=strength)
        jaw = process(raw, quiet, controls)[:, JAW]
        np.testing.assert_allclose(jaw, 0.6 * (1 - number_at(strength, np.arange(40))), atol=1e-6)
    heard = Controls(smoothing=0, blinks_per_minute=0, tail_s=0, shaping=Shaping(silence_dbfs=-100))
    assert process(raw, quiet, heard)[-1, JAW] == np.float32(0.6)


@given(loud=st.lists(st.booleans(), min_size=1, max_size=70), start=st.integers(0, 10))
def test_the_gate_opens_in_two_frames_and_closes_in_five(loud: list[bool], start: int) -> None:
    passed = gates(np.array([loud]), np.ones((1, len(loud)), bool), np.array([start]))[0]
    gate = start
    for heard, found in zip(loud, passed, strict=True):
        gate = min(10, gate + 5) if heard else max(0, gate - 2)
        assert found == gate


@settings(deadline=None, max_examples=60)
@given(count=st.integers(1, 90), columns=st.sampled_from([52, 58]), shaping=shapings, data=st.data())
def test_pieces_of_any_size_give_the_same_frames_of_any_shaping(
    count: int, columns: int, shaping: Shaping, data: st.DataObject
) -> None:
    cuts = data.draw(st.lists(st.integers(0, count), max_size=6))
    strength = data.draw(st.sampled_from([1.0, 0.5]) | tracks(0, 1))
    rate = data.draw(st.sampled_from([15.0, 60.0]) | tracks(0, 60))
    controls = Controls(smoothing=strength, silence_gate=strength, blinks_per_minute=rate, shaping=shaping)
    loudness = np.where(np.arange(count) % 7 < 3, -90, -20).astype(np.float32)
    raw = np.hstack([frames(count), frames(count, 1)])[:, :columns]
    whole = process(raw, loudness, controls)
    assert len(whole) == count + 15
    assert (whole[:, :52] >= 0).all()
    assert (whole[:, :52] <= 1).all()
    cut = process(raw, loudness, controls, cuts)
    np.testing.assert_allclose(cut, whole, atol=2e-6)


@given(order=st.integers(0, 2), upper=st.sampled_from([3, 5, 15]), lower=st.sampled_from([3, 7, 31]))
def test_upper_and_lower_face_are_smoothed_by_their_own_windows(order: int, upper: int, lower: int) -> None:
    raw = frames(80).clip(0.3, 0.7)
    shaping = Shaping(upper_window=upper, lower_window=lower, smoothing_order=order)
    controls = Controls(silence_gate=0, blinks_per_minute=0, tail_s=0, shaping=shaping)
    smooth, middle = process(raw, np.full(80, LOUD), controls), slice(16, -16)
    assert len(smooth) == 80
    for window, group in ((upper, "upper_face"), (lower, "lower_face")):
        expected = savgol_filter(raw, window, order, axis=0)[middle, GROUPS[group]]
        np.testing.assert_allclose(smooth[middle, GROUPS[group]], expected, atol=1e-5)
    steady = np.full((3, 52), 0.5, np.float32)
    np.testing.assert_allclose(process(steady, np.full(3, LOUD), controls), steady, atol=1e-5)


def test_smoothing_may_fade_in() -> None:
    raw = frames(60).clip(0.3, 0.7)
    loud, still = np.full(60, LOUD), {"silence_gate": 0.0, "blinks_per_minute": 0.0, "tail_s": 0.0}
    fades = Track(((0.0, 0.0), (2.0, 1.0)))
    smooth = process(raw, loud, Controls(**still))
    share = fades.at(np.arange(60))[:, None]
    np.testing.assert_allclose(
        process(raw, loud, Controls(smoothing=fades, **still)), raw + share * (smooth - raw), atol=1e-6
    )
    lower = process(raw, loud, Controls(shaping=Shaping(upper_smoothing=0), **still))
    np.testing.assert_allclose(lower[:, GROUPS["upper_face"]], raw[:, GROUPS["upper_face"]], atol=1e-6)
    np.testing.assert_array_equal(lower[:, GROUPS["lower_face"]], smooth[:, GROUPS["lower_face"]])


@given(count=st.integers(1, 5_000))
@example(count=534)  # its second frame has a third of a sample
def test_loudness_is_the_power_of_a_frames_own_samples(count: int) -> None:
    samples = np.full(count, 0.1, np.float32)
    loudness = loudness_dbfs(samples, 0, -(-count * 30 // 16_000))
    np.testing.assert_allclose(loudness, -20, atol=1e-3)
