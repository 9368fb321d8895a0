"""`.glb`: binary glTF 2.0, a head with ARKit's morph targets and the animation on it, for browsers, Blender, Unity.

Lengths are metres, as the format wants; morph targets carry the coefficients' names in `mesh.extras.targetNames`, which
three.js, Blender and Unity read. The head's turn and place animate the node. What glTF has no place for stands in the
animation's `extras`, which readers hand on: the frame rate, `meta`, and the emotion (`emotion_names`, and the number of
an accessor with their shares, frame by frame). Further tracks are left out.
"""

import io
import json
import struct
from collections.abc import Iterable
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emotalk.animation import HEAD_COLUMNS, Animation
from emotalk.blendshapes import COEFFICIENTS, FPS, reorder
from emotalk.errors import InputError
from emotalk.formats.format import Format
from emotalk.formats.pieces import RowSpool
from emotalk.formats.quaternions import angles_of, quaternions
from emotalk.gltf import BIN_CHUNK, JSON_CHUNK, MAGIC, Document, parse_glb

if TYPE_CHECKING:
    from emotalk.files import PathOrUri
    from emotalk.rigs.rig import Rig

FLOAT, UINT32, UINT8 = 5126, 5125, 5121
ARRAY_BUFFER, ELEMENT_BUFFER = 34962, 34963
METRES = 0.001
MAX_BYTES = 2**32 - 1  # a GLB states its length in 32 bits


def write(path: Path, pieces: Iterable[Animation], *, rig: "Rig | PathOrUri | None" = None) -> None:
    """On a rig (a `Rig` or its file), by default the project's own head.

    InputError for other names than the 52, or more frames than a GLB can hold.
    """
    from emotalk.formats.rig import rig_of

    _write_on(path, pieces, rig_of(rig))


def _write_on(path: Path, pieces: Iterable[Animation], rig: "Rig") -> None:
    """The pieces of one animation on any rig; memory is bounded by a piece."""
    times, weights = RowSpool(path.parent), RowSpool(path.parent)
    turns, places, shares = RowSpool(path.parent), RowSpool(path.parent), RowSpool(path.parent)
    with closing(times), closing(weights), closing(turns), closing(places), closing(shares):
        frames, first_s, last_s = 0, 0.0, 0.0
        extras: dict[str, Any] = {}
        meta: dict[str, Any] = {}
        moves, labels = False, 0
        for piece in pieces:
            extras = {"fps": [piece.fps.numerator, piece.fps.denominator]}
            meta.update(piece.meta)
            moves, labels = piece.head is not None, len(piece.emotion_names)
            seconds = piece.time_s() + (0.0 if piece.times_s is not None else frames / float(piece.fps))
            if not frames and piece.frames:
                first_s = float(seconds[0])
            seconds = seconds - first_s  # glTF's time starts at zero or later; a time of day is no place to start
            times.append(seconds.astype("<f4"))
            weights.append(reorder(piece.weights, piece.names).astype("<f4"))
            if piece.head is not None:
                turns.append(quaternions(piece.head[:, :3]).astype("<f4"))
                places.append((piece.head[:, 3:] * METRES).astype("<f4"))
            if piece.emotion is not None:
                extras["emotion_names"] = list(piece.emotion_names)
                shares.append(piece.emotion.astype("<f4"))
            frames += piece.frames
            last_s = float(np.float32(seconds[-1])) if piece.frames else last_s
        builder = _Builder()
        tree = _scene(builder, rig)
        if frames:
            spools = [("weights", weights, "SCALAR", frames * len(COEFFICIENTS))]
            if moves:
                spools += [("rotation", turns, "VEC4", frames), ("translation", places, "VEC3", frames)]
            if meta:
                extras["meta"] = meta
            tree["animations"] = [_animation(builder, times, frames, last_s, spools, extras)]
            if labels:
                extras["emotion"] = builder.add(shares, shares.size, "SCALAR", FLOAT, frames * labels)
        with path.open("wb") as out:
            _write(out, tree, builder)


def rig_glb(rig: "Rig") -> bytes:
    """A rig at rest, for viewers that move it themselves. `_GLOSS` tells them how its vertices shine."""
    builder = _Builder()
    tree = _scene(builder, rig)
    gloss = np.ascontiguousarray(rig.gloss, "<f4")
    attributes = tree["meshes"][0]["primitives"][0]["attributes"]
    attributes["_GLOSS"] = builder.add(gloss.tobytes(), gloss.nbytes, "SCALAR", FLOAT, len(gloss), target=ARRAY_BUFFER)
    out = io.BytesIO()
    _write(out, tree, builder)
    return out.getvalue()


