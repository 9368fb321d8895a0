"""What every writer needs of the pieces of one animation: that they fit together, and room for them on disk."""

import shutil
import tempfile
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from emotalk.animation import Animation, Track
from emotalk.errors import InputError


def joined(pieces: Iterable[Animation], *, source: object) -> Iterator[Animation]:
    """The pieces, checked as they pass: same names, fps and columns as the first, and times that never run back."""
    first: Animation | None = None
    last_s = -np.inf
    for number, piece in enumerate(pieces):
        first = first or piece
        for what, mine, theirs in zip(_SHARED, _shared(piece), _shared(first), strict=True):
            if mine != theirs:
                raise InputError(f"piece {number} differs from the first in its {what}", source=source)
        if piece.times_s is not None and piece.frames:
            if piece.times_s[0] < last_s:
                raise InputError(f"piece {number} starts before the one before it ends", source=source)
            last_s = piece.times_s[-1]
        yield piece
    if first is None:
        raise InputError("no pieces to write", source=source)


def whole(pieces: Iterable[Animation]) -> Animation:
    """Pieces that fit together -> the one animation that they are; `meta` is the union, later pieces win."""
    parts = list(pieces)
    first = parts[0]
    if len(parts) == 1:
        return first

    def all_of(rows: list[np.ndarray | None]) -> np.ndarray | None:
        return None if rows[0] is None else np.concatenate([row for row in rows if row is not None])

    meta: dict[str, Any] = {}
    for part in parts:
        meta.update(part.meta)
    return replace(
        first,
        weights=np.concatenate([part.weights for part in parts]),
        head=all_of([part.head for part in parts]),
        emotion=all_of([part.emotion for part in parts]),
        times_s=all_of([part.times_s for part in parts]),
        tracks={
            name: Track(np.concatenate([part.tracks[name].values for part in parts]), track.columns)
            for name, track in first.tracks.items()
        },
        meta=meta,
    )


_SHARED = ("names", "fps", "emotion names", "head", "emotion", "times", "tracks")


def _shared(piece: Animation) -> tuple[Any, ...]:
    present = (values is not None for values in (piece.head, piece.emotion, piece.times_s))
    tracks = {name: track.columns for name, track in piece.tracks.items()}
    return (piece.names, piece.fps, piece.emotion_names, *present, tracks)


class RowSpool:
    """Rows of one array, gathered in a nameless file beside the target, then copied out behind a proper npy header.

    An npy header states the number of rows, which nobody knows before the last piece. A nameless file leaves nothing
    behind, even when the process is killed.
    """

    def __init__(self, folder: Path) -> None:
        # Closed by whoever drops the spool: it lives as long as one write.
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        self._rows = 0
        self._like: np.ndarray | None = None

    def append(self, rows: np.ndarray) -> None:
        self._like = rows[:0]
        self._rows += len(rows)
        self._file.write(np.ascontiguousarray(rows).data)

    def copy_to(self, out: IO[bytes]) -> None:
        """Writes the whole array as npy to `out`."""
        assert self._like is not None
        write_npy_header(out, (self._rows, *self._like.shape[1:]), self._like.dtype)
        self.copy_rows_to(out)

    def copy_rows_to(self, out: IO[bytes]) -> None:
        """Writes the bytes of the rows alone."""
        self._file.seek(0)
        shutil.copyfileobj(self._file, out, 2**20)

    def blocks(self, rows: int) -> Iterator[np.ndarray]:
        """The rows again, at most so many at a time. Nothing may be appended meanwhile."""
        if self._like is None:
            return
        row_bytes = self._like.dtype.itemsize * int(np.prod(self._like.shape[1:]))
        self._file.seek(0)
        for start in range(0, self._rows, rows):
            count = min(rows, self._rows - start)
            data = self._file.read(count * row_bytes)
            yield np.frombuffer(data, self._like.dtype).reshape(count, *self._like.shape[1:])

    @property
    def rows(self) -> int:
        return self._rows

    @property
    def size(self) -> int:
        """Bytes of the rows, without the header."""
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


# A header is a Python literal, and numpy lets some errors of its parser through.
_BROKEN_HEADER = (SyntaxError, tokenize.TokenError, TypeError, KeyError, OverflowError, RecursionError, MemoryError)


def write_npy_header(out: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(out, header)


def read_npy(file: IO[bytes], size: int, source: str) -> np.ndarray:
    """One npy of `size` bytes -> the array. InputError for pickles, for a header that promises more than is there."""
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"npy version {version}")
        read_header = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}[version[0]]
        shape, fortran, dtype = read_header(file)
    except (ValueError, EOFError, *_BROKEN_HEADER) as error:
        raise InputError(f"not a NumPy array ({error!s:.120})", source=source) from error
    if not dtype.itemsize:
        raise InputError(f"holds {dtype}, which has no size", source=source)
    if dtype.hasobject:
        raise InputError("holds Python objects, which are never loaded", source=source)
    if any(length < 0 for length in shape):
        raise InputError(f"its shape cannot be: {shape}", source=source)
    count = 1
    for length in shape:
        count *= length
    # Checked before any memory is asked for: the header is as untrusted as the rest.
    if count * dtype.itemsize > size:
        raise InputError(f"cut short: shape {shape} needs more than the {size} bytes there are", source=source)
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise InputError(f"cut short: shape {shape} needs more bytes than there are", source=source)
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").copy()
