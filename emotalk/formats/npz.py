"""`.npz`: everything an Animation holds, without loss; `numpy.load` opens it, no pickle inside, equal bytes for equals.

Members: `weights` (frames, n) float32; `names`; `fps` (numerator, denominator) int64; `meta`, a JSON text; and where
known `head`, `emotion` with `emotion_names`, `times_s`, and per track `track.<name>` with `columns.<name>`. Nothing is
compressed: float noise shrinks by a tenth, and a plain archive can be mapped.
"""

import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, closing
from fractions import Fraction
from pathlib import Path
from typing import IO, Any

import numpy as np

from emotalk.animation import Animation, Track
from emotalk.errors import InputError
from emotalk.files import PathOrUri, open_source
from emotalk.formats.format import Format
from emotalk.formats.pieces import RowSpool, read_npy

DATE = (1980, 1, 1, 0, 0, 0)  # the zip format's first date: the same animation gives the same bytes on any day
_BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError, struct.error)
MAX_BYTES = 8 * 2**30  # unpacked; 10 hours are 0.3 GiB
MAX_LOADED_BYTES = 2**30  # unpacked, of any other npz: a rig of a million vertices is 0.7 GiB


def write(path: Path, pieces: Iterable[Animation]) -> None:
    """Streams pieces through files beside `path`; memory is bounded by one piece."""
    with ExitStack() as stack:
        spools: dict[str, RowSpool] = {}
        meta: dict[str, Any] = {}
        last: Animation | None = None
        for piece in pieces:
            last = piece
            meta.update(piece.meta)
            for name, rows in _rows(piece).items():
                if name not in spools:
                    spools[name] = stack.enter_context(closing(RowSpool(path.parent)))
                spools[name].append(rows)
        assert last is not None  # `joined` refuses no pieces
        write_archive(path, spools, _constants(last, meta))


def write_archive(path: Path, spools: Mapping[str, RowSpool], constants: Mapping[str, np.ndarray]) -> None:
    """Rows that were gathered, and small arrays, as the members of one archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, spool in spools.items():
            with archive.open(zip_entry(name), "w", force_zip64=spool.size > 2**31) as out:
                spool.copy_to(out)
        for name, array in constants.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, array, allow_pickle=False)
            archive.writestr(zip_entry(name), buffer.getvalue())


def read(file: IO[bytes], source: str) -> Animation:
    """InputError for anything but what `write` writes: the names of the members, their shapes, no pickle."""
    arrays = read_arrays(file, source)
    missing = [name for name in ("weights", "names", "fps", "meta") if name not in arrays]
    if "displacements" in arrays and missing:
        raise InputError("a rig, not an animation: see `emotalk rig info`", source=source)
    if missing:
        raise InputError(f"not an animation: {', '.join(missing)} missing", source=source)
    try:
        return _animation(arrays)
    except InputError as error:
        raise InputError(error.reason, source=source) from error
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise InputError(f"not an animation ({error})", source=source) from error


def read_arrays(file: IO[bytes], source: str, *, max_bytes: int = MAX_BYTES) -> dict[str, np.ndarray]:
    """The arrays of any .npz by name. InputError for what is none, pickles, and over `max_bytes` unpacked."""
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(member.file_size for member in archive.infolist()) > max_bytes:
                raise InputError(f"unpacks to more than {max_bytes >> 20} MiB", source=source)
            arrays = {}
            for member in archive.infolist():
                name = member.filename.removesuffix(".npy")
                with archive.open(member) as handle:
                    arrays[name] = read_npy(handle, member.file_size, f"{source} ({member.filename})")
    except InputError:
        raise
    except (*_BROKEN_ZIP, ValueError, EOFError) as error:  # of ValueErrors, a damaged directory that points before 0
        raise InputError(f"not a readable npz ({error})", source=source) from error
    return arrays


def load_arrays(path: PathOrUri) -> dict[str, np.ndarray]:
    """The arrays of an .npz that is no animation: a rig, a map. InputError as `read_arrays`."""
    with open_source(path) as file:
        return read_arrays(file, str(path), max_bytes=MAX_LOADED_BYTES)


def _rows(piece: Animation) -> dict[str, np.ndarray]:
    rows = {"weights": piece.weights, "head": piece.head, "emotion": piece.emotion, "times_s": piece.times_s}
    rows |= {f"track.{name}": track.values for name, track in sorted(piece.tracks.items())}
    return {name: values for name, values in rows.items() if values is not None}


def _constants(piece: Animation, meta: dict[str, Any]) -> dict[str, np.ndarray]:
    constants = {
        "names": np.array(piece.names, np.str_),
        "fps": np.array([piece.fps.numerator, piece.fps.denominator], np.int64),
        "meta": np.array(json.dumps(meta, ensure_ascii=False, sort_keys=True)),
    }
    if piece.emotion is not None:
        constants["emotion_names"] = np.array(piece.emotion_names, np.str_)
    return constants | {
        f"columns.{name}": np.array(track.columns, np.str_) for name, track in sorted(piece.tracks.items())
    }


def zip_entry(name: str) -> zipfile.ZipInfo:
    """An array's member of an archive whose bytes do not tell when it was written."""
    entry = zipfile.ZipInfo(f"{name}.npy", DATE)
    entry.external_attr = 0o644 << 16
    return entry


def _animation(arrays: dict[str, np.ndarray]) -> Animation:
    numerator, denominator = (int(value) for value in arrays["fps"])
    tracks = {
        name.removeprefix("track."): Track(values, _strings(arrays[f"columns.{name.removeprefix('track.')}"]))
        for name, values in arrays.items()
        if name.startswith("track.")
    }
    meta = json.loads(str(arrays["meta"][()]))
    if not isinstance(meta, dict):
        raise ValueError("meta is not a JSON object")
    return Animation(
        weights=arrays["weights"],
        names=_strings(arrays["names"]),
        fps=Fraction(numerator, denominator),
        head=arrays.get("head"),
        emotion=arrays.get("emotion"),
        emotion_names=_strings(arrays["emotion_names"]) if "emotion_names" in arrays else (),
        meta=meta,
        times_s=arrays.get("times_s"),
        tracks=tracks,
    )


def _strings(array: np.ndarray) -> tuple[str, ...]:
    if array.ndim != 1 or array.dtype.kind != "U":
        raise ValueError(f"names must be a vector of texts, not {array.dtype} {array.shape}")
    return tuple(array.tolist())


FORMAT = Format(
    name="npz",
    title="NumPy archive, lossless",
    suffixes=(".npz",),
    media_type="application/x-npz",
    write=write,
    read=read,
    head=True,
    emotion=True,
    meta=True,
    piecewise=True,
)
