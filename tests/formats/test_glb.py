"""`.glb`: a valid glTF 2.0 with the head, its 52 morph targets and the animation; read back as it was."""

import json
import struct
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.formats import write_animation
from emotalk.formats.quaternions import quaternions
from emotalk.rigs import procedural_head
from emotalk.rigs.importers import import_rig

SIZE = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
PARTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


def talk(frames: int = 31, **more: object) -> Animation:
    rng = np.random.default_rng(3)
    return Animation(rng.random((frames, 52), dtype=np.float32), **more)  # type: ignore[arg-type]


def chunks(path: Path) -> tuple[dict, bytes]:
    """Read by hand, after the specification, section 4.4."""
    data = path.read_bytes()
    magic, version, length = struct.unpack_from("<III", data)
    assert (magic, version, length) == (0x46546C67, 2, len(data))
    size, kind = struct.unpack_from("<II", data, 12)
    assert kind == 0x4E4F534A
    assert size % 4 == 0
    text, rest = data[20 : 20 + size], data[20 + size :]
    binary_size, binary_kind = struct.unpack_from("<II", rest)
    assert binary_kind == 0x004E4942
    assert binary_size % 4 == 0
    assert len(rest) == 8 + binary_size
    return json.loads(text), rest[8:]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Animation, Path]:
    path = tmp_path_factory.mktemp("glb") / "talk.glb"
    head = np.random.default_rng(1).uniform(-0.5, 0.5, (31, 6)).astype(np.float32)
    animation = talk(head=head, fps=Fraction(30000, 1001))
    animation.save(path)
    return animation, path


def test_it_keeps_the_rules_of_the_format(written: tuple[Animation, Path]) -> None:
    tree, binary = chunks(written[1])
    assert tree["asset"]["version"] == "2.0"
    assert len(tree["buffers"]) == 1
    assert tree["buffers"][0]["byteLength"] <= len(binary) <= tree["buffers"][0]["byteLength"] + 3
    for view in tree["bufferViews"]:
        assert view["byteOffset"] + view["byteLength"] <= tree["buffers"][0]["byteLength"]
    for accessor in tree["accessors"]:
        view = tree["bufferViews"][accessor["bufferView"]]
        item = SIZE[accessor["componentType"]] * PARTS[accessor["type"]]
        assert view["byteOffset"] % SIZE[accessor["componentType"]] == 0
        assert accessor["count"] * item == view["byteLength"]
        assert accessor["count"] > 0
        if view.get("target") == 34962:
            assert item % 4 == 0  # vertex attributes are aligned to four bytes
    (mesh,) = tree["meshes"]
    (primitive,) = mesh["primitives"]
    counts = {tree["accessors"][i]["count"] for i in primitive["attributes"].values()}
    counts |= {tree["accessors"][t["POSITION"]]["count"] for t in primitive["targets"]}
    assert counts == {len(procedural_head().neutral)}
    assert len(primitive["targets"]) == len(mesh["weights"]) == 52
    assert mesh["extras"]["targetNames"] == list(COEFFICIENTS)
    for number in [primitive["attributes"]["POSITION"], *(t["POSITION"] for t in primitive["targets"])]:
        accessor = tree["accessors"][number]
        view = tree["bufferViews"][accessor["bufferView"]]
        values = np.frombuffer(binary, "<f4", accessor["count"] * 3, view["byteOffset"]).reshape(-1, 3)
        assert accessor["min"] == values.min(0).tolist()
        assert accessor["max"] == values.max(0).tolist()
    (animation,) = tree["animations"]
    assert [c["target"]["path"] for c in animation["channels"]] == ["weights", "rotation", "translation"]
    for channel in animation["channels"]:
        sampler = animation["samplers"][channel["sampler"]]
        clock, output = tree["accessors"][sampler["input"]], tree["accessors"][sampler["output"]]
        view = tree["bufferViews"][clock["bufferView"]]
        times = np.frombuffer(binary, "<f4", clock["count"], view["byteOffset"])
        assert clock["min"] == [times.min()] == [0.0]
        assert clock["max"] == [times.max()]
        assert (np.diff(times) > 0).all()
        assert output["count"] == clock["count"] * (52 if channel["target"]["path"] == "weights" else 1)


def test_a_reader_of_the_formats_own_schema_finds_the_head_in_metres(written: tuple[Animation, Path]) -> None:
    tree, binary = chunks(written[1])
    position = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    start = tree["bufferViews"][position["bufferView"]]["byteOffset"]
    values = np.frombuffer(binary, "<f4", position["count"] * 3, start).reshape(-1, 3)
    np.testing.assert_allclose(values * 1000, procedural_head().neutral, atol=1e-3)
    sampler = tree["animations"][0]["samplers"][0]
    output = tree["accessors"][sampler["output"]]
    start = tree["bufferViews"][output["bufferView"]]["byteOffset"]
    weights = np.frombuffer(binary, "<f4", output["count"], start).reshape(-1, 52)
    np.testing.assert_array_equal(weights, written[0].weights)


