"""A folder of OBJ files: the neutral face and one file per shape, named after it."""

from pathlib import Path

import numpy as np

from emotalk.errors import InputError
from emotalk.files import read_source
from emotalk.rigs.importers.finish import Mesh, finish
from emotalk.rigs.importers.names import coefficient_of, shapes_by_coefficient
from emotalk.rigs.importers.place import placed
from emotalk.rigs.importers.wavefront import MAX_FILE_BYTES, read_obj, read_positions
from emotalk.rigs.rig import Rig

NEUTRAL_NAMES = ("neutral", "basis", "base", "rest", "default")


def import_obj_folder(folder: Path) -> Rig:
    """InputError where the neutral face or a shape is missing, or a shape has another number of vertices."""
    files = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".obj"}
    if not files:
        raise InputError("holds no OBJ files", source=folder)
    others = [stem for stem in files if coefficient_of(stem) is None]
    neutral = [stem for stem in others if any(word in stem.lower() for word in NEUTRAL_NAMES)]
    if len(neutral) != 1:
        found = ", ".join(neutral) or "none"
        raise InputError(f"one file must be the face at rest, neutral.obj; found: {found}", source=folder)
    path = files[neutral[0]]
    base = read_obj(read_source(path, max_bytes=MAX_FILE_BYTES), source=path)
    moves: dict[str, np.ndarray] = {}
    for coefficient, shapes in shapes_by_coefficient(set(files) - set(others), source=folder).items():
        for shape in sorted(shapes):
            posed = read_positions(read_source(files[shape], max_bytes=MAX_FILE_BYTES), source=files[shape])
            if posed.shape != base.vertices.shape:
                raise InputError(
                    f"{len(posed)} vertices, the face at rest has {len(base.vertices)}", source=files[shape]
                )
            moves[coefficient] = moves.get(coefficient, 0) + (posed - base.vertices)
    return finish(placed(Mesh(base.vertices, base.triangles, moves)), folder.name, source=folder)
