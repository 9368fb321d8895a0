"""Jobs end to end: a service of its own process, on a Ray of its own process, over a real store.

The service is shut down and started again, then the cluster's head is lost with a job at work.
"""

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from emotalk.client import Client, Job, ServiceError
from emotalk.controls import Controls
from tests.s3 import S3Server, free_ports
from tests.serve_app.recordings import long_silence, wav

pytestmark = [pytest.mark.cluster, pytest.mark.s3, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[3]
LONG_S = 4 * 3600  # of silence: more than is heard while this test runs
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 32}
PATIENCE = {"RAY_raylet_start_wait_time_s": "300"}  # with a busy machine
# Not by ray.init, whose agent, which takes jobs, has one port for all the clusters of a machine.
HEAD = """
import sys
from ray._private.node import Node
from ray._private.parameter import RayParams
from ray._private.utils import write_ray_address
node = Node(RayParams(
    num_cpus=6,
    include_dashboard=True,
    dashboard_port=int(sys.argv[2]),
    dashboard_agent_listen_port=0,
    object_store_memory=256 * 2**20,
    temp_dir=sys.argv[1],
), head=True, shutdown_at_exit=False, spawn_reaper=True)
write_ray_address(node.gcs_address, sys.argv[1])
print(node.gcs_address, flush=True)
sys.stdin.read()
"""


@contextmanager
def started(command: list[str], environment: dict[str, str], end: signal.Signals) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(end)
            process.wait(60)


def told(process: subprocess.Popen[str], until: str) -> str:
    """The first line with this in it."""
    assert process.stdout is not None
    for line in process.stdout:
        if until in line:
            return line.strip()
    raise AssertionError(f"it ended before it said {until!r}")


class Machine:
    """Heads and services, each ended when the next one starts."""

    def __init__(self, folder: Path, arguments: list[str], port: int) -> None:
        self._folder, self._arguments, self._port = folder, arguments, port
        self._heads, self._services = ExitStack(), ExitStack()
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **TOKEN, **PATIENCE}
        self._address = ""
        self._kill_service: Callable[[], None] = lambda: None

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        self.lose()
        shutil.rmtree(self._folder, ignore_errors=True)

    def head(self) -> None:
        """A new cluster. An old one is lost with all that ran on it: its parts end with the process that began them."""
        self._heads.close()
        environment = {name: value for name, value in self._environment.items() if name != "RAY_ADDRESS"}
        process = self._heads.enter_context(
            started([sys.executable, "-c", HEAD, str(self._folder), str(free_ports(1)[0])], environment, signal.SIGKILL)
        )
        self._address = told(process, ":")

    def service(self) -> Client:
        """A new service on the cluster that there is."""
        self._services.close()
        command = [sys.executable, "-m", "serve_app", "--port", str(self._port), *self._arguments]
        process = self._services.enter_context(
            started(command, {**self._environment, "RAY_ADDRESS": self._address}, signal.SIGINT)
        )
        self._kill_service = process.kill
        told(process, "Ctrl-C")
        return self._services.enter_context(Client(f"http://127.0.0.1:{self._port}"))

    def lose(self) -> None:
        """The head with all that runs on it, and the service, which could take its leave of nobody."""
        self._heads.close()
        self._kill_service()
        self._services.close()


def reached(service: Client, id: str, enough: Callable[[Job], bool]) -> Job:
    """The job when it stands like this; it must not be over before."""
    job = service.jobs.wait(id, every_s=0.2, until=enough)
    assert enough(job), job
    return job


def test_jobs_outlive_the_service_and_the_cluster(
    model_dir: Path, s3_server: S3Server, free_port: int, tmp_path: Path
) -> None:
    bucket = s3_server.make_bucket("jobs")
    fs = fsspec.filesystem("s3")
    for number, name in enumerate("ab"):
        fs.pipe(f"{bucket}/shelf/{name}.wav", wav(0.5, seed=number))
    fs.pipe(f"{bucket}/long/z.flac", long_silence(LONG_S, says_its_length=True))
    manifest = tmp_path / "shelf.csv"
    sizes = {"shelf/a.wav": 10**6, "shelf/b.wav": 10**6, "long/z.flac": 1}  # by which the long one is the last
    manifest.write_text("uri,bytes\n" + "".join(f"{bucket}/{name},{size}\n" for name, size in sizes.items()))
    arguments = ["--model", str(model_dir), "--uri-prefixes", bucket, "--jobs-output", f"{bucket}/faces"]
    arguments += ["--jobs-workers", "1", "--min-replicas", "1", "--max-replicas", "1"]
    ray_folder = Path(f"/tmp/ray-jobs-{os.getpid()}")  # sockets in pytest's own folder would have too long names

    with Machine(ray_folder, arguments, free_port) as machine:
        machine.head()
        service = machine.service()

        def order(controls: Controls | None = None) -> Job:
            return service.jobs.submit(f"{bucket}/faces/short", [f"{bucket}/shelf"], controls=controls, key="short")

        def order_long() -> Job:
            return service.jobs.submit(f"{bucket}/faces/long", manifest=manifest, key="long")

        short = order()
        assert order().id == short.id
        with pytest.raises(ServiceError) as refused:
            order(Controls(emotion="happy"))
        assert (refused.value.status, refused.value.kind) == (422, "key-reused")
        done = service.jobs.wait(short.id, every_s=0.5)
        assert (done.state, done.total, done.done, done.failed) == ("succeeded", 2, 2, 0), done
        for name in ("a.npz", "a.csv", "b.npz", "b.csv"):
            assert fs.exists(f"{bucket}/faces/short/{name}")
        assert "a.wav" in service.jobs.report(short.id).decode()
        rows = pq.read_table(io.BytesIO(service.jobs.report(short.id, "parquet"))).to_pylist()
        assert [row["state"] for row in rows] == ["animated"] * 2

        long = order_long()
        reached(service, long.id, lambda job: job.done > 0)
        made = fs.info(f"{bucket}/faces/long/shelf/a.npz")["LastModified"]

        service = machine.service()
        assert service.jobs.get(short.id) == done
        assert service.jobs.get(long.id).state == "running"
        assert {job.id for job in service.jobs.list()} == {short.id, long.id}

        machine.lose()
        machine.head()
        service = machine.service()
        assert service.jobs.get(short.id) == done
        lost = service.jobs.get(long.id)
        assert (lost.state, lost.total) == ("interrupted", 3)
        assert lost.done > 0
        assert order_long().id == long.id
        again = reached(service, long.id, lambda job: job.state == "running" and job.done == 2)
        assert again.total == 3
        assert service.jobs.cancel(long.id).state == "cancelling"
        assert service.jobs.wait(long.id, every_s=0.5).state == "cancelled"
        fs.invalidate_cache()
        assert fs.info(f"{bucket}/faces/long/shelf/a.npz")["LastModified"] == made
