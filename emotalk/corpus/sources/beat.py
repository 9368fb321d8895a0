"""The BEAT data set: conversations and speeches of thirty speakers in four languages, captured with an iPhone.

    ROOT/…/1_wayne_0_1_8.wav     16 kHz
    ROOT/…/1_wayne_0_1_8.json    {"names": […51], "frames": [{"weights": […], "time": 0.0}, …]} at 60 fps
    ROOT/…/1_wayne_0_1_8.csv     rows `00_netural,0.0,64.0,64.0,0`: name, start, end and length in s, emotion number

The three are found by their name, in one folder or in several (`wave16k`, `facial52`, `emo`). The name is the speaker's
number and name, the kind of recording (even: speech, odd: conversation; 0 and 1 English, 2 and 3 Chinese, 4 and 5
Spanish, 6 and 7 Japanese) and the numbers of the first and last text. Body motion, transcripts and semantic labels
(`.bvh`, `.TextGrid`, `.txt`) are not read.

Recordings of one to ten minutes become clips of at most `max_clip_s`, cut at pauses. The 51 coefficients have no
tongueOut: it is 0. Contempt is no emotion of this package: such clips are unlabelled, as are clips over which two
labels meet. There is no intensity, so no level.
"""

import csv
import io
import json
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from emotalk.audio.pauses import MAX_CLIP_S, check_limit
from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import RejectedError, Rejection, rejection_of
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.sources.face_track import FaceTrack, by_name
from emotalk.corpus.sources.folder import (
    COEFFICIENTS,
    Found,
    Group,
    files_below,
    is_recording,
    item_id_of,
    read_bounded,
    version_of,
)
from emotalk.corpus.sources.recording import THREADS, Piece, pieces_of, read_piece, widest_span_s
from emotalk.errors import InputError

# BEAT's numbers of emotions: neutral, happiness, anger, sadness, contempt, surprise, fear, disgust.
EMOTIONS_BY_NUMBER = ("neutral", "happy", "angry", "sad", None, "surprised", "fearful", "disgust")
# By speaker, as everywhere here; BEAT's own split is by text. Two each, of those that read all English texts.
VALIDATION_SPEAKERS, TEST_SPEAKERS = (4, 7), (5, 9)
COMPANIONS = {".bvh", ".textgrid", ".txt"}
MAX_LABEL_BYTES = 2**20
LABEL_SLACK_S = 1.0  # by which labels may start later or end earlier than the sound
_NAME = re.compile(r"(\d{1,3})_([A-Za-z]+)_([0-7])_(\d{1,3})_(\d{1,3})", re.ASCII)


class Label(NamedTuple):
    """One row of the emotion file."""

    start_s: float
    end_s: float
    emotion: str | None


@dataclass(frozen=True, kw_only=True)
class Beat:
    """The BEAT data set, as its authors released it."""

    root: str
    """Folder or URI that holds the recordings, in folders or not."""
    max_clip_s: float = MAX_CLIP_S
    """Longest clip in seconds; longer recordings are cut at pauses."""
    tolerance_s: float = 1.0
    """Seconds by which the ends of sound and coefficients may differ; more is quarantined as `length`."""

    def __post_init__(self) -> None:
        check_limit(self.max_clip_s)
        if not 0 <= self.tolerance_s <= 60:
            raise InputError(f"the tolerance is 0 to 60 s, not {self.tolerance_s:g}")

    @property
    def name(self) -> str:
        return "beat"

    def settings(self) -> dict[str, object]:
        return {"max_clip_s": self.max_clip_s, "tolerance_s": self.tolerance_s}

    def listing(self) -> Listing:
        groups: dict[str, Group] = {}
        labels: dict[str, Found] = {}
        rejections: list[Rejection] = []
        for file in files_below(str(self.root)):
            stem = file.stem.split("/")[-1]
            if is_recording(file):
                groups.setdefault(stem, Group()).recordings.append(file)
            elif file.suffix == ".json":
                groups.setdefault(stem, Group()).beside.append(file)
            elif file.suffix == ".csv":
                labels.setdefault(stem, file)
            elif file.suffix not in COMPANIONS:
                text = "BEAT holds recordings, .json, .csv, .bvh, .TextGrid and .txt"
                rejections.append(Rejection(item_id_of("beat", file.path), "beat", "layout", text))
        if not groups:
            raise InputError("no recordings of BEAT here: give the folder that holds them", source=self.root)
        with ThreadPoolExecutor(THREADS) as pool:
            looked = list(pool.map(lambda one: self._look(one[0], one[1], labels.get(one[0])), sorted(groups.items())))
        items = [item for found, _ in looked for item in found]
        return Listing(items, [*rejections, *(fault for _, fault in looked if fault is not None)])

    def _look(self, stem: str, group: Group, label_file: Found | None) -> tuple[list[Item], Rejection | None]:
        """The clips of one recording, or why there are none."""
        item_id = item_id_of("beat", stem)
        fault = group.fault(COEFFICIENTS)
        if fault is not None:
            return [], Rejection(item_id, "beat", *fault)
        match = _NAME.fullmatch(stem)
        if match is None:
            text = "not a BEAT name: speaker, name, kind of recording, first and last text, joined by '_'"
            return [], Rejection(item_id, "beat", "stem", text)
        (audio,), (coefficients,) = group.recordings, group.beside
        try:
            pieces = pieces_of(self.root, audio.path, coefficients.path, max_s=self.max_clip_s)
            labels = (
                [] if label_file is None else parse_labels(read_bounded(self.root, label_file.path), label_file.path)
            )
        except InputError as error:
            return [], rejection_of(error, item_id=item_id, source="beat")
        version = version_of(audio, coefficients, label_file)
        return [self._item(match, piece, labels, version) for piece in pieces], None

    def _item(self, match: re.Match[str], piece: Piece, labels: Sequence[Label], version: str) -> Item:
        speaker = int(match[1])
        start_s, end_s = widest_span_s(piece, max_s=self.max_clip_s)
        clip = f"{match[0]}{piece.suffix}"
        return Item(
            item_id=f"beat-{clip}",
            source="beat",
            speaker=f"beat-{speaker:02d}-{match[2].lower()}",
            statement=f"beat-{clip}",  # two speakers of one text pause at different places
            split="validation" if speaker in VALIDATION_SPEAKERS else "test" if speaker in TEST_SPEAKERS else "train",
            emotion=emotion_of(labels, start_s, end_s),
            seconds=end_s - start_s,
            spec=piece,
            version=f"{version}:{piece.declared_samples}",
        )

    def read(self, item: Item) -> Clip:
        return read_piece(self.root, item, parse_track, max_s=self.max_clip_s, tolerance_s=self.tolerance_s)


