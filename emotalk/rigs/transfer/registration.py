"""Lays one face over another: a similarity and a smooth warp by landmarks, then non-rigid closest points.

The last step is Amberg, Romdhani and Vetter's (2007) in its simplest form: every vertex is pulled to the nearest place
of the other surface while the mesh keeps the displacement smooth, less and less strictly.
"""

import numpy as np
from scipy.interpolate import RBFInterpolator
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

from emotalk.errors import InputError
from emotalk.rigs.surface import edges_of, vertex_normals
from emotalk.rigs.transfer.correspondence import Correspondence, between, nearest_on
from emotalk.rigs.transfer.landmarks import RIM_SHARES, FaceSurface, along

STIFFNESS = (200.0, 60.0, 20.0, 6.0, 2.0, 1.0)  # of each round
REACH_MM = 12.0  # a place farther away pulls nobody
MET_MM = 5.0  # farther apart after the last round, a vertex has no place on the other face
MARGIN_MM = 30.0  # around the face: neck and back of the head do not speak
LANDMARK_PULL = 10.0


def correspond(source: FaceSurface, target: FaceSurface) -> Correspondence:
    """Where the target's face lies on the source's skin."""
    goals, starts = target.landmarks(), source.landmarks()
    scale, turn, shift = similarity(starts, goals)
    vertices = scale * source.vertices @ turn.T + shift
    starts = scale * starts @ turn.T + shift
    near = _near_face(vertices, source)
    warp = RBFInterpolator(starts, goals - starts, kernel="thin_plate_spline", smoothing=1.0)
    vertices = vertices[near] + warp(vertices[near])
    number = np.full(len(source.vertices), -1)
    number[near] = np.arange(len(near))
    triangles = number[source.triangles]
    triangles = triangles[(triangles >= 0).all(axis=1)]
    vertices = _pulled(vertices, triangles, _rims(source, number), target)
    found = between(vertices, triangles, target.vertices, target.triangles, target.face, scale * turn)
    met = found.distance_mm < MET_MM
    if met.mean() < 0.5:
        raise InputError(
            f"{source.name} cannot be laid over {target.name}: {1 - met.mean():.0%} of the face has no place"
        )
    return Correspondence(
        found.target[met],
        near[found.corners[met]].astype(np.int32),
        found.shares[met],
        found.distance_mm[met],
        found.turn,
    )


def similarity(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift that take (n, 3) points nearest to others, in least squares (Umeyama 1991)."""
    a, b = source - source.mean(0), target - target.mean(0)
    u, values, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    turn = (u * signs) @ vt
    scale = float((values * signs).sum() / np.square(a).sum())
    return scale, turn, target.mean(0) - scale * turn @ source.mean(0)


def _near_face(vertices: np.ndarray, surface: FaceSurface) -> np.ndarray:
    face = vertices[surface.face]
    low, high = face.min(0) - MARGIN_MM, face.max(0) + MARGIN_MM
    used = np.unique(surface.triangles)
    return used[((vertices[used] > low) & (vertices[used] < high)).all(axis=1)]


def _rims(source: FaceSurface, number: np.ndarray) -> list[tuple[str, bool, np.ndarray]]:
    """(gap, whether it is the upper edge, the vertices of that edge)."""
    out = []
    for gap in RIM_SHARES:
        opening = source.openings[gap]
        out += [(gap, True, number[opening.upper]), (gap, False, number[opening.lower])]
    return out


def _pulled(
    vertices: np.ndarray, triangles: np.ndarray, rims: list[tuple[str, bool, np.ndarray]], target: FaceSurface
) -> np.ndarray:
    """The vertices after all rounds. Edges of lips and lids are pulled to the same share of the target's edge."""
    count = len(vertices)
    a, b = edges_of(triangles).T
    ones = np.ones(len(a))
    graph = coo_matrix((np.r_[ones, ones], (np.r_[a, b], np.r_[b, a])), (count, count)).tocsr()
    degree = np.asarray(graph.sum(axis=1)).ravel()
    bend = diags(np.ones(count)) - diags(1 / np.maximum(degree, 1)) @ graph
    stiff = (bend.T @ bend).tocsc()
    target_normals = vertex_normals(target.vertices, target.triangles)
    for stiffness in STIFFNESS:
        normals = vertex_normals(vertices, triangles)
        found = nearest_on(vertices, normals, target.vertices, target.triangles)
        facing = np.einsum("nc,nc->n", normals, target_normals[found.corners[:, 0]])
        weight = ((found.distance < REACH_MM) & (facing > 0.3)).astype(float)
        goal = found.points
        for gap, upper, ids in rims:
            edge = target.openings[gap].upper if upper else target.openings[gap].lower
            x = vertices[ids, 0]
            shares = (x - x.min()) / max(np.ptp(x), 1e-9)
            goal[ids] = along(target.vertices[edge], shares)
            weight[ids] = LANDMARK_PULL
        system = (diags(weight + 1e-4) + stiffness * stiff).tocsc()
        vertices = vertices + splu(system).solve(weight[:, None] * (goal - vertices))
    return vertices
