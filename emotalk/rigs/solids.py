"""The face as a few rounded solids melted together: a signed distance, and rays that find its surface.

Everything is symmetric in x, so only |x| is ever looked at. The origin lies between the ears at the height of the eyes.
"""

import numpy as np

CENTRE = np.array([0.0, -22.0, 4.0])  # every ray from here leaves the head once
EYE = np.array([31.5, 0.0, 65.0])  # centre of the left eyeball
EYE_RADIUS = 14.0


def face_distance(points: np.ndarray) -> np.ndarray:
    """(n, 3) mm -> (n,): negative inside the skin. Not exact far away; zero is the surface."""
    p = points * np.where(np.arange(3) == 0, np.sign(points + 1e-30), 1.0)
    head = _melt(
        7.0,
        _ellipsoid(p, (0, 28, -5), (67, 74, 87)),  # cranium
        _ellipsoid(p, (0, 28, 22), (56, 52, 66)),  # forehead
        _ellipsoid(p, (0, -32, 20), (54, 66, 58)),  # middle of the face
        _ellipsoid(p, (39, -22, 48), (19, 17, 18)),  # cheekbone
        _ellipsoid(p, (29, -42, 50), (19, 21, 23)),  # cheek
        _ellipsoid(p, (0, -62, 58), (29, 23, 27)),  # muzzle
        _ellipsoid(p, (0, -84, 38), (29, 23, 36)),  # jaw
        _ellipsoid(p, (0, -97, 66), (13, 12, 14.5)),  # chin
        _capsule(p, (42, -46, 6), (18, -93, 55), 12.0),  # edge of the jaw
        _capsule(p, (0, -60, -22), (0, -260, -44), 43.0),  # neck
    )
    brow = _ellipsoid(p, (22, 18, 63), (25, 10, 17))
    head = _melt(5.0, head, brow)
    socket = _ellipsoid(p, (32, -1, 90), (16, 10, 14))
    head = -_melt(6.0, -head, socket)
    nose = _melt(
        2.2,
        _capsule(p, (0, 10, 76), (0, -14, 88), 6.0),
        _capsule(p, (0, -14, 88), (0, -33, 99.5), 6.0),
        _capsule(p, (0, -10, 76), (0, -36, 86), 7.5),  # what fills it
        _ellipsoid(p, (0, -35.5, 99), (8.2, 7.2, 8.2)),  # tip
        _ellipsoid(p, (11.0, -38.5, 88), (5.6, 6.0, 8.5)),  # wing
        _capsule(p, (0, -40, 97), (0, -43, 84), 3.0),  # septum
    )
    return _melt(3.2, head, nose)


def outward(directions: np.ndarray, origins: np.ndarray = CENTRE) -> np.ndarray:
    """(n, 3) unit vectors -> (n, 3) points of the surface, seen from inside the head."""
    near, far = np.full(len(directions), 8.0), np.full(len(directions), 330.0)
    for _ in range(30):
        middle = (near + far) / 2
        inside = face_distance(origins + directions * middle[:, None]) < 0
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return origins + directions * near[:, None]


def around(angles: np.ndarray, y: np.ndarray, axis_z: np.ndarray) -> np.ndarray:
    """Points at heights `y` in mm, `angles` in radians from the front around an upright axis at depth `axis_z`."""
    ray = np.column_stack([np.sin(angles), np.zeros_like(angles), np.cos(angles)])
    ray[np.abs(ray[:, 0]) < 1e-9, 0] = 0
    return outward(ray, np.column_stack([np.zeros_like(angles), y, axis_z]))


def from_front(xy: np.ndarray) -> np.ndarray:
    """(n, 2) mm -> (n, 3): the first point of the surface that a look from +z meets."""
    depths = np.linspace(125.0, 0.0, 126)
    points = np.concatenate([np.repeat(xy, len(depths), 0), np.tile(depths, len(xy))[:, None]], 1)
    hit = (face_distance(points).reshape(len(xy), -1) < 0).argmax(1)
    near, far = depths[hit], depths[np.maximum(hit - 1, 0)]
    for _ in range(24):
        middle = (near + far) / 2
        inside = face_distance(np.column_stack([xy, middle])) < 0
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return np.column_stack([xy, near])


def direction(points: np.ndarray) -> np.ndarray:
    """Unit vectors from `CENTRE`."""
    ray = points - CENTRE
    ray[np.abs(ray[:, 0]) < 1e-9, 0] = 0  # the midline stays the midline
    return ray / np.linalg.norm(ray, axis=1, keepdims=True)


def _melt(softness: float, *distances: np.ndarray) -> np.ndarray:
    """A smooth union: within `softness` mm the solids flow into one another."""
    stack = np.stack(distances)
    low = stack.min(0)
    return low - softness * np.log(np.exp(-(stack - low) / softness).sum(0))


def _ellipsoid(p: np.ndarray, centre: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    q = (p - centre) / radii
    length = np.linalg.norm(q, axis=1)
    return length * (length - 1) / np.maximum(np.linalg.norm(q / radii, axis=1), 1e-9)


def _capsule(p: np.ndarray, a: tuple[float, ...], b: tuple[float, ...], radius: float) -> np.ndarray:
    start, axis = np.array(a), np.subtract(b, a)
    along = np.clip((p - start) @ axis / (axis @ axis), 0, 1)
    return np.linalg.norm(p - start - along[:, None] * axis, axis=1) - radius
