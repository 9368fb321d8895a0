"""Rigs from strangers: what is broken or absurd is refused in one line, before memory or hours are spent on it."""

import io
import json
import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.rigs import Rig, procedural_head
from emotalk.rigs.importers import import_rig
from emotalk.rigs.importers.pickles import read_arrays

ZEROS = {
    "buffers": [{"uri": "data:;base64," + "A" * 48, "byteLength": 36}],
    "bufferViews": [{"buffer": 0, "byteLength": 36}],
}
MESH = {
    "extras": {"targetNames": list(COEFFICIENTS)},
    "primitives": [{"attributes": {"POSITION": 0}, "targets": [{"POSITION": 0}] * 52}],
}
SPARSE = {
    "componentType": 5126,
    "count": 80_000_000,
    "type": "VEC3",
    "sparse": {"count": 0, "indices": {"bufferView": 0, "componentType": 5125}, "values": {"bufferView": 0}},
}
POINTS = {"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}
DOUBLING = [*({"children": [number + 1, number + 1]} for number in range(60)), {}]


@pytest.mark.parametrize(
    ("tree", "reason"),
    [
        ({"nodes": [{"children": [1]}, {"children": [0]}], "scenes": [{"nodes": [0]}]}, "within itself"),
        ({"nodes": DOUBLING, "scenes": [{"nodes": [0]}]}, "several places"),
        ({"nodes": "x"}, "scene is broken"),
        ({"scenes": [5]}, "scene is broken"),
        ({"buffers": 5}, "JSON is broken"),
        ({"extensionsRequired": None}, "JSON is broken"),
        ({"buffers": [{"uri": "a%00b"}]}, "null byte"),
        ({"buffers": [{"uri": "../secret.bin"}]}, "does not lie beside it"),
        ({**ZEROS, "accessors": [SPARSE], "meshes": [MESH], "nodes": [{"mesh": 0}]}, "of which the file holds none"),
        ({**ZEROS, "accessors": [POINTS], "meshes": [MESH], "nodes": [{"mesh": 0}] * 1001}, "no head"),
        (
            {**ZEROS, "accessors": [POINTS], "meshes": [MESH], "nodes": [{"mesh": 0, "scale": [float("inf"), 1, 1]}]},
            "not finite",
        ),
    ],
)
@pytest.mark.timeout(20)
def test_a_gltf_that_leads_nowhere(tmp_path: Path, tree: dict[str, object], reason: str) -> None:
    path = tmp_path / "face.gltf"
    path.write_text(json.dumps({"asset": {"version": "2.0"}, **tree}))
    with pytest.raises(InputError, match=reason):
        import_rig(path)


def test_json_deeper_than_a_stack_is_broken_json(tmp_path: Path) -> None:
    path = tmp_path / "face.gltf"
    path.write_text("[" * 200_000)
    with pytest.raises(InputError, match=r"face\.gltf: its JSON is broken"):
        import_rig(path)


def test_pickled_arrays_keep_their_numbers_whatever_the_order_of_their_bytes() -> None:
    arrays = {
        "big": np.array([1.5, -2.0], ">f8"),
        "columns": np.asfortranarray(np.arange(6, dtype="<i4").reshape(2, 3)),
        "empty": np.zeros((0, 3)),
        "number": np.array(2.5, ">f4")[()],
        "text": np.array(["a", "bc"]),
    }
    for protocol in (2, 4):
        read = read_arrays(pickle.dumps(arrays, protocol=protocol), source="x")
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array)
    assert np.dtype("f8").isnative


def nested(depth: int) -> list:
    """10 ** depth numbers, of which a pickle stores ten per level."""
    out: list = [0.0] * 10
    for _ in range(depth - 1):
        out = [out] * 10
    return out


# An object of chumpy whose array is itself, and a sparse matrix that says it has 2 ** 43 values and brings none.
CYCLE = b"\x80\x02}X\x01\x00\x00\x00kcchumpy.ch\nCh\n)\x81q\x01}X\x01\x00\x00\x00xh\x01sbs."
SPARSE_BOMB = (
    b"\x80\x02}X\x01\x00\x00\x00kcscipy.sparse.csc\ncsc_matrix\n)\x81}(X\x04\x00\x00\x00data]X\x07\x00\x00\x00indices]"
    b"X\x06\x00\x00\x00indptr](K\x00\x8a\x06\x00\x00\x00\x00\x00\x08eX\x06\x00\x00\x00_shape(K\x03K\x01tubs."
)


@pytest.mark.parametrize("content", [pickle.dumps({"v_template": nested(12)}), CYCLE, SPARSE_BOMB])
@pytest.mark.timeout(20)
def test_a_pickle_that_would_fill_the_memory(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.pkl"):
        import_rig(path)


def header(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
    return out.getvalue()


def test_an_npz_that_is_none_or_promises_more_than_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.save(tmp_path / "one.npy", np.zeros(3))
    path.write_bytes((tmp_path / "one.npy").read_bytes())
    with pytest.raises(InputError, match=r"model\.npz: not a readable npz"):
        import_rig(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("format.npy", header((10**13,), "<U20"))
    with pytest.raises(InputError, match="cut short"):
        import_rig(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("v_template.npy", "w") as out:
        out.write(header((5 * 2**26,)))
        for _ in range(5 * 2**8):
            out.write(bytes(2**20))
    with pytest.raises(InputError, match="unpacks to more than 1024 MiB"):
        import_rig(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"coefficients": np.array([f"n{number}" for number in range(100_000)])}, "52 coefficients"),
        ({"neutral": np.zeros((2**32, 0), np.float32)}, "at most 1000000 vertices"),
        ({"triangles": np.array([[0, 1, 2**40]])}, "whole numbers"),
        ({"triangles": np.array([[0, 1, 1.5]])}, "whole numbers"),
    ],
)
def test_a_rig_of_absurd_size(tmp_path: Path, change: dict[str, np.ndarray], reason: str) -> None:
    path = tmp_path / "rig.npz"
    procedural_head().save(path)
    with np.load(path) as stored:
        arrays = {**stored, **change}
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=rf"rig\.npz: .*{reason}"):
        Rig.load(path)


def test_a_damaged_archive_and_indices_no_machine_counts_to(tmp_path: Path) -> None:
    whole, path = tmp_path / "kit.tar.xz", tmp_path / "damaged.tar.xz"
    members = {
        "k/generic_neutral_mesh.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n",
        "k/vertex_indices.json": json.dumps({"idx_to_landmark_verts": [10**30] * 68}).encode(),
        "../../outside.obj": np.random.default_rng(0).bytes(100_000),
        **{f"k/{name}.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\n" for name in COEFFICIENTS},
    }
    with tarfile.open(whole, "w:xz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    with pytest.raises(InputError, match="idx_to_landmark_verts"):
        import_rig(whole)
    content = bytearray(whole.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"damaged\.tar\.xz: "):
        import_rig(path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["damaged.tar.xz", "kit.tar.xz"]
