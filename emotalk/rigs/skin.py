"""The skin of the left half: edge loops at mouth, eye and nostril, a filling between them, and a neck.

The loops and the filling are directions seen from inside the head; the convex hull of directions on a sphere is their
Delaunay triangulation, with no seam anywhere. Holes are the triangles that lie inside an innermost loop.
"""

import numpy as np
from scipy.spatial import ConvexHull, cKDTree

from emotalk.rigs.loops import LIP_STEPS, hairline, height_over_hairline, lid_lining, lid_rings, mouth_rings
from emotalk.rigs.mesh import Part, strip
from emotalk.rigs.solids import EYE, EYE_RADIUS, direction, face_distance, outward

NECK_STEPS = 17  # vertices of half a neck ring
NECK_FRONT_Y, NECK_BACK_Y = -119.0, -84.0
NECK_DROPS = (6.0, 14.0, 24.0, 36.0)  # mm below the first neck ring
BAG = ((2.0, 0.0), (3.2, 3.0), (4.4, 11.5), (22.0, 14.0), (46.0, 12.0))  # mouth inside: mm back, mm of half height
NOSTRIL = np.array([6.3, -42.4, 97.0])


def skin() -> Part:
    """Half the skin with the lining of lids and mouth. Tags: mouth0.., lid0.., lining, bag0.., nostril, neck."""
    mouth, lids = mouth_rings(), lid_rings()
    neck = _neck_ring(0.0)
    inner = {f"mouth{i}": ring for i, ring in enumerate(mouth[:-1])} | {f"lid{i}": r for i, r in enumerate(lids[:-1])}
    deep, rim = _nostril()
    edges = {f"mouth{len(mouth) - 1}": mouth[-1], f"lid{len(lids) - 1}": lids[-1], "neck0": neck}
    edges |= {"nostril_deep": deep, "nostril_rim": rim, "hairline0": hairline(0.0), "hairline1": hairline(3.2)}
    layout = direction(np.concatenate([*edges.values()]))
    layout[np.abs(layout[:, 0]) < 1e-9, 0] = 0
    layout[-len(edges["hairline1"]) * 2 - 16 : -len(edges["hairline1"]) * 2] = np.concatenate(_nostril_rays())
    filling = _filling(layout, [mouth[-1], lids[-1]], _nostril_rays()[1])
    layout = np.concatenate([layout, filling])
    points = np.concatenate([*edges.values(), outward(filling), *inner.values()])

    tags: dict[str, np.ndarray] = {}
    start = 0
    for name, ring in edges.items():
        tags[name] = np.arange(start, start + len(ring))
        start += len(ring)
    start += len(filling)
    for name, ring in inner.items():
        tags[name] = np.arange(start, start + len(ring))
        start += len(ring)
    triangles = [_triangulate(layout, [tags[f"mouth{len(mouth) - 1}"], tags[f"lid{len(lids) - 1}"], tags["neck0"]])]
    triangles += [strip(tags[f"mouth{i + 1}"], tags[f"mouth{i}"]) for i in range(len(mouth) - 1)]
    triangles += [strip(tags[f"lid{i + 1}"], tags[f"lid{i}"], closed=True) for i in range(len(lids) - 1)]

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
        row = append(f"bag{i}", _bag_ring(mouth[0], back, height))
        triangles.append(strip(previous, row))
        previous = row
    end = LIP_STEPS  # close the bag: pair the upper half of its last ring with the lower half
    triangles.append(strip(previous[: end + 1], previous[::-1][: end + 1]))

    vertices = np.concatenate([points, *extra])
    faces = np.concatenate(triangles)
    _relax(vertices, faces, np.r_[len(layout) - len(filling) : len(layout), tags["lid4"], tags["lid5"]])
    _clear_of_eye(vertices, np.r_[: len(layout), tags["lid3"], tags["lid4"]])
    vertices = _grow_hair(vertices)
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


def _filling(taken: np.ndarray, islands: list[np.ndarray], nostril: np.ndarray) -> np.ndarray:
    """Directions on staggered rows, finest around the nose, kept clear of the loops and of one another."""
    kept = [taken]
    outlines = [*(direction(island) for island in islands), nostril]
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
            kept.append(row)
    rays = np.concatenate(kept[1:])
    surface = outward(rays)
    return rays[surface[:, 1] > _neck_plane(surface[:, 2]) + 4.5]


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


def _nostril_rays() -> list[np.ndarray]:
    """Directions of a small oval under the tip of the nose: its hollow, and its rim."""
    axis = direction(NOSTRIL[None])[0]
    side = np.cross([0, 1, 0], axis)
    side /= np.linalg.norm(side)
    down = np.cross(axis, side)
    angle = 2 * np.pi * np.arange(8) / 8
    rays = [axis + s * (np.outer(np.cos(angle) * 0.030, side) + np.outer(np.sin(angle) * 0.024, down)) for s in (0.45, 1)]
    return [ray / np.linalg.norm(ray, axis=1, keepdims=True) for ray in rays]


def _nostril() -> list[np.ndarray]:
    deep, rim = _nostril_rays()
    return [outward(deep) + np.array([0.4, 3.6, -1.8]), outward(rim)]


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


def _relax(vertices: np.ndarray, faces: np.ndarray, free: np.ndarray, rounds: int = 2, share: float = 0.4) -> None:
    """Move the free vertices (those of the midline within it) towards the middle of their neighbours, in place."""
    middle = np.abs(vertices[:, 0]) < 1e-9
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    for _ in range(rounds):
        total, count = np.zeros_like(vertices), np.zeros(len(vertices))
        for a, b in (edges.T, edges.T[::-1]):
            np.add.at(total, a, vertices[b])
            np.add.at(count, a, 1)
        goal = total / np.maximum(count, 1)[:, None]
        goal[middle, 0] = 0
        vertices[free] += share * (goal - vertices)[free]


def _clear_of_eye(vertices: np.ndarray, ids: np.ndarray, margin: float = 1.3) -> None:
    """Lift skin that lies nearer than `margin` mm to the eyeball, in place."""
    ray = vertices[ids] - EYE
    distance = np.linalg.norm(ray, axis=1, keepdims=True)
    lift = np.maximum(EYE_RADIUS + margin - distance, 0) * (ray[:, 2:] > 0)
    vertices[ids] += lift * ray / distance


def _grow_hair(vertices: np.ndarray) -> np.ndarray:
    """Short hair: the scalp a few mm thicker, from the hairline on."""
    ray = direction(vertices)
    above = height_over_hairline(vertices)
    thick = 1.6 * np.clip(above / 3.2, 0, 1) + 6.5 * (1 - np.exp(-np.maximum(above - 3.2, 0) / 16))
    return vertices + ray * thick[:, None]
