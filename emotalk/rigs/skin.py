"""The skin of the left half: edge loops at mouth, eye and nostril, a filling between them, and a neck.

The loops and the filling are directions seen from inside the head; the convex hull of directions on a sphere is their
Delaunay triangulation, with no seam anywhere. Holes are the triangles that lie inside an innermost loop.
"""

import numpy as np
from scipy.spatial import ConvexHull, cKDTree

from emotalk.rigs.loops import LIP_STEPS, Ring, lid_lining, lid_rings, mouth_rings
from emotalk.rigs.mesh import Part, strip
from emotalk.rigs.solids import CENTRE, direction, face_distance, outward

NECK_STEPS = 17  # vertices of half a neck ring
NECK_FRONT_Y, NECK_BACK_Y = -119.0, -84.0
NECK_DROPS = (6.0, 14.0, 24.0, 36.0)  # mm below the first neck ring
BAG = ((2.2, 0.0), (5.0, 0.5), (11.0, 5.0), (24.0, 12.0), (42.0, 13.0))  # mouth inside: mm back, mm of half height
NOSTRIL = np.array([6.3, -42.4, 97.0])


def skin() -> Part:
    """Half the skin with the lining of lids and mouth. Tags: mouth0.., lid0.., lining, bag0.., nostril, neck."""
    mouth, lids = mouth_rings(), lid_rings()
    neck = _neck_ring(0.0)
    loops = [*mouth, *lids, Ring(neck, neck), *_nostril()]
    layout = direction(np.concatenate([ring.layout for ring in loops]))
    points = np.concatenate([ring.points for ring in loops])
    filling = _filling(layout, [mouth[-1], lids[-1], loops[-1]])
    layout = np.concatenate([layout, filling])
    points = np.concatenate([points, outward(filling)])

    tags: dict[str, np.ndarray] = {}
    start = 0
    names = [f"mouth{i}" for i in range(len(mouth))] + [f"lid{i}" for i in range(len(lids))]
    for name, ring in zip([*names, "neck0", "nostril_deep", "nostril_rim"], loops, strict=True):
        tags[name] = np.arange(start, start + len(ring.points))
        start += len(ring.points)
    triangles = [_triangulate(layout, [tags["mouth0"], tags["lid0"], tags["neck0"]])]

    extra: list[np.ndarray] = []

    def append(name: str, rows: np.ndarray) -> np.ndarray:
        nonlocal start
        first = len(points) + sum(map(len, extra))
        tags[name] = np.arange(first, first + len(rows))
        extra.append(rows)
        return tags[name]

    triangles.append(strip(append("lining", lid_lining()), tags["lid0"], closed=True)[:, ::-1])
    previous = tags["neck0"]
    for i, drop in enumerate(NECK_DROPS):
        row = append(f"neck{i + 1}", _neck_ring(drop))
        triangles.append(strip(previous, row))
        previous = row
    previous = tags["mouth0"]
    for i, (back, height) in enumerate(BAG):
        row = append(f"bag{i}", _bag_ring(mouth[0].points, back, height))
        triangles.append(strip(previous, row))
        previous = row
    end = LIP_STEPS  # close the bag: pair the upper half of its last ring with the lower half
    triangles.append(strip(previous[: end + 1], previous[::-1][: end + 1]))

    vertices = np.concatenate([points, *extra])
    faces = np.concatenate(triangles)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    return Part(vertices, faces, np.full((len(vertices), 3), 200.0), tags=tags)


def _triangulate(layout: np.ndarray, holes: list[np.ndarray]) -> np.ndarray:
    """Half the Delaunay triangulation of directions and their mirror images, facing outwards, less the holes."""
    middle = np.abs(layout[:, 0]) < 1e-9
    whole = np.concatenate([layout, layout[~middle] * (-1, 1, 1)])
    faces = ConvexHull(whole).simplices
    faces = faces[(faces < len(layout)).all(1) & ~middle[np.minimum(faces, len(layout) - 1)].all(1)]
    a, b, c = (whole[faces[:, i]] for i in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a + b + c) < 0
    faces[inward] = faces[inward][:, ::-1]
    for hole in holes:
        faces = faces[~np.isin(faces, hole).all(1)]
    return faces