def read(file: IO[bytes], source: str) -> Animation:
    """The first animation of morph targets under ARKit's names. InputError where there is none."""
    document = parse_glb(file.read(), source)
    try:
        return _animation_of(document)
    except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        if isinstance(error, InputError):
            raise InputError(error.reason, source=source) from error
        raise InputError(f"its animation is broken ({type(error).__name__}: {error})", source=source) from error


class _Builder:
    """The binary chunk as a list of parts, and the views and accessors that name them."""

    def __init__(self) -> None:
        self.parts: list[bytes | RowSpool] = []
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.size = 0

    def add(self, part: bytes | RowSpool, size: int, kind: str, component: int, count: int, **more: Any) -> int:
        """Every part is padded to four bytes, as accessors must be aligned."""
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.size, "byteLength": size}
        if (target := more.pop("target", None)) is not None:
            view["target"] = target
        if (stride := more.pop("stride", None)) is not None:
            view["byteStride"] = stride
        self.views.append(view)
        self.parts.append(part)
        self.size += size + -size % 4
        accessor = {"bufferView": len(self.views) - 1, "componentType": component, "count": count, "type": kind}
        self.accessors.append(accessor | more)
        return len(self.accessors) - 1

    def vectors(self, values: np.ndarray, *, bounds: bool = False) -> int:
        data = np.ascontiguousarray(values, "<f4")
        more = {"min": data.min(0).tolist(), "max": data.max(0).tolist()} if bounds else {}
        kind = f"VEC{data.shape[1]}"
        return self.add(data.tobytes(), data.nbytes, kind, FLOAT, len(data), target=ARRAY_BUFFER, **more)


