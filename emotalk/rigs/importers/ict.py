"""ICT-FaceKit (USC Institute for Creative Technologies, MIT licence): its folder, or the archive it is packed in.

The face model is in centimetres, with +y up and +z out of the face; `_L` is the face's own left. browInnerUp and
cheekPuff come in halves; tongueOut does not exist and stays still. The kit leaves eyeballs to be turned by whoever
shows them: here the looks turn them. Numbers of vertices stay the kit's own.
"""

import json
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from emotalk.errors import InputError
from emotalk.files import read_source
from emotalk.rigs.importers.eyeballs import eyeball_colours, turn_eyeball
from emotalk.rigs.importers.finish import LIPS, Mesh, finish
from emotalk.rigs.importers.names import coefficient_of, shapes_by_coefficient
from emotalk.rigs.importers.wavefront import MAX_FILE_BYTES, read_obj, read_positions
from emotalk.rigs.rig import Rig

NEUTRAL, INDICES = "generic_neutral_mesh.obj", "vertex_indices.json"
MM = 10.0  # per unit of the kit
MAX_ARCHIVE_BYTES = 4 << 30  # unpacked; the kit has 0.14
OUTER_LIPS = slice(48, 60)  # of the 68 landmarks of iBUG
# Transparent in the kit, the lashes by a texture; drawn opaque they hide the eye.
FILMS = ("M_LacrimalFluid", "M_EyeBlend", "M_EyeOcclusion", "M_EyeLashes")
SKIN = ("M_Face", "M_BackHead")
EYEBALLS = {"Left": ("M_ScleraLeft", "M_IrisLeft"), "Right": ("M_ScleraRight", "M_IrisRight")}
COLOURS = {
    "M_Face": (224, 176, 152), "M_BackHead": (214, 166, 142), "M_GumsTongue": (190, 96, 96), "M_Teeth": (238, 230, 214),
}  # fmt: skip


def recognises(source: Path) -> bool:
    """A folder with the kit's neutral mesh in it, or a tar archive."""
    if source.is_dir():
        return any(source.rglob(NEUTRAL))
    return ".tar" in source.name.lower() or source.suffix.lower() == ".tgz"


def import_ict(source: Path) -> Rig:
    """InputError names what is missing or broken."""
    files = dict(_files(source))
    for name in (NEUTRAL, INDICES):
        if name not in files:
            raise InputError(f"no {name} in it: not ICT-FaceKit", source=source)
    base = read_obj(files[NEUTRAL], source=f"{source}: {NEUTRAL}")
    moves: dict[str, np.ndarray] = {}
    stems = [name.removesuffix(".obj") for name in files if name.endswith(".obj") and name != NEUTRAL]
    for coefficient, shapes in shapes_by_coefficient(stems, source=source).items():
        for shape in shapes:
            where = f"{source}: {shape}.obj"
            posed = read_positions(files[f"{shape}.obj"], source=where)
            if posed.shape != base.vertices.shape:
                raise InputError(f"{len(posed)} vertices, the neutral mesh has {len(base.vertices)}", source=where)
            moves[coefficient] = moves.get(coefficient, 0) + (posed - base.vertices)
    landmarks = _landmarks(files[INDICES], len(base.vertices), source)
    hidden = np.zeros(len(base.vertices), bool)
    for name in FILMS:
        hidden[base.materials.get(name, [])] = True
    triangles = base.triangles[~hidden[base.triangles].all(axis=1)]
    skin = np.zeros(len(base.vertices), bool)
    for name in SKIN:
        skin[base.materials.get(name, [])] = True
    for side, names in EYEBALLS.items():
        ball = np.unique(np.concatenate([base.materials.get(name, np.empty(0, np.int32)) for name in names]))
        if len(ball):
            turn_eyeball(moves, base.vertices, ball, side)
    mesh = Mesh(base.vertices, triangles, moves, skin=skin if skin.any() else None).scaled(MM)
    rig = finish(mesh, "ict-facekit", source=source)
    regions = dict(rig.regions)
    face = base.materials.get("M_Face", np.arange(len(base.vertices)))
    lips = _lips(rig, landmarks[OUTER_LIPS], face)
    regions["lips"] = lips
    for name in ("cheeks", "jaw", "nose"):
        regions[name] = np.setdiff1d(regions[name], lips)
    return Rig(
        name=rig.name,
        neutral=rig.neutral,
        triangles=rig.triangles,
        displacements=rig.displacements,
        regions=regions,
        # Landmarks lie a little outside: painted too, they are thorns.
        colours=_paint(rig, base.materials, np.setdiff1d(lips, landmarks[OUTER_LIPS])),
        joints=rig.joints,
    )


