"""Rigs from elsewhere: what the files say arrives, what they lack is named, and hostile ones are refused."""

import collections
import json
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.rigs import Rig, procedural_head
from emotalk.rigs.importers import import_rig
from emotalk.rigs.importers.flame import read_flame
from emotalk.rigs.importers.names import coefficient_of, shapes_by_coefficient
from emotalk.rigs.importers.pickles import read_arrays
from tests.rigs.flame_files import flame_arrays
from tests.rigs.test_head import weights

SPLIT = {"browInnerUp": 0.5, "cheekPuff": 0.5}


def write_obj(path: Path, vertices: np.ndarray, triangles: np.ndarray | None = None) -> None:
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    if triangles is not None:
        lines += [f"f {a}/{a} {b}/{b} {c}/{c}" for a, b, c in triangles + 1]
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def obj_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default head as OBJ files, in centimetres, with ICT's spelling and split shapes; no tongue shape."""
    folder = tmp_path_factory.mktemp("obj") / "face"
    folder.mkdir()
    head = procedural_head()
    write_obj(folder / "generic_neutral.obj", head.neutral / 10, head.triangles)
    for name, field in zip(COEFFICIENTS, head.displacements, strict=True):
        if name == "tongueOut":
            continue
        if name in SPLIT:
            for side in ("_L", "_R"):
                write_obj(folder / f"{name}{side}.obj", (head.neutral + SPLIT[name] * field) / 10)
        else:
            spelled = (
                name.replace("Left", "_L").replace("Right", "_R") if name not in ("mouthLeft", "jawLeft") else name
            )
            write_obj(folder / f"{spelled}.obj", (head.neutral + field) / 10)
    return folder


@pytest.fixture(scope="module")
def imported(obj_folder: Path) -> Rig:
    return import_rig(obj_folder)


def test_a_folder_of_obj_files_becomes_the_same_rig_in_millimetres(imported: Rig) -> None:
    head, rig = procedural_head(), imported
    np.testing.assert_allclose(rig.neutral, head.neutral, atol=2e-4)
    np.testing.assert_array_equal(rig.triangles, head.triangles)
    for name in COEFFICIENTS:
        expected = head.displacements[INDEX[name]] * (name != "tongueOut")
        np.testing.assert_allclose(rig.displacements[INDEX[name]], expected, atol=5e-4, err_msg=name)
    assert rig.name == "face"


def test_gaps_found_from_geometry_measure_what_the_heads_own_pairs_measure(imported: Rig) -> None:
    head, rig = procedural_head(), imported
    for gap, shape in (("mouth", "jawOpen"), ("eye_left", "eyeBlinkLeft"), ("eye_right", "eyeBlinkRight")):
        poses = np.zeros((5, 52), np.float32)
        poses[:, INDEX[shape]] = np.linspace(0, 1, 5)
        ours, theirs = rig.gap_mm(poses, gap), head.gap_mm(poses, gap)
        if gap == "mouth":
            np.testing.assert_allclose(ours, theirs, atol=1.2)
        else:  # what is seen of an eye ends at the lids' inner edges; the head's pairs lie at their outer ones
            np.testing.assert_allclose(ours / ours[0], theirs / theirs[0], atol=0.05)
            assert 0.75 * theirs[0] < ours[0] < theirs[0]
    sealed = weights(jawOpen=0.6, mouthClose=0.6)
    assert rig.gap_mm(sealed)[0] < 0.8


def test_regions_found_from_geometry_lie_where_the_heads_own_do(imported: Rig) -> None:
    head, rig = procedural_head(), imported
    for name in ("lips", "eyes", "forehead", "cheeks", "nose", "jaw"):
        mine, theirs = rig.neutral[rig.regions[name]], head.neutral[head.regions[name]]
        assert np.linalg.norm(mine.mean(0) - theirs.mean(0)) < 11, name
        shared = np.intersect1d(rig.regions[name], head.regions[name])
        assert len(shared) > 0.6 * min(len(mine), len(theirs)), name
    assert set(rig.regions["eyeballs"]) == set(head.regions["eyeballs"])
    np.testing.assert_allclose(rig.joints["eye_left"], (31.5, 0, 65), atol=1.0)


