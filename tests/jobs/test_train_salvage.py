"""What a run goes on from where the record of its checkpoints is lost."""

from pathlib import Path

import pytest
import torch

from jobs.train_salvage import RECORD, salvage
from tests.s3 import S3Server

STATE = "state.pt"


def checkpoints(folder: Path) -> None:
    """Two whole ones, and a newer one that a full disk cut."""
    for number in range(3):
        (folder / f"checkpoint_{number}").mkdir(parents=True)
        torch.save({"epoch": number}, folder / f"checkpoint_{number}" / STATE)
    cut = folder / "checkpoint_2" / STATE
    cut.write_bytes(cut.read_bytes()[:-200])


@pytest.mark.parametrize("record", [None, b"", b'{"checkpoint_results": ['])
def test_the_newest_whole_checkpoint_is_found(tmp_path: Path, record: bytes | None) -> None:
    checkpoints(tmp_path)
    if record is not None:
        (tmp_path / RECORD).write_bytes(record)
    assert salvage(str(tmp_path), STATE) == f"{tmp_path}/checkpoint_1"
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint_1"]


def test_a_run_with_its_record_is_left_alone(tmp_path: Path) -> None:
    checkpoints(tmp_path)
    (tmp_path / RECORD).write_text("{}")
    assert salvage(str(tmp_path), STATE) is None
    assert len(list(tmp_path.iterdir())) == 4


def test_there_may_be_nothing(tmp_path: Path) -> None:
    assert salvage(str(tmp_path / "no run yet"), STATE) is None
    (tmp_path / "checkpoint_0").mkdir()
    assert salvage(str(tmp_path), STATE) is None


@pytest.mark.s3
def test_in_a_bucket(s3_server: S3Server, tmp_path: Path) -> None:
    import fsspec

    checkpoints(tmp_path / "run")
    (tmp_path / "run" / RECORD).write_bytes(b"")
    run = f"{s3_server.make_bucket('salvage')}/run"
    fs, path = fsspec.core.url_to_fs(run)
    fs.put(str(tmp_path / "run"), path, recursive=True)
    assert salvage(run, STATE) == f"{run}/checkpoint_1"
    assert fs.find(path, refresh=True) == [f"{path}/checkpoint_1/{STATE}"]