def _files(source: Path) -> Iterator[tuple[str, bytes]]:
    """Name -> content of the neutral mesh, the shapes and the indices, wherever the kit's folder begins."""
    if source.is_dir():
        neutral = next(iter(sorted(source.rglob(NEUTRAL))), None)
        for path in sorted((neutral.parent if neutral else source).iterdir()):
            if path.is_file() and _wanted(path.name):
                yield path.name, read_source(path, max_bytes=MAX_FILE_BYTES)
        return
    try:
        with tarfile.open(source) as archive:
            for member in archive:
                if archive.offset > MAX_ARCHIVE_BYTES:
                    raise InputError(f"unpacks to more than {MAX_ARCHIVE_BYTES >> 30} GiB", source=source)
                name = PurePosixPath(member.name).name
                if member.isfile() and _wanted(name):
                    if member.size > MAX_FILE_BYTES:
                        raise InputError(f"{name} is larger than {MAX_FILE_BYTES >> 20} MiB", source=source)
                    file = archive.extractfile(member)
                    yield name, b"" if file is None else file.read()
    except FileNotFoundError as error:
        raise InputError("no such file or folder", source=source) from error
    except (tarfile.TarError, EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise InputError(f"not a readable tar archive ({error})", source=source) from error


def _wanted(name: str) -> bool:
    return name in (NEUTRAL, INDICES) or (
        name.endswith(".obj") and coefficient_of(name.removesuffix(".obj")) is not None
    )


def _landmarks(data: bytes, count: int, source: Path) -> np.ndarray:
    """(68,) vertices of the iBUG landmarks, as the kit publishes them."""
    try:
        found = np.array(json.loads(data)["idx_to_landmark_verts"], np.int64)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise InputError(f"{INDICES} has no idx_to_landmark_verts ({error})", source=source) from error
    if found.shape != (68,) or found.min() < 0 or found.max() >= count:
        raise InputError(f"idx_to_landmark_verts of {INDICES} must be 68 vertices of the mesh", source=source)
    return found


def _lips(rig: Rig, outline: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The skin of the face inside the outer lip landmarks, seen from in front: the red of the lips."""
    polygon = rig.neutral[outline, :2]
    points = rig.neutral[face]
    inside = np.zeros(len(points), bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        crosses = (ay > points[:, 1]) != (by > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= crosses & (points[:, 0] < (bx - ax) * (points[:, 1] - ay) / (by - ay) + ax)
    rim = rig.neutral[np.concatenate([rig.regions["mouth_upper"], rig.regions["mouth_lower"]]), 2]
    return np.union1d(face[inside & (points[:, 2] > rim.min() - 3)], outline).astype(np.int32)


def _paint(rig: Rig, materials: dict[str, np.ndarray], lips: np.ndarray) -> np.ndarray:
    colours = np.full((len(rig.neutral), 3), 200, np.uint8)
    for name, ids in materials.items():
        colours[ids] = COLOURS.get(name, (200, 200, 200))
    colours[lips] = LIPS
    for side in ("left", "right"):
        ball = rig.regions.get(f"eyeball_{side}")
        if ball is not None:
            colours[ball] = eyeball_colours(rig.neutral[ball] - rig.joints[f"eye_{side}"])
    return colours