def test_names_of_shapes_in_many_spellings() -> None:
    known = {
        "browDown_L": "browDownLeft", "BrowDownLeft": "browDownLeft", "eyeBlinkRight": "eyeBlinkRight", "EYEBLINK_R":
        "eyeBlinkRight", "Head.mouthSmile_L": "mouthSmileLeft", "blendShape1.jawOpen": "jawOpen", "browInnerUp_R":
        "browInnerUp", "mouthLeft": "mouthLeft", "mouth_left": "mouthLeft", "jawRight": "jawRight",
        "generic_neutral_mesh": None, "PupilDilate_L": None, "cheekRaiser_L": None,
    }  # fmt: skip
    assert {name: coefficient_of(name) for name in known} == known
    both = shapes_by_coefficient([*COEFFICIENTS, "browInnerUp_L", "browInnerUp_R"], source="x")
    assert both["browInnerUp"] == ["browInnerUp"]
    halves = [*(name for name in COEFFICIENTS if name != "browInnerUp"), "browInnerUp_L", "browInnerUp_R"]
    assert shapes_by_coefficient(halves, source="x")["browInnerUp"] == ["browInnerUp_L", "browInnerUp_R"]
    with pytest.raises(InputError, match=r"jawOpen"):
        shapes_by_coefficient([name for name in COEFFICIENTS if name != "jawOpen"], source="x")


def test_what_an_obj_folder_lacks_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no OBJ files"):
        import_rig(tmp_path)
    write_obj(tmp_path / "neutral.obj", np.eye(3), np.array([[0, 1, 2]]))
    write_obj(tmp_path / "jawOpen.obj", np.eye(3))
    with pytest.raises(InputError, match="shapes missing by name: browDownLeft"):
        import_rig(tmp_path)
    for name in COEFFICIENTS:
        write_obj(tmp_path / f"{name}.obj", np.eye(3))
    (tmp_path / "jawOpen.obj").write_text("v 1 2\n")
    with pytest.raises(InputError, match=r"jawOpen\.obj"):
        import_rig(tmp_path)
    write_obj(tmp_path / "jawOpen.obj", np.eye(4)[:, :3])
    with pytest.raises(InputError, match="4 vertices"):
        import_rig(tmp_path)
    write_obj(tmp_path / "jawOpen.obj", np.eye(3))
    with pytest.raises(InputError, match="no opening of mouth"):
        import_rig(tmp_path)
    (tmp_path / "neutral.obj").write_text("v 0 0 0\nf 1 2 3\n")
    with pytest.raises(InputError, match=r"neutral\.obj"):
        import_rig(tmp_path)


def test_ict_facekit_in_an_archive_of_the_heads_own_making(obj_folder: Path, tmp_path: Path) -> None:
    head = procedural_head()
    archive = tmp_path / "kit.tar.xz"
    outline = np.concatenate([head.regions["mouth_upper"], head.regions["mouth_lower"]])[:12]
    indices = tmp_path / "vertex_indices.json"
    indices.write_text(json.dumps({"idx_to_landmark_verts": [*range(48), *map(int, outline), *range(8)]}))
    with tarfile.open(archive, "w:xz", preset=0) as tar:
        for path in obj_folder.iterdir():
            name = "generic_neutral_mesh.obj" if "neutral" in path.stem else path.name
            tar.add(path, f"ICT-FaceKit/FaceXModel/{name}")
        tar.add(indices, "ICT-FaceKit/FaceXModel/vertex_indices.json")
    rig = import_rig(archive)
    assert rig.name == "ict-facekit"
    np.testing.assert_allclose(rig.neutral, head.neutral, atol=2e-4)
    brow = INDEX["browInnerUp"]
    np.testing.assert_allclose(rig.displacements[brow], head.displacements[brow], atol=5e-4)
    assert set(outline) <= set(rig.regions["lips"].tolist())
    broken = tmp_path / "broken.tar.xz"
    broken.write_bytes(archive.read_bytes()[:5000])
    with pytest.raises(InputError, match="broken"):
        import_rig(broken)


def test_the_published_ict_facekit(ict: Rig) -> None:
    assert len(ict.neutral) == 26719
    width, height, _ = np.ptp(ict.neutral[ict.region("lips", "eyes", "forehead")], axis=0)
    assert 90 < width < 140
    assert 110 < height < 180
    assert not ict.displacements[INDEX["tongueOut"]].any()
    assert ict.gap_mm(weights())[0] < 1.0
    assert 25 < ict.gap_mm(weights(jawOpen=1))[0] < 40
    assert ict.gap_mm(weights(jawOpen=0.7, mouthClose=0.7))[0] < 0.5
    for side in ("left", "right"):
        rest = ict.gap_mm(weights(), f"eye_{side}")[0]
        assert 8 < rest < 13
        assert ict.gap_mm(weights(eyeBlink=1), f"eye_{side}")[0] < 0.15 * rest
    at = ict.neutral
    lips = at[ict.regions["lips"]]
    assert lips[:, 1].max() < at[ict.regions["nose"], 1].max()
    assert at[ict.regions["eyes"], 1].min() > lips[:, 1].max()
    assert at[ict.regions["forehead"], 1].min() > at[ict.regions["eye_left_upper"], 1].max()


