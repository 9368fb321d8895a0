"""The released 3D-ETF folder: RAVDESS and HDTF speech with coefficients tracked from video.

    ROOT/RAVDESS/audio/01-01-08-02-02-02-01.wav    ROOT/RAVDESS/blendshape/01-01-08-02-02-02-01.npy
    ROOT/HDTF/audio/RD_Radio11_000.wav             ROOT/HDTF/blendshape/RD_Radio11_000.npy

Recordings of any rate and number of channels; coefficients (frames, 52) of a float type at 30 fps.
"""

import io
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

import fsspec
import numpy as np

from emotalk.audio import load_audio
from emotalk.blendshapes import COEFFICIENTS, FPS
from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import MAX_DURATION_S, Reason, RejectedError, Rejection, clean_weights
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.splits import SplitScheme, hashed_split, ravdess_split
from emotalk.errors import InputError
from emotalk.files import read_source
from emotalk.formats.pieces import read_npy
from emotalk.labels import EMOTIONS
from emotalk.remote import reached

STATEMENTS = ("Kids are talking by the door", "Dogs are sitting by the door")
MAX_COEFFICIENTS_BYTES = 64 * 2**20  # ten minutes of float64 are 7.5 MB: anything this large is something else
_RAVDESS = re.compile(r"(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")
_HDTF = re.compile(r"((?:RD|WDA|WRA)_.+)_(\d+)")


class Pair(NamedTuple):
    """One recording and its coefficients, as paths relative to the root."""

    audio: str
    coefficients: str


class Labels(NamedTuple):
    """What a file's stem says."""

    speaker: str
    statement: str
    split: str
    emotion: str | None
    level: int | None
    repetition: int


def ravdess_labels(stem: str, scheme: SplitScheme) -> Labels:
    """modality-vocal-emotion-intensity-statement-repetition-actor -> labels. Raises InputError that says why not."""
    match = _RAVDESS.fullmatch(stem)
    if not match:
        raise InputError("not a RAVDESS name: seven two-digit numbers joined by '-'", source=stem)
    modality, vocal, emotion, intensity, statement, repetition, actor = map(int, match.groups())
    allowed = {
        "modality": (modality, (1, 3)),
        "vocal channel": (vocal, (1,)),  # 02 is song
        "emotion": (emotion, range(1, len(EMOTIONS) + 1)),
        "intensity": (intensity, (1,) if emotion == 1 else (1, 2)),  # neutral has no strong version
        "statement": (statement, range(1, len(STATEMENTS) + 1)),
        "repetition": (repetition, (1, 2)),
        "actor": (actor, range(1, 25)),
    }
    for name, (value, values) in allowed.items():
        if value not in values:
            raise InputError(f"{name} {value:02d} is not speech of RAVDESS", source=stem)
    return Labels(
        speaker=f"ravdess-{actor:02d}",
        statement=STATEMENTS[statement - 1],
        split=ravdess_split(actor, scheme),
        emotion=EMOTIONS[emotion - 1],
        level=intensity - 1,
        repetition=repetition,
    )


def hdtf_labels(stem: str, scheme: SplitScheme) -> Labels:
    """RD_Radio11_000 -> speaker RD_Radio11, split by a hash of the speaker; no emotion or level, its own statement.

    HDTF names the video, not the person, so a person with two videos counts as two speakers.
    """
    del scheme  # of RAVDESS
    match = _HDTF.fullmatch(stem)
    if not match or not stem.isprintable():
        raise InputError("not an HDTF name: RD_, WDA_ or WRA_, the video, '_' and a number", source=stem)
    return Labels(match[1], stem, hashed_split(match[1]), emotion=None, level=None, repetition=1)


_PARTS = {"RAVDESS": ravdess_labels, "HDTF": hdtf_labels}


