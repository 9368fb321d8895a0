"""Pictures of the worst frames, real beside predicted, where this installation can draw."""

import base64
import importlib
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from emotalk.errors import MissingExtraError
from emotalk.metrics.worst import Worst
from emotalk.rigs.rig import Rig

SIZE = 320


def worst_frames(clips: Sequence[Worst], rig: Rig) -> list[tuple[str, str]]:
    """(title, data URI of a PNG) per clip: the real face left, the predicted one right. Empty without `render`."""
    try:
        still = importlib.import_module("emotalk.render").still
        return [
            (
                f"{clip.clip_id} at {clip.second:.2f} s: real, predicted",
                _png(
                    np.concatenate(
                        [np.asarray(still(rig, w[clip.frame], size=SIZE)) for w in (clip.real, clip.predicted)], axis=1
                    )
                ),
            )
            for clip in clips
            if clip.predicted is not None
        ]
    except (ImportError, AttributeError, MissingExtraError):
        return []


def _png(pixels: np.ndarray) -> str:
    """(height, width, 3) uint8 -> data URI."""
    height, width, _ = pixels.shape
    # A filter byte of 0 before each row.
    rows = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1).tobytes()
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode("ascii")
