"""Errors of faces, in millimetres and in coefficients: cases computed by hand, and what must hold of any face."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.blendshapes import INDEX
from emotalk.errors import InputError
from emotalk.metrics.coefficients import CoefficientError, JawCorrelation, VelocityError, moments, regression
from emotalk.metrics.face import face_measures
from emotalk.metrics.vertices import FRAMES_AT_A_TIME, LipGapError, UpperFaceDynamics, VertexError
from emotalk.rigs import Rig

fixed_rig = settings(deadline=None, max_examples=40)


def faces(frames: int, **tracks: list[float]) -> np.ndarray:
    weights = np.zeros((frames, 52), np.float32)
    for name, values in tracks.items():
        weights[:, INDEX[name]] = values
    return weights


def random_face(seed: int, frames: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, (frames, 52)).astype(np.float32)


def test_lve_is_the_mean_over_frames_of_the_largest_lip_distance(rig: Rig) -> None:
    real = faces(3, jawOpen=[0.5, 0.5, 0.0], mouthFunnel=[0, 0, 0.2], browInnerUp=[1, 0, 0])
    predicted = faces(3, jawOpen=[0.1, 0.5, 0.3], mouthFunnel=[0.4, 0, 0], browInnerUp=[0, 0, 0])
    # Frame 0: lip 0 off by 0.4 · 5 = 2 mm, lip 1 by 4 mm. Frame 1: nothing. Frame 2: lip 0 by 1 mm, lip 1 by 3 mm.
    lve = VertexError(rig, ("lips",), "LVE")
    assert lve.values(lve.sums(predicted, real)) == pytest.approx(((4 + 0 + 3) / 3, (16 + 0 + 9) / 3), rel=1e-6)


def test_eve_sees_eyes_and_forehead_only(rig: Rig) -> None:
    eve = VertexError(rig, ("eyes", "forehead"), "EVE")
    real = faces(2, jawOpen=[1, 1], browInnerUp=[0.5, 0])
    assert eve.values(eve.sums(faces(2), real)) == pytest.approx((1.5, 4.5))  # the forehead moves most: 3 mm, 0 mm


def test_lip_gap_error_counts_overlap_as_closed(rig: Rig) -> None:
    real = faces(2, jawOpen=[0, 0.5])  # gaps of 2 and 7 mm
    predicted = faces(2, jawOpen=[0.1, -0.4])  # 3 mm, and lips that overlap by 2 mm
    gap = LipGapError(rig)
    assert gap.values(gap.sums(predicted, real)) == pytest.approx(((1 + 7) / 2,))


def test_fdd_is_positive_for_a_stiff_face_and_ignores_where_it_is_stiff(rig: Rig) -> None:
    fdd = UpperFaceDynamics(rig, ("eyes", "forehead"))
    real = faces(4, browInnerUp=[0, 1, 0, 1])  # deviations of 1 mm (eye) and 3 mm (forehead)
    stiff = faces(4, browInnerUp=[0.7] * 4)
    assert fdd.values(fdd.sums(stiff, real)) == pytest.approx((2.0,), abs=1e-3)
    assert fdd.values(fdd.sums(real, stiff)) == pytest.approx((-2.0,), abs=1e-3)


def test_coefficient_errors_by_hand() -> None:
    real, predicted = faces(2), faces(2, jawOpen=[0.3, -0.1], browInnerUp=[0, 0.2])
    everything = CoefficientError("all")
    assert everything.values(everything.sums(predicted, real)) == pytest.approx((0.6 / 104, (0.14 / 104) ** 0.5))
    upper = CoefficientError("upper face")
    mae, _ = upper.values(upper.sums(predicted, real))
    assert mae == pytest.approx(0.2 / (2 * 24))  # 5 brow, 3 cheek, 14 eye and 2 nose coefficients


def test_velocity_error_ignores_an_offset_and_sees_jitter() -> None:
    velocity = VelocityError()
    real = faces(3, jawOpen=[0.1, 0.2, 0.3])
    assert velocity.values(velocity.sums(real + np.float32(0.25), real)) == pytest.approx((0.0, 0.0), abs=1e-7)
    jitter = faces(3, jawOpen=[0.1, 0.5, 0.3])  # changes 0.4 and -0.2 instead of 0.1 and 0.1
    assert velocity.values(velocity.sums(jitter, real)) == pytest.approx(((0.18 / 104) ** 0.5, 0.6 / 104), rel=1e-5)


def test_a_clip_of_one_frame_has_no_velocity() -> None:
    velocity = VelocityError()
    assert velocity.values(velocity.sums(faces(1), faces(1))) == (None, None)


def test_jaw_correlation_is_that_of_the_pooled_frames() -> None:
    measure = JawCorrelation()
    pairs = [(random_face(i, 5 + i), random_face(50 + i, 5 + i)) for i in range(4)]
    jaw = INDEX["jawOpen"]
    expected = np.corrcoef(np.concatenate([p[:, jaw] for p, _ in pairs]), np.concatenate([t[:, jaw] for _, t in pairs]))
    (got,) = measure.values(sum(measure.sums(*pair) for pair in pairs))
    assert got == pytest.approx(expected[0, 1], abs=1e-9)


@settings(deadline=None)
@given(value=st.floats(0, 1, width=32))
def test_a_jaw_that_never_moves_has_no_correlation(value: float) -> None:
    measure = JawCorrelation()
    clips = [(faces(7, jawOpen=[value] * 7), random_face(i, 7)) for i in range(9)]
    assert measure.values(sum(measure.sums(*clip) for clip in clips)) == (None,)


@settings(deadline=None)
@given(offset=st.floats(-5, 5), slope=st.floats(-3, 3))
def test_regression_recovers_a_line(offset: float, slope: float) -> None:
    x = np.linspace(-40, 0, 30)
    assert regression(moments(x, offset + slope * x)) == pytest.approx((offset, slope), abs=1e-6)


@fixed_rig
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 30))
def test_a_perfect_prediction_has_no_error(rig: Rig, seed: int, frames: int) -> None:
    measures = face_measures(rig)
    face = random_face(seed, frames)
    values = measures.values(measures.sums(face, face))
    assert values.pop("jawOpen r") in (None, pytest.approx(1.0))
    for name in ("velocity error", "velocity MAE"):
        assert values.pop(name) == (0.0 if frames > 1 else None)
    assert set(values.values()) == {0.0}


@fixed_rig
@given(seed=st.integers(0, 10_000), lengths=st.lists(st.integers(1, 20), min_size=1, max_size=6), data=st.data())
def test_sums_do_not_depend_on_how_the_clips_were_grouped(
    rig: Rig, seed: int, lengths: list[int], data: st.DataObject
) -> None:
    measures = face_measures(rig)
    parts = [measures.sums(random_face(seed + i, n), random_face(seed + 100 + i, n)) for i, n in enumerate(lengths)]
    order = data.draw(st.permutations(range(len(parts))))
    cut = data.draw(st.integers(0, len(parts)))
    zero = np.zeros(measures.size)
    grouped = sum((parts[i] for i in order[:cut]), zero) + sum((parts[i] for i in order[cut:]), zero)
    one_pass = measures.values(sum(parts, zero))
    assert measures.values(grouped) == {name: _nearly(value) for name, value in one_pass.items()}


@fixed_rig
@given(weights=hnp.arrays(np.float32, (2, 9, 52), elements=st.floats(-1, 2, width=32)))
def test_vertex_errors_are_distances_between_the_rigs_vertices(rig: Rig, weights: np.ndarray) -> None:
    predicted, real = weights
    gaps = np.linalg.norm(rig.vertices(predicted, "lips") - rig.vertices(real, "lips"), axis=-1).max(axis=1)
    lve = VertexError(rig, ("lips",), "LVE")
    expected = (gaps.mean(), np.square(gaps).mean())
    assert lve.values(lve.sums(predicted, real)) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_long_clips_are_measured_like_short_ones(rig: Rig) -> None:
    frames = 2 * FRAMES_AT_A_TIME + 7
    predicted, real = random_face(1, frames), random_face(2, frames)
    lve = VertexError(rig, ("lips",), "LVE")
    pieces = sum(lve.sums(predicted[i : i + 100], real[i : i + 100]) for i in range(0, frames, 100))
    assert lve.sums(predicted, real) == pytest.approx(pieces)
    fdd = UpperFaceDynamics(rig, ("eyes", "forehead"))
    rest = rig.neutral[rig.region("eyes", "forehead")]
    lively = [
        np.linalg.norm(rig.vertices(w, rig.region("eyes", "forehead")) - rest, axis=-1) for w in (real, predicted)
    ]
    expected = lively[0].std(axis=0).mean() - lively[1].std(axis=0).mean()
    assert fdd.values(fdd.sums(predicted, real)) == pytest.approx((expected,), abs=1e-4)


def test_nothing_measured_is_no_number(rig: Rig) -> None:
    measures = face_measures(rig)
    assert set(measures.values(np.zeros(measures.size)).values()) == {None}
    assert set(measures.values(measures.sums(faces(0), faces(0))).values()) == {None}


def test_animations_of_different_lengths_are_refused(rig: Rig) -> None:
    with pytest.raises(InputError, match=r"\(3, 52\).*\(4, 52\)"):
        face_measures(rig).sums(faces(3), faces(4))


def _nearly(value: float | None) -> object:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)
