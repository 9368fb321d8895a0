"""The user's own FLAME: `generic_model.pkl` (2019, 2020, 2023) or an npz of the same arrays, in metres.

Regions come from FLAME_masks.pkl where it lies beside the model. Eyelids come from `l_eyelid.npy` and `r_eyelid.npy`
beside it, or from arrays of these names in the file.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.errors import InputError
from emotalk.files import read_source
from emotalk.formats.npz import load_arrays
from emotalk.formats.pieces import read_npy
from emotalk.rigs.flame import JAW_JOINT, Flame
from emotalk.rigs.importers.pickles import MAX_BYTES, read_arrays
from emotalk.rigs.rig import Rig

MM = 1000.0
IDENTITY_SHAPES = 300  # of the shape directions; the rest is expression
MASKS_FILE = "FLAME_masks.pkl"
LIDS = ("l_eyelid", "r_eyelid")
MASKS = {"lips": "lips", "forehead": "forehead", "eye_region": "eyes", "nose": "nose", "face": "face"}


def is_rig_file(path: Path) -> bool:
    """Whether an npz is a rig that this package saved."""
    try:
        with zipfile.ZipFile(path) as archive:
            return {"format.npy", "displacements.npy"} <= set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def files_of(path: Path) -> list[Path]:
    """A model's own file and those beside it that are read with it."""
    beside = [path.with_name(name) for name in (*(f"{lid}.npy" for lid in LIDS), MASKS_FILE)]
    return [path, *(file for file in beside if file.is_file())]


def read_flame(path: Path, *, expressions: int | None = None) -> Flame:
    """The model, with its first `expressions` directions of expression. InputError names what is missing."""
    arrays = _arrays(path)
    try:
        template = _numbers(arrays, "v_template", (-1, 3)) * MM
        count = len(template)
        shapes = _numbers(arrays, "shapedirs", (count, 3, -1))
        first = IDENTITY_SHAPES if shapes.shape[2] > IDENTITY_SHAPES else 0
        joints = _numbers(arrays, "J_regressor", (-1, count))
        weights = _numbers(arrays, "weights", (count, len(joints)))
        pose = _numbers(arrays, "posedirs", (count, 3, 9 * (len(joints) - 1)))
        triangles = _numbers(arrays, "f", (-1, 3)).astype(np.int64)
        lids = [_numbers(arrays, name, (count, 3)) * MM for name in LIDS if name in arrays]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"not a FLAME model ({error})", source=path) from error
    if len(joints) < 5 or triangles.min(initial=0) < 0 or triangles.max(initial=0) >= count:
        raise InputError("not a FLAME model (five joints, triangles of its own vertices)", source=path)
    corrections = pose[:, :, 9 * (JAW_JOINT - 1) : 9 * JAW_JOINT] * MM
    return Flame(
        template=template,
        triangles=triangles,
        expression=np.ascontiguousarray((shapes[:, :, first:] * MM).transpose(2, 0, 1))[:expressions],
        corrections=np.ascontiguousarray(corrections.transpose(2, 0, 1)),
        jaw_share=weights[:, JAW_JOINT],
        regressor=joints,
        eyelids=np.stack(lids) if len(lids) == 2 else np.zeros((0, count, 3)),
        masks=_masks(path, count),
    )


def import_flame(path: Path) -> Rig:
    """FLAME's face as a rig: the default head's 52 shapes, as near as FLAME's expression, jaw and eyelids come."""
    from emotalk.rigs.head import procedural_head
    from emotalk.rigs.transfer.flame_map import fit_flame, flame_rig

    flame = read_flame(path)
    try:
        return flame_rig(flame, fit_flame(procedural_head(), flame), name=path.stem)
    except InputError as error:
        raise InputError(error.reason, source=path) from error


def _arrays(path: Path) -> dict[str, Any]:
    if path.suffix.lower() == ".npz":
        arrays: dict[str, Any] = dict(load_arrays(path))
    else:
        arrays = read_arrays(read_source(path, max_bytes=MAX_BYTES), source=path)
    for name in LIDS:
        if (beside := path.with_name(f"{name}.npy")).is_file():
            content = read_source(beside, max_bytes=MAX_BYTES)
            arrays[name] = read_npy(io.BytesIO(content), len(content), str(beside))
    return arrays


def _numbers(arrays: dict[str, Any], name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name not in arrays:
        raise ValueError(f"no {name}")
    if not isinstance(arrays[name], np.ndarray) or arrays[name].dtype.kind not in "fiu":
        raise ValueError(f"{name} is no array of numbers")
    array = np.asarray(arrays[name], np.float64)
    if array.ndim != len(shape) or any(want not in (-1, got) for want, got in zip(shape, array.shape, strict=True)):
        wanted = ", ".join("n" if length == -1 else str(length) for length in shape)
        raise ValueError(f"{name} must be ({wanted}), not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    return array


def _masks(path: Path, count: int) -> dict[str, np.ndarray]:
    """This package's names of regions -> vertices, from FLAME_masks.pkl; empty where there is none."""
    file = path.with_name(MASKS_FILE)
    if not file.is_file():
        return {}
    out = {}
    for theirs, values in read_arrays(read_source(file, max_bytes=MAX_BYTES), source=file).items():
        if (ours := MASKS.get(theirs)) is not None:
            try:
                indices = np.fromiter(values, np.int64)
            except (TypeError, ValueError) as error:
                raise InputError(f"mask {theirs} is no list of vertices ({error})", source=file) from error
            if indices.min(initial=0) < 0 or indices.max(initial=0) >= count:
                raise InputError(f"mask {theirs} is not for a mesh of {count} vertices", source=file)
            out[ours] = indices.astype(np.int32)
    return out
