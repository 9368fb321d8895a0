"""Mounts a machine's largest empty disk: sudo python3 large_disk.py /mnt/ray --owner ubuntu

For machines of a cloud, whose empty disks are theirs to format. Which name a disk has differs by cloud and by kind of
machine, so it is found by what it is. Where there is none the directory is made on the system's disk. Doing it again
changes nothing. Standard library only: this runs before anything is installed.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FOLDERS = ("tmp", "spill")  # of the directory: what `ray start` is told
LABEL, FSTAB = "emotalk-ray", Path("/etc/fstab")
COLUMNS = "PATH,TYPE,SIZE,FSTYPE,MOUNTPOINT,RO"


def empty_disk(devices: Sequence[dict[str, Any]]) -> str | None:
    """-> path of the largest disk without partitions, file system or mount, of what `lsblk --json --bytes` lists."""
    empty = [
        device
        for device in devices
        if device["type"] == "disk"
        and not device["ro"]
        and not device.get("children")
        and not device["fstype"]
        and not device["mountpoint"]
        and int(device["size"]) > 0
    ]
    return max(empty, key=lambda device: int(device["size"]))["path"] if empty else None


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("directory", type=Path, help="where the disk is mounted")
    parser.add_argument("--owner", required=True, help="user whom the directory belongs to")
    arguments = parser.parse_args(argv)
    directory: Path = arguments.directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    if not directory.is_mount():
        listing = subprocess.run(
            ["lsblk", "--json", "--bytes", "--output", COLUMNS], check=True, capture_output=True, text=True
        )
        disk = empty_disk(json.loads(listing.stdout)["blockdevices"])
        if disk is None:
            print(f"no empty disk: {directory} stays on the system's disk")
        else:
            subprocess.run(["mkfs.ext4", "-q", "-L", LABEL, disk], check=True)  # refuses by itself what is in use
            with FSTAB.open("a") as table:  # so that it is there after a restart too
                table.write(f"LABEL={LABEL} {directory} ext4 noatime,nofail 0 2\n")
            subprocess.run(["mount", str(directory)], check=True)
            print(f"{disk} is mounted at {directory}")
    for folder in (directory, *(directory / name for name in FOLDERS)):
        folder.mkdir(exist_ok=True)
        shutil.chown(folder, arguments.owner)
    return 0


if __name__ == "__main__":
    sys.exit(main())