@dataclass(frozen=True, kw_only=True)
class Etf3d:
    """The 3D-ETF data set as its authors released it."""

    root: str
    """Folder or URI that holds RAVDESS and/or HDTF."""
    split_scheme: SplitScheme = "standard"
    """RAVDESS actors: standard is 1-20 train, 21-22 validation, 23-24 test; emobox1 to emobox6 are EmoBox's folds."""
    frame_tolerance: int = 1
    """Frames that audio and coefficients may differ by; more is quarantined as `length`."""

    def __post_init__(self) -> None:
        if self.frame_tolerance < 0:
            raise InputError(f"frame tolerance must be 0 or more, not {self.frame_tolerance}")

    @property
    def name(self) -> str:
        return "etf3d"

    def settings(self) -> dict[str, object]:
        return {"split_scheme": self.split_scheme, "frame_tolerance": self.frame_tolerance}

    def listing(self) -> Listing:
        with reached(str(self.root)) as (fs, root):
            fs.invalidate_cache()
            parts = [part for part in _PARTS if fs.isdir(f"{root}/{part}")]
            if not parts:
                raise InputError("no RAVDESS or HDTF folder here: give the folder that holds them", source=self.root)
            found = [self._list_part(fs, root, part) for part in parts]
        return Listing([i for items, _ in found for i in items], [r for _, rejections in found for r in rejections])

    def _list_part(self, fs: fsspec.AbstractFileSystem, root: str, part: str) -> Listing:
        source = part.lower()
        audio, foreign_audio = _files(fs, f"{root}/{part}/audio", ".wav")
        coefficients, foreign_coefficients = _files(fs, f"{root}/{part}/blendshape", ".npy")
        items: list[Item] = []
        rejections = [
            Rejection(f"{source}-{folder}/{name}", source, "layout", f"{part}/{folder} holds {kind} files only")
            for folder, kind, names in (("audio", ".wav", foreign_audio), ("blendshape", ".npy", foreign_coefficients))
            for name in names
        ]
        for stem in sorted(audio.keys() | coefficients.keys()):
            item_id = f"{source}-{stem}"
            pair = Pair(f"{part}/audio/{stem}.wav", f"{part}/blendshape/{stem}.npy")
            reason: Reason | None = None
            if stem not in audio:
                reason, text = "missing_audio", f"{pair.audio} is missing"
            elif stem not in coefficients:
                reason, text = "missing_coefficients", f"{pair.coefficients} is missing"
            else:
                try:
                    labels = _PARTS[part](stem, self.split_scheme)
                except InputError as error:
                    reason, text = "stem", error.reason
            if reason is not None:
                rejections.append(Rejection(item_id, source, reason, text))
                continue
            # As if float32; float64 arrays make shards half as large as asked.
            seconds = coefficients[stem] / (4 * len(COEFFICIENTS) * float(FPS))
            version = f"{audio[stem]}:{coefficients[stem]}"
            items.append(
                Item(
                    item_id=item_id,
                    source=source,
                    speaker=labels.speaker,
                    statement=labels.statement,
                    split=labels.split,
                    emotion=labels.emotion,
                    level=labels.level,
                    repetition=labels.repetition,
                    seconds=seconds,
                    spec=pair,
                    version=version,
                )
            )
        return Listing(items, rejections)

    def read(self, item: Item) -> Clip:
        assert isinstance(item.spec, Pair)
        root = str(self.root).rstrip("/")
        try:
            samples = load_audio(f"{root}/{item.spec.audio}", max_duration_s=MAX_DURATION_S)
        except InputError as error:
            raise RejectedError("unreadable_audio", error.reason, source=item.spec.audio) from error
        array = _load_array(f"{root}/{item.spec.coefficients}", item.spec.coefficients)
        return item.clip(samples, clean_weights(array, len(samples), frame_tolerance=self.frame_tolerance))


def _files(fs: fsspec.AbstractFileSystem, folder: str, suffix: str) -> tuple[dict[str, int], list[str]]:
    """Files of a folder: size in bytes by stem where the suffix fits, names of the others. Hidden ones are no data."""
    if not fs.isdir(folder):
        return {}, []
    sizes: dict[str, int] = {}
    foreign: list[str] = []
    for entry in fs.ls(folder, detail=True):
        path = PurePosixPath(entry["name"])
        if path.name.startswith(".") or entry["name"].rstrip("/") == folder.rstrip("/"):
            continue
        if entry["type"] == "file" and path.suffix == suffix:
            sizes[path.stem] = int(entry["size"])
        else:
            foreign.append(path.name)
    return sizes, sorted(foreign)


def _load_array(location: str, source: str) -> np.ndarray:
    try:
        content = read_source(location, max_bytes=MAX_COEFFICIENTS_BYTES)
        return read_npy(io.BytesIO(content), len(content), source)
    except InputError as error:
        raise RejectedError("unreadable_coefficients", error.reason, source=source) from error
