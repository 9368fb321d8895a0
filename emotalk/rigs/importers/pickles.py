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


class _Kind:
    """Stands for a `numpy.dtype` of plain numbers or texts: its name, and the order of its bytes from the state."""

    def __init__(self, name: str, *_: object) -> None:
        if not isinstance(name, str) or len(name) > 8:
            raise InputError("names a type that is no plain number's")
        self.type = np.dtype(name)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, parts, names, fields = state[:5]
        if (parts, names, fields) != (None, None, None):
            raise InputError("holds records, which are no plain numbers")
        if order in ("<", ">"):
            self.type = self.type.newbyteorder(order)

    def values(self, data: bytes | str, shape: tuple[int, ...], *, fortran: bool = False) -> np.ndarray:
        """The bytes as an array of this machine's own order. ValueError where they are not as many as the shape."""
        if self.type.hasobject:
            raise InputError("holds Python objects")
        content = data.encode("latin1") if isinstance(data, str) else data
        array = np.frombuffer(content, self.type).reshape(shape, order="F" if fortran else "C")
        return array.astype(self.type.newbyteorder("="))


class _Array:
    """Stands for a `numpy.ndarray`: numpy's own would take whatever the state says."""

    value: np.ndarray | None = None

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        shape, kind, fortran, data = state[-4:]
        if not kind.type.hasobject:  # of objects nothing is kept: whoever needs them finds no array
            self.value = kind.values(data, shape, fortran=bool(fortran))


def _scalar(kind: _Kind, data: bytes | str = b"") -> np.generic:
    found: np.generic = kind.values(data, (1,))[0]
    return found


def _empty_bytes() -> bytes:
    return b""


def _encode(text: str, encoding: str = "latin1") -> bytes:
    return text.encode("latin1" if encoding not in ("utf-8", "ascii") else encoding)


_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_KNOWN: dict[tuple[str, str], Callable[..., Any]] = {
    **{(module, "_reconstruct"): _Array for module in _NUMPY},
    **{(module, "scalar"): _scalar for module in _NUMPY},
    ("numpy", "ndarray"): _Kept,
    ("numpy", "dtype"): _Kind,
    ("__builtin__", "bytes"): _empty_bytes,
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
    try:
        found = _Reader(io.BytesIO(data), encoding="latin1").load()
        if not isinstance(found, dict):
            raise InputError("holds no dictionary of arrays")
        return {str(key): plain(value) for key, value in found.items()}
    except InputError as error:
        raise InputError(error.reason, source=source) from error
    except Exception as error:  # a broken pickle can raise nearly anything
        raise InputError(f"not a readable pickle ({type(error).__name__}: {error!s:.200})", source=source) from error


def plain(value: Any) -> Any:
    """Wrapped and sparse arrays as dense ones; everything else as it is."""
    if isinstance(value, _Array):
        return value.value
    if not isinstance(value, _Kept):
        return value
    state = value.state
    if {"data", "indices", "indptr"} <= state.keys():
        shape = tuple(int(n) for n in (state["_shape"] if "_shape" in state else state["shape"]))
        if len(shape) != 2 or shape[0] * shape[1] > MAX_BYTES // 8:
            raise ValueError(f"a sparse matrix of shape {shape}")
        data, indices, starts = (plain(state[key]) for key in ("data", "indices", "indptr"))
        if starts[-1] != len(data):
            raise ValueError("a sparse matrix of another number of values than it says")
        by_column = len(starts) == shape[1] + 1
        other = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        out = np.zeros(shape)
        np.add.at(out, (indices, other) if by_column else (other, indices), data)
        return out
    for key in ("x", "a"):  # chumpy.Ch, chumpy.Select
        if key in state:
            return plain(state[key])
    return state
