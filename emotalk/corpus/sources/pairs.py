"""Plain folders: a recording in any format and coefficients of the same name, as `.npy`, `.csv` or `.npz`.

    ROOT/anna/hello.wav    ROOT/anna/hello.npy    ROOT/labels.csv, optional

* `.npy`: (frames, 52) floats in the order of `COEFFICIENTS` (3D-ETF's own).
* `.csv`: a header of coefficient names and a row of numbers per frame, with a column `time_s` (seconds) or without;
  a file of Live Link Face is read as such.
* `.npz`: `weights` (frames, n) and `names` (n); `fps` (a number, or numerator and denominator), `times_s` (frames) and
  `head` (frames, 6) where known. What `emotalk animate` writes is such a file.

Names compare without case. A frame rate that the file does not tell is the option's; all become 30 fps by time.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np

from emotalk.audio.pauses import MAX_CLIP_S, check_limit
from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import RejectedError
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.sources.face_track import FaceTrack, by_name
from emotalk.corpus.sources.live_link import MAX_FILE_BYTES, parse_track
from emotalk.corpus.sources.paired import list_pairs
from emotalk.corpus.sources.recording import read_piece
from emotalk.errors import InputError
from emotalk.formats import npz
from emotalk.formats.pieces import read_npy

SUFFIXES = {".npy", ".csv", ".npz"}
MAX_UNPACKED_BYTES = 384 * 2**20  # of an .npz: six hours with everything in it are 290 MB
TIME_COLUMN = "time_s"
_FIRST_OF_LIVE_LINK = "timecode"


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Folders of recordings with coefficients of the same name."""

    root: str
    """Folder or URI; the first folder below it names the speaker, unless labels.csv does."""
    fps: float = 30.0
    """Frames per second of files that do not say it."""
    tolerance_s: float = 0.1
    """Seconds by which the ends of both may differ; more is quarantined as `length`."""
    max_clip_s: float = MAX_CLIP_S
    """Longest clip in seconds; longer recordings are cut at pauses."""

    def __post_init__(self) -> None:
        check_limit(self.max_clip_s)
        if not 1 <= self.fps <= 1000:
            raise InputError(f"frame rates are 1 to 1000 per second, not {self.fps:g}")
        if not 0 <= self.tolerance_s <= 60:
            raise InputError(f"the tolerance is 0 to 60 s, not {self.tolerance_s:g}")

    @property
    def name(self) -> str:
        return "pairs"

    def settings(self) -> dict[str, object]:
        return {"fps": self.fps, "tolerance_s": self.tolerance_s, "max_clip_s": self.max_clip_s}

    def listing(self) -> Listing:
        return list_pairs(str(self.root), "pairs", SUFFIXES, max_clip_s=self.max_clip_s)

    def read(self, item: Item) -> Clip:
        return read_piece(
            self.root,
            item,
            self._parse,
            max_s=self.max_clip_s,
            tolerance_s=self.tolerance_s,
            max_bytes=MAX_FILE_BYTES,
        )

    def _parse(self, content: bytes, source: str) -> FaceTrack:
        return parse_coefficients(content, source, fps=self.fps)


def parse_coefficients(content: bytes, source: str, *, fps: float) -> FaceTrack:
    """A file of coefficients; its suffix says how to read it. RejectedError with the reason."""
    suffix = source[source.rfind(".") :].lower()
    if suffix == ".csv":
        return _csv(content, source, fps)
    try:
        if suffix == ".npy":
            return _track(_floats(read_npy(io.BytesIO(content), len(content), source), 2, "coefficients"), None, fps)
        arrays = npz.read_arrays(io.BytesIO(content), source, max_bytes=MAX_UNPACKED_BYTES)
    except RejectedError:
        raise
    except InputError as error:
        raise RejectedError("unreadable_coefficients", error.reason, source=source) from error
    return _npz(arrays, source, fps)


