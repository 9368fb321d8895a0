"""A track: what capture found in one video, picture by picture, with its sound. One `.npz` per video, no pickle inside.

Members: `times_s`, `scores`, `near`, `head`, `faces`, `face_px`, `mouth`, `change` (one row per picture), `bands` (one
row per 10 ms of sound), `meta` (a JSON text), and the sound itself as FLAC in blocks of a minute, `sound.00000` and so
on, so that a clip of a long video is read without the rest. Nothing in it is smoothed, filled or moved.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from emotalk.audio import SAMPLE_RATE, decode_flac, encode_flac
from emotalk.blendshapes import COEFFICIENTS
from emotalk.capture.scenes import find_scenes
from emotalk.capture.sync import Offset
from emotalk.errors import InputError
from emotalk.files import PathOrUri, open_source
from emotalk.formats.npz import zip_entry
from emotalk.formats.pieces import read_npy

BLOCK_SAMPLES = 60 * SAMPLE_RATE
ROWS = ("times_s", "scores", "near", "head", "faces", "face_px", "mouth", "change", "bands")


@dataclass(frozen=True, kw_only=True)
class TrackInfo:
    """What is known of the video itself.

    video_sha256 / landmarker_sha256: digests of both files. No name: equal videos make equal tracks.
    width / height: of the upright pictures, cropped as they were read. picture_end_s: when the last picture ends.
    sound_start_s: when the first of `samples` samples (16 kHz) is heard. offset: how late the sound is, None
    where that cannot be told. Times are in seconds on the video's own clock.
    """

    video_sha256: str
    landmarker_sha256: str
    width: int
    height: int
    picture_end_s: float
    sound_start_s: float
    samples: int
    offset: Offset | None

    @property
    def sound_end_s(self) -> float:
        return self.sound_start_s + self.samples / SAMPLE_RATE


@dataclass(frozen=True, kw_only=True)
class Track:
    """n pictures of a video and m times 10 ms of its sound.

    times_s: (n,) float64, rising. scores: (n, 52) float32, MediaPipe's own. near: the same from a closer view where
    the face is small (`landmarker.Reading`). head: (n, 6) float32 as `Clip.head`.
    faces: (n,) uint8, how many; rows of `scores`, `near`, `head`, `mouth` and `face_px` mean nothing where it is 0.
    face_px: (n,) float32, size of the largest face. mouth: (n, 4) float32, as `landmarker.Reading.mouth`.
    change: (n,) float32, how much the picture differs from the one before (`scenes.ChangeMeter`).
    bands: (m, 4) float32, level of the sound in `sound.BANDS_HZ` in dB of full scale.
    """

    info: TrackInfo
    times_s: np.ndarray
    scores: np.ndarray
    near: np.ndarray
    head: np.ndarray
    faces: np.ndarray
    face_px: np.ndarray
    mouth: np.ndarray
    change: np.ndarray
    bands: np.ndarray

    def __post_init__(self) -> None:
        pictures = len(self.times_s)
        shapes: dict[str, tuple[int, ...]] = {name: (pictures, len(COEFFICIENTS)) for name in ("scores", "near")}
        shapes |= {"head": (pictures, 6), "mouth": (pictures, 4)}
        shapes |= {"faces": (pictures,), "face_px": (pictures,), "times_s": (pictures,), "change": (pictures,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise InputError(
                    f"{name} must be {shape}, not {getattr(self, name).shape}", source=self.info.video_sha256
                )
        if not pictures or (np.diff(self.times_s) <= 0).any():
            raise InputError("a track needs pictures whose times rise", source=self.info.video_sha256)

    @property
    def step_s(self) -> float:
        """How long a picture is shown, as a rule."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 1 / 25


class TrackWriter:
    """Writes a track's file: the sound first, block by block, then the rest. Use within `with`."""

    def __init__(self, path: Path) -> None:
        self._archive = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED)
        self._blocks = 0

    def sound(self, samples: np.ndarray) -> None:
        """The next minute, (BLOCK_SAMPLES,) float32; the last may be shorter."""
        self._put(f"sound.{self._blocks:05d}", np.frombuffer(encode_flac(samples), np.uint8))
        self._blocks += 1

    def finish(self, track: Track) -> None:
        for name in ROWS:
            self._put(name, getattr(track, name))
        self._put("meta", np.array(json.dumps(asdict(track.info), sort_keys=True)))

    def _put(self, name: str, array: np.ndarray) -> None:
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, array, allow_pickle=False)
        self._archive.writestr(zip_entry(name), buffer.getbuffer())

    def __enter__(self) -> "TrackWriter":
        return self

    def __exit__(self, *failure: object) -> None:
        self._archive.close()


def read_track(path: PathOrUri) -> Track:
    """A track without its sound. InputError where the file is no track."""
    with _members(path) as archive:
        rows = {name: _member(archive, name) for name in ROWS}
        return Track(info=_info(archive), **rows)


class Outline(NamedTuple):
    """What planning needs of a track, without the pictures' scores."""

    info: TrackInfo
    times_s: np.ndarray
    faces: np.ndarray
    change: np.ndarray
    bands: np.ndarray

    @property
    def scenes(self) -> list[tuple[float, float]]:
        """Start and end of each, in seconds on the video's clock."""
        return find_scenes(self.times_s, self.change, end_s=self.info.picture_end_s)


def read_outline(path: PathOrUri) -> Outline:
    """A small part of a track. InputError where the file is no track."""
    with _members(path) as archive:
        rows = (_member(archive, name) for name in ("times_s", "faces", "change", "bands"))
        return Outline(_info(archive), *rows)


def read_sound(path: PathOrUri, start: int, stop: int) -> np.ndarray:
    """Samples start to stop of a track's sound, (stop - start,) float32; zero before its first and after its last."""
    out = np.zeros(stop - start, np.float32)
    with _members(path) as archive:
        names = set(archive.namelist())
        for number in range(max(start, 0) // BLOCK_SAMPLES, -(-stop // BLOCK_SAMPLES)):
            if f"sound.{number:05d}.npy" not in names:
                break
            block = decode_flac(_member(archive, f"sound.{number:05d}").tobytes())
            first = number * BLOCK_SAMPLES
            low, high = max(start, first), min(stop, first + len(block))
            if low < high:
                out[low - start : high - start] = block[low - first : high - first]
    return out


@contextmanager
def _members(path: PathOrUri) -> Iterator[zipfile.ZipFile]:
    file: IO[bytes]
    try:
        with open_source(path) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError, EOFError, NotImplementedError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not a track of this program ({error}): remove it and capture again", source=path) from error


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        return read_npy(file, archive.getinfo(f"{name}.npy").file_size, name)


def _info(archive: zipfile.ZipFile) -> TrackInfo:
    fields = json.loads(str(_member(archive, "meta")[()]))
    if (offset := fields["offset"]) is not None:
        fields["offset"] = Offset(offset["late_s"], offset["distinct"], tuple(offset["halves_s"]))
    return TrackInfo(**fields)