@pytest.mark.parametrize("name", COEFFICIENTS[:-1])
def test_shapes_of_ict_move_their_own_side(ict: Rig, name: str) -> None:
    amount = np.square(ict.displacements[INDEX[name]]).sum(1)
    left, right = amount[ict.neutral[:, 0] > 0].sum(), amount[ict.neutral[:, 0] < 0].sum()
    if name.startswith(("jaw", "mouthLeft", "mouthRight")) or not name.endswith(("Left", "Right")):
        assert amount.max() > 1
    else:
        assert (left > 1.5 * right) == name.endswith("Left")
        assert (right > 1.5 * left) == name.endswith("Right")


def test_flame_is_read_from_a_pickle_and_from_an_npz_alike(tmp_path: Path) -> None:
    arrays = flame_arrays()
    np.savez(tmp_path / "model.npz", **arrays)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(arrays, protocol=2))
    from_npz, from_pickle = read_flame(tmp_path / "model.npz"), read_flame(tmp_path / "model.pkl")
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, len(from_npz.parameters))) * 0.2
    np.testing.assert_allclose(from_npz.vertices(rows), from_pickle.vertices(rows), atol=1e-9)


def test_sparse_and_wrapped_arrays_of_old_pickles_arrive(tmp_path: Path) -> None:
    from scipy.sparse import csc_matrix, csr_matrix

    dense = np.array([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]])
    for matrix in (csc_matrix(dense), csr_matrix(dense)):
        read = read_arrays(pickle.dumps({"J": matrix, "n": np.float64(2.5)}, protocol=2), source="x")
        np.testing.assert_array_equal(read["J"], dense)
        assert read["n"] == 2.5
    # What Python 2's chumpy wrote: an object of class chumpy.ch.Ch with the array as `x`.
    module = type(os)("chumpy")
    module.ch = type(os)("chumpy.ch")  # type: ignore[attr-defined]
    kind = type("Ch", (), {"__module__": "chumpy.ch"})
    module.ch.Ch = kind  # type: ignore[attr-defined]
    wrapped = kind()
    wrapped.x = dense  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(__import__("sys").modules, "chumpy", module)
        patch.setitem(__import__("sys").modules, "chumpy.ch", module.ch)  # type: ignore[attr-defined]
        data = pickle.dumps({"shapedirs": wrapped}, protocol=2)
    np.testing.assert_array_equal(read_arrays(data, source="x")["shapedirs"], dense)


class _Attack:
    def __init__(self, call: object, *args: object) -> None:
        self.call, self.args = call, args

    def __reduce__(self) -> tuple[object, ...]:
        return (self.call, self.args)


@pytest.mark.parametrize(
    "call", [(os.system, "touch {mark}"), (eval, "open('{mark}', 'w')"), (open, "{mark}", "w"), (os.mkdir, "{mark}")]
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_calls_anything_is_not_run(tmp_path: Path, call: tuple, protocol: int) -> None:
    mark = tmp_path / "mark"
    args = [str(arg).format(mark=mark) for arg in call[1:]]
    model = tmp_path / "generic_model.pkl"
    model.write_bytes(pickle.dumps({"v_template": _Attack(call[0], *args)}, protocol=protocol))
    with pytest.raises(InputError, match=r"generic_model\.pkl.*not opened"):
        import_rig(model)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x02", b"cos\nsystem\n(S'true'\ntR.", pickle.dumps([1]), pickle.dumps({"f": 1})]
)
def test_a_pickle_that_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    model = tmp_path / "model.pkl"
    model.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pkl"):
        import_rig(model)


def test_other_classes_are_refused_even_if_harmless() -> None:
    with pytest.raises(InputError, match="fractions"):
        read_arrays(pickle.dumps({"a": __import__("fractions").Fraction(1, 2)}), source="x")
    read = read_arrays(pickle.dumps(collections.OrderedDict(a=np.arange(3))), source="x")
    assert read["a"].tolist() == [0, 1, 2]


def test_nothing_there_and_nothing_known(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        import_rig(tmp_path / "nowhere")
    (tmp_path / "face.fbx").write_bytes(b"x")
    with pytest.raises(InputError, match="not a rig"):
        import_rig(tmp_path / "face.fbx")
