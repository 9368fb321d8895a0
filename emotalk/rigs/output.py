"""Vertices on disk: a cache of every frame, for metrics and other tools, and a sequence of OBJ files."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import reorder
from emotalk.errors import InputError
from emotalk.files import PathOrUri, atomic_write, suffix_of
from emotalk.formats.pieces import RowSpool, joined, write_npy_header
from emotalk.rigs.rig import Rig


def write_vertex_cache(target: PathOrUri, pieces: Iterable[Animation], rig: Rig, region: str | None = None) -> int:
    """(frames, V, 3) float32 mm as `.npy`, or as `.npz` with the rig's triangles and the rate beside it -> the frames.

    With `region` only its vertices (in `.npz` their numbers too). Memory is bounded by a piece. InputError for another
    suffix, other names than the 52, or no pieces.
    """
    suffix = suffix_of(target)
    if suffix not in (".npy", ".npz"):
        raise InputError("a vertex cache is .npy or .npz", source=target)
    ids = rig.region(region) if region is not None else np.arange(len(rig.neutral))
    with atomic_write(target) as temporary, closing(RowSpool(temporary.parent)) as spool:
        frames, fps = 0, None
        spool.append(np.empty((0, len(ids), 3), "<f4"))
        for piece in joined(pieces, source=target):
            fps = piece.fps
            weights = reorder(piece.weights, piece.names, source=target)
            for block in rig.blocks(weights, ids):
                spool.append(block.astype("<f4", copy=False))
            frames += piece.frames
        assert fps is not None  # `joined` refuses no pieces at all
        if suffix == ".npy":
            with temporary.open("wb") as out:
                spool.copy_to(out)
        else:
            _write_npz(temporary, spool, rig, ids, (fps.numerator, fps.denominator))
    return frames


def _write_npz(path: Path, spool: RowSpool, rig: Rig, ids: np.ndarray, fps: tuple[int, int]) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("vertices.npy", "w", force_zip64=True) as out:
            spool.copy_to(out)
        small = {"triangles": rig.triangles, "indices": ids, "fps": np.array(fps), "rig": np.array(rig.name)}
        for name, values in small.items():
            with archive.open(f"{name}.npy", "w") as out:
                array = np.asarray(values)
                write_npy_header(out, array.shape, array.dtype)
                out.write(array.tobytes())


def write_obj_sequence(folder: str | Path, pieces: Iterable[Animation], rig: Rig, *, stem: str = "frame") -> int:
    """One OBJ per frame, `frame_000000.obj` on, in millimetres -> the frames. Each file appears whole."""
    folder = Path(folder)
    faces = "".join(f"f {a} {b} {c}\n" for a, b, c in rig.triangles + 1)
    frame = 0
    for piece in joined(pieces, source=folder):
        weights = reorder(piece.weights, piece.names, source=folder)
        for block in rig.blocks(weights):
            for vertices in block:
                lines = "".join(f"v {x:.4f} {y:.4f} {z:.4f}\n" for x, y, z in vertices)
                with atomic_write(folder / f"{stem}_{frame:06d}.obj") as temporary:
                    temporary.write_text(f"# {rig.name}, mm\n{lines}{faces}", encoding="ascii")
                frame += 1
    return frame
