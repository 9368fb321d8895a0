"""`.flame.npz`: the face as FLAME's parameters over time, under the names that the SMPL-X family of tools uses.

`expression` (frames, E) and `jaw_pose` (frames, 3; axis-angle, radians); `eyelids` (frames, 2; left, right) where the
model has them; `global_orient` (frames, 3; axis-angle) and `transl` (frames, 3; metres) where the head moves; `fps`
(numerator, denominator); and as in `npz`, `meta`, `emotion` with `emotion_names`, `times_s`. `emotalk rig flame
--parameters` reads them as well.

FLAME's licence keeps its model with its users: the option `flame_model` is their file. The parameters are those that
move its skin most like the rig's 52 shapes (least squares, see `emotalk.rigs.transfer.flame_map`), so reading such a
file gives coefficients that are near the written ones, not equal to them.
"""

import json
from collections.abc import Iterable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import reorder
from emotalk.errors import InputError
from emotalk.files import PathOrUri, is_uri, local_path
from emotalk.formats.format import Format
from emotalk.formats.npz import read_arrays, write_archive
from emotalk.formats.pieces import RowSpool
from emotalk.formats.quaternions import angles_of, axis_angles, from_axis_angles, quaternions
from emotalk.formats.rig import rig_of

if TYPE_CHECKING:
    from emotalk.rigs.rig import Rig
    from emotalk.rigs.transfer.flame_map import FlameMap

METRES = np.float32(0.001)


def write(
    path: Path,
    pieces: Iterable[Animation],
    *,
    flame_model: PathOrUri,
    flame_map: "FlameMap | PathOrUri | None" = None,
    expressions: int | None = None,
    rig: "Rig | PathOrUri | None" = None,
) -> None:
    """flame_model: FLAME's own file. flame_map: a map, or the file of one (`emotalk rig flame`); default: fitted anew,
    which takes some seconds. expressions: how many directions of expression to use (50, 100; default: all). rig: the
    one that the coefficients are for. Memory is bounded by a piece.
    """
    to_flame = fitted(flame_model, flame_map, expressions, rig)
    with ExitStack() as stack:
        spools: dict[str, RowSpool] = {}
        meta: dict[str, Any] = {}
        constants: dict[str, np.ndarray] = {}
        for piece in pieces:
            meta.update(piece.meta)
            constants["fps"] = np.array([piece.fps.numerator, piece.fps.denominator], np.int64)
            if piece.emotion is not None:
                constants["emotion_names"] = np.array(piece.emotion_names, np.str_)
            for name, rows in _rows(piece, to_flame).items():
                if name not in spools:
                    spools[name] = stack.enter_context(closing(RowSpool(path.parent)))
                spools[name].append(rows)
        constants["meta"] = np.array(json.dumps(meta, ensure_ascii=False, sort_keys=True))
        write_archive(path, spools, constants)


def read(
    file: IO[bytes],
    source: str,
    *,
    flame_model: PathOrUri,
    flame_map: "FlameMap | PathOrUri | None" = None,
    expressions: int | None = None,
    rig: "Rig | PathOrUri | None" = None,
) -> Animation:
    """Options as `write`. InputError for arrays that do not fit the model."""
    from emotalk.rigs.transfer.parameters import parameters_of

    arrays = read_arrays(file, source)
    to_flame = fitted(flame_model, flame_map, expressions, rig)
    rows, fps = parameters_of(arrays, to_flame.parameters, source)
    try:
        names = tuple(str(name) for name in arrays["emotion_names"]) if "emotion_names" in arrays else ()
        return Animation(
            weights=to_flame.to_coefficients(rows),
            fps=fps,
            head=_head(arrays, len(rows)),
            emotion=arrays.get("emotion"),
            emotion_names=names,
            meta=json.loads(str(arrays["meta"][()])) if "meta" in arrays else {},
            times_s=arrays.get("times_s"),
        )
    except (ValueError, TypeError, IndexError) as error:
        reason = error.reason if isinstance(error, InputError) else f"its arrays do not fit together ({error})"
        raise InputError(reason, source=source) from error


def fitted(
    model: PathOrUri,
    saved: "FlameMap | PathOrUri | None",
    expressions: int | None,
    rig: "Rig | PathOrUri | None",
) -> "FlameMap":
    """The map that options ask for: as it is, from its file, or fitted. InputError where it is for something else."""
    from emotalk.rigs.importers.flame import read_flame
    from emotalk.rigs.transfer.flame_map import FlameMap, fit_flame

    if isinstance(saved, FlameMap):
        return saved
    if expressions is not None and expressions < 1:
        raise InputError(f"expressions must be at least 1, not {expressions}")
    if is_uri(model):
        raise InputError("FLAME's own file must be a local one", source=model)
    face, flame = rig_of(rig), read_flame(local_path(model), expressions=expressions)
    if saved is None:
        return fit_flame(face, flame)
    known = FlameMap.load(saved)
    known.check(face, flame)
    return known


def _rows(piece: Animation, to_flame: "FlameMap") -> dict[str, np.ndarray]:
    from emotalk.rigs.transfer.parameters import columns_of

    weights = reorder(piece.weights, piece.names).astype(np.float64)
    # Row by row: a product of matrices gives other last bits for pieces of another length.
    rows = np.array([row @ to_flame.forward for row in weights], np.float32).reshape(len(weights), -1)
    out = {"jaw_pose" if name == "jaw" else name: rows[:, at] for name, at in columns_of(to_flame.parameters).items()}
    if piece.head is not None:
        out["global_orient"] = axis_angles(quaternions(piece.head[:, :3])).astype(np.float32)
        out["transl"] = piece.head[:, 3:] * METRES
    more = {"emotion": piece.emotion, "times_s": piece.times_s}
    return out | {name: values for name, values in more.items() if values is not None}


def _head(arrays: dict[str, np.ndarray], frames: int) -> np.ndarray | None:
    if "global_orient" not in arrays and "transl" not in arrays:
        return None
    out = np.zeros((frames, 6), np.float32)
    if "global_orient" in arrays:
        out[:, :3] = angles_of(from_axis_angles(arrays["global_orient"].reshape(frames, 3).astype(np.float64)))
    if "transl" in arrays:
        out[:, 3:] = arrays["transl"].reshape(frames, 3) / METRES
    return out


_MODEL = "FLAME's own file, generic_model.pkl or an npz of its arrays, which its licence keeps with its users"

FORMAT = Format(
    name="flame",
    title="FLAME parameters",
    suffixes=(".flame.npz",),
    media_type="application/x-npz",
    write=write,
    read=read,
    required={"flame_model": _MODEL},
    head=True,
    emotion=True,
    meta=True,
    piecewise=True,
)
