"""Where a job's tasks run: the cluster it was submitted to, or a Ray of its own on this machine.

Ray takes seconds to import: throughout `jobs` that is done where work for it begins, after what can be wrong with the
options has been told.
"""

import logging
import os
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emotalk.errors import EmoTalkError

# Ray Data waits for ever where a job's own tasks hold every CPU: two logical CPUs are known to be too few.
MIN_LOGICAL_CPUS = 4
AGENTS_PORT = 52_365  # of the node's part of the dashboard; ray.init has no choice of it


@contextmanager
def start_ray(*, num_cpus: int | None = None, takes_jobs: bool = False) -> Iterator[None]:
    """Ray for the duration of the block; ends only what it started.

    Initialised already: used as it is. RAY_ADDRESS set (`ray job submit` does): that cluster. Else a local Ray of
    `num_cpus` logical CPUs (default: the machine's, at least 4), with its own folder under /tmp, removed at the end.
    takes_jobs: with the dashboard, which Ray Jobs are submitted to, and its address written down in the folder: else a
    job's driver takes any Ray of this machine for its own.
    Raises EmoTalkError where that does not start: Ray waits for half a minute, which a busy machine may exceed.
    """
    import ray

    if ray.is_initialized():
        with _quiet_data():
            yield
        return
    # Ray's core writes to this process's error stream past Python's loggers; what goes wrong arrives as an exception.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # A local Ray gives itself a token and warns of it; nobody here need do anything about that.
    logging.getLogger("ray._private.authentication").setLevel(logging.ERROR)
    common = {"log_to_driver": False, "logging_level": logging.WARNING}
    folder: Path | None = None
    if os.environ.get("RAY_ADDRESS"):
        ray.init(**common)
    else:
        # Unix sockets allow about 100 characters, so the folder's name is short.
        folder = Path(f"/tmp/emotalk-{os.getpid()}")
        cpus = num_cpus or max(MIN_LOGICAL_CPUS, os.cpu_count() or 1)
        if takes_jobs:
            _check_agents_port()
            from ray._private.utils import write_ray_address
        try:
            with _silent_core():
                ray.init("local", num_cpus=cpus, include_dashboard=takes_jobs, _temp_dir=str(folder), **common)
            if takes_jobs:
                write_ray_address(ray.get_runtime_context().gcs_address, str(folder))
        except Exception as error:  # Ray has no class of its own for a start that failed
            shutil.rmtree(folder, ignore_errors=True)
            raise EmoTalkError(
                f"Ray does not start (is the machine very busy, {folder.parent} full?): {error}"
            ) from error
    try:
        with _quiet_data():
            yield
    finally:
        ray.shutdown()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _check_agents_port() -> None:
    """EmoTalkError where another Ray of this machine takes jobs: its agent and ours would want the same port."""
    from ray.util import get_node_ip_address

    try:
        socket.create_server((get_node_ip_address(), AGENTS_PORT)).close()
    except OSError as error:
        raise EmoTalkError(
            f"port {AGENTS_PORT}, at which Ray takes jobs, is in use by another Ray: end that one, or set RAY_ADDRESS "
            "to a cluster started by ray start --head --dashboard-agent-listen-port PORT"
        ) from error


@contextmanager
def _silent_core() -> Iterator[None]:
    """Ray's core greets on the error stream itself, below Python: point that elsewhere. Failures are exceptions."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


@contextmanager
def _quiet_data() -> Iterator[None]:
    """Ray Data without its own progress bars and notices: a job shows one line of its own."""
    from ray.data import DataContext

    context = DataContext.get_current()
    logger = logging.getLogger("ray.data")
    before = (context.enable_progress_bars, logger.level)
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = before[0]
        logger.setLevel(before[1])
