"""Displacement fields of brows, eyes, cheeks and nose: (V, 3) mm at a weight of 1, for the left side.

"Left" in a name is the person's own left (+x). The right side is the mirror image, made in `shapes.py`.
"""

import numpy as np

from emotalk.rigs.face import Face
from emotalk.rigs.loops import LID_STEPS
from emotalk.rigs.solids import EYE

MEET = 0.22  # where lids meet: share of the way from the lower lid's edge up to the upper's
LID_FOLLOW = {-1: 1.0, 0: 1.0, 1: 1.0, 2: 0.86, 3: 0.42, 4: 0.12, 5: 0.03}  # by ring, of a lid's rotation
POUCH = {1: 0.5, 2: 1.0, 3: 1.0, 4: 0.9, 5: 0.5}  # by ring, of the lower lid's bulge
LOOK_UP, LOOK_DOWN, LOOK_SIDE = 24.0, 28.0, 30.0  # degrees at a weight of 1

Fields = dict[str, np.ndarray]


def left_shapes(face: Face) -> Fields:
    blob = face.blob
    inner = 1 - 0.35 * np.clip((face.x - 12) / 30, 0, 1)

    def move(weight: np.ndarray, x: float, y: float, z: float) -> np.ndarray:
        return weight[:, None] * np.array([x, y, z])

    brow = blob(25, 21, 21, 12)
    return {
        "browDown": move(brow * inner * face.left, -2.2, -7.0, 1.0) + move(blob(7, 16, 9, 9), -0.9, -2.2, 1.4),
        "browOuterUp": move(blob(39, 23, 17, 17), 0.6, 8.5, -1.2) + move(blob(38, 44, 20, 14), 0, 2.5, 0),
        "cheekSquint": move(blob(31, -24, 19, 13), -0.5, 4.6, 1.8) + lid(face, 0.0, 0.2) + _pouch(face, 1.3),
        "eyeBlink": blink(face),
        "eyeLookDown": gaze(face, -LOOK_DOWN, 0) + lid(face, -13.0, -4.0, degrees=True) + move(brow, 0, -0.5, 0),
        "eyeLookUp": gaze(face, LOOK_UP, 0) + lid(face, 7.0, 3.0, degrees=True) + move(brow, 0, 0.9, 0),
        "eyeLookIn": gaze(face, 0, -LOOK_SIDE),
        "eyeLookOut": gaze(face, 0, LOOK_SIDE),
        "eyeSquint": lid(face, 0.12, 0.36)
        + _pouch(face, 1.3)
        + move(blob(30, -17, 17, 8), -0.4, 2.2, 1.0)
        + move(brow, 0, -1.0, 0),
        "eyeWide": lid(face, 10.0, -4.5, degrees=True) + move(blob(31, 20, 20, 12), 0, 1.5, -0.2),
        "noseSneer": _sneer(face),
    }


def _pouch(face: Face, thick_mm: float) -> np.ndarray:
    """The lower lid bulges away from the eyeball as it is pushed up; without it lids that add up cut into the ball."""
    share = np.select([face.lid_ring == ring for ring in POUCH], list(POUCH.values()), 0.0)
    ray = face.points - EYE
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    return ray * (thick_mm * share * (1 - face.upper_lid) * (face.x > 0))[:, None]


def _sneer(face: Face) -> np.ndarray:
    wing = face.blob(12, -37, 9, 10)
    crease = face.blob(15, -22, 10, 14)
    upper = face.blob(12, -50, 13, 9) * (1 - face.lower)
    brow = face.blob(12, 14, 11, 9) * face.left
    steps = ((wing, (1.2, 5.4, -0.4)), (crease, (-0.8, 4.0, 2.0)), (upper, (0.8, 4.6, 1.2)), (brow, (-1.0, -2.6, 0.8)))
    return np.sum([weight[:, None] * np.array(by) for weight, by in steps], axis=0)


def gaze(face: Face, up: float, out: float) -> np.ndarray:
    """Rotate the left eyeball by degrees upwards and outwards."""
    a, b = np.radians(up), np.radians(out)
    pitch = np.array([[1, 0, 0], [0, np.cos(a), np.sin(a)], [0, -np.sin(a), np.cos(a)]])
    yaw = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    out_mm = np.zeros_like(face.points)
    ball = face.sculpture.tags["eyeball"]
    ray = face.points[ball] - EYE
    out_mm[ball] = ray @ (yaw @ pitch).T - ray
    return out_mm


def blink(face: Face) -> np.ndarray:
    """Both lids of the left eye turn around the eyeball until their edges meet."""
    return lid(face, 1 - MEET, MEET) + face.blob(31, 17, 16, 7)[:, None] * np.array([0, -0.8, 0])


def lid(face: Face, upper: float, lower: float, *, degrees: bool = False) -> np.ndarray:
    """Turn the left eye's lids around the eyeball's horizontal axis.

    `upper` and `lower`: shares of the opening that each lid closes, or with `degrees` degrees upwards, alike along the
    lid but for its corners, which stay.
    """
    tags, points = face.sculpture.tags, face.points
    angle = face.eye_angle()
    out_mm = np.zeros_like(points)
    j = np.arange(LID_STEPS)
    pair = (-j) % LID_STEPS
    arch = np.abs(np.sin(2 * np.pi * j / LID_STEPS)) ** 0.6
    is_upper = (j < LID_STEPS // 2) & (j > 0)
    for ring, follow in LID_FOLLOW.items():
        ids = tags["lining" if ring < 0 else f"lid{ring}"]
        edge = tags[f"lid{min(max(ring, 0), 1)}"]
        if degrees:
            turn = np.radians(np.where(is_upper, upper, lower)) * arch
        else:
            opening = angle[edge[pair]] - angle[edge]  # towards the other lid
            turn = opening * np.where(is_upper, upper, lower)
        turn = turn * follow
        ray = points[ids] - EYE
        y = ray[:, 1] * np.cos(turn) + ray[:, 2] * np.sin(turn)
        z = ray[:, 2] * np.cos(turn) - ray[:, 1] * np.sin(turn)
        out_mm[ids] += np.stack([0 * y, y - ray[:, 1], z - ray[:, 2]], 1)
    return out_mm
