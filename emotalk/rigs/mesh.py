"""Half a head to a whole one: parts are built for x >= 0, joined, and mirrored, so that symmetry holds by construction.

Every part carries tags: names of groups of its vertices that shapes, regions and gaps speak of later.
"""

from dataclasses import dataclass, field

import numpy as np

MIDLINE = 1e-6  # mm: nearer than this to x = 0 a vertex is its own mirror image


@dataclass
class Part:
    """A piece of the left half. `vertices` (n, 3) mm, `triangles` (f, 3), `colours` (n, 3) 0..255, `gloss` 0..1."""

    vertices: np.ndarray
    triangles: np.ndarray
    colours: np.ndarray
    gloss: float | np.ndarray = 0.0
    tags: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Sculpture:
    """The whole head. `mirror` (V,) is each vertex's counterpart; `tags` name vertices of the left half and midline."""

    vertices: np.ndarray
    triangles: np.ndarray
    colours: np.ndarray
    gloss: np.ndarray
    mirror: np.ndarray
    tags: dict[str, np.ndarray]

    def both(self, tag: str) -> np.ndarray:
        """A tag's vertices and their counterparts, sorted."""
        return np.unique(np.concatenate([self.tags[tag].ravel(), self.mirror[self.tags[tag].ravel()]]))

    def mask(self, tag: str) -> np.ndarray:
        """(V,) 1.0 at a tag's vertices and their counterparts."""
        mask = np.zeros(len(self.vertices))
        mask[self.both(tag)] = 1
        return mask

    def reflect(self, displacement: np.ndarray) -> np.ndarray:
        """(V, 3) -> (V, 3): the same movement of the other side."""
        return displacement[self.mirror] * (-1.0, 1.0, 1.0)


def assemble(parts: dict[str, Part]) -> Sculpture:
    """Join the parts (each also becomes a tag, by its name) and add the right half."""
    tags: dict[str, np.ndarray] = {}
    offset = 0
    triangles = []
    for name, part in parts.items():
        tags[name] = np.arange(offset, offset + len(part.vertices))
        tags |= {tag: np.asarray(indices) + offset for tag, indices in part.tags.items()}
        triangles.append(part.triangles + offset)
        offset += len(part.vertices)
    vertices = np.concatenate([part.vertices for part in parts.values()])
    colours = np.concatenate([np.broadcast_to(part.colours, part.vertices.shape) for part in parts.values()])
    gloss = np.concatenate([np.broadcast_to(part.gloss, len(part.vertices)) for part in parts.values()])
    faces = np.concatenate(triangles)

    middle = np.abs(vertices[:, 0]) < MIDLINE
    vertices = np.where(middle[:, None] & (np.arange(3) == 0), 0.0, vertices)
    sided = np.flatnonzero(~middle)
    mirror = np.arange(offset + len(sided))
    mirror[sided] = offset + np.arange(len(sided))
    mirror[offset:] = sided
    whole = np.concatenate([vertices, vertices[sided] * (-1, 1, 1)])
    return Sculpture(
        vertices=whole,
        triangles=np.concatenate([faces, mirror[faces][:, ::-1]]),
        colours=np.concatenate([colours, colours[sided]]),
        gloss=np.concatenate([gloss, gloss[sided]]),
        mirror=mirror,
        tags=tags,
    )


def strip(first: np.ndarray, second: np.ndarray, *, closed: bool = False) -> np.ndarray:
    """Triangles between two rows of n indices each. With `first` above `second`, rows running to the viewer's right,
    they face the viewer."""
    a, c = np.asarray(first), np.asarray(second)
    b, d = np.roll(a, -1), np.roll(c, -1)
    quads = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    if closed:
        return quads
    n = len(a)
    return quads[np.r_[0 : n - 1, n : 2 * n - 1]]