def parse_track(content: bytes, source: str) -> FaceTrack:
    """The JSON file of a recording. RejectedError unreadable_coefficients, shape, names, times or not_finite."""
    try:
        data = json.loads(content)
        names, frames = data["names"], data["frames"]
        rows = [frame["weights"] for frame in frames]
        times = [frame["time"] for frame in frames]
    except (ValueError, KeyError, TypeError, RecursionError, MemoryError) as error:
        text = f"not a face of BEAT: {type(error).__name__} {str(error)[:80]}"
        raise RejectedError("unreadable_coefficients", text, source=source) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RejectedError("unreadable_coefficients", "names is not a list of texts", source=source)
    if not rows:
        raise RejectedError("shape", "no frames", source=source)
    wrong = next((k for k, row in enumerate(rows) if not isinstance(row, list) or len(row) != len(names)), None)
    if wrong is not None:
        raise RejectedError("shape", f"frame {wrong} has not one weight for each of {len(names)} names", source=source)
    try:
        weights, times_s = _numbers(rows), _numbers(times)
    except (ValueError, TypeError, OverflowError) as error:
        raise RejectedError("shape", f"weights and times must be numbers: {str(error)[:80]}", source=source) from error
    if times_s.ndim != 1 or weights.ndim != 2:
        raise RejectedError("shape", "weights and times must be numbers", source=source)
    step = float(np.median(np.diff(times_s))) if len(times_s) > 1 and np.isfinite(times_s).all() else 1 / 60
    return FaceTrack(times_s=times_s, weights=by_name(weights, names), frame_s=min(max(step, 0.001), 1.0))


def parse_labels(content: bytes, source: str) -> list[Label]:
    """The emotion file of a recording. RejectedError `label`."""
    labels: list[Label] = []
    try:
        rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")) if row]
        for row in rows:
            start_s, end_s, number = float(row[1]), float(row[2]), int(row[4])
            if not (0 <= start_s <= end_s < np.inf) or number not in range(len(EMOTIONS_BY_NUMBER)):
                raise ValueError(f"start {start_s}, end {end_s}, emotion {number}")
            labels.append(Label(start_s, end_s, EMOTIONS_BY_NUMBER[number]))
    except (ValueError, IndexError, csv.Error) as error:
        text = f"rows are name, start, end, length, emotion 0 to 7, not: {str(error)[:80]}"
        raise RejectedError("label", text, source=source) from error
    return labels


def emotion_of(labels: Sequence[Label], start_s: float, end_s: float) -> str | None:
    """The one emotion of a stretch of time; None where it has no label, two, or contempt."""
    heard = {label.emotion for label in labels if label.start_s < end_s and label.end_s > start_s}
    covered = labels and min(label.start_s for label in labels) <= start_s + LABEL_SLACK_S
    covered = covered and max(label.end_s for label in labels) >= end_s - LABEL_SLACK_S
    return heard.pop() if covered and len(heard) == 1 else None


def _numbers(values: list) -> np.ndarray:
    array = np.array(values)
    if array.dtype.kind not in "fiu":  # texts that look like numbers are not, nor are True and null
        raise ValueError(f"{array.dtype} found")
    return array.astype(np.float64)
