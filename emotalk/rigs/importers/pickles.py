"""Arrays out of pickles of any age without running what is in them.

A pickle is a program. This reader knows the handful of constructors that arrays, sparse matrices and chumpy's wrappers
of arrays need, all of them its own; a pickle that asks for anything else is refused.
"""

import collections
import io
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from emotalk.errors import InputError

MAX_BYTES = 1 << 30


class _Kept:
    """Stands for an object of a foreign class: keeps its attributes, does nothing with them."""

    state: dict[str, Any]

    def __init__(self, *_: object) -> None:
        self.state = {}

    def __setstate__(self, state: object) -> None:
        if isinstance(state, tuple):  # (attributes, slots)
            state = {key: value for part in state if isinstance(part, dict) for key, value in part.items()}
        self.state = {str(key): value for key, value in state.items()} if isinstance(state, dict) else {}


def _empty_array(*_: object) -> np.ndarray:
    """What numpy's own reconstructor gives: filled by the state that follows."""
    return np.ndarray.__new__(np.ndarray, (0,), "b")


def _scalar(kind: np.dtype, data: bytes = b"") -> np.generic:
    if kind.hasobject:
        raise InputError("holds Python objects")
    return np.frombuffer(data if isinstance(data, bytes) else str(data).encode("latin1"), kind, 1)[0]


def _encode(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1" if encoding not in ("utf-8", "ascii") else encoding)


def _dtype(name: str, *flags: object) -> np.dtype:
    if not isinstance(name, str) or len(name) > 16:
        raise InputError("names a type that is no plain number's")
    return np.dtype(name)


_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    **{(module, "_reconstruct"): _empty_array for module in _NUMPY},
    **{(module, "scalar"): _scalar for module in _NUMPY},
    ("numpy", "ndarray"): _Kept,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("copy_reg", "_reconstructor"): _Kept,
    ("copyreg", "_reconstructor"): _Kept,
    ("__builtin__", "object"): _Kept,
    ("builtins", "object"): _Kept,
}


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _KNOWN:
            return _KNOWN[module, name]
        root = module.split(".")[0]
        sparse = root == "scipy" and module.startswith("scipy.sparse") and name.endswith(("_matrix", "_array"))
        if sparse or (root == "chumpy" and name[:1].isupper()):
            return _Kept
        raise InputError(f"asks for {module}.{name}, which arrays do not need: not opened")

    def persistent_load(self, pid: object) -> Any:
        raise InputError("refers to objects outside the file: not opened")


def read_arrays(data: bytes, *, source: object) -> dict[str, Any]:
    """The dictionary in a pickle: arrays, dense ones for sparse, and plain values. InputError for anything else."""
    if len(data) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES >> 30} GiB", source=source)
    try:
        found = _Reader(io.BytesIO(data), encoding="latin1").load()
    except InputError as error:
        raise InputError(error.reason, source=source) from error
    except Exception as error:  # a broken pickle can raise nearly anything
        raise InputError(f"not a readable pickle ({type(error).__name__}: {error})", source=source) from error
    if not isinstance(found, dict):
        raise InputError("holds no dictionary of arrays", source=source)
    try:
        return {str(key): plain(value) for key, value in found.items()}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"holds a broken array ({error})", source=source) from error


def plain(value: Any) -> Any:
    """Wrapped and sparse arrays as dense ones; everything else as it is."""
    if not isinstance(value, _Kept):
        return value
    state = value.state
    if {"data", "indices", "indptr"} <= state.keys():
        shape = tuple(int(n) for n in (state["_shape"] if "_shape" in state else state["shape"]))
        if len(shape) != 2 or shape[0] * shape[1] > MAX_BYTES // 8:
            raise ValueError(f"a sparse matrix of shape {shape}")
        data, indices, starts = (np.asarray(state[key]) for key in ("data", "indices", "indptr"))
        by_column = len(starts) == shape[1] + 1
        other = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        out = np.zeros(shape)
        np.add.at(out, (indices, other) if by_column else (other, indices), data)
        return out
    for key in ("x", "a"):  # chumpy.Ch, chumpy.Select
        if key in state:
            return plain(state[key])
    return state
