"""What meshes from elsewhere are asked about: which vertices are one, which pieces hang together, where they face."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def fan(polygons: Sequence[Sequence[int]]) -> np.ndarray:
    """Convex polygons of any size -> (F, 3) int32 triangles with the same winding."""
    return np.array(
        [(face[0], face[i], face[i + 1]) for face in polygons for i in range(1, len(face) - 1)], np.int32
    ).reshape(-1, 3)


def pieces(vertices: np.ndarray, triangles: np.ndarray, *moves: np.ndarray) -> np.ndarray:
    """(V,) int: the number of the connected piece each vertex belongs to, the largest first.

    Vertices at one place with one movement (`moves` (V, 3) each) count as one: files split them along seams of texture.
    """
    _, same = np.unique(np.round(np.concatenate([vertices, *moves], axis=1), 4), axis=0, return_inverse=True)
    same = same.ravel()
    edges = same[np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]]])]
    count = int(same.max(initial=-1)) + 1
    graph = coo_matrix((np.ones(len(edges), bool), (edges[:, 0], edges[:, 1])), (count, count))
    label = connected_components(graph, directed=False)[1][same]
    sizes = np.bincount(label)
    rank = np.empty(len(sizes), int)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return rank[label]


def vertex_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals, weighted by area; zero where a vertex has no triangle."""
    a, b, c = (vertices[triangles[:, i]].astype(np.float64) for i in range(3))
    face = np.cross(b - a, c - a)
    normals = np.zeros((len(vertices), 3))
    for i in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(triangles[:, i], face[:, axis], len(vertices))
    return normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def edges_of(triangles: np.ndarray) -> np.ndarray:
    """(E, 2) each edge once, the smaller index first."""
    every = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    return np.unique(np.sort(every, axis=1), axis=0)
