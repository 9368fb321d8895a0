"""glTF with morph targets under ARKit's names: every mesh of the scene, in its place, as one rig."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.errors import InputError
from emotalk.gltf import Document, read_gltf
from emotalk.rigs.importers.finish import Mesh, finish
from emotalk.rigs.importers.names import shapes_by_coefficient
from emotalk.rigs.importers.place import placed
from emotalk.rigs.importers.wavefront import FARTHEST
from emotalk.rigs.rig import MAX_VERTICES, Rig

TRIANGLES = 4
MAX_PARTS = 1000


def import_gltf(path: Path) -> Rig:
    """The meshes at rest (skins are not posed). InputError names missing shapes, or what the file lacks."""
    document = read_gltf(path)
    try:
        parts: list[Mesh] = []
        for mesh, place in _nodes(document):
            parts += _primitives(document, mesh, place)
            if len(parts) > MAX_PARTS or sum(len(part.vertices) for part in parts) > MAX_VERTICES:
                raise InputError(f"more than {MAX_PARTS} meshes or {MAX_VERTICES} vertices: no head", source=path)
    except InputError:
        raise
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"its scene is broken ({type(error).__name__}: {error})", source=path) from error
    names = list(dict.fromkeys(name for part in parts for name in part.moves))
    if not names:
        raise InputError("no mesh in it has named morph targets (mesh.extras.targetNames)", source=path)
    shapes = shapes_by_coefficient(names, source=path)
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    moves = {name: np.zeros((starts[-1], 3)) for name in shapes}
    for part, start in zip(parts, starts[:-1], strict=True):
        for coefficient, made_of in shapes.items():
            for name in made_of:
                if name in part.moves:
                    moves[coefficient][start : start + len(part.vertices)] += part.moves[name]
    triangles = [part.triangles + start for part, start in zip(parts, starts[:-1], strict=True)]
    whole = Mesh(np.concatenate([part.vertices for part in parts]), np.concatenate(triangles), moves)
    colours = [part.colours for part in parts if part.colours is not None]
    if len(colours) == len(parts):
        whole.colours = np.concatenate(colours)
    return finish(placed(whole, unit_mm=1000.0), path.stem, source=path)


def _nodes(document: Document) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    """Nodes with a mesh, and the matrix that puts each into the scene."""
    tree = document.tree
    nodes = tree.get("nodes", [])
    children = {child for node in nodes for child in node.get("children", [])}
    roots = [number for number in range(len(nodes)) if number not in children]
    if "scenes" in tree:
        roots = tree["scenes"][tree.get("scene", 0)].get("nodes", roots)
    todo = [(number, np.eye(4)) for number in reversed(roots)]
    seen: set[int] = set()
    while todo:
        number, above = todo.pop()
        if number in seen:
            raise ValueError(f"node {number} stands in several places, or within itself")
        seen.add(number)
        node = nodes[number]
        with np.errstate(over="ignore", invalid="ignore"):
            place = above @ _matrix(node)
        if "mesh" in node:
            yield tree["meshes"][node["mesh"]], np.eye(4) if "skin" in node else place
        todo += [(child, place) for child in reversed(node.get("children", []))]


def _matrix(node: dict[str, Any]) -> np.ndarray:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    x, y, z, w = node.get("rotation", (0, 0, 0, 1))
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    out = np.eye(4)
    out[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), np.float64)
    out[:3, 3] = node.get("translation", (0, 0, 0))
    return out


def _primitives(document: Document, mesh: dict[str, Any], place: np.ndarray) -> Iterator[Mesh]:
    names = [str(name) for name in mesh.get("extras", {}).get("targetNames", [])]
    for primitive in mesh["primitives"]:
        if primitive.get("mode", TRIANGLES) != TRIANGLES:
            continue
        attributes = primitive["attributes"]
        points = document.array(attributes["POSITION"]).astype(np.float64)
        if "indices" in primitive:
            faces = document.array(primitive["indices"]).reshape(-1, 3).astype(np.int64)
        else:
            faces = np.arange(len(points)).reshape(-1, 3)
        if faces.size and faces.max() >= len(points):
            raise ValueError("a triangle names a vertex that is not there")
        if not (np.isfinite(place).all() and np.abs(points).max(initial=0) < FARTHEST):
            raise ValueError("places that are not finite numbers")
        if np.linalg.det(place[:3, :3]) < 0:
            faces = faces[:, ::-1]
        moves = {}
        for name, target in zip(names, primitive.get("targets", []), strict=False):
            if "POSITION" in target:
                move = document.array(target["POSITION"]).astype(np.float64)
                if not np.abs(move).max(initial=0) < FARTHEST:
                    raise ValueError(f"morph target {name} holds numbers that are not finite")
                if move.shape != points.shape:
                    raise ValueError(f"morph target {name} has {len(move)} vertices, not {len(points)}")
                moves[name] = move @ place[:3, :3].T
        colours = _colours(document, primitive, len(points))
        yield Mesh(points @ place[:3, :3].T + place[:3, 3], faces, moves, colours=colours)


def _colours(document: Document, primitive: dict[str, Any], count: int) -> np.ndarray | None:
    """(V, 3) uint8 sRGB of the vertices, or of the material; None where a texture holds them."""
    material = document.tree.get("materials", [{}])[primitive["material"]] if "material" in primitive else {}
    surface = material.get("pbrMetallicRoughness", {})
    if "baseColorTexture" in surface:
        return None
    linear = np.tile(np.array(surface.get("baseColorFactor", (1, 1, 1, 1)), np.float64)[:3], (count, 1))
    if "COLOR_0" in primitive["attributes"]:
        linear = linear * document.array(primitive["attributes"]["COLOR_0"]).astype(np.float64)[:, :3]
    elif "baseColorFactor" not in surface:
        return None
    return np.round(255 * srgb(linear)).astype(np.uint8)


def srgb(linear: np.ndarray) -> np.ndarray:
    """Light 0..1 -> sRGB 0..1 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
