"""Displacement fields of jaw, lips, cheeks and tongue: (V, 3) mm at a weight of 1."""

import numpy as np

from emotalk.rigs.face import CORNER_JAW, HINGE, Face, smoothstep
from emotalk.rigs.loops import MOUTH_WIDTH, lip_heights, mouth_line

JAW_OPEN = 15.0  # degrees at a weight of 1

Fields = dict[str, np.ndarray]


def jaw_open(face: Face) -> np.ndarray:
    """The jaw turns around its hinge: lower lip and chin go down and back on an arc."""
    return _jaw_turn(face) * face.jaw[:, None]


def mouth_close(face: Face, opened: np.ndarray) -> np.ndarray:
    """Undo on the lips what `opened` does to them, so that both meet on one line part of the way down.

    Exact for equal weights of jawOpen and mouthClose: on the lips their sum is the same for upper and lower.
    """
    bow = 1 - np.sqrt(np.maximum(1 - face.t**2, 0))
    share = 0.46 + (CORNER_JAW - 0.46) * bow  # of the jaw's movement: where the lips meet
    reach = np.where(face.lower > 0.5, 15.0, 11.0)
    near = np.exp(-((np.maximum(face.lip_mm - 8, 0) / reach) ** 2)) * face.skin * (face.z > 20)
    return (_jaw_turn(face) * share[:, None] - opened) * near[:, None]


def _jaw_turn(face: Face) -> np.ndarray:
    """(V, 3) what a vertex that belongs to the jaw alone would do."""
    a = np.radians(JAW_OPEN)
    turn = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ray = face.points - HINGE
    return ray @ turn.T - ray


def middle_shapes(face: Face) -> Fields:
    """The shapes that are symmetric in themselves."""
    upper_mm, lower_mm = lip_heights(face.t)
    lips = _near(face, 7.0)
    wide = _near(face, 15.0)
    arch = np.sqrt(np.maximum(1 - face.t**2, 0))
    lower, upper = face.lower, 1 - face.lower
    side = np.sign(face.x)
    chin = face.blob(0, -90, 24, 18) + face.blob(0, -104, 26, 16)
    chin = np.minimum(chin, 1)
    squeeze = smoothstep(0, 1, np.abs(face.x) / MOUTH_WIDTH) * side
    red = np.clip(face.share, 0, 1)
    fade_red = np.where(face.share <= 1.5, 1.0, np.exp(-np.maximum(face.lip_mm - 8, 0) / 5))
    puff = np.minimum(face.blob(37, -54, 17, 20) + face.blob(-37, -54, 17, 20), 1)
    return {
        "browInnerUp": _xyz(_sum(face, 9, 20, 14, 14), side * 0.5, 8.5, 0.3)
        + _xyz(_sum(face, 9, 42, 20, 13), 0, 2.6, 0),
        "cheekPuff": _outward(face) * (puff * 9.0)[:, None] + _xyz(lips, 0, 0, 1.2),
        "jawForward": _xyz(face.jaw, 0, -0.4, 7.0) + _xyz(lips * lower * arch, 0, 1.2, 0),
        "mouthFunnel": _xyz(wide, -4.5 * squeeze, 0, 5.0)
        + _xyz(lips * upper * arch, 0, 3.2, 2.0)
        + _xyz(lips * lower * arch, 0, -4.6, 2.2),
        "mouthPucker": _xyz(_near(face, 20.0) * smoothstep(15, 50, face.z), -9.6 * squeeze, 0, 0)
        + _xyz(_near(face, 18.0), 0, 0, 6.0 - 2.4 * face.t**2)
        + _xyz(lips * (1 - face.inside), 0, 0, 2.4 * np.exp(-((face.t / 0.5) ** 2))),
        "mouthRollLower": _xyz(
            lips * lower * fade_red,
            0,
            (lower_mm * 0.55) * red * arch + 0.6 * arch,
            -0.6 - 2.6 * arch * (1 - 0.35 * red),
        ),
        "mouthRollUpper": _xyz(
            lips * upper * fade_red,
            0,
            -(upper_mm * 0.5) * red * arch - 0.3 * arch,
            -0.6 - 2.4 * arch * (1 - 0.35 * red),
        ),
        "mouthShrugLower": _xyz(lips * lower * arch, 0, 2.6, 3.2) + _xyz(chin * lower, 0, 5.0, 1.6),
        "mouthShrugUpper": _xyz(lips * upper * (0.35 + 0.65 * arch), 0, 2.4, 2.6)
        + _xyz(_sum(face, 0, -50, 18, 9) * upper, 0, 2.2, 1.2),
        "tongueOut": _tongue_out(face)
        + _xyz(lips * upper * arch, 0, 1.6, 0)
        + _xyz(wide * lower * arch, 0, -10.5, 0.5),
    }


