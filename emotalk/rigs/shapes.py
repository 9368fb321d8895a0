"""All 52 displacement fields: the left shapes, their mirror images, and the symmetric ones; brows ride on the skin."""

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.rigs import shapes_eyes, shapes_mouth
from emotalk.rigs.face import Face


def displacements(face: Face) -> np.ndarray:
    """(52, V, 3) float32 mm, in the order of `COEFFICIENTS`."""
    opened = shapes_mouth.jaw_open(face)
    fields = {"jawOpen": opened, "mouthClose": shapes_mouth.mouth_close(face, opened)}
    fields |= shapes_mouth.middle_shapes(face)
    for name, left in (shapes_eyes.left_shapes(face) | shapes_mouth.left_shapes(face)).items():
        fields[f"{name}Left"] = left
        fields[f"{name}Right"] = face.sculpture.reflect(left)
    stack = np.stack([_settle(face, fields[name]) for name in COEFFICIENTS])
    stack[np.abs(stack).max(axis=2) < 0.01] = 0  # nothing anyone sees: keeps the fields sparse
    return stack.astype(np.float32)


def _settle(face: Face, field: np.ndarray) -> np.ndarray:
    """The brows' hair moves with the skin under it."""
    from scipy.spatial import cKDTree

    brow = face.sculpture.tags["brow"]
    skin = np.flatnonzero((face.skin > 0) & (face.inside == 0) & (face.x > -4) & (face.y > 2) & (face.y < 45))
    distance, near = cKDTree(face.points[skin]).query(face.points[brow], k=4)
    share = 1 / (distance + 0.5) ** 2
    share /= share.sum(axis=1, keepdims=True)
    out = field.copy()
    out[brow] += np.einsum("nk,nkc->nc", share, field[skin[near]])
    right = face.sculpture.mirror[brow]
    skin = face.sculpture.mirror[skin]
    out[right] += np.einsum("nk,nkc->nc", share, field[skin[near]])
    return out
