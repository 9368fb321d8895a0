"""Finds the opening of a mouth or an eye in any mesh, as one sees it: from in front, where the skin falls away.

A plane through every millimetre of width cuts the skin; its profile is what a look from +z meets at each height. Where
the profile drops, there is an edge, and between two edges an opening. Of several openings (nostrils, the folds of an
ear) the right one is where the wanted movement closes it.
"""

from dataclasses import dataclass

import numpy as np

from emotalk.rigs.surface import edges_of

STEP_MM = 0.2  # of height along a profile
DROP_MM = 2.5  # between two steps: deeper is an edge
COLUMN_MM = 0.5  # between planes: about the spacing of a fine mesh's vertices


@dataclass(frozen=True)
class Opening:
    """Pairs of vertices over each other, `upper` and `lower` (n,), in order of x (from -x to +x)."""

    upper: np.ndarray
    lower: np.ndarray


def find_opening(
    vertices: np.ndarray, triangles: np.ndarray, closing: np.ndarray, *, width_mm: float, height_mm: float
) -> Opening | None:
    """The opening that `closing` closes, None where there is none.

    `vertices` (V, 3) mm with the opening open, `triangles` (F, 3) of the skin alone; `closing` (V, 3): the movement
    that closes it, whose upward part is larger below the opening than above it. The search covers `width_mm` ×
    `height_mm` around the middle of that movement. Of the vertices at an edge the pair is taken that meets best once
    it is closed: edges are round, and what one sees of an open mouth is not quite where its lips touch.
    """
    used = np.unique(triangles)
    amount = np.zeros(len(vertices))
    amount[used] = np.linalg.norm(closing[used], axis=1) ** 2
    if not amount.any():
        return None
    middle = (vertices * amount[:, None]).sum(0) / amount.sum()
    corners = vertices[triangles]
    near = (np.abs(corners[..., 0] - middle[0]).min(1) < width_mm / 2) & (
        np.abs(corners[..., 1] - middle[1]).min(1) < height_mm / 2
    )
    normal_z = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    slices = _Slices(vertices, triangles[near & (normal_z > 0)], closing, middle[1], height_mm)
    # The middle of the movement may lie beside the opening: the column that closes most of all starts the search.
    starts = middle[0] + np.arange(-0.2, 0.21, 0.05) * width_mm
    runs = [found for x in starts if (found := slices.best(x)) is not None]
    if not runs:
        return None
    first = max(runs, key=lambda run: run.closes)
    profile = [first]
    for way in (-COLUMN_MM, COLUMN_MM):
        run: _Run | None = first
        x = first.x
        while run is not None and abs(x - middle[0]) < width_mm / 2:
            x += way
            run = slices.best(x, like=run)
            if run is not None and run.closes > 0.12 * first.closes:
                profile.append(run)
    profile.sort(key=lambda run: run.x)
    ring = _Neighbours(triangles)
    closed = vertices + closing
    pairs = list(dict.fromkeys(_meeting(closed, ring.of(run.upper), ring.of(run.lower)) for run in profile))
    return Opening(np.array([u for u, _ in pairs], np.int32), np.array([v for _, v in pairs], np.int32))


def _meeting(closed: np.ndarray, above: np.ndarray, below: np.ndarray) -> tuple[int, int]:
    """Of two groups of vertices the pair that comes nearest when closed."""
    distance = np.linalg.norm(closed[above][:, None] - closed[below][None], axis=2)
    i, j = np.unravel_index(distance.argmin(), distance.shape)
    return int(above[i]), int(below[j])


class _Neighbours:
    """Each vertex with those that share an edge with it."""

    def __init__(self, triangles: np.ndarray) -> None:
        edges = edges_of(triangles)
        both = np.concatenate([edges, edges[:, ::-1]])
        both = both[np.argsort(both[:, 0], kind="stable")]
        self._from, self._to = both.T

    def of(self, vertex: int) -> np.ndarray:
        first, last = np.searchsorted(self._from, [vertex, vertex + 1])
        return np.append(self._to[first:last], vertex)


