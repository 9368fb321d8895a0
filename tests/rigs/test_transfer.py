"""Coefficients from one face to another: what lies in the basis comes back, lips and lids open as far."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.rig_transfer import poses
from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, INDEX, reorder
from emotalk.errors import InputError
from emotalk.rigs import Rig, procedural_head
from emotalk.rigs.flame import Flame, rotation
from emotalk.rigs.importers.flame import read_flame
from emotalk.rigs.transfer import Correspondence, Retarget, fit_retarget
from emotalk.rigs.transfer.flame_map import FlameMap, fit_flame, flame_rig
from emotalk.rigs.transfer.registration import similarity
from tests.rigs.flame_files import BASIS, flame_arrays
from tests.rigs.test_head import weights


@pytest.fixture(scope="module")
def other() -> tuple[Rig, np.ndarray]:
    """The head made longer and narrower, its vertices in another order, its shapes of other strengths; and these."""
    head = procedural_head()
    order = np.random.default_rng(3).permutation(len(head.neutral))
    number = np.argsort(order)
    strength = np.random.default_rng(4).uniform(0.6, 1.3, size=len(COEFFICIENTS))
    strength[[INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]]] = 0.8  # its blink alone leaves a gap
    stretch = np.array([0.95, 1.08, 1.0])
    rig = Rig(
        name="other",
        neutral=head.neutral[order] * stretch + (0, 30, -10),
        triangles=number[head.triangles],
        displacements=head.displacements[:, order] * stretch * strength[:, None, None],
        regions={name: number[ids] for name, ids in head.regions.items()},
    )
    return rig, strength


@pytest.fixture(scope="module")
def there(other: tuple[Rig, np.ndarray]) -> Retarget:
    return fit_retarget(procedural_head(), other[0])


def test_similarity_is_found_exactly() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(20, 3))
    turn = rotation(np.array([0.3, -0.2, 0.5]))
    scale, found, shift = similarity(points, 1.7 * points @ turn.T + (1, 2, 3))
    assert scale == pytest.approx(1.7)
    np.testing.assert_allclose(found, turn, atol=1e-9)
    np.testing.assert_allclose(shift, (1, 2, 3), atol=1e-9)


def test_registration_finds_the_same_place_on_a_stretched_mesh(other: tuple[Rig, np.ndarray], there: Retarget) -> None:
    head, found = procedural_head(), there.correspondence
    order = np.random.default_rng(3).permutation(len(head.neutral))
    place = np.einsum("nk,nkc->nc", found.shares, head.neutral[found.corners])
    miss = np.linalg.norm(place - head.neutral[order[found.target]], axis=1)
    assert np.median(miss) < 1.0
    assert np.percentile(miss, 95) < 4.0
    assert len(found.target) > 0.9 * len(other[0].region("lips", "mouth", "eyes", "forehead", "cheeks", "nose", "jaw"))


def test_lips_and_lids_open_as_far_on_another_rig(other: tuple[Rig, np.ndarray], there: Retarget) -> None:
    head, rig = procedural_head(), other[0]
    scale = np.cbrt(np.linalg.det(there.correspondence.turn))
    for pose in ({"jawOpen": 0.3}, {"jawOpen": 0.7}, {"jawOpen": 1.0}, {"jawOpen": 0.5, "mouthSmile": 0.5}):
        ours, theirs = head.gap_mm(weights(**pose))[0], rig.gap_mm(there.apply(weights(**pose)))[0]
        assert theirs == pytest.approx(scale * ours, rel=0.15), pose
    rest = head.gap_mm(weights(), "eye_left")[0], rig.gap_mm(weights(), "eye_left")[0]
    for amount in (0.25, 0.5, 0.75, 1.0):
        blink = weights(eyeBlink=amount)
        share = head.gap_mm(blink, "eye_left")[0] / rest[0], rig.gap_mm(there.apply(blink), "eye_left")[0] / rest[1]
        assert share[1] == pytest.approx(share[0], abs=0.08)
    assert rig.gap_mm(there.apply(weights(jawOpen=0.6, mouthClose=0.6)))[0] < 2.0


def test_shapes_keep_their_meaning(there: Retarget) -> None:
    for name in COEFFICIENTS:
        row = there.matrix[INDEX[name]]
        assert row.argmax() == INDEX[name], name
        assert (row >= 0).all()
        looks = [i for other, i in INDEX.items() if other.startswith("eyeLook") and other != name]
        assert not row[looks].any(), name  # only a look turns the eyes
    assert not there.apply(weights()).any()


def test_a_map_between_rigs_is_better_than_copying_by_name(other: tuple[Rig, np.ndarray], there: Retarget) -> None:
    import dataclasses

    poses = np.random.default_rng(8).random((20, 52), dtype=np.float32) * 0.5
    copied = dataclasses.replace(there, matrix=np.eye(52))
    error = there.error_mm(procedural_head(), other[0], poses).mean()
    assert error < 0.75 * copied.error_mm(procedural_head(), other[0], poses).mean()


def test_a_map_comes_back_from_its_file(there: Retarget, tmp_path: Path) -> None:
    there.save(tmp_path / "map.npz")
    back = Retarget.load(tmp_path / "map.npz")
    poses = np.random.default_rng(1).random((4, 52), dtype=np.float32)
    np.testing.assert_array_equal(back.apply(poses), there.apply(poses))
    np.testing.assert_array_equal(back.correspondence.corners, there.correspondence.corners)
    (tmp_path / "bad.npz").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"bad\.npz"):
        Retarget.load(tmp_path / "bad.npz")


def test_a_given_correspondence_is_used(other: tuple[Rig, np.ndarray]) -> None:
    head, (rig, strength) = procedural_head(), other
    order = np.random.default_rng(3).permutation(len(head.neutral))
    corners = np.repeat(order[:, None], 3, axis=1)
    shares = np.tile([1.0, 0.0, 0.0], (len(order), 1))
    known = Correspondence(np.arange(len(order)), corners, shares, np.zeros(len(order)), np.diag([0.95, 1.08, 1.0]))
    fitted = fit_retarget(head, rig, known)
    some = [INDEX["jawOpen"], INDEX["browInnerUp"], INDEX["mouthPucker"]]
    np.testing.assert_allclose(fitted.matrix[some, some], 1 / strength[some], rtol=0.06)


@pytest.fixture(scope="module", params=["there", "back"])
def real(request: pytest.FixtureRequest, ict: Rig) -> tuple[Rig, Rig, Retarget]:
    """Source, target and the map between the default head and ICT-FaceKit, either way."""
    source, target = (procedural_head(), ict) if request.param == "there" else (ict, procedural_head())
    return source, target, fit_retarget(source, target)


@pytest.mark.parametrize("label", poses())
def test_every_shape_opens_lips_and_lids_as_far_on_another_topology(
    real: tuple[Rig, Rig, Retarget], label: str
) -> None:
    source, target, fitted = real
    openings = fitted.openings(source, target, weights(**poses()[label]))
    wanted, got = openings["mouth"]
    # A millimetre: of a mouth that stays shut, and of ICT's mouthRollLower, which parts the lips beside their middle.
    assert got[0] == pytest.approx(wanted[0], rel=0.2, abs=1.0)
    if wanted[0] == 0:
        assert got[0] < 0.2  # sealed stays sealed
    for gap in ("eye_left", "eye_right"):
        wanted, got = openings[gap]
        assert got[0] == pytest.approx(wanted[0], abs=0.05)


def test_a_captured_performance_opens_lips_and_lids_as_far(real: tuple[Rig, Rig, Retarget], shared_data: Path) -> None:
    source, target, fitted = real
    capture = Animation.load(shared_data / "livelink/alex_rom_4.csv")
    openings = fitted.openings(source, target, reorder(capture.weights, capture.names)[::3])
    for gap, (wanted, got) in openings.items():
        assert np.abs(got - wanted).mean() < 0.08 * wanted.mean(), gap
        assert np.corrcoef(got, wanted)[0, 1] > 0.98, gap


def test_openings_are_hand_computed_on_the_same_rig() -> None:
    head = procedural_head()
    everything = np.arange(len(head.neutral), dtype=np.int32)
    place = Correspondence(
        everything,
        np.repeat(everything[:, None], 3, axis=1),
        np.tile([1.0, 0.0, 0.0], (len(everything), 1)),
        np.zeros(len(everything)),
        2.0 * np.eye(3),
    )
    half = Retarget("a", "b", np.eye(52) * 0.5, place)  # a target twice as large whose shapes are copied by half
    pose = weights(jawOpen=1, eyeBlink=1)
    openings = half.openings(head, head, pose)
    full_mm, half_mm = head.gap_mm(pose)[0], head.gap_mm(weights(jawOpen=0.5))[0]
    np.testing.assert_allclose([v[0] for v in openings["mouth"]], [2 * full_mm, half_mm], rtol=1e-5)
    rest = head.gap_mm(weights(), "eye_left")[0]
    shares = [head.gap_mm(weights(eyeBlink=amount), "eye_left")[0] / rest for amount in (1, 0.5)]
    np.testing.assert_allclose([v[0] for v in openings["eye_left"]], shares, rtol=1e-5)


@pytest.fixture(scope="module")
def flame(tmp_path_factory: pytest.TempPathFactory) -> Flame:
    path = tmp_path_factory.mktemp("flame") / "generic_model.npz"
    np.savez(path, **flame_arrays())
    return read_flame(path)


def in_the_basis(flame: Flame, seed: int) -> tuple[Rig, np.ndarray]:
    """A rig on FLAME's mesh whose first shapes are FLAME's own movements; the others move by what FLAME cannot do."""
    rng = np.random.default_rng(seed)
    fields = np.zeros((52, len(flame.template), 3))
    rows = np.zeros((len(BASIS), len(flame.parameters)))
    rows[:, : len(BASIS)] = rng.normal(size=(len(BASIS), len(BASIS))) * 0.7
    chosen = np.array([INDEX[name] for name in COEFFICIENTS if name != "jawOpen"][: len(BASIS)])
    fields[chosen] = flame.vertices(rows) - flame.template
    jaw = np.zeros((1, len(flame.parameters)))
    jaw[0, flame.jaw] = (0.24, 0.0, 0.0)
    fields[INDEX["jawOpen"]] = flame.vertices(jaw)[0] - flame.template
    rig = Rig(
        name="in-basis",
        neutral=flame.template,
        triangles=flame.triangles,
        displacements=fields,
        regions={"lips": [0], "eyes": [1], "forehead": [2]},  # type: ignore[dict-item]
    )
    return rig, np.append(chosen, INDEX["jawOpen"])


def test_what_lies_in_flames_basis_comes_back_within_fifty_micrometres(flame: Flame) -> None:
    rig, chosen = in_the_basis(flame, 0)
    fitted = fit_flame(rig, flame)
    poses = np.zeros((40, 52), np.float32)
    poses[:, chosen] = np.random.default_rng(1).random((40, len(chosen)))
    parameters = fitted.to_flame(poses)
    back = fitted.to_coefficients(parameters)
    assert np.linalg.norm(rig.vertices(back) - rig.vertices(poses), axis=2).max() < 0.05
    poses[:, INDEX["jawOpen"]] = 1  # a jaw half open lies on FLAME's arc, and on the chord of a blendshape
    still = poses.copy()
    still[:, chosen[:-1]] = 0
    assert fitted.error_mm(rig, flame, still).max() < 0.05
    poses[:, INDEX["jawOpen"]] = 0
    assert fitted.error_mm(rig, flame, poses).max() < 0.05


def test_the_jaw_of_flame_turns_around_its_joint(flame: Flame) -> None:
    row = np.zeros((1, len(flame.parameters)))
    row[0, flame.jaw] = (0.3, 0, 0)
    joint = flame.regressor[2] @ flame.template
    jaw = np.flatnonzero(flame.jaw_share > 0.999)
    moved = flame.vertices(row)[0]
    np.testing.assert_allclose(
        moved[jaw] - joint, (flame.template[jaw] - joint) @ rotation(np.array([0.3, 0, 0])).T, atol=1e-9
    )
    still = np.flatnonzero(flame.jaw_share == 0)
    np.testing.assert_allclose(moved[still], flame.template[still], atol=1e-12)


def test_slopes_of_flame_agree_with_differences(flame: Flame) -> None:
    rng = np.random.default_rng(2)
    row = rng.normal(size=len(flame.parameters)) * 0.3
    at = np.arange(0, len(flame.template), 37)
    slopes = flame.tangents(row, at)
    step = 1e-5
    for column in (0, 5, flame.jaw.start, flame.jaw.stop - 1):
        ahead, behind = row.copy(), row.copy()
        ahead[column] += step
        behind[column] -= step
        measured = (flame.vertices(ahead[None]) - flame.vertices(behind[None]))[0, at] / (2 * step)
        np.testing.assert_allclose(slopes[column], measured, atol=1e-3)


def test_the_heads_shapes_on_a_flame_mesh_of_another_order_and_size(flame: Flame) -> None:
    head = procedural_head()
    fitted = fit_flame(head, flame)
    for name in BASIS:
        pose = np.zeros((1, 52), np.float32)
        pose[0, INDEX[name]] = 1
        error = fitted.error_mm(head, flame, pose)[0]
        size = np.linalg.norm(head.displacements[INDEX[name]], axis=1).max()
        assert error.mean() < 0.12 * size, name
    rig = flame_rig(flame, fitted, name="flame")
    assert rig.gap_mm(weights(jawOpen=1))[0] == pytest.approx(0.94 * head.gap_mm(weights(jawOpen=1))[0], rel=0.2)
    assert rig.gap_mm(weights(eyeBlink=1), "eye_left")[0] < 0.2 * rig.gap_mm(weights(), "eye_left")[0]


def test_a_map_to_flame_comes_back_from_its_file(flame: Flame, tmp_path: Path) -> None:
    rig, _ = in_the_basis(flame, 3)
    fitted = fit_flame(rig, flame)
    fitted.save(tmp_path / "flame-map.npz")
    back = FlameMap.load(tmp_path / "flame-map.npz")
    poses = np.random.default_rng(1).random((4, 52), dtype=np.float32)
    np.testing.assert_array_equal(back.to_flame(poses), fitted.to_flame(poses))
    assert back.parameters == flame.parameters
    with pytest.raises(InputError, match="52"):
        back.to_flame(np.zeros((3, 51)))
