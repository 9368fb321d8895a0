"""The skin of the left half: edge loops at mouth, eye and nostril, a filling between them, and a neck.

The loops and the filling are directions seen from inside the head; the convex hull of directions on a sphere is their
Delaunay triangulation, with no seam anywhere. Holes are the triangles that lie inside an innermost loop.
"""

from dataclasses import dataclass, field

import numpy as np

from emotalk.rigs.loops import LIP_STEPS, hairline, height_over_hairline, lid_lining, lid_rings, mouth_rings
from emotalk.rigs.mesh import Part, strip
from emotalk.rigs.solids import EYE, EYE_RADIUS, around, direction, outward

NECK_STEPS = 17  # vertices of half a neck ring
NECK_FRONT_Y, NECK_BACK_Y = -119.0, -84.0
NECK_DROPS = (6.0, 14.0, 24.0, 36.0)  # mm below the first neck ring
BAG = ((2.0, 0.0), (3.2, 3.0), (4.4, 11.5), (22.0, 14.0), (46.0, 12.0))  # mouth inside: mm back, mm of half height
NOSTRIL = np.array([6.3, -42.4, 97.0])


@dataclass
class _Build:
    """Rows of vertices as they come, each under its name, and the triangles between them."""

    rows: list[np.ndarray] = field(default_factory=list)
    triangles: list[np.ndarray] = field(default_factory=list)
    tags: dict[str, np.ndarray] = field(default_factory=dict)

    def add(self, name: str, row: np.ndarray) -> np.ndarray:
        start = sum(map(len, self.rows))
        self.rows.append(row)
        self.tags[name] = np.arange(start, start + len(row))
        return self.tags[name]

    def chain(self, first: np.ndarray, rows: dict[str, np.ndarray], *, closed: bool = False) -> np.ndarray:
        """Strips from a row that is there already through new ones; returns the last."""
        for name, row in rows.items():
            ids = self.add(name, row)
            self.triangles.append(strip(first, ids, closed=closed))
            first = ids
        return first


def skin() -> Part:
    """Half the skin with the lining of lids and mouth. Tags: mouth0.., lid0.., lining, bag0.., nostril_*, neck0.."""
    mouth, lids, neck = mouth_rings(), lid_rings(), _neck_ring(0.0)
    hollow, rim = _nostril_rays()
    build = _Build()
    edges = {f"mouth{len(mouth) - 1}": mouth[-1], f"lid{len(lids) - 1}": lids[-1], "neck0": neck}
    holes = [build.add(name, edge) for name, edge in edges.items()]
    lines = {"hairline0": hairline(0.0), "hairline1": hairline(3.2)}
    for name, line in lines.items():
        build.add(name, line)
    build.add("nostril_rim", outward(rim))
    build.add("nostril_deep", outward(hollow) + np.array([0.4, 3.6, -1.8]))
    loops = [*(direction(points) for points in (edges | lines).values()), rim, hollow]
    filling = _filling(np.concatenate(loops), [loops[0], loops[1], rim])
    build.add("filling", outward(filling))
    build.triangles.append(_triangulate(np.concatenate([*loops, filling]), holes))

    build.chain(holes[0], {f"mouth{i}": mouth[i] for i in reversed(range(len(mouth) - 1))})
    build.chain(holes[1], {f"lid{i}": lids[i] for i in reversed(range(len(lids) - 1))}, closed=True)
    build.chain(build.tags["lid0"], {"lining": lid_lining()}, closed=True)
    build.chain(holes[2], {f"neck{i + 1}": _neck_ring(drop) for i, drop in enumerate(NECK_DROPS)})
    bag = {f"bag{i}": _bag_ring(mouth[0], back, height) for i, (back, height) in enumerate(BAG)}
    end = build.chain(build.tags["mouth0"], bag)
    # The bag ends in a seam: the upper half of its last ring against the lower half.
    build.triangles.append(strip(end[: LIP_STEPS + 1], end[::-1][: LIP_STEPS + 1]))

    vertices, faces = np.concatenate(build.rows), np.concatenate(build.triangles)
    faces = faces[(faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 0] != faces[:, 2])]
    tags = build.tags
    _relax(vertices, faces, np.concatenate([tags["filling"], tags["lid4"], tags["lid5"]]))
    _clear_of_eye(vertices, np.concatenate([tags["filling"], tags["lid3"], tags["lid4"], tags["lid5"]]))
    return Part(_grow_hair(vertices), faces, np.full((len(vertices), 3), 200.0), tags=tags)


def _triangulate(layout: np.ndarray, holes: list[np.ndarray]) -> np.ndarray:
    """Half the Delaunay triangulation of directions and their mirror images, facing outwards, less the holes."""
    from scipy.spatial import ConvexHull

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


def _filling(taken: np.ndarray, outlines: list[np.ndarray]) -> np.ndarray:
    """Directions on staggered rows, finest around the nose, kept clear of the loops and of one another."""
    from scipy.spatial import cKDTree

    kept = [taken]
    zones = (
        (2.3, 17.0, -21.0, 17.0),
        (3.3, 38.0, -50.0, 36.0),
        (4.6, 66.0, -66.0, 48.0),
        (5.2, 180.0, -88.0, 90.0),
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
    rays = [
        axis + s * (np.outer(np.cos(angle) * 0.030, side) + np.outer(np.sin(angle) * 0.024, down)) for s in (0.45, 1)
    ]
    return [ray / np.linalg.norm(ray, axis=1, keepdims=True) for ray in rays]


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
    return around(psi, y, -22 + 22 * (y + 60) / 200)


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
