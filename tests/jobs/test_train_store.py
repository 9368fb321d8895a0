"""Training with everything in a bucket: it finishes, and a store that fails is said in one line."""

import os
import subprocess
import sys
from pathlib import Path

import fsspec
import pytest

from emotalk import EmoTalk
from emotalk.corpus.build import build_here
from emotalk.corpus.sources import Etf3d
from tests.etf3d_folder import Etf3dFolder
from tests.model.small import noise
from tests.s3 import S3Server, s3_server_in

pytestmark = [pytest.mark.cluster, pytest.mark.s3, pytest.mark.slow, pytest.mark.timeout(600)]


def start(corpus: str, output: str, folder: Path, epochs: int) -> subprocess.Popen[str]:
    """Builds a small corpus and starts training on it, with a Ray of its own."""
    build_here(Etf3d(root=str(Etf3dFolder(folder / "3D-ETF").good().root)), corpus, target_bytes=1 << 20)
    arguments = ["--corpus", corpus, "--output", output, "--epochs", str(epochs)]
    return subprocess.Popen(
        [sys.executable, "-m", "jobs.train", *arguments, "--workers", "2", "--plan.seconds-per-step", "3"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "RAY_ADDRESS": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_nothing_is_on_a_disk(s3_server: S3Server, tmp_path: Path) -> None:
    bucket = s3_server.make_bucket("training")
    with start(f"{bucket}/corpus", f"{bucket}/run", tmp_path, epochs=1) as process:
        said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert said.strip() == f"model: {bucket}/run/model"
    assert EmoTalk.from_pretrained(f"{bucket}/run/model").predict(noise(1)).shape == (30, 52)
    fs, path = fsspec.core.url_to_fs(f"{bucket}/run")
    assert len(fs.glob(f"{path}/run/checkpoint_*/state.pt")) == 1
    assert fs.glob(f"{path}/tensorboard/events.*")


def test_a_store_that_is_gone_ends_the_run_with_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "server").mkdir()
    with s3_server_in(tmp_path / "server") as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        process = start(str(tmp_path / "corpus"), f"{server.make_bucket('training')}/run", tmp_path, epochs=100)
        assert process.stderr is not None
        while "epoch 2/" not in process.stderr.readline():
            assert process.poll() is None
    with process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 1
    last = errors.strip().splitlines()[-1]
    assert last.startswith("error: s3://training/run: ")
    assert last.endswith("is kept, and the same command goes on from it")
    assert "Traceback" not in errors
