"""A service on this machine, and what it takes: memory and open files of its processes, what it has in work."""

import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil  # type: ignore[import-untyped]
import ray
from ray import serve
from ray.serve.config import HTTPOptions
from ray.serve.context import _get_global_client
from ray.serve.schema import ReplicaState

from jobs.cluster import start_ray
from serve_app import proxy
from serve_app.app import MODEL_PREFIX, NAME, build
from serve_app.autoscaling import HELD, REQUESTS
from serve_app.config import ServeConfig

MIB = 2**20
PROXY, CONTROLLER, INGRESS, MODEL, DECODER, RAY = "proxy", "controller", "ingress", "model", "decoder", "ray"
TITLES = {
    f"ServeReplica:{NAME}:Ingress": INGRESS,
    f"ServeReplica:{NAME}:{MODEL_PREFIX}": MODEL,
    "ray::ProxyActor": PROXY,
    "ray::ServeController": CONTROLLER,
}
STAYS = (PROXY, CONTROLLER, INGRESS, MODEL)  # decoders come and go


@dataclass(frozen=True, kw_only=True)
class Taken:
    """By role: MiB that no other process shares, open files, and who there was."""

    memory_mib: Mapping[str, float]
    files: Mapping[str, int]
    pids: Mapping[str, Sequence[int]]


@contextmanager
def service(config: ServeConfig, temporary: str | None = None) -> Iterator[tuple[str, int]]:
    """Its address while the block lasts, on loopback, with a Ray of its own. temporary: folder for its own files."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    proxy.use()
    if temporary is not None:
        os.environ["TMPDIR"] = temporary
    with start_ray():
        serve.start(http_options=HTTPOptions(host="127.0.0.1", port=port))
        serve.run(build(config), name=NAME)
        try:
            yield "127.0.0.1", port
        finally:
            serve.shutdown()


def taken() -> Taken:
    """By the service that this process has started, now."""
    memory, files, pids = dict[str, float](), dict[str, int](), dict[str, list[int]]()
    for process in psutil.Process().children(recursive=True):
        try:
            role = _role(process)
            memory_mib, open_files = process.memory_full_info().uss / MIB, process.num_fds()
        except psutil.Error:  # it has just ended
            continue
        memory[role] = memory.get(role, 0.0) + memory_mib
        files[role] = files.get(role, 0) + open_files
        pids.setdefault(role, []).append(process.pid)
    return Taken(memory_mib=memory, files=files, pids={role: sorted(some) for role, some in pids.items()})


def in_work() -> dict[str, int]:
    """Requests that replicas hold, by role; recordings and live streams of the models. All 0 at rest."""
    requests = {INGRESS: 0, MODEL: 0}
    for deployment, details in _deployments().items():
        for replica in details["replicas"]:
            if replica["state"] == ReplicaState.RUNNING:
                actor = ray.get_actor(replica["actor_name"], namespace="serve")
                held: int = ray.get(actor.get_num_ongoing_requests.remote())
                requests[MODEL if deployment.startswith(MODEL_PREFIX) else INGRESS] += held
    model = serve.get_deployment_handle(f"{MODEL_PREFIX}default", NAME)
    stats = model.broadcast("record_autoscaling_stats").results()
    recordings, streams = (int(sum(some[key] for some in stats)) for key in (REQUESTS, HELD))
    return {**requests, "recordings": recordings, "streams": streams}


def at_rest(within_s: float) -> dict[str, int]:
    """What is still in work when nothing is, or after so long; see `in_work`."""
    until = time.monotonic() + within_s
    while any((now := in_work()).values()) and time.monotonic() < until:
        time.sleep(0.2)
    return now


def replica_pids(deployment: str) -> list[int]:
    """Of the replicas that run."""
    replicas = _deployments()[deployment]["replicas"]
    return [replica["pid"] for replica in replicas if replica["state"] == ReplicaState.RUNNING]


def _deployments() -> Mapping[str, Any]:
    found: Mapping[str, Any] = _get_global_client().get_serve_details()["applications"][NAME]["deployments"]
    return found


def _role(process: psutil.Process) -> str:
    line = " ".join(process.cmdline())
    for title, role in TITLES.items():
        if title in line:
            return role
    parent = process.parent()
    return DECODER if parent is not None and "ServeReplica" in " ".join(parent.cmdline()) else RAY
