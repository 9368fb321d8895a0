"""`.npy`: the weights and nothing else, (frames, 52) float32 in `COEFFICIENTS` order at 30 fps."""

import io
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import IO

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, FPS, reorder
from emotalk.errors import InputError
from emotalk.formats.format import Format
from emotalk.formats.pieces import RowSpool, read_npy


def write(path: Path, pieces: Iterable[Animation]) -> None:
    """InputError where the file's meaning would change: another frame rate or irregular times."""
    with closing(RowSpool(path.parent)) as spool:
        for piece in pieces:
            if piece.fps != FPS or piece.times_s is not None:
                raise InputError(f"an npy file means {FPS} regular frames per second: give fps {FPS}, or save as .npz")
            spool.append(piece.weights if piece.names == COEFFICIENTS else reorder(piece.weights, piece.names))
        with path.open("wb") as out:
            spool.copy_to(out)


def read(file: IO[bytes], source: str) -> Animation:
    """(frames, 52) numbers, taken as `COEFFICIENTS` at 30 fps. InputError for any other shape, pickles, NaN."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    weights = read_npy(file, size, source)
    try:
        return Animation(weights)
    except InputError as error:
        raise InputError(error.reason, source=source) from error


FORMAT = Format(
    name="npy",
    title="NumPy array, weights only",
    suffixes=(".npy",),
    media_type="application/x-npy",
    write=write,
    read=read,
    head=False,
    emotion=False,
    meta=False,
    piecewise=True,
    only_fps=FPS,
)
