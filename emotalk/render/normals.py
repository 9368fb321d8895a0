"""Smooth normals of a mesh that keeps its triangles: fast enough to be computed anew for every frame."""

import numpy as np


class SmoothNormals:
    """The mean of the normals of the triangles around each vertex, weighted by their areas."""

    def __init__(self, triangles: np.ndarray, vertices: int) -> None:
        from scipy.sparse import csr_array

        self._a, self._b, self._c = np.ascontiguousarray(triangles.T)
        faces = np.tile(np.arange(len(triangles)), 3)
        ones = np.ones(len(faces), np.float32)
        # (V, F): a product with it adds up what each vertex gets from its triangles.
        self._around = csr_array((ones, (triangles.T.ravel(), faces)), shape=(vertices, len(triangles)))

    def __call__(self, points: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """(V, 3) float32 -> (V, 3) float32 of length 1; a vertex that no triangle uses gets zeros."""
        corner = points[self._a]
        u, v = points[self._b] - corner, points[self._c] - corner
        faces = np.empty_like(u)
        faces[:, 0] = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
        faces[:, 1] = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
        faces[:, 2] = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        normals = self._around @ faces
        length = np.sqrt(np.einsum("vi,vi->v", normals, normals))
        return np.divide(normals, np.maximum(length, 1e-12)[:, None], out=out)
