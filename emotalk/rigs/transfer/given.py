"""A correspondence that someone else found: an npz of which vertex of the source lies where each of the target does.

Its arrays: `target` (n,) vertices of the target; `corners` (n,) the source's vertex at each, or (n, 3) the corners of
the triangle that it lies in, with `shares` (n, 3) of them. `turn` (3, 3), how movements are turned and scaled on the
way, is found from the points themselves unless it is given. A map that this package saved is read as well.
"""

import numpy as np

from emotalk.errors import InputError
from emotalk.files import PathOrUri
from emotalk.formats.npz import load_arrays
from emotalk.rigs.transfer.correspondence import Correspondence
from emotalk.rigs.transfer.registration import similarity
from emotalk.rigs.transfer.storage import PREFIX

FEWEST = 12  # points: fewer fix neither the turn nor a movement of the face


def read_correspondence(path: PathOrUri, source: np.ndarray, target: np.ndarray) -> Correspondence:
    """source, target: (V, 3) mm of both faces at rest. InputError names what is missing or does not fit them."""
    arrays = load_arrays(path)
    if any(key.startswith(PREFIX) for key in arrays):  # a saved map, whose own `source` and `target` are names
        arrays = {key.removeprefix(PREFIX): value for key, value in arrays.items() if key.startswith(PREFIX)}
    try:
        return _checked(arrays, source, target)
    except InputError as error:
        raise InputError(error.reason, source=path) from error


def _checked(arrays: dict[str, np.ndarray], source: np.ndarray, target: np.ndarray) -> Correspondence:
    missing = [name for name in ("target", "corners") if name not in arrays]
    if missing:
        raise InputError(f"a correspondence needs the arrays target and corners; {' and '.join(missing)} is missing")
    corners = arrays["corners"]
    shares = arrays.get("shares")
    if corners.ndim == 1 and shares is None:
        corners = np.repeat(corners[:, None], 3, axis=1)
        shares = np.tile([1.0, 0.0, 0.0], (len(corners), 1))
    if shares is None:
        raise InputError(f"corners are {corners.shape}: with three corners per vertex, shares (n, 3) are needed too")
    count = len(corners)
    distance = arrays.get("distance_mm", np.zeros(count))
    found = Correspondence(arrays["target"], corners, shares, distance, arrays.get("turn", np.eye(3)))
    found.check(len(source), len(target))
    if count < FEWEST:
        raise InputError(f"{count} points are too few, at least {FEWEST} are needed")
    if "turn" not in arrays:
        starts = np.einsum("nk,nkc->nc", found.shares, source[found.corners])
        scale, turn, _ = similarity(starts.astype(np.float64), target[found.target].astype(np.float64))
        found = Correspondence(found.target, found.corners, found.shares, found.distance_mm, scale * turn)
    return found