def _filling(taken: np.ndarray, islands: list[Ring]) -> np.ndarray:
    """Directions on staggered rows, finest around the nose, kept clear of the loops and of one another."""
    kept = [taken]
    outlines = [direction(island.layout) for island in islands]
    zones = (
        (2.3, 17.0, -21.0, 17.0),
        (3.3, 38.0, -50.0, 36.0),
        (4.6, 66.0, -66.0, 48.0),
        (7.5, 180.0, -88.0, 90.0),
    )  # degrees: step, reach
    for step, reach, low, high in zones:
        rows = np.arange(low, high, step * 0.9)
        for i, lat in enumerate(rows):
            cos = max(np.cos(np.radians(lat)), 0.02)
            count = max(2, round(reach * cos / step))
            lon = np.linspace(0, reach, count + 1)
            if i % 2:
                lon = np.r_[0, (lon[1:-1] + lon[2:]) / 2 if count > 1 else [], reach if reach > 179 else reach * 0.99]
            lon, lat_r = np.radians(np.minimum(lon, 180)), np.radians(lat)
            row = np.column_stack([np.sin(lon) * cos, np.full(len(lon), np.sin(lat_r)), np.cos(lon) * cos])
            row[np.abs(row[:, 0]) < 1e-9, 0] = 0
            near_middle = (row[:, 0] > 0) & (row[:, 0] < 0.5 * np.radians(step))
            row = row[~near_middle]
            clear = np.radians(step) * 0.72
            tree = cKDTree(np.concatenate([np.concatenate(kept), np.concatenate(kept) * (-1, 1, 1)]))
            row = row[tree.query(row)[0] > clear]
            for outline in outlines:
                row = row[~_inside(row, outline)]
            surface = outward(row) if len(row) else row
            if len(row):
                row = row[surface[:, 1] > _neck_plane(surface[:, 2]) + 4.5]
            kept.append(row)
    return np.concatenate(kept[1:])


def _inside(rays: np.ndarray, outline: np.ndarray) -> np.ndarray:
    """Which rays pass through an outline, by the angles it makes around each (a half mouth is closed by its mirror)."""
    if np.abs(outline[[0, -1], 0]).max() < 1e-9:
        outline = np.concatenate([outline, outline[-2:0:-1] * (-1, 1, 1)])
    middle = outline.mean(0)
    middle /= np.linalg.norm(middle)
    right = np.cross([0, 1, 0], middle)
    up = np.cross(middle, right)
    ahead = rays @ middle
    p = np.stack([rays @ right, rays @ up], 1) / np.maximum(ahead, 1e-3)[:, None]
    q = np.stack([outline @ right, outline @ up], 1) / (outline @ middle)[:, None]
    angle = np.arctan2(q[:, 1] - p[:, 1, None], q[:, 0] - p[:, 0, None])
    turn = np.angle(np.exp(1j * np.diff(angle, axis=1, append=angle[:, :1]))).sum(1)
    return (np.abs(turn) > np.pi) & (ahead > 0.5)


def _nostril() -> list[Ring]:
    """A small oval under the tip of the nose: its rim, and the same a little smaller and deeper."""
    axis = direction(NOSTRIL[None])[0]
    side = np.cross([0, 1, 0], axis)
    side /= np.linalg.norm(side)
    down = np.cross(axis, side)
    angle = 2 * np.pi * np.arange(8) / 8
    rings = []
    for size, depth in ((0.45, 4.0), (1.0, 0.0)):
        oval = np.outer(np.cos(angle) * 0.030, side) + np.outer(np.sin(angle) * 0.024, down)
        rays = axis + size * oval
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        points = outward(rays) + depth * np.array([0.1, 0.9, -0.45])
        rings.append(Ring(points, CENTRE + rays * 100))
    return rings


def _neck_plane(z: np.ndarray) -> np.ndarray:
    return np.interp(z, [-75, 15], [NECK_BACK_Y, NECK_FRONT_Y])


def _neck_ring(drop: float) -> np.ndarray:
    """Half a ring around the neck, from front to back, `drop` mm below the first; each next one is more level."""
    psi = np.linspace(0, np.pi, NECK_STEPS)
    blend = min(drop / NECK_DROPS[-1], 1.0)
    level = (NECK_FRONT_Y + NECK_BACK_Y) / 2 - 16
    y = (
        (1 - blend) * (NECK_FRONT_Y + NECK_BACK_Y + (NECK_FRONT_Y - NECK_BACK_Y) * np.cos(psi)) / 2
        + blend * level
        - drop
    )
    axis_z = -22 + 22 * (y + 60) / 200
    ray = np.column_stack([np.sin(psi), np.zeros_like(psi), np.cos(psi)])
    ray[[0, -1], 0] = 0
    near, far = np.full(len(psi), 5.0), np.full(len(psi), 150.0)
    origin = np.column_stack([np.zeros_like(psi), y, axis_z])
    for _ in range(40):
        middle = (near + far) / 2
        inside = face_distance(origin + ray * middle[:, None]) < 0
        near, far = np.where(inside, middle, near), np.where(inside, far, middle)
    return origin + ray * near[:, None]


def _bag_ring(rim: np.ndarray, back: float, height: float) -> np.ndarray:
    """The rim of the lips moved `back` mm into the mouth and opened by `height` mm either way."""
    steps = np.linspace(0, np.pi, len(rim))
    points = rim.copy()
    points[:, 0] *= 1 - 0.1 * np.sqrt(back / 42)
    points[:, 1] += height * np.cos(steps)
    points[:, 2] -= back
    return points
