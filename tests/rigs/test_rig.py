"""`Rig` on a small mesh: its arithmetic, its file, its refusals."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.rigs import Rig, procedural_head


def small_rig(**changes: object) -> Rig:
    rng = np.random.default_rng(7)
    fields = rng.normal(size=(52, 6, 3)).astype(np.float32)
    fields[INDEX["tongueOut"]] = 0
    parts: dict[str, object] = {
        "name": "small",
        "neutral": rng.normal(size=(6, 3)),
        "triangles": [[0, 1, 2], [3, 4, 5]],
        "displacements": fields,
        "regions": {"lips": [4, 1], "eyes": [2], "forehead": [3, 5], "mouth_upper": [0], "mouth_lower": [1]},
    }
    return Rig(**(parts | changes))  # type: ignore[arg-type]


def test_vertices_are_neutral_plus_weighted_displacements() -> None:
    rig = small_rig()
    weights = np.random.default_rng(1).random((5, 52), dtype=np.float32)
    expected = rig.neutral + np.einsum("fk,kvc->fvc", weights, rig.displacements)
    np.testing.assert_allclose(rig.vertices(weights), expected, atol=1e-5)
    np.testing.assert_array_equal(rig.vertices(np.zeros((2, 52)))[1], rig.neutral)
    assert rig.vertices(np.zeros((0, 52))).shape == (0, 6, 3)


def test_a_region_is_the_same_as_the_whole_at_its_vertices() -> None:
    head = procedural_head()
    weights = np.random.default_rng(2).random((300, 52), dtype=np.float32)  # more than one batch
    whole = head.vertices(weights)
    for name in ("lips", "eyes", "forehead"):
        np.testing.assert_allclose(head.vertices(weights, name), whole[:, head.region(name)], atol=2e-4)
    some = np.array([5, 3, 900])
    np.testing.assert_allclose(head.vertices(weights[:2], some), whole[:2, some], atol=2e-4)


def test_blocks_in_order_are_the_vertices() -> None:
    head = procedural_head()
    weights = np.random.default_rng(2).random((400, 52), dtype=np.float32)
    blocks = [block.copy() for block in head.blocks(weights)]
    assert len(blocks) > 3
    np.testing.assert_array_equal(np.concatenate(blocks), head.vertices(weights))
    still = np.array([small_rig().neutral[:2]])
    quiet = small_rig(displacements=np.zeros((52, 6, 3)))
    np.testing.assert_array_equal(next(quiet.blocks(weights[:1], np.array([0, 1]))), still)


def test_regions_join_sorted_and_without_doubles() -> None:
    assert small_rig().region("lips", "forehead", "lips").tolist() == [1, 3, 4, 5]


def test_a_gap_is_what_lies_between_upper_and_lower() -> None:
    neutral = np.zeros((6, 3))
    neutral[0, 1], neutral[1, 1] = 3.0, 1.0
    fields = np.zeros((52, 6, 3))
    fields[INDEX["jawOpen"], 1, 1] = -10
    fields[INDEX["mouthClose"], 1, 1] = 10
    rig = small_rig(neutral=neutral, displacements=fields)
    weights = np.zeros((3, 52), np.float32)
    weights[1, INDEX["jawOpen"]] = 1
    weights[2, INDEX["mouthClose"]] = 1  # the lips overlap
    np.testing.assert_allclose(rig.gap_mm(weights), [2, 12, 0])
    with pytest.raises(InputError, match="eye_left"):
        rig.gap_mm(weights, "eye_left")


def test_a_saved_rig_comes_back_whole(tmp_path: Path) -> None:
    for rig in (small_rig(), procedural_head()):
        rig.save(tmp_path / "rig.npz")
        back = Rig.load(tmp_path / "rig.npz")
        assert back.name == rig.name
        for name in ("neutral", "triangles", "displacements", "colours", "gloss"):
            np.testing.assert_array_equal(getattr(back, name), getattr(rig, name))
            assert getattr(back, name).dtype == getattr(rig, name).dtype
        assert back.regions.keys() == rig.regions.keys()
        assert back.joints.keys() == rig.joints.keys()
        assert all(np.array_equal(back.joints[name], place) for name, place in rig.joints.items())
        for name, indices in rig.regions.items():
            np.testing.assert_array_equal(back.regions[name], indices)


def test_a_rig_in_another_order_of_names_is_read_by_name(tmp_path: Path) -> None:
    rig = small_rig()
    rig.save(tmp_path / "rig.npz")
    with np.load(tmp_path / "rig.npz") as file:
        arrays = dict(file)
    arrays["coefficients"] = arrays["coefficients"][::-1]
    arrays["moves"] = np.column_stack([51 - arrays["moves"][:, 0], arrays["moves"][:, 1]])
    np.savez(tmp_path / "reversed.npz", **arrays)
    np.testing.assert_array_equal(Rig.load(tmp_path / "reversed.npz").displacements, rig.displacements)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"neutral": np.zeros((6, 2))}, "neutral"),
        ({"neutral": np.full((6, 3), np.nan)}, "finite"),
        ({"displacements": np.zeros((51, 6, 3))}, "displacements"),
        ({"displacements": np.zeros((52, 5, 3))}, "displacements"),
        ({"displacements": np.full((52, 6, 3), np.inf)}, "finite"),
        ({"triangles": [[0, 1, 6]]}, "0..5"),
        ({"triangles": [[0, 1, -1]]}, "0..5"),
        ({"regions": {"lips": [0], "eyes": [1]}}, "forehead"),
        ({"regions": {"lips": [0], "eyes": [1], "forehead": [9]}}, "forehead"),
        ({"regions": {"lips": [0], "eyes": [1], "forehead": [2], "mouth_upper": [1, 2], "mouth_lower": [3]}}, "pairs"),
        ({"colours": np.zeros((2, 3))}, "colours"),
    ],
)
def test_a_broken_rig_is_refused_by_name(change: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        small_rig(**change)


def test_weights_and_regions_that_do_not_fit_are_refused() -> None:
    rig = small_rig()
    with pytest.raises(InputError, match="52"):
        rig.vertices(np.zeros((4, 51)))
    with pytest.raises(InputError, match=r"nostrils.*lips"):
        rig.vertices(np.zeros((4, 52)), "nostrils")


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_rig_is_an_input_error_with_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.npz"):
        Rig.load(path)


def test_a_pickle_in_a_rig_file_is_not_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", format=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match=r"evil\.npz"):
        Rig.load(tmp_path / "evil.npz")


def test_a_rig_cannot_be_changed_by_who_shares_it() -> None:
    head = procedural_head()
    assert procedural_head() is head
    with pytest.raises(ValueError, match="read-only"):
        head.neutral[0] = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        head.name = "mine"  # type: ignore[misc]
    assert len(COEFFICIENTS) == len(head.displacements)
