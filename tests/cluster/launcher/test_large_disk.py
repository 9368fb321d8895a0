"""Which disk of a machine is formatted: never one that holds anything."""

import importlib.util
from types import ModuleType
from typing import Any

import pytest

from tests.cluster.launcher.configs import ROOT

GIB = 2**30


@pytest.fixture(scope="module")
def large_disk() -> ModuleType:
    spec = importlib.util.spec_from_file_location("large_disk", ROOT / "cluster" / "launcher" / "large_disk.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def device(path: str, gib: int, **changes: Any) -> dict[str, Any]:
    return {"path": path, "type": "disk", "size": gib * GIB, "fstype": None, "mountpoint": None, "ro": False, **changes}


SYSTEM = device("/dev/nvme0n1", 2000, children=[device("/dev/nvme0n1p1", 2000, type="part", mountpoint="/")])


def test_the_largest_empty_disk_is_taken(large_disk: ModuleType) -> None:
    devices = [SYSTEM, device("/dev/nvme1n1", 200), device("/dev/nvme2n1", 500)]
    assert large_disk.empty_disk(devices) == "/dev/nvme2n1"


@pytest.mark.parametrize(
    "occupied",
    [
        device("/dev/sdb", 900, fstype="ext4"),
        device("/dev/sdb", 900, fstype="LVM2_member"),
        device("/dev/sdb", 900, mountpoint="/data"),
        device("/dev/sdb", 900, children=[device("/dev/sdb1", 900, type="part")]),
        device("/dev/loop0", 900, type="loop"),
        device("/dev/sr0", 1, type="rom"),
        device("/dev/sdb", 900, ro=True),
        device("/dev/sdb", 0),
    ],
)
def test_what_holds_anything_or_is_no_disk_is_left_alone(large_disk: ModuleType, occupied: dict[str, Any]) -> None:
    assert large_disk.empty_disk([SYSTEM, occupied]) is None
    assert large_disk.empty_disk([SYSTEM, occupied, device("/dev/sdz", 1)]) == "/dev/sdz"
