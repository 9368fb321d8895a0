"""Shaping of single frames: each control moves what it says and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.blendshapes import GROUPS, INDEX, columns_named
from emotalk.controls import Controls, Shaping, Track
from emotalk.inference.post import PostProcessor
from emotalk.inference.post.shaping import NARROWED, OPENING, SHUT, close_lips, move_lids
from emotalk.metrics.opening import LipOpening
from emotalk.rigs import procedural_head

JAW = INDEX["jawOpen"]


def shaped(raw: np.ndarray, **shaping: object) -> np.ndarray:
    """Without anything that comes behind shaping but the clamp."""
    controls = Controls(smoothing=0, silence_gate=0, blinks_per_minute=0, tail_s=0, shaping=Shaping(**shaping))  # type: ignore[arg-type]
    return PostProcessor(controls).push(raw, np.zeros(len(raw)))


def frames(count: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.4, (count, 52)).astype(np.float32)


def test_gain_and_offset_reach_what_they_name_and_meet_in_one_coefficient() -> None:
    raw = frames()
    out = shaped(raw, gain={"jawOpen": 1.5, "jaw": 0.5, "mouthSmile": 2}, offset={"brows": 0.1, "browInnerUp": 0.1})
    expected = raw.copy()
    expected[:, columns_named("jaw")] *= 0.5
    expected[:, JAW] *= 1.5
    expected[:, columns_named("mouthSmile")] *= 2
    expected[:, columns_named("brows")] += 0.1
    expected[:, INDEX["browInnerUp"]] += 0.1
    np.testing.assert_allclose(out, expected.clip(0, 1), atol=1e-6)


def test_a_gain_may_change_over_time() -> None:
    raw = np.full((61, 52), 0.2, np.float32)
    out = shaped(raw, gain={"jawOpen": Track(((0.0, 1.0), (1.0, 3.0))), "jaw": 0.5})
    np.testing.assert_allclose(out[:, JAW], 0.1 * np.interp(np.arange(61) / 30, [0, 1], [1, 3]), atol=1e-6)
    np.testing.assert_allclose(out[:, INDEX["jawLeft"]], 0.1, atol=1e-6)


@pytest.mark.parametrize("half", ["upper_face", "lower_face"])
def test_a_strength_moves_its_half_of_the_face(half: str) -> None:
    raw = frames()
    out = shaped(raw, **{half: 2})
    other = [i for i in range(52) if i not in GROUPS[half]]
    np.testing.assert_allclose(out[:, GROUPS[half]], 2 * raw[:, GROUPS[half]], atol=1e-6)
    np.testing.assert_array_equal(out[:, other], raw[:, other])


def test_limits_hold_whatever_else_happens() -> None:
    raw = np.random.default_rng(0).uniform(-1, 2, (200, 52)).astype(np.float32)
    shaping = Shaping(minimum={"jawOpen": 0.1, "jaw": 0.05}, maximum={"mouth": 0.7, "mouthSmile": 0.5}, gaze=2)
    post = PostProcessor(Controls(shaping=shaping))
    out = np.concatenate([post.push(raw, np.where(np.arange(200) < 90, -20, -90)), post.flush()])
    assert out[:, JAW].min() == np.float32(0.1)
    assert out[:, INDEX["jawLeft"]].min() == np.float32(0.05)
    assert out[:, INDEX["mouthFunnel"]].max() == np.float32(0.7)
    assert out[:, columns_named("mouthSmile")].max() == 0.5


def test_where_limits_contradict_each_other_the_maximum_counts() -> None:
    assert (shaped(frames(), minimum={"jawOpen": 0.8}, maximum={"jawOpen": 0.6})[:, JAW] == np.float32(0.6)).all()


def test_the_opening_is_that_of_the_default_head() -> None:
    """Near enough to tell what is nearly closed: within a millimetre and a half."""
    rig = procedural_head()
    rng = np.random.default_rng(0)
    faces = np.zeros((300, 52), np.float32)
    for name in ("jawOpen", "mouthClose", "mouthFunnel", "mouthLowerDown", "mouthUpperUp", "mouthShrugUpper"):
        faces[:, columns_named(name)] = rng.uniform(0, 0.15, (300, 1))
    jaw_mm = LipOpening(rig).of(np.eye(52, dtype=np.float32)[[JAW]])[0]
    error = LipOpening(rig).of(faces) - np.maximum(faces @ OPENING, 0) * jaw_mm
    assert np.abs(error).max() < 1.5
    assert pytest.approx(3, abs=0.05) == jaw_mm * SHUT
    assert pytest.approx(6, abs=0.1) == jaw_mm * NARROWED


def test_lips_that_nearly_meet_do_and_wide_mouths_stay_open() -> None:
    opening = LipOpening(procedural_head())
    names = ("jawOpen", "mouthLowerDown", "mouthUpperUp")
    shares = np.linspace(0, 1, 101, dtype=np.float32)
    faces = np.zeros((101, 52), np.float32)
    for name, most in zip(names, (0.4, 0.1, 0.1), strict=True):
        faces[:, columns_named(name)] = most * shares[:, None]
    before = opening.of(faces)
    closed = [opening.of(_closed(faces, amount)) for amount in (0.0, 0.5, 1.0)]
    np.testing.assert_array_equal(closed[0], before)
    assert (closed[1] <= before + 1e-5).all()
    assert (closed[2] <= closed[1] + 1e-5).all()
    assert closed[2][before < 2.5].max() < 0.1
    assert closed[1][before < 1.2].max() < 0.1
    np.testing.assert_allclose(closed[2][before > 6.5], before[before > 6.5], atol=1e-5)
    # A mouth that opens opens in the picture, too: no jumps.
    assert np.diff(closed[2]).max() < 0.5
    assert (np.diff(closed[2]) > -1e-4).all()
    np.testing.assert_array_equal(_closed(faces, 1.0)[:, JAW], faces[:, JAW])


def _closed(faces: np.ndarray, amount: float) -> np.ndarray:
    out = faces.copy()
    close_lips(out, np.full(len(out), amount, np.float32))
    return out


@given(blink=st.floats(0, 1), wide=st.floats(0, 1), amount=st.floats(-1, 1))
def test_lids_open_and_close_within_their_range(blink: float, wide: float, amount: float) -> None:
    face = np.zeros((1, 52), np.float32)
    face[:, columns_named("eyeBlink")], face[:, columns_named("eyeWide")] = blink, wide
    moved = face.copy()
    move_lids(moved, np.array([amount], np.float32))
    assert ((moved >= 0) & (moved <= 1)).all()
    change = (moved - face)[0]
    others = [i for i in range(52) if i not in GROUPS["lids"]]
    assert not change[others].any()
    if amount >= 0:
        assert (change[list(columns_named("eyeBlink"))] >= -1e-6).all()
        assert (change[list(columns_named("eyeWide"))] <= 1e-6).all()
    if amount <= 0:
        assert (change[list(columns_named("eyeBlink"))] <= 1e-6).all()
        assert (change[list(columns_named("eyeWide"))] >= -1e-6).all()
