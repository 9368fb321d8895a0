"""Animation files: one module per format behind one registry. The suffix picks; a format never clamps.

Every format is written from consecutive pieces of one animation, so that ten hours need no more memory than a piece,
and appears whole or not at all.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.files import PathOrUri, atomic_write, open_source, suffix_of
from emotalk.formats import glb, live_link, npy, npz
from emotalk.formats.pieces import joined


@dataclass(frozen=True)
class Format:
    """How one kind of file is written and read.

    write: a local path and the consecutive pieces of one animation -> nothing; memory is bounded by a piece.
    read: an open binary file and the name to use in errors -> the animation.
    version: raised when the same animation gives other bytes than before, so that jobs write it again.
    """

    name: str
    suffix: str
    write: Callable[[Path, Iterable[Animation]], None]
    read: Callable[[IO[bytes], str], Animation]
    version: int = 1


FORMATS: tuple[Format, ...] = (
    Format("NumPy archive, lossless", ".npz", npz.write, npz.read),
    Format("Live Link Face", ".csv", live_link.write, live_link.read),
    Format("NumPy array, weights only", ".npy", npy.write, npy.read),
    Format("binary glTF, a head that moves", ".glb", glb.write, glb.read),
)


def format_for(path: PathOrUri) -> Format:
    """The format that a path's or URI's suffix names; InputError lists the known ones."""
    suffix = suffix_of(path)
    for known in FORMATS:
        if known.suffix == suffix:
            return known
    listing = ", ".join(f"{known.suffix} ({known.name})" for known in FORMATS)
    raise InputError(f"no animation format has the suffix {suffix!r}; known: {listing}", source=path)


def write_animation(target: PathOrUri, pieces: Iterable[Animation]) -> None:
    """Writes consecutive pieces of one animation to a local path or URI; the same bytes however it is cut.

    The first piece gives names, fps and columns, which the others must share; `meta` is the union, later pieces win.
    On any error, the pieces' own included, nothing appears under `target`. InputError for no pieces at all.
    """
    known = format_for(target)
    with atomic_write(target) as temporary:
        known.write(temporary, joined(pieces, source=target))


def read_animation(source: PathOrUri) -> Animation:
    """Reads a local path or URI; the suffix picks the format. InputError names file and reason."""
    known = format_for(source)
    with open_source(source) as file:
        return known.read(file, str(source))


__all__ = ["FORMATS", "Format", "format_for", "read_animation", "write_animation"]
