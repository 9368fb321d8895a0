"""What every format promises: chosen by suffix, whole or absent, the same bytes however the pieces are cut."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import fsspec
import numpy as np
import pytest

from emotalk.animation import Animation, Track
from emotalk.errors import InputError
from emotalk.formats import FORMATS, format_for, read_animation, write_animation

WEIGHTS = np.random.default_rng(0).random((100, 52), np.float32)
SUFFIXES = [known.suffix for known in FORMATS]


def test_an_unknown_suffix_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"\.xyz.*\.npz.*\.csv.*\.npy"):
        format_for("take.xyz")
    with pytest.raises(InputError, match="suffix"):
        Animation(WEIGHTS).save("no_suffix")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("frames", [1, 33, 100, 1000])
def test_pieces_give_the_bytes_of_the_whole(tmp_path: Path, suffix: str, frames: int) -> None:
    animation = Animation(WEIGHTS, meta={"source": "x"})
    animation.save(tmp_path / f"whole{suffix}")
    write_animation(tmp_path / f"pieces{suffix}", animation.pieces(frames))
    assert (tmp_path / f"pieces{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failing_source_of_pieces_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    def failing() -> Iterator[Animation]:
        yield Animation(WEIGHTS)
        raise InputError("the recording ends in noise")

    with pytest.raises(InputError, match="noise"):
        write_animation(tmp_path / f"a{suffix}", failing())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_bucket_is_as_good_as_a_disk(tmp_path: Path, suffix: str) -> None:
    animation = Animation(WEIGHTS)
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
    Animation(WEIGHTS).save(path)
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