def _npz(arrays: dict[str, np.ndarray], source: str, fps: float) -> FaceTrack:
    lacking = [name for name in ("weights", "names") if name not in arrays]
    if lacking:
        text = f"an .npz needs weights and names; {' and '.join(lacking)} missing"
        raise RejectedError("unreadable_coefficients", text, source=source)
    names = arrays["names"]
    if names.ndim != 1 or names.dtype.kind != "U":
        raise RejectedError("names", f"names must be a vector of texts, not {names.dtype} {names.shape}", source=source)
    weights = _floats(arrays["weights"], 2, "weights")
    if weights.shape[1] != len(names):
        text = f"weights must be (frames, {len(names)}), one column per name, not {weights.shape}"
        raise RejectedError("shape", text, source=source)
    if "fps" in arrays:
        fps = _fps(arrays["fps"], source)
    times_s = _floats(arrays["times_s"], 1, "times_s") if "times_s" in arrays else None
    if times_s is not None and len(times_s) != len(weights):
        raise RejectedError("shape", f"{len(times_s)} times for {len(weights)} frames", source=source)
    head = _floats(arrays["head"], 2, "head") if "head" in arrays else None
    if head is not None and head.shape != (len(weights), 6):
        raise RejectedError("shape", f"head must be ({len(weights)}, 6), not {head.shape}", source=source)
    if head is not None and not np.isfinite(head).all():
        raise RejectedError("not_finite", "NaN or infinity in the head's movement", source=source)
    return _track(by_name(weights, names.tolist()), times_s, fps, head)


def _csv(content: bytes, source: str, fps: float) -> FaceTrack:
    rows: list[np.ndarray] = []
    names: list[str] = []
    try:
        lines = csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""), strict=True)
        for number, row in enumerate(filter(None, lines), start=1):
            if number == 1:
                names = [name.strip() for name in row]
                if names[0].lower() == _FIRST_OF_LIVE_LINK:
                    return parse_track(content, source)
            elif len(row) != len(names):
                raise RejectedError("shape", f"row {number} has not the header's {len(names)} cells", source=source)
            else:
                rows.append(np.array([float(cell) for cell in row]))  # at once: cells as texts take ten times as much
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        if isinstance(error, RejectedError):
            raise
        raise RejectedError(
            "unreadable_coefficients", f"not a table of numbers: {error!s:.80}", source=source
        ) from error
    values = np.array(rows).reshape(len(rows), len(names))
    weights = by_name(values, names, others={TIME_COLUMN})
    lower = [name.lower() for name in names]
    times_s = values[:, lower.index(TIME_COLUMN)] if TIME_COLUMN in lower and len(rows) else None
    return _track(weights, times_s, fps)


def _track(weights: np.ndarray, times_s: np.ndarray | None, fps: float, head: np.ndarray | None = None) -> FaceTrack:
    if weights.shape[1] != 52 or not len(weights):
        raise RejectedError("shape", f"coefficients must be (frames, 52), not {weights.shape}")
    step = 1 / fps
    if times_s is None:
        times_s = np.arange(len(weights)) / fps
    elif len(times_s) > 1 and np.isfinite(times_s).all():
        step = min(max(float(np.median(np.diff(times_s))), 0.001), 1.0)
    return FaceTrack(times_s=times_s, weights=weights, frame_s=step, head=head)


def _floats(array: np.ndarray, dimensions: int, what: str) -> np.ndarray:
    if array.ndim != dimensions or array.dtype.kind != "f":
        raise RejectedError("shape", f"{what} must be {dimensions}-dimensional floats, not {array.dtype} {array.shape}")
    return array


def _fps(array: np.ndarray, source: str) -> float:
    """A number, or numerator and denominator."""
    parts = array.reshape(-1)
    if parts.dtype.kind not in "fiu" or len(parts) not in (1, 2) or (len(parts) == 2 and parts[1] == 0):
        raise RejectedError("shape", f"fps must be one or two numbers, not {array.dtype} {array.shape}", source=source)
    fps = float(parts[0]) / (float(parts[1]) if len(parts) == 2 else 1.0)
    if not 1 <= fps <= 1000:
        raise RejectedError("times", f"frame rates are 1 to 1000 per second, not {fps:g}", source=source)
    return fps
