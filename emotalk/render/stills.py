"""Single pictures: one face, a sheet of faces, a face coloured by distance."""

from collections.abc import Sequence

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError, MissingExtraError
from emotalk.files import PathOrUri, atomic_write
from emotalk.render.film import Film
from emotalk.render.heat import HeatScale, distance_blocks, round_limit
from emotalk.render.layout import sheet, with_bar
from emotalk.render.stage import Stage
from emotalk.rigs.rig import Rig


def still(
    rig: Rig,
    weights: np.ndarray,
    *,
    size: int = 512,
    turn: float = 0.0,
    scalars_mm: np.ndarray | None = None,
    limit_mm: float | None = None,
) -> np.ndarray:
    """(52,) weights -> (size, size, 3) uint8 sRGB: the face, seen from `turn` radians to its own left.

    `scalars_mm` (V,) colours each vertex by a length from 0 to `limit_mm` (default: a round number above the largest).
    """
    weights = _faces(np.atleast_2d(np.asarray(weights)))
    if len(weights) != 1:
        raise InputError(f"a still shows one face, not {len(weights)}")
    with Stage(rig, size=size, turn=turn) as stage:
        return stage.draw(rig.vertices(weights)[0], _heat(rig, scalars_mm, limit_mm))


def contact_sheet(
    rig: Rig,
    weights: np.ndarray,
    *,
    captions: Sequence[str] = (),
    columns: int | None = None,
    size: int = 256,
    turn: float = 0.0,
) -> np.ndarray:
    """(n, 52) weights -> (H, W, 3) uint8: n faces of `size` pixels in rows, captions below them."""
    weights = _faces(weights)
    if not len(weights):
        raise InputError("a contact sheet needs one face at least")
    if captions and len(captions) != len(weights):
        raise InputError(f"{len(weights)} faces have {len(captions)} captions")
    page = sheet((size, size), captions or [""] * len(weights), columns)
    with Stage(rig, size=size, turn=turn) as stage:
        return page.lay([stage.draw(rig.vertices(row[None])[0]) for row in weights])


def heat_map(
    rig: Rig,
    weights_a: np.ndarray,
    weights_b: np.ndarray,
    *,
    size: int = 512,
    limit_mm: float | None = None,
    label: str = "distance",
) -> np.ndarray:
    """How far b's vertices lie from a's -> (H, W, 3) uint8 with a colour bar in mm.

    Two (52,): drawn on b's face. Two (frames, 52): the mean over the frames, drawn on the face at rest.
    """
    one = np.ndim(weights_a) == 1
    a, b = (_faces(np.atleast_2d(np.asarray(weights))) for weights in (weights_a, weights_b))
    if a.shape != b.shape or not len(a):
        raise InputError(f"faces to compare have different shapes or none: {a.shape} and {b.shape}")
    total = np.zeros(len(rig.neutral))
    for block in distance_blocks(rig, a, b):
        total += block.sum(axis=0, dtype=np.float64)
    mean = total / len(a)
    limit = limit_mm if limit_mm is not None else round_limit(float(mean.max()))
    pose = b[0] if one else np.zeros(len(COEFFICIENTS), np.float32)
    picture = still(rig, pose, size=size, scalars_mm=mean, limit_mm=limit)
    return with_bar(picture, HeatScale(limit), label)


def film_sheet(film: Film, frames: Sequence[int]) -> np.ndarray:
    """(H, W, 3) uint8: the film's pictures at these frames; more than one in rows, their times below them."""
    pictures = list(film.pictures(frames))
    if len(pictures) == 1:
        return pictures[0]
    return sheet(film.shape, [f"{float(frame / film.fps):.2f} s" for frame in frames]).lay(pictures)


def save_png(path: PathOrUri, picture: np.ndarray) -> None:
    """Writes (H, W, 3) uint8 to a local path or URI, whole or not at all."""
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingExtraError("pictures", "render") from error
    with atomic_write(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG", optimize=True)


def _faces(weights: np.ndarray) -> np.ndarray:
    weights = np.asarray(weights, np.float32)
    if weights.ndim != 2 or weights.shape[1] != len(COEFFICIENTS):
        raise InputError(f"weights are (frames, {len(COEFFICIENTS)}), not {weights.shape}")
    if not np.isfinite(weights).all():
        raise InputError("weights must be finite numbers")
    return weights


def _heat(rig: Rig, scalars_mm: np.ndarray | None, limit_mm: float | None) -> np.ndarray | None:
    if scalars_mm is None:
        return None
    scalars = np.asarray(scalars_mm, np.float64)
    if scalars.shape != (len(rig.neutral),) or not np.isfinite(scalars).all():
        raise InputError(f"scalars_mm are ({len(rig.neutral)},) finite numbers, not {scalars.shape}")
    limit = limit_mm if limit_mm is not None else round_limit(float(scalars.max(initial=0)))
    return HeatScale(limit).colours(scalars)
