"""FLAME's parameters over time, in a file: `expression` (frames, E), `jaw` (frames, 3) as an axis-angle in radians,
`eyelids` (frames, 2; left, right) where the model has them, and `fps` as a numerator and a denominator.
"""

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from emotalk.blendshapes import FPS
from emotalk.errors import InputError
from emotalk.files import PathOrUri, atomic_write
from emotalk.formats.npz import load_arrays
from emotalk.rigs.flame import JAW_PARAMETERS

SYNONYMS = {"jaw_pose": "jaw"}  # as the SMPL-X family calls it


def columns_of(names: tuple[str, ...]) -> dict[str, slice]:
    """Array of the file -> its columns among parameters of these names; without eyelids where there are none."""
    first = names.index(JAW_PARAMETERS[0])
    last = first + len(JAW_PARAMETERS)
    out = {"expression": slice(0, first), "jaw": slice(first, last)}
    return out | ({"eyelids": slice(last, len(names))} if len(names) > last else {})


def write_parameters(path: PathOrUri, rows: np.ndarray, names: tuple[str, ...], fps: Fraction = FPS) -> None:
    """rows (frames, P) in the order of `names`. One npz, whole or not at all."""
    arrays = {key: rows[:, where].astype(np.float32) for key, where in columns_of(names).items()}
    arrays["fps"] = np.array([fps.numerator, fps.denominator])
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_parameters(path: PathOrUri, names: tuple[str, ...]) -> tuple[np.ndarray, Fraction]:
    """(frames, P) float32 for parameters of these names, and the frames per second.

    Arrays that are missing are zero, and so are expressions beyond those of the file. InputError for more of them than
    `names` has, other shapes, or none of the arrays.
    """
    return parameters_of(load_arrays(path), names, path)


def parameters_of(
    arrays: Mapping[str, np.ndarray], names: tuple[str, ...], path: PathOrUri
) -> tuple[np.ndarray, Fraction]:
    """As `read_parameters`, of arrays that were read from `path`. The jaw may also be called `jaw_pose`."""
    arrays = {SYNONYMS.get(name, name): array for name, array in arrays.items()}
    try:
        fps = Fraction(*map(int, arrays["fps"])) if "fps" in arrays else FPS
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise InputError(f"fps must be a numerator and a denominator ({error})", source=path) from error
    wanted = columns_of(names)
    found = [key for key in wanted if key in arrays]
    if not found:
        raise InputError(f"none of the arrays {', '.join(wanted)} is in it", source=path)
    frames = len(arrays[found[0]]) if arrays[found[0]].ndim else 0
    rows = np.zeros((frames, len(names)), np.float32)
    for key in found:
        values, room = arrays[key], wanted[key].stop - wanted[key].start
        fits = values.ndim == 2 and len(values) == frames and values.dtype.kind in "fiu"
        if not fits or values.shape[1] > room or (key != "expression" and values.shape[1] != room):
            count = f"at most {room}" if key == "expression" else str(room)
            raise InputError(f"{key} must be ({frames}, {count}), not {values.shape}", source=path)
        if not np.isfinite(values).all():
            raise InputError(f"{key} holds numbers that are not finite", source=path)
        rows[:, wanted[key].start : wanted[key].start + values.shape[1]] = values
    return rows, fps
