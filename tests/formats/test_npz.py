"""The npz keeps everything, reads nothing that could run, and is the same on any day."""

import zipfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.animation import Animation, Track
from emotalk.errors import InputError

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def animations(draw: st.DrawFn) -> Animation:
    frames = draw(st.integers(0, 5))

    def matrix(columns: int) -> np.ndarray:
        return draw(hnp.arrays(np.float32, (frames, columns), elements=finite))

    names = draw(st.lists(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1), unique=True))
    emotions = draw(st.none() | st.just(("happy", "sad")))
    times = draw(st.none() | hnp.arrays(np.float64, frames, elements=st.floats(0, 1e6)).map(np.sort))
    return Animation(
        matrix(len(names)),
        names=tuple(names),
        fps=draw(st.fractions(Fraction(1, 1000), 1000, max_denominator=1001)),
        head=matrix(6) if draw(st.booleans()) else None,
        emotion=matrix(2) if emotions else None,
        emotion_names=emotions or (),
        meta=draw(st.dictionaries(st.text(), json_values, max_size=3)),
        times_s=times,
        tracks={"gaze": Track(matrix(2), ("yaw", "pitch"))} if draw(st.booleans()) else {},
    )


@settings(deadline=None, max_examples=30)
@given(animation=animations())
def test_nothing_is_lost(tmp_path_factory: pytest.TempPathFactory, animation: Animation) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    animation.save(path)
    assert Animation.load(path).equals(animation)


def test_numpy_opens_it(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).random((7, 52), np.float32)
    Animation(weights, head=np.ones((7, 6))).save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["weights"], weights)
        assert archive["names"][24] == "jawOpen"
        assert archive["fps"].tolist() == [30, 1]
        assert archive["head"].shape == (7, 6)


def test_what_numpy_packed_is_read_too(tmp_path: Path) -> None:
    animation = Animation(np.random.default_rng(0).random((7, 52), np.float32))
    animation.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as archive:
        np.savez_compressed(tmp_path / "b.npz", **dict(archive))
    assert Animation.load(tmp_path / "b.npz").equals(animation)


def test_no_clock_in_the_bytes(tmp_path: Path) -> None:
    Animation(np.zeros((2, 52))).save(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_last_piece_may_add_to_meta(tmp_path: Path) -> None:
    from emotalk.formats import write_animation

    first = Animation(np.zeros((2, 52)), meta={"model": "a"})
    last = Animation(np.zeros((2, 52)), meta={"heard": "sad"})
    write_animation(tmp_path / "a.npz", [first, last])
    assert Animation.load(tmp_path / "a.npz").meta == {"model": "a", "heard": "sad"}


def parts(path: Path) -> dict[str, Any]:
    Animation(np.zeros((2, 52))).save(path)
    with np.load(path) as archive:
        return dict(archive)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("weights", np.zeros((2, 51)), "weights must be"),
        ("weights", np.full((2, 52), np.nan), "not a finite number"),
        ("names", np.arange(52), "names"),
        ("fps", np.array([30, 0]), "not an animation"),
        ("fps", np.array([30]), "not an animation"),
        ("meta", np.array("[1]"), "meta"),
        ("meta", np.array("{"), "not an animation"),
        ("head", np.zeros((3, 6)), "head must be"),
        ("track.gaze", np.zeros((2, 1)), "columns.gaze"),
    ],
)
def test_wrong_members_are_named(tmp_path: Path, name: str, value: np.ndarray, reason: str) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **(parts(path) | {name: value}))
    with pytest.raises(InputError, match=reason) as caught:
        Animation.load(path)
    assert "a.npz" in str(caught.value)


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    members = parts(path)
    del members["fps"]
    np.savez(path, **members)
    with pytest.raises(InputError, match="fps missing"):
        Animation.load(path)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, **(parts(path) | {"weights": np.array([{}], object)}))
    with pytest.raises(InputError, match="Python objects"):
        Animation.load(path)


def test_a_header_that_promises_terabytes_asks_for_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    parts(path)
    with zipfile.ZipFile(path, "w") as archive, archive.open("weights.npy", "w") as out:
        np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 52)})
    with pytest.raises(InputError, match="cut short"):
        Animation.load(path)
