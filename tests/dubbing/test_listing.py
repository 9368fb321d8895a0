"""What is found to dub: every recording once, and what is no recording is listed, not dropped."""

import os
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from emotalk.dubbing.completion import OutputFolder
from emotalk.dubbing.listing import Listing, list_recordings
from emotalk.errors import InputError


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    root = tmp_path / "shelf"
    for name in ("a.wav", "book/one.mp3", "book/two.FLAC", "book/text.txt", "cover.jpg", ".hidden.wav"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def found(listing: Listing) -> list[str]:
    return [recording.relative for recording in listing.recordings]


def test_a_folder_gives_its_recordings_and_names_the_rest(shelf: Path) -> None:
    listing = list_recordings([str(shelf)], output=str(shelf.parent / "out"))
    assert found(listing) == ["a.wav", "book/one.mp3", "book/two.FLAC"]
    assert [Path(path).name for path in listing.ignored] == [".hidden.wav", "text.txt", "cover.jpg"]


def test_an_output_inside_the_input_is_no_input(shelf: Path) -> None:
    (shelf / "faces").mkdir()
    (shelf / "faces" / "a.wav").write_bytes(b"x")
    assert found(list_recordings([str(shelf)], output=f"{shelf}/faces/")) == ["a.wav", "book/one.mp3", "book/two.FLAC"]


def test_an_input_inside_the_output_is_one(shelf: Path) -> None:
    assert found(list_recordings([str(shelf)], output=str(shelf.parent))) == ["a.wav", "book/one.mp3", "book/two.FLAC"]


def test_a_named_file_is_taken_whatever_it_is_called(shelf: Path) -> None:
    listing = list_recordings([f"{shelf}/cover.jpg"], output="out")
    assert found(listing) == ["cover.jpg"]
    assert not listing.ignored


def test_a_glob_is_relative_to_its_fixed_part(shelf: Path) -> None:
    assert found(list_recordings([f"{shelf}/*/one*"], output="out")) == ["book/one.mp3"]
    assert found(list_recordings([f"{shelf}/**"], output="out")) == ["a.wav", "book/one.mp3", "book/two.FLAC"]


def test_brackets_in_a_name_are_not_a_pattern(shelf: Path) -> None:
    (shelf / "take[1].wav").write_bytes(b"x")
    assert found(list_recordings([f"{shelf}/take[1].wav"], output="out")) == ["take[1].wav"]


def test_several_inputs_share_one_root_and_overlap_once(shelf: Path) -> None:
    listing = list_recordings([f"{shelf}/book", f"{shelf}/a.wav", str(shelf)], output="out")
    assert found(listing) == ["a.wav", "book/one.mp3", "book/two.FLAC"]


def test_links_are_followed_and_loops_end(shelf: Path) -> None:
    (shelf / "book" / "up").symlink_to(shelf)
    (shelf / "gone.wav").symlink_to(shelf / "nothing.wav")
    listing = list_recordings([str(shelf)], output="out")
    assert found(listing) == ["a.wav", "book/one.mp3", "book/two.FLAC", "gone.wav"]


@pytest.mark.parametrize("given", ["nowhere", "nowhere/*.wav", "nowhere://bucket/x", "memory://nothing"])
def test_what_does_not_exist_is_named(given: str) -> None:
    with pytest.raises(InputError, match=r"nowhere|nothing"):
        list_recordings([given], output="out")


def test_a_folder_without_recordings_says_what_else_is_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(InputError, match=r"no recordings \(1 other files, such as notes.txt\)"):
        list_recordings([str(tmp_path)], output="out")


def test_a_replaced_file_of_the_same_size_and_date_has_another_fingerprint(shelf: Path) -> None:
    def fingerprint() -> str | None:
        return list_recordings([f"{shelf}/a.wav"], output="out").recordings[0].fingerprint

    before, status = fingerprint(), (shelf / "a.wav").stat()
    assert fingerprint() == before
    (shelf / "new").write_bytes(b"y")
    os.utime(shelf / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (shelf / "new").replace(shelf / "a.wav")
    assert fingerprint() != before


@pytest.fixture
def memory() -> Iterator[str]:
    fs = fsspec.filesystem("memory")
    for name in ("a.wav", "book/b.mp3", "book/faces/x.wav", "book/b.txt"):
        fs.pipe(f"/shelf/{name}", b"x")
    yield "memory://shelf"
    fs.rm("/shelf", recursive=True)


def test_a_store_is_listed_like_a_folder(memory: str) -> None:
    listing = list_recordings([memory], output=f"{memory}/book/faces")
    assert found(listing) == ["a.wav", "book/b.mp3"]
    assert found(list_recordings([f"{memory}/*/*.mp3"], output="out")) == ["book/b.mp3"]
    assert found(list_recordings([f"{memory}/book/b.mp3"], output="out")) == ["b.mp3"]


@pytest.mark.parametrize(("inputs", "output"), [([""], "out"), (["shelf", ""], "out"), (["shelf"], "")])
def test_an_empty_name_is_not_the_working_directory(inputs: list[str], output: str) -> None:
    with pytest.raises(InputError, match="is empty"):
        list_recordings(inputs, output=output)


def test_an_output_that_is_its_own_input_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"x")
    with pytest.raises(InputError, match=f"{tmp_path}: is the output, below which nothing is an input"):
        list_recordings([str(tmp_path)], output=str(tmp_path))


def test_a_link_that_leads_nowhere_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "loop.npz").symlink_to("loop.npz")
    (tmp_path / "gone.npz").symlink_to("nowhere")
    (tmp_path / "a.npz").write_bytes(b"abc")
    assert OutputFolder(str(tmp_path)).sizes() == {"a.npz": 3}
