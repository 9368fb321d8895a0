"""A self-contained web page that plays voices over an animated head: one file, no network, any browser with WebGL."""

import base64
import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from pathlib import Path

import numpy as np

from emotalk.audio import SAMPLE_RATE, encode_wav
from emotalk.blendshapes import COEFFICIENTS, FPS
from emotalk.errors import InputError
from emotalk.files import atomic_write
from emotalk.labels import EMOTION_COLOURS
from emotalk.rigs.rig import Rig
from emotalk.template import filled

POSITION_STEP_MM = 1 / 64  # int16 reaches 512 mm
MOVE_STEP_MM = 1 / 256  # int16 reaches 128 mm
MAX_PAGE_S = 1800  # of all takes together: a browser opens some 100 MB of page, no more
SCRIPTS = ("head3d.js", "player.js")


@dataclass(frozen=True, kw_only=True)
class Take:
    """One recording on the page.

    `weights` (frames, 52) in the order of `COEFFICIENTS`; `samples` (n,) float32 -1..1 at 16 kHz; `emotion` (frames,
    labels) shares of each of `emotion_names`; `caption` a line of text under the title; `head` (frames, ≥ 3): yaw,
    pitch, roll in radians as `Animation.head`, None where the head stays still. Where in space it is does not matter.
    """

    title: str
    weights: np.ndarray
    samples: np.ndarray
    fps: Fraction = FPS
    emotion: np.ndarray | None = None
    emotion_names: Sequence[str] = ()
    caption: str = ""
    head: np.ndarray | None = None

    def __post_init__(self) -> None:
        weights, samples = np.asarray(self.weights), np.asarray(self.samples)
        if weights.ndim != 2 or weights.shape[1] != len(COEFFICIENTS) or not len(weights):
            shape = weights.shape
            raise InputError(
                f"weights are (frames, {len(COEFFICIENTS)}) with a frame at least, not {shape}", source=self.title
            )
        if samples.ndim != 1 or not len(samples):
            raise InputError(f"samples are mono (n,) with a sample at least, not {samples.shape}", source=self.title)
        if not (np.isfinite(weights).all() and np.isfinite(samples).all()):
            raise InputError("weights and samples must be finite numbers", source=self.title)
        if self.fps <= 0:
            raise InputError(f"fps must be above zero, not {self.fps}", source=self.title)
        if self.emotion is not None and np.shape(self.emotion) != (len(weights), len(self.emotion_names)):
            wanted = (len(weights), len(self.emotion_names))
            raise InputError(f"emotion is (frames, labels) = {wanted}, not {np.shape(self.emotion)}", source=self.title)

        if self.head is not None:
            head = np.asarray(self.head)
            if head.ndim != 2 or len(head) != len(weights) or head.shape[1] < 3 or not np.isfinite(head).all():
                raise InputError(
                    f"head is (frames, ≥ 3) = ({len(weights)}, ≥ 3) finite numbers, not {head.shape}", source=self.title
                )


def write_page(path: str | Path, takes: Sequence[Take], rig: Rig, *, title: str = "EmoTalk") -> Path:
    """Write the page at `path`, whole or not at all, and return the path. Drag to orbit; space plays."""
    path = Path(path)
    text = page(takes, rig, title=title)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    return path


def page(takes: Sequence[Take], rig: Rig, *, title: str = "EmoTalk", framed: bool = False) -> str:
    """The page as text. `framed`: as a part of another page, 830 px high, instead of a window of its own."""
    if not takes:
        raise InputError("a page needs one take at least")
    seconds = sum(len(take.samples) for take in takes) / SAMPLE_RATE
    if seconds > MAX_PAGE_S:
        raise InputError(f"{seconds:.0f} s of speech do not fit a page; cut to {MAX_PAGE_S:.0f} s in all")
    data = {
        "rig": _rig(rig),
        "names": COEFFICIENTS,
        "emotionColours": EMOTION_COLOURS,
        "takes": [_take(take) for take in takes],
    }
    folder = resources.files("emotalk.player")
    parts = {
        "title": html.escape(title),
        "framed": "framed" if framed else "",
        "script": "\n".join((folder / name).read_text("utf-8") for name in SCRIPTS),
        # Inside a script element only "<" can end it: a title such as </script> stays text.
        "data": json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"),
    }
    return filled(folder / "player.html", parts)


def _rig(rig: Rig) -> dict[str, object]:
    """Mesh as little-endian integers; of each shape only the vertices that it moves."""
    shapes = []
    for field in rig.displacements:
        steps = np.round(field / MOVE_STEP_MM)
        moved = np.flatnonzero(steps.any(axis=1))
        shapes.append({"vertices": _pack(moved, "<u4"), "moves": _pack(steps[moved], "<i2")})
    return {
        "name": rig.name,
        "positionStep": POSITION_STEP_MM,
        "moveStep": MOVE_STEP_MM,
        "neutral": _pack(np.round(rig.neutral / POSITION_STEP_MM), "<i2"),
        "triangles": _pack(rig.triangles, "<u4"),
        "colours": _pack(rig.colours, "u1"),
        "gloss": _pack(np.round(np.clip(rig.gloss, 0, 1) * 255), "u1"),
        "shapes": shapes,
    }


def _take(take: Take) -> dict[str, object]:
    weights = np.asarray(take.weights, np.float64)
    step = _step(weights)
    # Unwrapped, so that between two frames none runs the long way round.
    turns = None if take.head is None else np.unwrap(np.asarray(take.head, np.float64)[:, :3], axis=0)
    return {
        "title": take.title,
        "caption": take.caption,
        "fps": [take.fps.numerator, take.fps.denominator],
        "frames": len(weights),
        "weightStep": step,
        "weights": _pack(np.round(weights / step), "<i2"),
        "turnStep": 0 if turns is None else _step(turns),
        "turns": "" if turns is None else _pack(np.round(turns / _step(turns)), "<i2"),
        "emotionNames": list(take.emotion_names) if take.emotion is not None else [],
        "emotion": "" if take.emotion is None else _pack(np.round(np.clip(take.emotion, 0, 1) * 255), "u1"),
        "wav": base64.b64encode(encode_wav(np.asarray(take.samples))).decode("ascii"),
    }


def _step(values: np.ndarray) -> float:
    """What an int16 counts, so that it reaches the largest value, and 1."""
    return max(1.0, float(np.abs(values).max())) / 32767


def _pack(array: np.ndarray, dtype: str) -> str:
    kind = np.dtype(dtype)
    limit = np.iinfo(kind)
    if len(array) and (array.min() < limit.min or array.max() > limit.max):
        raise InputError(f"the rig's mesh is too large for a page: {array.min()}..{array.max()} steps")
    return base64.b64encode(np.ascontiguousarray(array).astype(kind).tobytes()).decode("ascii")
