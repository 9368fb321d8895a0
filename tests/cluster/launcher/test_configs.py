"""ray_cluster.yaml and cluster/launcher/: valid for Ray, and what they promise."""

import copy
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ray.scripts.scripts import start

from tests.cluster.launcher.configs import ALL, AWS, CLOUDS, LOCAL, ROOT, prepared, read

COMMANDS = ("setup_commands", "head_start_ray_commands", "worker_start_ray_commands")
by_name = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
in_clouds = pytest.mark.parametrize("path", CLOUDS, ids=lambda path: path.stem)


@by_name
def test_ray_accepts_it(path: Path) -> None:
    config = prepared(read(path))
    assert config["cluster_name"] == "emotalk"


@in_clouds
@pytest.mark.parametrize(
    "place",
    [
        ("idle_timeout_minutes",),
        ("worker_start_ray_commands",),
        ("auth", "ssh_user"),
        ("available_node_types", "infer-spot", "max_workers"),
        ("available_node_types", "infer-spot", "priority"),
        ("available_node_types", "infer-spot", "resources"),
        ("head_node_type",),
    ],
    ids="/".join,
)
def test_a_mistyped_key_is_refused(path: Path, place: tuple[str, ...]) -> None:
    config = copy.deepcopy(read(path))
    *parents, key = place
    holder: dict[str, Any] = config
    for parent in parents:
        holder = holder[parent]
    holder[key + "s"] = holder.pop(key)
    with pytest.raises((jsonschema.ValidationError, ValueError)):
        prepared(config)


def test_a_mistyped_key_of_the_local_cluster_is_refused() -> None:
    config = read(LOCAL)
    config["idle_timeout_minute"] = config.pop("idle_timeout_minutes")
    with pytest.raises(jsonschema.ValidationError, match="idle_timeout_minute"):
        prepared(config)


def ray_start(path: Path, part: str) -> dict[str, Any]:
    """What Ray's own command line makes of the `ray start` of `part`; raises for an option that it does not know."""
    (command,) = [command for command in read(path)[part] if " ray start " in command]
    words = shlex.split(command)
    return start.make_context("ray start", words[words.index("start") + 1 :]).params


@by_name
def test_the_head_runs_no_task(path: Path) -> None:
    head = ray_start(path, "head_start_ray_commands")
    assert (head["head"], head["num_cpus"], head["num_gpus"]) == (True, 0, 0)


@by_name
@pytest.mark.parametrize("part", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_temporary_files_and_spilled_objects_lie_on_the_large_disk(path: Path, part: str) -> None:
    options = ray_start(path, part)
    assert (options["temp_dir"], options["object_spilling_directory"]) == ("/mnt/ray/tmp", "/mnt/ray/spill")
    assert any("/mnt/ray" in command for command in read(path)["setup_commands"])


@by_name
@pytest.mark.parametrize("part", ["head_start_ray_commands", "worker_start_ray_commands"])
def test_nobody_joins_or_asks_without_the_token(path: Path, part: str) -> None:
    config = read(path)
    (command,) = [command for command in config[part] if " ray start " in command]
    assert "RAY_AUTH_MODE=token ray start" in command
    assert config["file_mounts"]["~/.ray/auth_token"] == "~/.ray/auth_token"


@by_name
def test_the_dashboard_is_reached_through_ssh_only(path: Path) -> None:
    assert ray_start(path, "head_start_ray_commands")["dashboard_host"] == "127.0.0.1"


@by_name
def test_commands_are_shell_and_name_files_that_exist(path: Path) -> None:
    for command in (command for part in COMMANDS for command in read(path)[part]):
        subprocess.run(["bash", "-n", "-c", command], check=True)
        for file in re.findall(r"~/emotalk/(\S+)", command):
            assert (ROOT / file).is_file(), f"{command}: no {file} in the repository"


@in_clouds
def test_idle_machines_go_and_nothing_runs_before_work_asks(path: Path) -> None:
    config = prepared(read(path))
    workers = {name: kind for name, kind in config["available_node_types"].items() if name != config["head_node_type"]}
    assert all(kind["min_workers"] == 0 < kind["max_workers"] for kind in workers.values())
    assert 0 < config["idle_timeout_minutes"] <= 10
    assert config["provider"].get("cache_stopped_nodes", False) is False


def test_all_files_tell_the_same_start() -> None:
    """Three files for three clouds: what they do on a machine must not drift apart."""
    for part in (*COMMANDS[1:], "file_mounts", "rsync_exclude", "rsync_filter"):
        first, *others = (read(path)[part] for path in ALL)
        assert all(other == first for other in others), part
    assert read(AWS)["setup_commands"] == read(CLOUDS[1])["setup_commands"]
