"""`.a2f.json`: blendshape weights as Audio2Face's exporter writes them, for what reads those (Maya, Blender, Unreal,
Unity).

`exportFps`, `trackPath` (the sound's path), `numPoses`, `numFrames`, `facsNames`, `weightMat` (a row per frame). The
names are ARKit's, in the order of Audio2Face's ARKit solver; they are read by name, in any order and case. Names that
ARKit does not have (a tongue's) are left out. A solve for other shapes than ARKit's has no meaning here, and is
refused.

A head that moves is the joint `head` of the exporter's newer fields: `joints`, `rotations` (a quaternion x, y, z, w per
frame and joint) and `translations` (centimetres). The sound's path is kept in `meta` as `track_path`. Emotion, other
meta and irregular times have no place.
"""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, INDEX, reorder
from emotalk.errors import InputError
from emotalk.formats.format import Format
from emotalk.formats.json_text import (
    BLOCK_ROWS,
    compact,
    fps_number,
    fps_of,
    load_json,
    matrix_of,
    object_of,
    row_texts,
    texts_of,
)
from emotalk.formats.live_link import COEFFICIENT_COLUMNS
from emotalk.formats.pieces import RowSpool
from emotalk.formats.quaternions import angles_of, quaternions

HEAD_JOINT = "head"
MM_PER_CM = 10.0
_NOT_IT = "Audio2Face's JSON of blendshape weights"


def _solver_order() -> tuple[str, ...]:
    """Apple's order but for the two sides that Live Link Face swaps."""
    names = [name[0].lower() + name[1:] for name in COEFFICIENT_COLUMNS]
    for part in ("jaw", "mouth"):
        left, right = names.index(f"{part}Left"), names.index(f"{part}Right")
        names[left], names[right] = names[right], names[left]
    return tuple(names)


FACS_NAMES = _solver_order()
_TO_FACS = [INDEX[name] for name in FACS_NAMES]


def write(path: Path, pieces: Iterable[Animation], *, track_path: str | None = None) -> None:
    """track_path: the sound, for tools that load it; default: `meta`'s `track_path`, or nothing.

    InputError for irregular times (give a frame rate), and for other names than the 52. Memory is bounded by a piece.
    """
    folder = path.parent
    with closing(RowSpool(folder)) as weights, closing(RowSpool(folder)) as turns, closing(RowSpool(folder)) as places:
        fps, moves, sound = "30", False, track_path
        for piece in pieces:
            if piece.times_s is not None:
                raise InputError("Audio2Face's JSON has regular frames: give a frame rate (fps) for this capture")
            fps, moves = fps_number(piece.fps), piece.head is not None
            sound = piece.meta.get("track_path") if sound is None else sound
            weights.append(reorder(piece.weights, piece.names)[:, _TO_FACS])
            if piece.head is not None:
                turns.append(quaternions(piece.head[:, :3]).astype(np.float32))
                places.append(piece.head[:, 3:] / np.float32(MM_PER_CM))
        with path.open("w", encoding="utf-8", newline="\n") as out:
            head = {"trackPath": sound if isinstance(sound, str) else "", "numPoses": len(FACS_NAMES)}
            head |= {"numFrames": weights.rows, "facsNames": list(FACS_NAMES)}
            out.write(f'{{"exportFps":{fps},{compact(head)[1:-1]},\n"weightMat":')
            _put_rows(out, weights, "{}")
            if moves:
                out.write(f',\n"joints":["{HEAD_JOINT}"],\n"rotations":')
                _put_rows(out, turns, "[{}]")
                out.write(',\n"translations":')
                _put_rows(out, places, "[{}]")
            out.write("}\n")


def read(file: IO[bytes], source: str) -> Animation:
    """InputError names the field or the row that does not fit, and the names that are missing."""
    document = object_of(load_json(file, source), _NOT_IT, source)
    if missing := [key for key in ("facsNames", "weightMat") if key not in document]:
        raise InputError(f"not {_NOT_IT}: {', '.join(missing)} missing", source=source)
    names = texts_of(document["facsNames"], "facsNames", source)
    if "jawopen" not in {name.lower() for name in names}:
        some = ", ".join(names[:3])
        raise InputError(
            f"its facsNames are not ARKit's ({some}, …): export from a blendshape solve with ARKit's shapes",
            source=source,
        )
    weights = matrix_of(document["weightMat"], len(names), "weightMat", source)
    for key, count in (("numFrames", len(weights)), ("numPoses", len(names))):
        if document.get(key, count) != count:
            raise InputError(f"{key} says {document[key]}, but there are {count}: it was cut short", source=source)
    sound = document.get("trackPath")
    return Animation(
        weights=reorder(weights, names, source=source),
        names=COEFFICIENTS,
        fps=fps_of(document.get("exportFps", 60), "exportFps", source),
        head=_head(document, len(weights), source),
        meta={"track_path": sound} if isinstance(sound, str) and sound else {},
    )


def _put_rows(out: IO[str], spool: RowSpool, around: str) -> None:
    before, after = around.split("{}")
    out.write("[")
    for number, block in enumerate(spool.blocks(BLOCK_ROWS)):
        out.write(",\n" if number else "\n")
        out.write(",\n".join(f"{before}{row}{after}" for row in row_texts(block)))
    out.write("]")


def _head(document: dict[str, Any], frames: int, source: str) -> np.ndarray | None:
    joints = document.get("joints") or []
    if HEAD_JOINT not in joints or "rotations" not in document:
        return None
    place = joints.index(HEAD_JOINT)
    out = np.zeros((frames, 6), np.float32)
    for key, width in (("rotations", 4), ("translations", 3)):
        rows = document.get(key)
        if rows is None:
            continue
        if not isinstance(rows, list) or len(rows) != frames:
            raise InputError(f"{key} must have a row per frame, {frames}", source=source)
        try:
            chosen = [row[place] for row in rows]
        except (TypeError, IndexError, KeyError) as error:
            raise InputError(f"{key} does not hold the joint {HEAD_JOINT} in every row", source=source) from error
        values = matrix_of(chosen, width, key, source).astype(np.float64)
        if key == "translations":
            out[:, 3:] = values * MM_PER_CM
        elif (np.linalg.norm(values, axis=1) < 1e-6).any():
            raise InputError("rotations hold a quaternion of length zero", source=source)
        else:
            out[:, :3] = angles_of(values)
    return out


FORMAT = Format(
    name="a2f",
    title="Audio2Face JSON",
    suffixes=(".a2f.json",),
    media_type="application/vnd.emotalk.a2f+json",
    write=write,
    read=read,
    head=True,
    emotion=False,
    meta=False,
    piecewise=True,
)
