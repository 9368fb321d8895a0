"""FLAME's parameters: under the names its tools use, near enough to come back, and never without the user's model."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.formats import write_animation
from emotalk.rigs import procedural_head
from emotalk.rigs.importers.flame import read_flame
from emotalk.rigs.transfer.flame_map import FlameMap, fit_flame
from tests.rigs.flame_files import flame_arrays


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small model in FLAME's form, and the map to it."""
    folder = tmp_path_factory.mktemp("flame")
    model, fitted = folder / "generic_model.npz", folder / "map.npz"
    np.savez(model, **flame_arrays())
    fit_flame(procedural_head(), read_flame(model)).save(fitted)
    return {"flame_model": model, "flame_map": fitted}


def talk(frames: int = 8) -> Animation:
    rng = np.random.default_rng(2)
    weights = np.zeros((frames, 52), np.float32)
    names = ("jawOpen", "mouthSmileLeft", "mouthPucker", "browInnerUp")
    weights[:, [INDEX[name] for name in names]] = rng.random((frames, len(names)))
    head = rng.uniform(-0.4, 0.4, (frames, 6)).astype(np.float32)
    mood = rng.random((frames, 2), np.float32)
    return Animation(weights, head=head, emotion=mood, emotion_names=("happy", "sad"), meta={"a": 1})


def test_it_comes_back_as_near_as_the_map_is(given: dict[str, Path], tmp_path: Path) -> None:
    animation = talk()
    animation.save(tmp_path / "a.flame.npz", **given)
    write_animation(tmp_path / "b.flame.npz", animation.pieces(3), **given)
    assert (tmp_path / "a.flame.npz").read_bytes() == (tmp_path / "b.flame.npz").read_bytes()
    with np.load(tmp_path / "a.flame.npz") as arrays:
        count = len(FlameMap.load(given["flame_map"]).parameters) - 3
        assert arrays["expression"].shape == (8, count)
        assert arrays["jaw_pose"].shape == arrays["global_orient"].shape == arrays["transl"].shape == (8, 3)
        assert arrays["jaw_pose"].any()
        np.testing.assert_allclose(arrays["transl"], animation.head[:, 3:] / 1000, atol=1e-7)  # type: ignore[index]
    back = Animation.load(tmp_path / "a.flame.npz", **given)
    assert back.names == COEFFICIENTS
    assert (back.emotion_names, dict(back.meta)) == (("happy", "sad"), {"a": 1})
    np.testing.assert_allclose(back.head, animation.head, atol=1e-5)
    head = procedural_head()
    there, here = head.vertices(animation.weights, "lips"), head.vertices(back.weights, "lips")
    moved = np.linalg.norm(there - head.neutral[head.regions["lips"]], axis=2).mean()
    assert np.linalg.norm(here - there, axis=2).mean() < 0.15 * moved


def test_a_map_of_another_model_is_refused(given: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="parameters"):
        talk().save(tmp_path / "a.flame.npz", expressions=5, **given)
    with pytest.raises(InputError, match="at least 1"):
        talk().save(tmp_path / "a.flame.npz", expressions=0, **given)
    with pytest.raises(InputError, match="no such file"):
        talk().save(tmp_path / "a.flame.npz", flame_model=tmp_path / "nowhere.npz")
    assert list(tmp_path.iterdir()) == []


def test_arrays_that_do_not_fit_are_named(given: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.flame.npz"
    np.savez(path, expression=np.zeros((3, 2)), jaw_pose=np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"a\.flame\.npz: jaw must be \(3, 3\)"):
        Animation.load(path, **given)
    np.savez(path, expression=np.zeros((3, 2)), global_orient=np.zeros((2, 3)))
    with pytest.raises(InputError, match=r"a\.flame\.npz: its arrays do not fit together"):
        Animation.load(path, **given)
