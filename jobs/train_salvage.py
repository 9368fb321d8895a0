"""What a run can go on from where Ray's own record of its checkpoints is lost.

Ray writes that record in place: a full disk leaves it empty, a kill before the first one leaves none, while whole
checkpoints lie beside it.
"""

import json

import torch

from emotalk.files import exists, open_source
from emotalk.remote import reached, remove_folder

RECORD = "checkpoint_manager_snapshot.json"


def salvage(folder: str, checkpoint_file: str) -> str | None:
    """A run's folder -> its newest checkpoint that can be read, where Ray's record is missing or broken; else None.

    A broken record is removed, so that Ray begins a new one, and so are the other checkpoints: nobody knows of them.
    """
    if _has_record(folder):
        return None
    with reached(folder) as (fs, path):
        names = [entry.rstrip("/").rsplit("/", 1)[-1] for entry in fs.ls(path, detail=False)] if fs.isdir(path) else []
    found = None
    # They are named by the time of their writing.
    for name in sorted((name for name in names if name.startswith("checkpoint_")), reverse=True):
        if found is None and _readable(f"{folder}/{name}/{checkpoint_file}"):
            found = f"{folder}/{name}"
        else:
            remove_folder(f"{folder}/{name}")
    return found


def _has_record(folder: str) -> bool:
    record = f"{folder}/{RECORD}"
    if not exists(record):
        return False
    with open_source(record) as file:
        try:
            json.load(file)
            return True
        except ValueError:
            pass
    with reached(record) as (fs, path):
        fs.rm(path)
    return False


def _readable(path: str) -> bool:
    try:
        with open_source(path) as file:
            torch.load(file, map_location="cpu", weights_only=True)
    except Exception:  # torch raises whatever a damaged archive leads it to
        return False
    return True
