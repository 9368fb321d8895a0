"""Files appear whole or not at all, locally and behind a URI."""

import errno
from pathlib import Path

import fsspec
import pytest

from emotalk.errors import InputError
from emotalk.files import atomic_write, is_half_written, open_source, read_source, suffix_of


def write_half(target: str | Path, error: BaseException) -> None:
    with atomic_write(target) as temporary:
        temporary.write_text("half of the n")
        raise error


def test_a_name_may_be_as_long_as_file_systems_allow(tmp_path: Path) -> None:
    for name in ("a" * 251 + ".npz", "ä" * 125 + ".npz", "話" * 83 + ".npz"):
        with atomic_write(tmp_path / name) as temporary:
            temporary.write_text("x")
            assert is_half_written(temporary.name)
        assert (tmp_path / name).read_text() == "x"


def test_the_file_appears_with_the_end_of_the_block(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "report.json"
    with atomic_write(target) as temporary:
        temporary.write_text("whole")
        assert temporary.suffix == ".json"
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_an_interrupted_write_changes_nothing(tmp_path: Path) -> None:
    target = tmp_path / "a.npz"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write_half(target, KeyboardInterrupt())
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_full_disk_names_the_target(tmp_path: Path) -> None:
    target = tmp_path / "a.npz"
    with pytest.raises(OSError, match=r"a\.npz") as caught, atomic_write(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(target)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_the_way_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=str(tmp_path)), atomic_write(tmp_path):
        pass


def test_a_uri_is_uploaded_at_the_end_or_not_at_all() -> None:
    memory = fsspec.filesystem("memory")
    with atomic_write("memory://files/out/a.txt") as temporary:
        temporary.write_text("whole")
        assert not memory.exists("/files/out/a.txt")
    assert memory.cat("/files/out/a.txt") == b"whole"
    with pytest.raises(RuntimeError, match="stop"):
        write_half("memory://files/out/b.txt", RuntimeError("stop"))
    assert not memory.exists("/files/out/b.txt")


@pytest.mark.parametrize("source", ["nowhere.wav", "memory://files/nowhere.wav", "nosuch://x/y.wav", "a\0b"])
def test_what_cannot_be_opened_is_named(source: str) -> None:
    with pytest.raises(InputError) as caught:
        open_source(source)
    assert caught.value.source == source


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        open_source(tmp_path)


def test_file_uris_are_local(tmp_path: Path) -> None:
    with atomic_write(f"file://{tmp_path}/a.bin") as temporary:
        temporary.write_bytes(b"1")
    with open_source(f"file://{tmp_path}/a.bin") as file:
        assert file.read() == b"1"


@pytest.mark.parametrize(
    ("path", "suffix"), [("s3://bucket/a.b/Take.CSV", ".csv"), (Path("x.npz"), ".npz"), ("s3://bucket.name/noend", "")]
)
def test_suffixes(path: str | Path, suffix: str) -> None:
    assert suffix_of(path) == suffix


def test_what_is_larger_than_its_kind_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(2048))
    assert read_source(path, max_bytes=2048) == bytes(2048)
    with pytest.raises(InputError, match=r"a\.bin: larger than 1 KiB"):
        read_source(path, max_bytes=1024)


@pytest.mark.parametrize("name", ["part-00000.parquet", "noend", ".hidden.npz"])
def test_names_of_files_half_written_are_known(tmp_path: Path, name: str) -> None:
    with atomic_write(tmp_path / name) as temporary:
        assert is_half_written(str(temporary))
        temporary.write_bytes(b"1")
    assert not is_half_written(name)
