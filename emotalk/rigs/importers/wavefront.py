"""Wavefront OBJ as rigs need it: positions, faces, and the material each face is drawn with."""

from dataclasses import dataclass

import numpy as np

from emotalk.errors import InputError
from emotalk.rigs.surface import fan

MAX_FILE_BYTES = 64 << 20  # a million vertices
FARTHEST = 1e9  # units of any kind: no vertex of a face lies there


@dataclass(frozen=True)
class Obj:
    """`vertices` (V, 3) float64; `triangles` (F, 3); `materials` name -> the vertices drawn with it."""

    vertices: np.ndarray
    triangles: np.ndarray
    materials: dict[str, np.ndarray]


def read_positions(data: bytes, *, source: object) -> np.ndarray:
    """(V, 3) of the `v` lines alone: all that a shape's file is read for."""
    lines = [line for line in data.splitlines() if line.startswith(b"v ")]
    try:
        # Colours may follow the three numbers; files without are read three times as fast.
        numbers = b" ".join(line[2:] for line in lines).split()
        if len(numbers) != 3 * len(lines):
            numbers = [number for line in lines for number in _three(line)]
        vertices = np.array(list(map(float, numbers))).reshape(-1, 3)
    except ValueError as error:
        raise InputError(f"a vertex line is broken ({error})", source=source) from error
    if not len(vertices) or not np.abs(vertices).max() < FARTHEST:
        raise InputError("holds no vertices, or numbers that are not finite", source=source)
    return vertices


def _three(line: bytes) -> list[bytes]:
    parts = line.split()[1:4]
    if len(parts) != 3:
        raise ValueError("three numbers are needed")
    return parts


def read_obj(data: bytes, *, source: object) -> Obj:
    """Polygons become triangles; indices may count from the end, as the format allows."""
    vertices = read_positions(data, source=source)
    polygons: list[list[int]] = []
    materials: dict[str, set[int]] = {}
    seen, drawn_with = 0, ""
    for line in data.splitlines():
        if line.startswith(b"v "):
            seen += 1
        elif line.startswith(b"usemtl"):
            drawn_with = line[6:].strip().decode("utf-8", "replace")
        elif line.startswith(b"f "):
            try:
                numbers = [int(corner.split(b"/")[0]) for corner in line.split()[1:]]
            except ValueError as error:
                raise InputError(f"a face line is broken ({error})", source=source) from error
            face = [number - 1 if number > 0 else seen + number for number in numbers]
            if len(face) < 3 or min(face) < 0 or max(face) >= len(vertices):
                raise InputError(f"a face names vertices outside 1..{len(vertices)}", source=source)
            polygons.append(face)
            materials.setdefault(drawn_with, set()).update(face)
    if not polygons:
        raise InputError("holds no faces", source=source)
    return Obj(vertices, fan(polygons), {name: np.array(sorted(ids), np.int32) for name, ids in materials.items()})
