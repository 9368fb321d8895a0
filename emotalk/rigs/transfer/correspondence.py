"""`Correspondence`: where on one mesh each vertex of another lies, so that movements can be carried over."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from emotalk.errors import InputError
from emotalk.rigs.surface import vertex_normals

CANDIDATES = 16  # triangles looked at for each point


@dataclass(frozen=True)
class Correspondence:
    """Vertex i of the target lies on the source at `shares[i]` of its vertices `corners[i]`.

    `target` (n,) vertices of the target mesh; `corners` (n, 3) of the source's; `shares` (n, 3), summing to 1;
    `distance_mm` (n,) how far apart they were once laid over each other; `turn` (3, 3): source movements, turned and
    scaled to the target's size.
    """

    target: np.ndarray
    corners: np.ndarray
    shares: np.ndarray
    distance_mm: np.ndarray
    turn: np.ndarray

    def check(self, source_count: int, target_count: int) -> None:
        """InputError where this is not of the right shapes, or not for meshes of so many vertices."""
        count = len(self.target) if self.target.ndim == 1 else -1
        for name, shape in {
            "target": (count,), "corners": (count, 3), "shares": (count, 3), "distance_mm": (count,), "turn": (3, 3),
        }.items():  # fmt: skip
            array = getattr(self, name)
            wanted = "(n,)" if count < 0 else str(shape)
            if array.shape != shape:
                raise InputError(f"{name} of a correspondence must be {wanted}, not {array.shape}")
            kinds = "iu" if name in ("target", "corners") else "fiu"
            if array.dtype.kind not in kinds or not np.isfinite(array).all():
                raise InputError(f"{name} of a correspondence must be {'whole' if kinds == 'iu' else 'finite'} numbers")
        for name, array, limit in (("target", self.target, target_count), ("corners", self.corners, source_count)):
            wrong = array[(array < 0) | (array >= limit)]
            if wrong.size:
                mesh = "target" if name == "target" else "source"
                raise InputError(f"{name} names vertex {wrong[0]}, the {mesh} has {limit} vertices")
        if count and not np.allclose(self.shares.sum(axis=1), 1, atol=1e-3):
            raise InputError("shares must sum to 1 for every vertex")
        if np.linalg.det(self.turn) <= 0:
            raise InputError("turn must be a rotation times a positive scale, without mirroring")

    def carry(self, moves: np.ndarray) -> np.ndarray:
        """(..., V source, 3) movements -> (..., n, 3) at the target's vertices, in the target's size."""
        if moves.shape[-2] <= self.corners.max(initial=-1):
            raise InputError(f"the correspondence is for a larger mesh than one of {moves.shape[-2]} vertices")
        out = np.zeros((*moves.shape[:-2], len(self.target), 3))
        for i in range(3):
            out += moves[..., self.corners[:, i], :] * self.shares[:, i, None]
        return out @ self.turn.T

    def arrays(self) -> dict[str, np.ndarray]:
        return {
            "target": self.target,
            "corners": self.corners,
            "shares": self.shares,
            "distance_mm": self.distance_mm,
            "turn": self.turn,
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, np.ndarray]) -> "Correspondence":
        return cls(**{name: arrays[name] for name in ("target", "corners", "shares", "distance_mm", "turn")})


@dataclass(frozen=True)
class Nearest:
    """For n points: the nearest `points` of a surface, and the triangle `corners` and `shares` they lie in."""

    points: np.ndarray
    corners: np.ndarray
    shares: np.ndarray
    distance: np.ndarray


def nearest_on(points: np.ndarray, normals: np.ndarray | None, vertices: np.ndarray, triangles: np.ndarray) -> Nearest:
    """The nearest place on a surface for each of (n, 3) points, among triangles that face the same way (`normals`)."""
    corners = vertices[triangles]
    _, near = cKDTree(corners.mean(1)).query(points, k=min(CANDIDATES, len(triangles)))
    near = near.reshape(len(points), -1)
    best = np.full(len(points), np.inf)
    out = Nearest(np.zeros((len(points), 3)), np.zeros((len(points), 3), np.int32), np.zeros((len(points), 3)), best)
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    face_normals /= np.maximum(np.linalg.norm(face_normals, axis=1, keepdims=True), 1e-12)
    for column in near.T:
        shares = _shares(points, corners[column])
        place = np.einsum("nk,nkc->nc", shares, corners[column])
        distance = np.linalg.norm(points - place, axis=1)
        if normals is not None:
            distance = distance + 20.0 * (np.einsum("nc,nc->n", normals, face_normals[column]) < 0.1)
        better = distance < best
        best[better] = distance[better]
        out.points[better], out.corners[better] = place[better], triangles[column][better]
        out.shares[better] = shares[better]
    out.distance[:] = np.linalg.norm(points - out.points, axis=1)
    return out


def _shares(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Barycentric coordinates of the place of each triangle (n, 3, 3) that is nearest to each point (n, 3)."""
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (np.einsum("nc,nc->n", x, y) for x, y in ((ab, ab), (ab, ac), (ac, ac)))
    d20, d21 = (np.einsum("nc,nc->n", ap, x) for x in (ab, ac))
    area = np.maximum(d00 * d11 - d01 * d01, 1e-20)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    inside = np.stack([1 - v - w, v, w], axis=1)
    options, distances = [inside], [np.where((inside >= 0).all(1), 0.0, np.inf)]
    for i, j in ((0, 1), (1, 2), (2, 0)):
        start, edge = corners[:, i], corners[:, j] - corners[:, i]
        t = np.einsum("nc,nc->n", points - start, edge) / np.maximum(np.einsum("nc,nc->n", edge, edge), 1e-20)
        t = np.clip(t, 0, 1)
        shares = np.zeros((len(points), 3))
        shares[:, i], shares[:, j] = 1 - t, t
        options.append(shares)
        distances.append(np.linalg.norm(points - start - t[:, None] * edge, axis=1) + 1e-12)
    return np.stack(options)[np.argmin(distances, axis=0), np.arange(len(points))]


def between(
    source_vertices: np.ndarray,
    source_triangles: np.ndarray,
    target_vertices: np.ndarray,
    target_triangles: np.ndarray,
    target: np.ndarray,
    turn: np.ndarray,
) -> Correspondence:
    """Vertices `target` of one mesh on another that has been laid over it."""
    normals = vertex_normals(target_vertices, target_triangles)[target]
    found = nearest_on(target_vertices[target], normals, source_vertices, source_triangles)
    return Correspondence(target.astype(np.int32), found.corners, found.shares, found.distance, turn)
