"""Vertices on disk and in torch are the rig's own."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.rigs import procedural_head
from emotalk.rigs.importers.wavefront import read_obj
from emotalk.rigs.layer import RigLayer
from emotalk.rigs.output import write_obj_sequence, write_vertex_cache


@pytest.fixture(scope="module")
def talk() -> Animation:
    return Animation(np.random.default_rng(0).random((150, 52), dtype=np.float32))


def test_a_vertex_cache_holds_every_frame_however_it_is_cut(talk: Animation, tmp_path: Path) -> None:
    head = procedural_head()
    assert write_vertex_cache(tmp_path / "a.npy", talk.pieces(40), head, "lips") == 150
    cached = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert cached.dtype == np.float32
    np.testing.assert_allclose(cached, head.vertices(talk.weights, "lips"), atol=2e-4)
    write_vertex_cache(tmp_path / "a.npz", [talk.piece(0, 5)], head)
    with np.load(tmp_path / "a.npz") as file:
        np.testing.assert_allclose(file["vertices"], head.vertices(talk.weights[:5]), atol=2e-4)
        np.testing.assert_array_equal(file["triangles"], head.triangles)
        assert file["fps"].tolist() == [30, 1]
        assert str(file["rig"]) == head.name
        assert file["indices"].tolist() == list(range(len(head.neutral)))


def test_a_cache_that_fails_half_way_leaves_nothing(talk: Animation, tmp_path: Path) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield talk.piece(0, 10)
        raise InputError("gone")

    with pytest.raises(InputError, match="gone"):
        write_vertex_cache(tmp_path / "a.npy", broken(), procedural_head())
    with pytest.raises(InputError, match=r"\.npy or \.npz"):
        write_vertex_cache(tmp_path / "a.txt", [talk], procedural_head())
    assert not list(tmp_path.iterdir())


def test_an_obj_sequence_is_one_mesh_per_frame(talk: Animation, tmp_path: Path) -> None:
    head = procedural_head()
    assert write_obj_sequence(tmp_path / "seq", talk.piece(0, 3).pieces(2), head) == 3
    names = sorted(path.name for path in (tmp_path / "seq").iterdir())
    assert names == ["frame_000000.obj", "frame_000001.obj", "frame_000002.obj"]
    for i, name in enumerate(names):
        mesh = read_obj((tmp_path / "seq" / name).read_bytes(), source=name)
        np.testing.assert_allclose(mesh.vertices, head.vertices(talk.weights[i : i + 1])[0], atol=1e-4)
        np.testing.assert_array_equal(mesh.triangles, head.triangles)


def test_torch_gives_numpys_vertices_and_a_gradient(talk: Animation) -> None:
    head = procedural_head()
    layer = RigLayer(head, "lips", "eyes")
    weights = torch.tensor(talk.weights[:6].reshape(2, 3, 52), requires_grad=True)
    out = layer(weights)
    assert out.shape == (2, 3, len(head.region("lips", "eyes")), 3)
    expected = head.vertices(talk.weights[:6], head.region("lips", "eyes"))
    np.testing.assert_allclose(out.detach().numpy().reshape(expected.shape), expected, atol=2e-4)
    out.sum().backward()
    np.testing.assert_allclose(weights.grad[0, 0], layer.fields.sum(1), atol=1e-2)  # type: ignore[index]
    assert not layer.state_dict()
    with pytest.raises(InputError, match="52"):
        layer(torch.zeros(3, 51))