def _scene(builder: _Builder, rig: "Rig") -> dict[str, Any]:
    """One node with one mesh: two materials, skin and what shines (eyes), would break morphing apart: colours do it."""
    from emotalk.rigs.surface import vertex_normals

    normals = vertex_normals(rig.neutral, rig.triangles)
    normals[~normals.any(axis=1)] = (0, 0, 1)  # a vertex without a triangle still needs a unit length
    linear = np.column_stack([_linear(rig.colours / 255.0), np.ones(len(rig.neutral))])
    colours = np.round(linear * 255).astype(np.uint8)
    attributes = {
        "POSITION": builder.vectors(rig.neutral * METRES, bounds=True),
        "NORMAL": builder.vectors(normals),
        "COLOR_0": builder.add(
            colours.tobytes(), colours.nbytes, "VEC4", UINT8, len(colours), target=ARRAY_BUFFER, normalized=True
        ),
    }
    faces = np.ascontiguousarray(rig.triangles, "<u4")
    indices = builder.add(faces.tobytes(), faces.nbytes, "SCALAR", UINT32, faces.size, target=ELEMENT_BUFFER)
    targets = [{"POSITION": builder.vectors(field * METRES, bounds=True)} for field in rig.displacements]
    mesh = {
        "name": rig.name,
        "primitives": [{"attributes": attributes, "indices": indices, "material": 0, "targets": targets}],
        "weights": [0.0] * len(COEFFICIENTS),
        "extras": {"targetNames": list(COEFFICIENTS)},
    }
    skin = {"baseColorFactor": [1, 1, 1, 1], "metallicFactor": 0.0, "roughnessFactor": 0.6}
    return {
        "asset": {"version": "2.0", "generator": "emotalk"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": rig.name}],
        "meshes": [mesh],
        "materials": [{"name": "head", "pbrMetallicRoughness": skin, "doubleSided": True}],
    }


def _linear(srgb: np.ndarray) -> np.ndarray:
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _animation(
    builder: _Builder,
    times: RowSpool,
    frames: int,
    last_s: float,
    spools: list[tuple[str, RowSpool, str, int]],
    extras: dict[str, Any],
) -> dict[str, Any]:
    clock = builder.add(times, times.size, "SCALAR", FLOAT, frames, min=[0.0], max=[last_s])
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    for path, spool, kind, count in spools:
        output = builder.add(spool, spool.size, kind, FLOAT, count)
        channels.append({"sampler": len(samplers), "target": {"node": 0, "path": path}})
        samplers.append({"input": clock, "output": output, "interpolation": "LINEAR"})
    return {"name": "speech", "samplers": samplers, "channels": channels, "extras": extras}


def _write(out: IO[bytes], tree: dict[str, Any], builder: _Builder) -> None:
    tree |= {"buffers": [{"byteLength": builder.size}], "bufferViews": builder.views}
    tree["accessors"] = builder.accessors
    text = json.dumps(tree, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + builder.size
    if length > MAX_BYTES:
        raise InputError(f"{length / 2**30:.1f} GiB do not fit a .glb; save this animation as .npz")
    out.write(struct.pack("<4sII", MAGIC, 2, length))
    out.write(struct.pack("<II", len(text), JSON_CHUNK) + text)
    out.write(struct.pack("<II", builder.size, BIN_CHUNK))
    for part in builder.parts:
        if isinstance(part, RowSpool):
            part.copy_rows_to(out)
            size = part.size
        else:
            out.write(part)
            size = len(part)
        out.write(b"\0" * (-size % 4))


def _animation_of(document: Document) -> Animation:
    tree = document.tree
    for animation in tree.get("animations", []):
        for channel in animation["channels"]:
            if channel["target"]["path"] != "weights":
                continue
            node = channel["target"]["node"]
            mesh = tree["meshes"][tree["nodes"][node]["mesh"]]
            names = [str(name) for name in mesh.get("extras", {}).get("targetNames", [])]
            if not {"jawopen", "eyeblinkleft"} <= {name.lower() for name in names}:
                continue
            times, weights = _sampled(document, animation["samplers"][channel["sampler"]], len(names))
            fps, regular = _rate(animation, times)
            labels, shares = _emotion(document, animation, len(times))
            return Animation(
                weights=reorder(weights, names, source=document.source),
                fps=fps,
                head=_head(document, animation, node, times),
                emotion=shares,
                emotion_names=labels,
                meta=_extras(animation).get("meta", {}),
                times_s=None if regular else times.astype(np.float64),
            )
    raise InputError("no animation of morph targets under ARKit's names")


def _sampled(document: Document, sampler: dict[str, Any], columns: int) -> tuple[np.ndarray, np.ndarray]:
    if sampler.get("interpolation", "LINEAR") == "CUBICSPLINE":
        raise InputError("its animation is made of cubic splines; export it with one key per frame")
    times = document.array(sampler["input"])[:, 0].astype(np.float64)
    return times, document.array(sampler["output"]).astype(np.float32).reshape(len(times), columns)


def _rate(animation: dict[str, Any], times: np.ndarray) -> tuple[Fraction, bool]:
    """Frames per second, and whether every frame keeps to them (to a tenth of a frame: times are float32)."""
    stated = _extras(animation).get("fps")
    if isinstance(stated, list) and len(stated) == 2:
        fps = Fraction(int(stated[0]), int(stated[1]))
    elif len(times) > 1 and times[-1] > times[0]:
        fps = Fraction((len(times) - 1) / (times[-1] - times[0])).limit_denominator(1001)
    else:
        fps = FPS
    steps = times * float(fps)
    return fps, bool(np.abs(steps - np.arange(len(times))).max(initial=0) < 0.1)


def _extras(animation: dict[str, Any]) -> dict[str, Any]:
    extras = animation.get("extras")
    return extras if isinstance(extras, dict) else {}


def _emotion(document: Document, animation: dict[str, Any], frames: int) -> tuple[tuple[str, ...], np.ndarray | None]:
    """Labels and (frames, labels), where `write` left them."""
    extras = _extras(animation)
    if "emotion" not in extras or "emotion_names" not in extras:
        return (), None
    labels = tuple(str(name) for name in extras["emotion_names"])
    return labels, document.array(extras["emotion"]).astype(np.float32).reshape(frames, len(labels))


def _head(document: Document, animation: dict[str, Any], node: int, times: np.ndarray) -> np.ndarray | None:
    """(frames, 6) where turn and place are keyed as the weights are."""
    out = np.zeros((len(times), len(HEAD_COLUMNS)), np.float32)
    found = False
    for channel in animation["channels"]:
        path = channel["target"]["path"]
        if channel["target"].get("node") != node or path not in ("rotation", "translation"):
            continue
        keys, values = _sampled(document, animation["samplers"][channel["sampler"]], 4 if path == "rotation" else 3)
        if len(keys) == len(times):
            found = True
            if path == "rotation":
                out[:, :3] = angles_of(values.astype(np.float64))
            else:
                out[:, 3:] = values / METRES
    return out if found else None


FORMAT = Format(
    name="glb",
    title="binary glTF, a head that moves",
    suffixes=(".glb",),
    media_type="model/gltf-binary",
    write=write,
    read=read,
    head=True,
    emotion=True,
    meta=True,
    piecewise=True,
    version=2,
)
