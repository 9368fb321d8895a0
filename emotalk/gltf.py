"""Reading glTF 2.0: the document of a `.glb` or `.gltf`, and the arrays its accessors name.

Bytes are checked before they are used: what does not fit is an InputError that names the file.
"""

import base64
import binascii
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from emotalk.errors import InputError
from emotalk.files import read_source

MAGIC, JSON_CHUNK, BIN_CHUNK = b"glTF", 0x4E4F534A, 0x004E4942
TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
COMPONENTS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
MAX_BYTES = 1 << 30  # of a file
MAX_SPARSE_BYTES = 16 << 20  # of an accessor that is zero but for what the file holds: a million vertices
KNOWN_EXTENSIONS = ("KHR_mesh_quantization", "KHR_texture_transform", "KHR_materials_", "EXT_texture_webp")


@dataclass(frozen=True)
class Document:
    """`tree`: the JSON as it is. `array(i)` gives an accessor's values."""

    tree: dict[str, Any]
    buffers: tuple[bytes, ...]
    source: str

    def array(self, number: int) -> np.ndarray:
        """(count, components) of one accessor, integers that stand for fractions as such, sparse values put in."""
        try:
            accessor = self.tree["accessors"][_index(number)]
            kind, parts = np.dtype(TYPES[accessor["componentType"]]), COMPONENTS[accessor["type"]]
            count = _index(accessor["count"])
            if "bufferView" in accessor:
                values = self._view(accessor["bufferView"], accessor.get("byteOffset", 0), kind, count, parts)
            elif "sparse" in accessor:
                # Nothing is reserved before the sparse part is known to be there: `count` is not to be trusted.
                values = np.zeros((self._sparse_limit(count, kind.itemsize * parts), parts), kind)
            else:
                raise InputError(f"accessor {number} has no data", source=self.source)
            if "sparse" in accessor:
                sparse = accessor["sparse"]
                some = _index(sparse["count"])
                where = sparse["indices"]
                at = self._view(
                    where["bufferView"], where.get("byteOffset", 0), np.dtype(TYPES[where["componentType"]]), some, 1
                )[:, 0]
                put = sparse["values"]
                values = values.copy()
                values[at] = self._view(put["bufferView"], put.get("byteOffset", 0), kind, some, parts)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"accessor {number} is broken ({type(error).__name__}: {error})", source=self.source
            ) from error
        if accessor.get("normalized") and kind.kind in "iu":
            return np.maximum(values.astype(np.float64) / np.iinfo(kind).max, -1.0)
        return values

    def _sparse_limit(self, count: int, item: int) -> int:
        if count * item > MAX_SPARSE_BYTES:
            raise ValueError(f"{count} values, of which the file holds none")
        return count

    def _view(self, number: int, offset: int, kind: np.dtype, count: int, parts: int) -> np.ndarray:
        view = self.tree["bufferViews"][_index(number)]
        if any("compression" in name for name in view.get("extensions", {})):
            raise InputError("its buffers are compressed; export it without compression", source=self.source)
        data = self.buffers[_index(view.get("buffer", 0))]
        start = _index(view.get("byteOffset", 0)) + _index(offset)
        end = _index(view.get("byteOffset", 0)) + _index(view["byteLength"])
        item = kind.itemsize * parts
        stride = _index(view.get("byteStride", item)) or item
        if count and (end > len(data) or start + stride * (count - 1) + item > end):
            raise ValueError("it reaches beyond its buffer")
        return np.ndarray((count, parts), kind, data, start, (stride, kind.itemsize))


def _index(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not an index or a length")
    return value


def parse_glb(data: bytes, source: str, folder: Path | None = None) -> Document:
    """The bytes of a `.glb`. With `folder` it may name further files beside it."""
    try:
        magic, version, length = struct.unpack_from("<4sII", data)
        if magic != MAGIC or version != 2 or length > len(data):
            raise InputError("not a whole binary glTF 2.0", source=source)
        chunks: dict[int, bytes] = {}
        at = 12
        while at + 8 <= length:
            size, kind = struct.unpack_from("<II", data, at)
            if at + 8 + size > length:
                raise InputError("cut short", source=source)
            chunks.setdefault(kind, data[at + 8 : at + 8 + size])
            at += 8 + size
        text = chunks[JSON_CHUNK]
    except (struct.error, KeyError) as error:
        raise InputError("not a binary glTF 2.0", source=source) from error
    return _document(text, chunks.get(BIN_CHUNK), source, folder)


def read_gltf(path: Path) -> Document:
    """A `.glb`, or a `.gltf` with the files it names (in its own folder only)."""
    data = read_source(path, max_bytes=MAX_BYTES)
    if data[:4] == MAGIC:
        return parse_glb(data, str(path), path.parent)
    return _document(data, None, str(path), path.parent)


def _document(text: bytes, own: bytes | None, source: str, folder: Path | None) -> Document:
    try:
        tree = json.loads(text)
        if not isinstance(tree, dict) or not str(tree["asset"]["version"]).startswith("2."):
            raise InputError("not glTF 2.x", source=source)
        required, stored = list(tree.get("extensionsRequired", [])), list(tree.get("buffers", []))
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"its JSON is broken ({error})", source=source) from error
    for extension in required:
        if not str(extension).startswith(KNOWN_EXTENSIONS):
            raise InputError(f"needs {extension}; export it without", source=source)
    buffers = []
    for number, buffer in enumerate(stored):
        uri = buffer.get("uri") if isinstance(buffer, dict) else None
        if uri is None:
            if own is None or number:
                raise InputError(f"buffer {number} has no data", source=source)
            buffers.append(own)
        else:
            buffers.append(_fetched(str(uri), source, folder))
    return Document(tree, tuple(buffers), source)


def _fetched(uri: str, source: str, folder: Path | None) -> bytes:
    if uri.startswith("data:"):
        try:
            return base64.b64decode(uri.partition(",")[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError("a buffer inside it is broken", source=source) from error
    name = unquote(uri)
    if folder is None or "://" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise InputError(f"names the file {name!r}, which does not lie beside it", source=source)
    return read_source(folder / name, max_bytes=MAX_BYTES)
