"""Eyeballs of meshes from elsewhere: which vertices they are, how looks turn them, how they are painted."""

import numpy as np

from emotalk.blendshapes import INDEX
from emotalk.rigs.shapes_eyes import LOOK_DOWN, LOOK_SIDE, LOOK_UP

WHITE, IRIS, PUPIL = (236, 230, 224), (92, 128, 122), (16, 14, 16)


def find_eyeballs(
    vertices: np.ndarray, piece: np.ndarray, skin: np.ndarray, fields: np.ndarray
) -> dict[str, np.ndarray]:
    """Pieces that a look to the side moves most, round enough to be a ball: `eyeball_left`, `eyeball_right`."""
    out: dict[str, np.ndarray] = {}
    for side in ("Left", "Right"):
        looks = np.linalg.norm(fields[INDEX[f"eyeLookIn{side}"]], axis=1)
        chosen = []
        for number in np.unique(piece[~skin & (looks > 0.5)]):
            ids = np.flatnonzero(piece == number)
            extent = np.ptp(vertices[ids], axis=0)
            if extent.max() < 1.5 * extent.min() and np.median(looks[ids]) > 0.5:
                chosen.append(ids)
        if chosen:
            out[f"eyeball_{side.lower()}"] = np.concatenate(chosen).astype(np.int32)
    if len(out) == 2:
        out["eyeballs"] = np.concatenate(list(out.values()))
    return out


def sphere_centre(points: np.ndarray) -> np.ndarray:
    """(3,) centre of the sphere that lies nearest to (n, 3) points, of which a cap may be missing."""
    system = np.column_stack([2 * points, np.ones(len(points))])
    return np.linalg.lstsq(system, np.square(points).sum(1), rcond=None)[0][:3]


def turn_eyeball(moves: dict[str, np.ndarray], vertices: np.ndarray, ball: np.ndarray, side: str) -> None:
    """Adds to a side's four looks, in place, the turn of its eyeball (`ball`), as far as the default head's."""
    middle = sphere_centre(vertices[ball])
    rays = vertices[ball] - middle
    inwards = -1.0 if side == "Left" else 1.0  # x of the direction to the nose
    for look, up, aside in (
        ("Up", LOOK_UP, 0.0),
        ("Down", -LOOK_DOWN, 0.0),
        ("In", 0.0, inwards * LOOK_SIDE),
        ("Out", 0.0, -inwards * LOOK_SIDE),
    ):
        a, b = np.radians(up), np.radians(aside)
        y = rays[:, 1] * np.cos(a) + rays[:, 2] * np.sin(a)
        z = rays[:, 2] * np.cos(a) - rays[:, 1] * np.sin(a)
        turned = np.stack([rays[:, 0] * np.cos(b) + z * np.sin(b), y, z * np.cos(b) - rays[:, 0] * np.sin(b)], axis=1)
        moves[f"eyeLook{look}{side}"][ball] += turned - rays


def eyeball_colours(rays: np.ndarray) -> np.ndarray:
    """(n, 3) from an eyeball's centre -> (n, 3) uint8: pupil, iris and white by the angle to the line of sight."""
    angle = np.degrees(np.arccos(np.clip(rays[:, 2] / np.maximum(np.linalg.norm(rays, axis=1), 1e-9), -1, 1)))
    return np.select(
        [(angle < 10)[:, None], (angle < 27)[:, None]], [np.array(PUPIL), np.array(IRIS)], np.array(WHITE)
    ).astype(np.uint8)
