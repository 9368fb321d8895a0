"""Which machines are started for what, decided by Ray's own autoscaler from the configuration alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingRequest
from ray.autoscaler.v2.utils import ResourceRequestUtil
from ray.core.generated.autoscaler_pb2 import GangResourceRequest

from tests.cluster.launcher.configs import CLOUDS, prepared, read

ONE_GPU = {"GPU": 1, "CPU": 1}

pytestmark = pytest.mark.parametrize("path", CLOUDS, ids=lambda path: path.stem)


def launched(
    path: Path,
    *,
    tasks: Sequence[Mapping[str, float]] = (),
    together: Sequence[Mapping[str, float]] = (),
    sold_out: Sequence[str] = (),
) -> dict[str, int]:
    """Machines by kind that an empty cluster starts; `together` is one gang, `sold_out` just failed to start."""
    config = AutoscalingConfig(prepared(read(path)), skip_content_hash=True)
    requests = [ResourceRequestUtil.make(dict(task)) for task in tasks]
    gang = GangResourceRequest(requests=[ResourceRequestUtil.make(dict(bundle)) for bundle in together])
    reply = ResourceDemandScheduler().schedule(
        SchedulingRequest(
            disable_launch_config_check=False,
            node_type_configs=config.get_node_type_configs(),
            max_num_nodes=config.get_max_num_worker_nodes(),
            resource_requests=ResourceRequestUtil.group_by_count(requests),
            gang_resource_requests=[gang] if together else [],
            recoverable_resource_availabilities=dict.fromkeys(sold_out, 0.0),
        )
    )
    return {request.instance_type: request.count for request in reply.to_launch}


def test_one_gpu_is_a_small_machine(path: Path) -> None:
    assert launched(path, tasks=[ONE_GPU]) == {"infer-spot": 1}


def test_a_training_group_stays_in_one_machine(path: Path) -> None:
    assert launched(path, together=[ONE_GPU] * 4) == {"train-spot": 1}


def test_four_gpus_called_before_a_training_are_its_machine(path: Path) -> None:
    assert launched(path, tasks=[{"GPU": 4}]) == {"train-spot": 1}


def test_decoding_takes_no_gpu(path: Path) -> None:
    assert launched(path, tasks=[{"CPU": 1}] * 20) == {"decode-spot": 2}


@pytest.mark.parametrize(("kind", "gpus"), [("infer", 1), ("train", 4)])
def test_where_spot_is_sold_out_others_take_its_place(path: Path, kind: str, gpus: int) -> None:
    assert launched(path, together=[ONE_GPU] * gpus, sold_out=[f"{kind}-spot"]) == {kind: 1}


def test_the_head_is_never_asked(path: Path) -> None:
    kinds = launched(path, tasks=[{"CPU": 1}] * 200 + [ONE_GPU] * 8)
    assert kinds
    assert "head" not in kinds