def test_what_was_written_comes_back(written: tuple[Animation, Path]) -> None:
    back = Animation.load(written[1])
    np.testing.assert_array_equal(back.weights, written[0].weights)
    assert back.fps == Fraction(30000, 1001)
    assert back.times_s is None
    assert back.head is not None
    assert written[0].head is not None
    np.testing.assert_allclose(back.head, written[0].head, atol=1e-5)


def test_pieces_give_the_bytes_of_the_whole(written: tuple[Animation, Path], tmp_path: Path) -> None:
    write_animation(tmp_path / "pieces.glb", written[0].pieces(7))
    assert (tmp_path / "pieces.glb").read_bytes() == written[1].read_bytes()


def test_irregular_times_are_kept_and_start_at_zero(tmp_path: Path) -> None:
    times = 3600.0 + np.array([0.0, 0.03, 0.1, 0.2])
    talk(4, times_s=times).save(tmp_path / "a.glb")
    back = Animation.load(tmp_path / "a.glb")
    assert back.times_s is not None
    np.testing.assert_allclose(back.times_s, times - 3600, atol=1e-6)


def test_the_heads_turn_is_the_rotation_that_animations_define() -> None:
    yaw, pitch, roll = angles = np.array([0.4, -0.3, 0.2])

    def turn(axis: int, angle: float) -> np.ndarray:
        c, s = np.cos(angle), np.sin(angle)
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        out = np.eye(3)
        out[i, i] = out[j, j] = c
        out[i, j], out[j, i] = -s, s
        return out

    expected = turn(1, yaw) @ turn(0, pitch) @ turn(2, roll)
    x, y, z, w = quaternions(angles[None])[0]
    point = np.array([0.3, -0.7, 0.5])
    axis = np.array([x, y, z])
    turned = point + 2 * w * np.cross(axis, point) + 2 * np.cross(axis, np.cross(axis, point))
    np.testing.assert_allclose(turned, expected @ point, atol=1e-12)


def test_an_animation_without_frames_is_a_head_at_rest(tmp_path: Path) -> None:
    talk(0).save(tmp_path / "none.glb")
    tree, _ = chunks(tmp_path / "none.glb")
    assert "animations" not in tree  # an accessor must not be empty
    with pytest.raises(InputError, match="no animation"):
        Animation.load(tmp_path / "none.glb")


def test_the_rig_importer_reads_what_this_wrote(written: tuple[Animation, Path]) -> None:
    head, rig = procedural_head(), import_rig(written[1])
    np.testing.assert_allclose(rig.neutral, head.neutral, atol=1e-3)
    np.testing.assert_allclose(rig.displacements, head.displacements, atol=1e-3)
    assert np.abs(rig.colours.astype(int) - head.colours).max() <= 6  # eight bits of light are coarse in the dark
    pose = np.zeros((1, 52), np.float32)
    pose[0, INDEX["jawOpen"]] = 1
    assert rig.gap_mm(pose)[0] == pytest.approx(head.gap_mm(pose)[0], abs=1.0)


