"""The file that says how far a run is: what it holds after whatever ended the run."""

from pathlib import Path

import pytest

from emotalk.dubbing.lease import LeaseLostError
from emotalk.dubbing.progress import PROGRESS, ProgressFile, RunProgress, read_progress
from emotalk.errors import InputError

HALF = RunProgress(recordings=4, done=1, failed=1, audio_s=30.0, planned_audio_s=60.0, speed=2.0, left_s=15.0)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (InputError("no room", source="a"), "failed", "a: no room"),
        (OSError("disk full"), "failed", "disk full"),
        (RuntimeError("secret"), "failed", "a fault of this program (RuntimeError)"),
        (SystemExit(15), "interrupted", None),
        (KeyboardInterrupt(), "interrupted", None),
        (LeaseLostError("gone"), "running", None),  # the folder is another run's: it says nothing more
    ],
)
def test_how_a_run_ended(tmp_path: Path, error: BaseException, state: str, reason: str | None) -> None:
    def run() -> None:
        with ProgressFile(str(tmp_path), "mine") as file:
            file.tell(HALF)
            raise error

    with pytest.raises(type(error)):
        run()
    told = read_progress(str(tmp_path))
    assert told is not None
    assert (told.run, told.state, told.reason) == ("mine", state, reason)
    assert (told.recordings, told.done, told.speed, told.left_s) == (4, 1, 2.0, 15.0)


def test_the_last_word_is_written_at_once(tmp_path: Path) -> None:
    with ProgressFile(str(tmp_path), None) as file:
        file.tell(HALF)
        file.tell(RunProgress(state="finished", recordings=4, done=4))
    told = read_progress(str(tmp_path))
    assert told is not None
    assert (told.state, told.done) == ("finished", 4)


def test_a_run_that_was_refused_the_folder_leaves_what_is_there(tmp_path: Path) -> None:
    with ProgressFile(str(tmp_path), "first") as file:
        file.tell(HALF)
    with pytest.raises(InputError), ProgressFile(str(tmp_path), "second"):
        raise InputError("another run writes here")
    told = read_progress(str(tmp_path))
    assert told is not None
    assert told.run == "first"


def test_what_is_no_progress_is_none(tmp_path: Path) -> None:
    assert read_progress(str(tmp_path)) is None
    (tmp_path / PROGRESS).parent.mkdir()
    for content in (b"", b"[]", b'{"colour": "red"}', b"\xff"):
        (tmp_path / PROGRESS).write_bytes(content)
        assert read_progress(str(tmp_path)) is None