@dataclass(frozen=True)
class _Run:
    """A stretch of one profile that lies deep or open, from y `low` to `high`, and the vertices at its two edges."""

    x: float
    low: float
    high: float
    upper: int
    lower: int
    closes: float


class _Slices:
    """Profiles of the skin that faces the viewer."""

    def __init__(
        self, vertices: np.ndarray, triangles: np.ndarray, closing: np.ndarray, middle_y: float, height_mm: float
    ) -> None:
        self._vertices, self._triangles, self._closing = vertices, triangles, closing
        self._x = vertices[triangles][..., 0]
        self._y = middle_y + np.arange(-height_mm / 2, height_mm / 2, STEP_MM)

    def best(self, x: float, like: _Run | None = None) -> _Run | None:
        """The opening at x that closes most; with `like` only one that overlaps it in height."""
        runs = self._runs(x)
        if like is not None:
            runs = [run for run in runs if run.high > like.low - 1 and run.low < like.high + 1]
        runs = [run for run in runs if run.closes > 0]
        return max(runs, key=lambda run: run.closes, default=None)

    def _runs(self, x: float) -> list[_Run]:
        depth, face = self._profile(x)
        with np.errstate(invalid="ignore"):
            falls = depth[:-1] - depth[1:]  # from one step to the next one up
        bottom = np.flatnonzero(falls > DROP_MM)
        top = np.flatnonzero(falls < -DROP_MM) + 1
        runs = []
        for low in bottom:
            for high in top[top > low + 1]:
                between = depth[low + 1 : high]
                if between.max() > min(depth[low], depth[high]) - DROP_MM:
                    break  # skin in between: this is another opening
                if depth[high] < depth[low] - 25 or depth[low] < depth[high] - 25:
                    continue
                upper, lower = (self._vertex(face[i], x, self._y[i], depth[i]) for i in (high, low))
                closes = float(self._closing[lower, 1] - self._closing[upper, 1])
                runs.append(_Run(x, self._y[low], self._y[high], upper, lower, closes))
        return runs

    def _profile(self, x: float) -> tuple[np.ndarray, np.ndarray]:
        """Per height the z of the nearest skin and its triangle; far behind and -1 where there is none."""
        cut = np.flatnonzero((self._x.min(1) <= x) & (self._x.max(1) > x))
        depth, face = np.full(len(self._y), -1e6), np.full(len(self._y), -1)
        for number, points in zip(cut, self._vertices[self._triangles[cut]], strict=True):
            ends = _ends(points, x)
            if ends is None:
                continue
            (y0, z0), (y1, z1) = ends
            first, last = np.searchsorted(self._y, [y0, y1])
            ys = self._y[first:last]
            z = z0 + (z1 - z0) * (ys - y0) / max(y1 - y0, 1e-9)
            nearer = z > depth[first:last]
            depth[first:last][nearer] = z[nearer]
            face[first:last][nearer] = number
        return depth, face

    def _vertex(self, face: int, x: float, y: float, z: float) -> int:
        ids = self._triangles[face]
        return int(ids[np.linalg.norm(self._vertices[ids] - (x, y, z), axis=1).argmin()])


def _ends(points: np.ndarray, x: float) -> tuple[np.ndarray, np.ndarray] | None:
    """Where the plane at x enters and leaves a triangle: two (y, z), the lower first."""
    out = []
    for i in range(3):
        a, b = points[i], points[(i + 1) % 3]
        if (a[0] <= x) != (b[0] <= x):
            share = (x - a[0]) / (b[0] - a[0])
            out.append((a + share * (b - a))[1:])
    if len(out) != 2:
        return None
    return (out[0], out[1]) if out[0][0] <= out[1][0] else (out[1], out[0])