def test_a_gltf_in_parts_under_nodes_that_turn_and_scale_is_the_same_rig(tmp_path: Path) -> None:
    """Skin and eyes as two meshes, in centimetres under a node of scale 0.01, morph targets stored sparsely."""
    head = procedural_head()
    eyes = np.zeros(len(head.neutral), bool)
    eyes[head.regions["eyeballs"]] = True
    binary = bytearray()
    views: list[dict] = []
    accessors: list[dict] = []

    def put(values: np.ndarray) -> int:
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": values.nbytes})
        binary.extend(values.tobytes())
        binary.extend(b"\0" * (-len(binary) % 4))
        return len(views) - 1

    meshes = []
    quarter = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]], float)  # undone by the node's turn
    for mask in (~eyes, eyes):
        number = np.cumsum(mask) - 1
        faces = number[head.triangles[mask[head.triangles].all(1)]].astype("<u2")
        points = (head.neutral[mask] / 10 @ quarter.T).astype("<f4")
        accessors.append({"bufferView": put(points), "componentType": 5126, "count": len(points), "type": "VEC3"})
        position = len(accessors) - 1
        accessors.append({"bufferView": put(faces), "componentType": 5123, "count": faces.size, "type": "SCALAR"})
        indices = len(accessors) - 1
        targets = []
        for field in head.displacements[:, mask]:
            moved = np.flatnonzero(field.any(1)).astype("<u4")
            values = (field[moved] / 10 @ quarter.T).astype("<f4")
            entry = {"componentType": 5126, "count": len(points), "type": "VEC3"}
            if len(moved):
                entry["sparse"] = {
                    "count": len(moved),
                    "indices": {"bufferView": put(moved), "componentType": 5125},
                    "values": {"bufferView": put(values)},
                }
            else:
                entry["bufferView"] = put(np.zeros_like(points))
            accessors.append(entry)
            targets.append({"POSITION": len(accessors) - 1})
        primitive = {"attributes": {"POSITION": position}, "indices": indices, "targets": targets}
        names = [
            name.replace("Left", "_L").replace("Right", "_R") if "Blink" in name else name for name in COEFFICIENTS
        ]
        meshes.append({"primitives": [primitive], "extras": {"targetNames": names}})
    half = float(np.sqrt(0.5))
    tree = {
        "asset": {"version": "2.0"},
        "buffers": [{"uri": "face.bin", "byteLength": len(binary)}],
        "bufferViews": views,
        "accessors": accessors,
        "meshes": meshes,
        "nodes": [
            {"children": [1, 2], "scale": [0.01] * 3},
            {"mesh": 0, "rotation": [0, half, 0, half]},
            {"mesh": 1, "rotation": [0, half, 0, half]},
        ],
        "scenes": [{"nodes": [0]}],
    }  # fmt: skip
    (tmp_path / "face.bin").write_bytes(binary)
    (tmp_path / "face.gltf").write_text(json.dumps(tree))
    rig = import_rig(tmp_path / "face.gltf")
    order = np.concatenate([np.flatnonzero(~eyes), np.flatnonzero(eyes)])
    np.testing.assert_allclose(rig.neutral, head.neutral[order], atol=2e-3)
    np.testing.assert_allclose(rig.displacements, head.displacements[:, order], atol=2e-3)
    tree["buffers"][0]["uri"] = "../face.bin"
    (tmp_path / "face.gltf").write_text(json.dumps(tree))
    with pytest.raises(InputError, match="does not lie beside it"):
        import_rig(tmp_path / "face.gltf")


@pytest.mark.parametrize("cut", [0, 3, 11, 19, 500, 100_000])
def test_a_file_cut_short_is_named(written: tuple[Animation, Path], tmp_path: Path, cut: int) -> None:
    (tmp_path / "cut.glb").write_bytes(written[1].read_bytes()[:cut])
    with pytest.raises(InputError, match=r"cut\.glb"):
        Animation.load(tmp_path / "cut.glb")
    with pytest.raises(InputError, match=r"cut\.glb"):
        import_rig(tmp_path / "cut.glb")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"count": 10**9}, 0), ({"bufferView": 99}, 0), ({"componentType": 7}, 0), ({"byteOffset": -4}, 0),
        ({"count": -1}, 0), ({"count": 2.5}, 0), ({"type": "VEC9"}, 0), ({"bufferView": True}, 0),
    ],
)  # fmt: skip
def test_an_accessor_that_lies_is_refused(
    written: tuple[Animation, Path], tmp_path: Path, change: dict, where: int
) -> None:
    tree, binary = chunks(written[1])
    tree["accessors"][where] |= change
    text = json.dumps(tree).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 28 + len(text) + len(binary))
    data = (
        head + struct.pack("<II", len(text), 0x4E4F534A) + text + struct.pack("<II", len(binary), 0x004E4942) + binary
    )
    (tmp_path / "lie.glb").write_bytes(data)
    with pytest.raises(InputError, match=r"lie\.glb"):
        import_rig(tmp_path / "lie.glb")


def test_another_rig_can_be_written(tmp_path: Path) -> None:
    import dataclasses

    rig = dataclasses.replace(procedural_head(), name="mine", neutral=procedural_head().neutral * 2)
    write_animation(tmp_path / "mine.glb", [talk(3)], rig=rig)
    tree, _ = chunks(tmp_path / "mine.glb")
    assert tree["meshes"][0]["name"] == "mine"


def test_an_independent_reader_finds_the_head_and_its_animation(written: tuple[Animation, Path]) -> None:
    pytest.importorskip("vtkmodules")
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOGeometry import vtkGLTFReader

    reader = vtkGLTFReader()
    reader.SetFileName(str(written[1]))
    reader.SetFrameRate(30)
    reader.UpdateInformation()
    assert reader.GetNumberOfAnimations() == 1
    assert reader.GetAnimationDuration(0) == pytest.approx(30 * 1001 / 30000, abs=1e-3)
    reader.Update()
    found = reader.GetOutput()
    while not found.IsA("vtkPolyData"):
        found = found.GetBlock(0)
    head = procedural_head()
    assert found.GetNumberOfPoints() == len(head.neutral)
    assert found.GetNumberOfCells() == len(head.triangles)
    points = vtk_to_numpy(found.GetPoints().GetData())
    np.testing.assert_allclose(points * 1000, head.neutral, atol=1e-3)
