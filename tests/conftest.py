"""What all tests share: where the optional test data lies, and one local Ray for the tests that need it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.s3 import S3Server, s3_server_in

# Before torch is imported: its threads wait for each other by spinning, which on shared cores costs more than it gains.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests wait for Ray's processes, which by themselves stand back for everything else on the machine: other tests too.
os.environ.setdefault("RAY_worker_niceness", "0")
# Ray Train looks at its workers every two seconds: most of what a training of seconds would take.
os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.2")
# Nothing is downloaded: a name that is no folder is refused at once.
os.environ["HF_HUB_OFFLINE"] = "1"
# No example fails because the machine is busy.
settings.register_profile("emotalk", deadline=None)
settings.load_profile("emotalk")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start Ray share one of the processes that run tests: one Ray, one after the other."""
    for item in items:
        if item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.xdist_group("cluster"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public speech and reference arrays; tests that need it skip where it is absent."""
    default = Path(__file__).resolve().parents[1] / "../shared/data"
    folder = Path(os.environ.get("EMOTALK_TEST_DATA", default)).resolve()
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder} (set EMOTALK_TEST_DATA)")
    return folder


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3 server of our own; its address and keys are in the environment while the session lasts."""
    with s3_server_in(tmp_path_factory.mktemp("s3")) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture(scope="session")
def ray_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A Ray of four logical CPUs with its own folder, shared by every test marked `cluster`."""
    import ray

    from serve_app import proxy

    proxy.use()
    # Unix sockets allow about 100 characters: pytest's own folder is too long a name for Ray's.
    temp = Path("/tmp") / f"ray-test-{os.getpid()}"
    ray.init(
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        _temp_dir=str(temp),
        object_store_memory=512 * 2**20,
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}},
    )
    yield
    ray.shutdown()
    shutil.rmtree(temp, ignore_errors=True)
