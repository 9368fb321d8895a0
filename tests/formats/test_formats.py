"""What every format promises: chosen by suffix, whole or absent, the same bytes however the pieces are cut."""

import importlib.util
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import fsspec
import numpy as np
import pytest

from emotalk.animation import Animation, Track
from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.formats import (
    FORMATS,
    Format,
    find_format,
    format_for,
    format_named,
    read_animation,
    suffix_named,
    write_animation,
)

WEIGHTS = np.random.default_rng(0).random((100, 52), np.float32)
MOOD = {"emotion": WEIGHTS[:, :2], "emotion_names": ("calm", "happy")}
THERE = [known for known in FORMATS if known.extra != "usd" or importlib.util.find_spec("pxr")]
SUFFIXES = [known.suffix for known in THERE if known.read and not known.required]


def test_an_unknown_suffix_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"\.xyz.*\.npz.*\.csv.*\.npy"):
        format_for("take.xyz")
    with pytest.raises(InputError, match="suffix"):
        Animation(WEIGHTS).save("no_suffix")


def test_the_longest_suffix_wins_and_names_do_too() -> None:
    assert format_for("s3://bucket/take.1.A2F.JSON").name == "a2f"
    assert format_for("take.flame.npz").name == "flame"
    assert format_for("flame.npz").name == "npz"
    assert find_format("take.json") is None
    for known in FORMATS:
        assert format_named(known.name) is known
        for suffix in known.suffixes:
            assert format_named(suffix) is format_for(f"take{suffix}") is known
            assert suffix_named(suffix) == suffix_named(suffix[1:]) == suffix
        assert suffix_named(known.name) in known.suffixes
    with pytest.raises(InputError, match=r"unknown format 'xls'; known: npz"):
        format_named("xls")


def test_no_suffix_and_no_name_is_taken_twice() -> None:
    suffixes = [suffix for known in FORMATS for suffix in known.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert len({known.name for known in FORMATS}) == len(FORMATS)


def test_options_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="csv has no option rig: it is written with start, drop_frame"):
        Animation(WEIGHTS).save(tmp_path / "a.csv", rig="default")
    with pytest.raises(InputError, match=r"a\.flame\.npz: .* needs the option flame_model: FLAME's own file"):
        Animation(WEIGHTS).save(tmp_path / "a.flame.npz")
    with pytest.raises(InputError, match="nothing can be read"):
        read_animation(tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_a_name_stands_for_a_suffix(tmp_path: Path) -> None:
    animation = Animation(WEIGHTS)
    animation.save(tmp_path / "take.json", format="a2f")
    assert Animation.load(tmp_path / "take.json", format="a2f").equals(animation)


@pytest.mark.parametrize("known", [known for known in THERE if known.read and not known.required], ids=lambda k: k.name)
def test_the_registry_says_what_is_held(tmp_path: Path, known: Format) -> None:
    head = np.linspace(-0.5, 0.5, 600, dtype=np.float32).reshape(100, 6)
    animation = Animation(WEIGHTS, head=head, meta={"who": ["me"]}, **MOOD)
    animation.save(tmp_path / f"a{known.suffix}")
    back = Animation.load(tmp_path / f"a{known.suffix}")
    if known.weights:
        assert back.names == COEFFICIENTS
        np.testing.assert_allclose(back.weights, WEIGHTS, atol=1e-9)
    assert (back.head is not None) == known.head
    if back.head is not None:
        np.testing.assert_allclose(back.head[:, :3], head[:, :3], atol=1e-5)
    assert (back.emotion is not None) == known.emotion
    if back.emotion is not None:
        assert back.emotion_names == ("calm", "happy")
        np.testing.assert_allclose(back.emotion, WEIGHTS[:, :2], atol=0.0006)
    assert (dict(back.meta) == {"who": ["me"]}) == known.meta


@pytest.mark.parametrize("name", ["csv", "arkit", "a2f", "emotion"])
def test_text_is_written_in_flat_memory(tmp_path: Path, name: str) -> None:
    import tracemalloc

    pieces = (Animation(WEIGHTS, **MOOD) for _ in range(60))
    tracemalloc.start()
    write_animation(tmp_path / "long", pieces, format=name)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "long").stat().st_size > (400_000 if name == "emotion" else 3_000_000)
    assert peak < 2**20


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("frames", [1, 33, 1000])
def test_pieces_give_the_bytes_of_the_whole(tmp_path: Path, suffix: str, frames: int) -> None:
    animation = Animation(WEIGHTS, meta={"source": "x"}, **MOOD)
    animation.save(tmp_path / f"whole{suffix}")
    write_animation(tmp_path / f"pieces{suffix}", animation.pieces(frames))
    assert (tmp_path / f"pieces{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failing_source_of_pieces_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def failing() -> Iterator[Animation]:
        yield Animation(WEIGHTS, **MOOD)
        raise InputError("the recording ends in noise")

    with pytest.raises(InputError, match="noise"):
        write_animation(tmp_path / f"a{suffix}", failing())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bucket_is_as_good_as_a_disk(tmp_path: Path, suffix: str) -> None:
    animation = Animation(WEIGHTS, **MOOD)
    animation.save(tmp_path / f"a{suffix}")
    animation.save(f"memory://animations/take/a{suffix}")
    stored = fsspec.filesystem("memory").cat(f"/animations/take/a{suffix}")
    assert stored == (tmp_path / f"a{suffix}").read_bytes()
    assert Animation.load(f"memory://animations/take/a{suffix}").equals(Animation.load(tmp_path / f"a{suffix}"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x93NUMPY", bytes(range(256)) * 4, "Ärger,ü\n1,2\n".encode()])
def test_rubbish_is_refused_by_name(tmp_path: Path, suffix: str, data: bytes) -> None:
    path = tmp_path / f"rubbish{suffix}"
    path.write_bytes(data)
    with pytest.raises(InputError, match="rubbish"):
        read_animation(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cut_file_is_never_an_animation_of_wrong_numbers(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cut{suffix}"
    Animation(WEIGHTS, **MOOD).save(path)
    data = path.read_bytes()
    for end in (10, len(data) // 2, len(data) - 20):
        path.write_bytes(data[:end])
        with pytest.raises(InputError, match="cut"):
            read_animation(path)


def test_pieces_must_fit_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no pieces"):
        write_animation(tmp_path / "a.npz", [])
    with pytest.raises(InputError, match="piece 1 differs from the first in its fps"):
        write_animation(tmp_path / "a.npz", [Animation(WEIGHTS), Animation(WEIGHTS, fps=Fraction(25))])
    gaze = {"gaze": Track(np.zeros((100, 1)), ("yaw",))}
    with pytest.raises(InputError, match="tracks"):
        write_animation(tmp_path / "a.npz", [Animation(WEIGHTS), Animation(WEIGHTS, tracks=gaze)])
    late, early = (Animation(WEIGHTS, times_s=np.arange(100) + start) for start in (100, 0))
    with pytest.raises(InputError, match="piece 1 starts before"):
        write_animation(tmp_path / "a.npz", [late, early])


def test_an_hour_is_written_in_flat_memory(tmp_path: Path) -> None:
    import tracemalloc

    frames = 1000
    tracemalloc.start()
    write_animation(tmp_path / "hour.npz", (Animation(np.full((frames, 52), i / 108)) for i in range(108)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "hour.npz").stat().st_size > 108_000 * 208
    assert peak < 6 * 2**20  # the hour is 21 MiB
    assert Animation.load(tmp_path / "hour.npz").weights[-1, 0] == np.float32(107 / 108)
