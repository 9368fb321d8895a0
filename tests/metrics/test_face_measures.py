"""Errors of faces, in millimetres and in coefficients: cases computed by hand, and what must hold of any face."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.blendshapes import INDEX
from emotalk.errors import InputError
from emotalk.metrics.coefficients import GROUPS, REGIONS, CoefficientError, JawCorrelation, Jerk, VelocityError
from emotalk.metrics.face import face_measures
from emotalk.metrics.measures import COEFFICIENT, REGION
from emotalk.metrics.moments import moments, regression
from emotalk.metrics.opening import LipGapError
from emotalk.metrics.pair import Pair
from emotalk.metrics.vertices import FRAMES_AT_A_TIME, UpperFaceDynamics, VertexError
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
    assert lve.values(lve.sums(Pair(predicted, real))) == pytest.approx(((4 + 0 + 3) / 3, (16 + 0 + 9) / 3), rel=1e-6)


def test_eve_sees_eyes_and_forehead_only(rig: Rig) -> None:
    eve = VertexError(rig, ("eyes", "forehead"), "EVE")
    real = faces(2, jawOpen=[1, 1], browInnerUp=[0.5, 0])
    assert eve.values(eve.sums(Pair(faces(2), real))) == pytest.approx(
        (1.5, 4.5)
    )  # the forehead moves most: 3 mm, 0 mm


def test_lip_gap_error_counts_overlap_as_closed(rig: Rig) -> None:
    real = faces(2, jawOpen=[0, 0.5])  # gaps of 2 and 7 mm
    predicted = faces(2, jawOpen=[0.1, -0.4])  # 3 mm, and lips that overlap by 2 mm
    gap = LipGapError(rig)
    assert gap.values(gap.sums(Pair(predicted, real))) == pytest.approx(((1 + 7) / 2,))


def test_fdd_is_positive_for_a_stiff_face_and_ignores_where_it_is_stiff(rig: Rig) -> None:
    fdd = UpperFaceDynamics(rig, ("eyes", "forehead"))
    real = faces(4, browInnerUp=[0, 1, 0, 1])  # deviations of 1 mm (eye) and 3 mm (forehead)
    stiff = faces(4, browInnerUp=[0.7] * 4)
    assert fdd.values(fdd.sums(Pair(stiff, real))) == pytest.approx((2.0,), abs=1e-3)
    assert fdd.values(fdd.sums(Pair(real, stiff))) == pytest.approx((-2.0,), abs=1e-3)


def test_coefficient_errors_by_hand() -> None:
    real, predicted = faces(2), faces(2, jawOpen=[0.3, -0.1], browInnerUp=[0, 0.2])
    everything = CoefficientError("all")
    assert everything.values(everything.sums(Pair(predicted, real))) == pytest.approx((0.6 / 104, (0.14 / 104) ** 0.5))
    upper = CoefficientError("upper face")
    mae, _ = upper.values(upper.sums(Pair(predicted, real)))
    assert mae == pytest.approx(0.2 / (2 * 24))  # 5 brow, 3 cheek, 14 eye and 2 nose coefficients


def test_velocity_error_ignores_an_offset_and_sees_jitter() -> None:
    velocity = VelocityError()
    real = faces(3, jawOpen=[0.1, 0.2, 0.3])
    assert velocity.values(velocity.sums(Pair(real + np.float32(0.25), real))) == pytest.approx((0.0, 0.0), abs=1e-7)
    jitter = faces(3, jawOpen=[0.1, 0.5, 0.3])  # changes 0.4 and -0.2 instead of 0.1 and 0.1
    assert velocity.values(velocity.sums(Pair(jitter, real))) == pytest.approx(
        ((0.18 / 104) ** 0.5, 0.6 / 104), rel=1e-5
    )


def test_jerk_is_the_third_difference() -> None:
    jerk = Jerk()
    real = faces(5, jawOpen=[0, 0, 0.1, 0.3, 0.6])  # differences 0, .1, .2, .3; of them .1, .1, .1; of them 0, 0
    trembling = faces(5, jawOpen=[0, 0.1, 0, 0.1, 0])  # ±.1; ∓.2; third differences 0.4, -0.4
    error, ratio = jerk.values(jerk.sums(Pair(trembling, faces(5, jawOpen=[0, 0, 0, 0.2, 0.2]))))
    # The real third differences are .2 and -.4: errors of .2 and 0.
    assert error == pytest.approx((0.04 / 104) ** 0.5, rel=1e-5)
    assert ratio == pytest.approx((0.32 / 0.20) ** 0.5, rel=1e-5)
    sluggish = jerk.values(jerk.sums(Pair(faces(5), trembling)))
    assert sluggish == pytest.approx(((0.32 / 104) ** 0.5, 0.0), rel=1e-5)
    assert jerk.values(jerk.sums(Pair(real, real)))[0] == 0


def test_every_coefficient_belongs_to_one_region() -> None:
    assert sorted(i for columns in REGIONS.values() for i in columns) == list(range(52))
    upper = {i for name in ("brows", "eyes", "cheeks", "nose") for i in REGIONS[name]}
    assert upper == set(GROUPS["upper face"])
    assert {name: len(columns) for name, columns in REGIONS.items()} == {
        "brows": 5, "eyes": 14, "cheeks": 3, "nose": 2, "jaw": 4, "lips": 23, "tongue": 1,
    }  # fmt: skip


def test_a_regions_error_is_that_of_its_coefficients_alone() -> None:
    brows = CoefficientError("brows")
    real, predicted = faces(2, jawOpen=[1, 1]), faces(2, browInnerUp=[0.5, 0], noseSneerLeft=[1, 1])
    assert brows.values(brows.sums(Pair(predicted, real))) == pytest.approx((0.05, (0.25 / 10) ** 0.5))


def test_a_clip_of_one_frame_has_no_velocity() -> None:
    velocity = VelocityError()
    assert np.isnan(velocity.values(velocity.sums(Pair(faces(1), faces(1))))).all()


def test_jaw_correlation_is_that_of_the_pooled_frames() -> None:
    measure = JawCorrelation()
    pairs = [(random_face(i, 5 + i), random_face(50 + i, 5 + i)) for i in range(4)]
    jaw = INDEX["jawOpen"]
    expected = np.corrcoef(np.concatenate([p[:, jaw] for p, _ in pairs]), np.concatenate([t[:, jaw] for _, t in pairs]))
    (got,) = measure.values(sum(measure.sums(Pair(*pair)) for pair in pairs))
    assert got == pytest.approx(expected[0, 1], abs=1e-9)


@settings(deadline=None)
@given(value=st.floats(0, 1, width=32))
def test_a_jaw_that_never_moves_has_no_correlation(value: float) -> None:
    measure = JawCorrelation()
    clips = [(faces(7, jawOpen=[value] * 7), random_face(i, 7)) for i in range(9)]
    assert np.isnan(measure.values(sum(measure.sums(Pair(*clip)) for clip in clips)))


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
    values = measures.values(measures.sums(Pair(face, face)))
    assert values.pop("jawOpen r") in (None, pytest.approx(1.0))
    assert values.pop("jerk ratio") == (pytest.approx(1.0) if frames > 3 else None)
    assert values.pop("jerk error") == (0.0 if frames > 3 else None)
    for name in ("velocity error", "velocity MAE"):
        assert values.pop(name) == (0.0 if frames > 1 else None)
    assert values.pop("lag to truth") in (None, pytest.approx(0.0, abs=1.0))
    for name in ("lag to sound", "closure recall", "closure precision"):
        assert values.pop(name) is None, name  # neither sound nor speech sounds were given
    errors = {name: value for name, value in values.items() if not name.startswith("confidence")}
    assert set(errors.values()) == {0.0}


@fixed_rig
@given(seed=st.integers(0, 10_000), lengths=st.lists(st.integers(1, 20), min_size=1, max_size=6), data=st.data())
def test_sums_do_not_depend_on_how_the_clips_were_grouped(
    rig: Rig, seed: int, lengths: list[int], data: st.DataObject
) -> None:
    measures = face_measures(rig)
    parts = [
        measures.sums(Pair(random_face(seed + i, n), random_face(seed + 100 + i, n))) for i, n in enumerate(lengths)
    ]
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
    assert lve.values(lve.sums(Pair(predicted, real))) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_long_clips_are_measured_like_short_ones(rig: Rig) -> None:
    frames = 2 * FRAMES_AT_A_TIME + 7
    predicted, real = random_face(1, frames), random_face(2, frames)
    lve = VertexError(rig, ("lips",), "LVE")
    pieces = sum(lve.sums(Pair(predicted[i : i + 100], real[i : i + 100])) for i in range(0, frames, 100))
    assert lve.sums(Pair(predicted, real)) == pytest.approx(pieces)
    fdd = UpperFaceDynamics(rig, ("eyes", "forehead"))
    rest = rig.neutral[rig.region("eyes", "forehead")]
    lively = [
        np.linalg.norm(rig.vertices(w, rig.region("eyes", "forehead")) - rest, axis=-1) for w in (real, predicted)
    ]
    expected = lively[0].std(axis=0).mean() - lively[1].std(axis=0).mean()
    assert fdd.values(fdd.sums(Pair(predicted, real))) == pytest.approx((expected,), abs=1e-4)


def test_lve_squared_is_what_torchmetrics_computes(rig: Rig) -> None:
    functional = pytest.importorskip("torchmetrics.functional.multimodal")
    predicted, real = random_face(3, 40), random_face(4, 40)
    vertices = [torch.from_numpy(rig.vertices(weights)) for weights in (predicted, real)]
    expected = functional.lip_vertex_error(*vertices, rig.region("lips").tolist())
    lve = VertexError(rig, ("lips",), "LVE")
    _, squared = lve.values(lve.sums(Pair(predicted, real)))
    assert squared == pytest.approx(float(expected), rel=1e-5)


@fixed_rig
@given(seed=st.integers(0, 10_000), frames=st.integers(1, 30))
def test_vertices_measure_like_the_coefficients_they_were_made_from(rig: Rig, seed: int, frames: int) -> None:
    predicted, real = random_face(seed, frames), random_face(seed + 1, frames)
    measures = face_measures(rig)
    by_coefficients = measures.values(measures.sums(Pair(predicted, real)))
    by_vertices = measures.values(measures.sums(Pair(None, real, rig.vertices(predicted))))
    for quantity in measures.quantities:
        value, expected = by_vertices[quantity.name], by_coefficients[quantity.name]
        if quantity.table in (COEFFICIENT, REGION) or quantity.name == "jawOpen r":
            assert value is None, quantity.name
        else:
            assert value == (None if expected is None else pytest.approx(expected, abs=1e-3)), quantity.name


def test_nothing_measured_is_no_number(rig: Rig) -> None:
    measures = face_measures(rig)
    assert set(measures.values(np.zeros(measures.size)).values()) == {None}
    assert set(measures.values(measures.sums(Pair(faces(0), faces(0)))).values()) == {None}


def test_animations_of_different_lengths_are_refused(rig: Rig) -> None:
    with pytest.raises(InputError, match=r"\(3, 52\).*\(4, 52\)"):
        face_measures(rig).sums(Pair(faces(3), faces(4)))


def _nearly(value: float | None) -> object:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)
