"""Files of maps between faces: one npz that holds a map's own arrays and the correspondence it was fitted through."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.files import PathOrUri, atomic_write
from emotalk.formats.npz import load_arrays
from emotalk.rigs.transfer.correspondence import Correspondence

PREFIX = "correspondence."
Map = TypeVar("Map")


def save_map(path: PathOrUri, form: str, correspondence: Correspondence, arrays: dict[str, np.ndarray]) -> None:
    """One npz, whole or not at all. form: name and version of the kind of map."""
    arrays = arrays | {f"{PREFIX}{key}": value for key, value in correspondence.arrays().items()}
    arrays |= {"format": np.array(form), "coefficients": np.array(COEFFICIENTS)}
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def load_map(
    path: PathOrUri, form: str, what: str, build: Callable[[dict[str, np.ndarray], Correspondence], Map]
) -> Map:
    """What `build` makes of the arrays that `save_map` wrote. InputError names file and reason; what: for people."""
    try:
        arrays = load_arrays(path)
        if "format" not in arrays:
            raise InputError(f"not a map {what}: no format in it", source=path)
        if str(arrays["format"]) != form or tuple(map(str, arrays["coefficients"])) != COEFFICIENTS:
            raise InputError(f"not a map of this version {what}", source=path)
        found = {key.removeprefix(PREFIX): value for key, value in arrays.items() if key.startswith(PREFIX)}
        return build(arrays, Correspondence.from_arrays(found))
    except InputError:
        raise
    except (KeyError, ValueError, IndexError, TypeError) as error:
        reason = f"{error} missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"not a map {what} ({reason})", source=path) from error


def expect(arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> None:
    """ValueError unless an array of a file has this shape and finite numbers."""
    if arrays[name].shape != shape or not np.isfinite(arrays[name]).all():
        raise ValueError(f"{name} must be finite numbers of shape {shape}, not {arrays[name].shape}")
