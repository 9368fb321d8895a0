"""Training on a cluster of two nodes, of which one is lost."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emotalk import EmoTalk
from emotalk.corpus.build import build_here
from emotalk.corpus.sources import Etf3d
from tests.etf3d_folder import Etf3dFolder
from tests.model.small import noise

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Any]:
    """A head and a worker node: raylets of their own on this machine."""
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 3, "object_store_memory": 256 * 2**20})
    yield nodes
    nodes.shutdown()


def test_a_run_outlives_a_node(cluster: Any, tmp_path: Path) -> None:
    """Elastic: two workers on two nodes, then one; all epochs are trained once from the reader's view."""
    second = cluster.add_node(num_cpus=2, object_store_memory=256 * 2**20)
    build_here(
        Etf3d(root=str(Etf3dFolder(tmp_path / "3D-ETF").good().root)), str(tmp_path / "corpus"), target_bytes=1 << 20
    )
    command = [
        *(sys.executable, "-m", "jobs.train", "--corpus", str(tmp_path / "corpus"), "--output", str(tmp_path / "run")),
        *("--workers", "1", "--max-workers", "2", "--epochs", "40", "--plan.seconds-per-step", "3"),
    ]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "RAY_ADDRESS": cluster.address}
    said = []
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as driver:
        assert driver.stderr is not None
        for line in driver.stderr:
            said.append(line)
            if "epoch 3/40" in line:
                cluster.remove_node(second)
    assert driver.returncode == 0, "".join(said)
    assert "epoch 40/40" in said[-1]
    assert EmoTalk.from_pretrained(str(tmp_path / "run/model")).predict(noise(1)).shape == (30, 52)