def left_shapes(face: Face) -> Fields:
    """The shapes of the left side."""
    lips = _near(face, 8.0)
    lower, upper = face.lower, 1 - face.lower
    half = smoothstep(-10.0, 13.0, face.x)  # across the lips: fades past the middle
    along = smoothstep(-4.0, MOUTH_WIDTH, face.x)  # grows towards the corner
    corner = np.exp(
        -(((face.x - MOUTH_WIDTH - 1) / 15) ** 2) - ((face.y - mouth_line(np.full_like(face.x, 24.5))) / 13) ** 2
    )
    corner = corner * smoothstep(10, 40, face.z) * face.skin
    corner = np.maximum(corner, lips * along * 0.9) * np.where(face.inside > 0, 0.85, 1)
    arch = np.sqrt(np.maximum(1 - face.t**2, 0)) ** 0.8
    cheek = face.blob(35, -37, 17, 14)
    wide = _near(face, 17.0) * face.skin
    upper_mm, lower_mm = lip_heights(face.t)
    red = np.clip(face.share, 0, 1) * np.where(face.share <= 1.5, 1.0, np.exp(-np.maximum(face.lip_mm - 8, 0) / 5))
    low, up = lips * half * lower, lips * half * upper
    return {
        "mouthSmile": _xyz(corner, 7.0, 7.6, -3.6)
        + _xyz(cheek, 1.6, 3.6, 2.6)
        + _xyz(lips * half * arch, 0.6, 0.2, -1.6),
        "mouthFrown": _xyz(corner, 1.0, -7.0, -1.2) + _xyz(face.blob(25, -80, 12, 10), 0.6, -2.0, 0.6),
        "mouthDimple": _xyz(corner, 4.6, 0.9, -4.6) + _xyz(face.blob(35, -60, 8, 12), 0.6, 0, 1.6),
        "mouthStretch": _xyz(corner, 8.2, -2.6, -4.0)
        + _xyz(lips * half * arch, 0.8, -0.6, -1.2)
        + _xyz(face.blob(36, -78, 16, 18), 1.5, -2.0, 0),
        "mouthPress": _xyz(up, 0, -(upper_mm * 0.34) * red, -1.5)
        + _xyz(low, 0, (lower_mm * 0.36) * red, -1.5)
        + _xyz(corner * 0.6, 0.8, 0.4, -1.4),
        "mouthLowerDown": _xyz(low * arch, 1.2, -6.8, 0.9) + _xyz(face.blob(16, -80, 14, 10) * lower, 0.5, -2.4, 0.4),
        "mouthUpperUp": _xyz(up * arch, 0.8, 6.0, 0.6) + _xyz(face.blob(19, -48, 13, 11) * upper, 0.8, 2.8, 1.4),
        "mouth": _xyz(wide, 9.0, 0.0, -0.6) + _xyz(corner, 0.5, 0.8, -2.0),
        "jaw": _xyz(face.jaw, 8.0, 0.0, -0.5) + _xyz(lips * lower * arch, 0, 1.2, 0.8),
    }


def _near(face: Face, reach: float) -> np.ndarray:
    """(V,) 1 on the red of the lips and just inside them, fading over `reach` mm of skin and along the mouth inside."""
    near = np.exp(-((np.maximum(face.lip_mm - 7.5, 0) / reach) ** 2))
    return near * face.skin * (face.z > 15) * np.where(face.inside > 0, smoothstep(52.0, 80.0, face.z), 1)


def _sum(face: Face, x: float, y: float, width: float, height: float) -> np.ndarray:
    """Both sides' blobs, no stronger than one."""
    return np.minimum(face.blob(x, y, width, height) + face.blob(-x, y, width, height), 1)


def _outward(face: Face) -> np.ndarray:
    ray = face.points - (0, -50, 20)
    return ray / np.linalg.norm(ray, axis=1, keepdims=True)


def _tongue_out(face: Face) -> np.ndarray:
    """The tip comes out between the lips and bends down over the lower one."""
    tongue = face.sculpture.mask("tongue")
    out = smoothstep(30.0, 71.0, face.z) * tongue
    tip = smoothstep(54.0, 71.0, face.z) * tongue
    flat = tongue * smoothstep(45.0, 70.0, face.z) * (face.y + 71.0) * -0.3
    return _xyz(out, 0, 3.5, 31.0) + _xyz(tip, 0, -4.5, 0) + _xyz(np.ones_like(flat), 0, flat, 0)


def _xyz(weight: np.ndarray, x: np.ndarray | float, y: np.ndarray | float, z: np.ndarray | float) -> np.ndarray:
    ones = np.ones_like(weight)
    return weight[:, None] * np.stack([ones * x, ones * y, ones * z], axis=1)
