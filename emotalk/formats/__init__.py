"""Animation files: one module per format behind one registry. A suffix or a name picks; a format never clamps.

A new format is a module with a `FORMAT`, and its line in `FORMATS`. Files appear whole or not at all. They are written
from consecutive pieces of one animation; formats whose `piecewise` says so need no more memory than a piece for ten
hours. docs/formats.md tells what each one holds.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.files import PathOrUri, atomic_write, open_source, suffix_of
from emotalk.formats import a2f_json, arkit_json, emotion_json, flame, glb, live_link, mp4, npy, npz, parquet, usd
from emotalk.formats.format import Format
from emotalk.formats.pieces import joined
from emotalk.formats.retime import rate_of, retimed

FORMATS: tuple[Format, ...] = (
    npz.FORMAT,
    live_link.FORMAT,
    npy.FORMAT,
    glb.FORMAT,
    parquet.FORMAT,
    arkit_json.FORMAT,
    a2f_json.FORMAT,
    emotion_json.FORMAT,
    usd.FORMAT,
    flame.FORMAT,
    mp4.FORMAT,
)


@dataclass(frozen=True)
class Written:
    """What was written to a target: bytes, and their digest."""

    bytes: int
    sha256: str


def find_format(path: PathOrUri) -> Format | None:
    """The format that a path's or URI's ending names, the longest known one (`.arkit.json`); None for no known one."""
    name = PurePosixPath(str(path)).name.lower()
    endings = ((suffix, known) for known in FORMATS for suffix in known.suffixes if name.endswith(suffix))
    return max(endings, key=lambda ending: len(ending[0]), default=(None, None))[1]


def format_for(path: PathOrUri) -> Format:
    """As `find_format`; InputError lists the known ones."""
    if (known := find_format(path)) is None:
        hint = " (or give the format by name)" if suffix_of(path) == ".json" else ""
        raise InputError(
            f"no animation format has the suffix {suffix_of(path)!r}; known{hint}: {format_listing()}", source=path
        )
    return known


def format_named(name: str) -> Format:
    """`csv`, `arkit`, `.arkit.json` -> the format of that name or suffix; InputError lists the known ones."""
    plain = name.lower().lstrip(".")
    for known in FORMATS:
        if plain == known.name or f".{plain}" in known.suffixes:
            return known
    listing = ", ".join(f"{known.name} ({known.title})" for known in FORMATS)
    raise InputError(f"unknown format {name!r}; known: {listing}")


def suffix_named(name: str) -> str:
    """The suffix that a name or suffix stands for: `csv` -> `.csv`, `arkit` -> `.arkit.json`, `usdc` -> `.usdc`."""
    known = format_named(name)
    suffix = "." + name.lower().lstrip(".")
    return suffix if suffix in known.suffixes else known.suffix


def format_listing() -> str:
    """All suffixes with their formats, for messages and help."""
    return ", ".join(f"{' '.join(known.suffixes)} ({known.title})" for known in FORMATS)


def write_animation(
    target: PathOrUri,
    pieces: Iterable[Animation],
    *,
    format: str | None = None,
    fps: str | float | Fraction | None = None,
    **options: Any,
) -> Written:
    """Writes consecutive pieces of one animation to a local path or URI; the same bytes however it is cut.

    The first piece gives names, fps and columns, which the others must share; `meta` is the union, later pieces win.
    format: a name, where the suffix does not say it. fps: the rate to write (see `retime`). options: what the format
    takes. On any error, the pieces' own included, nothing appears under `target`. InputError for no pieces at all, for
    options that the format does not know, and MissingExtraError where an extra of this package is missing.
    """
    known = format_for(target) if format is None else format_named(format)
    known.check_writing(options, source=target)
    given: Iterator[Animation] = joined(pieces, source=target)
    if fps is not None:
        given = retimed(given, rate_of(fps))
    with atomic_write(target) as temporary:
        known.write(temporary, given, **options)
        with temporary.open("rb") as file:
            return Written(temporary.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def read_animation(source: PathOrUri, *, format: str | None = None, **options: Any) -> Animation:
    """Reads a local path or URI; suffix or name picks the format, which may take options. InputError names file and
    reason."""
    known = format_for(source) if format is None else format_named(format)
    known.check_reading(options, source=source)
    assert known.read is not None
    with open_source(source) as file:
        return known.read(file, str(source), **options)


__all__ = [
    "FORMATS",
    "Format",
    "Written",
    "find_format",
    "format_for",
    "format_listing",
    "format_named",
    "rate_of",
    "read_animation",
    "retimed",
    "suffix_named",
    "write_animation",
]
