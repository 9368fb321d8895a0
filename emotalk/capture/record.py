"""Capturing one video: its pictures through the face landmarker, its sound as it is, into one track file."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path

import numpy as np

from emotalk.audio import SAMPLE_RATE, stream_audio
from emotalk.capture.landmarker import FaceLandmarker, Reading
from emotalk.capture.sound import BandMeter
from emotalk.capture.sync import estimate_offset
from emotalk.capture.track import BLOCK_SAMPLES, Track, TrackInfo, TrackWriter
from emotalk.capture.video import LOST_TOLERANCE_S, Crop, probe_video, read_frames, sound_start_s
from emotalk.corpus.gates import RejectedError
from emotalk.errors import InputError
from emotalk.files import PathOrUri, open_source

CAPTURE_VERSION = 1  # rises when the same video would make another track
MAX_VIDEO_S = 6 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Shot:
    """What is captured into one track: a video, or a part of it in time or of its picture.

    path: file or URI. name: path below the folder of the source, with '/'.
    """

    path: str
    name: str
    start_s: float = 0.0
    end_s: float = inf
    crop: Crop | None = None


def sha256_of(path: PathOrUri) -> str:
    """Of a file or URI, a MiB at a time."""
    digest = hashlib.sha256()
    with open_source(path) as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def capture(
    shot: Shot, landmarker: FaceLandmarker, target: Path, *, video_sha256: str, landmarker_sha256: str
) -> Track:
    """Captures `shot` into the track file `target`; memory: one picture, a minute of sound, 1.5 KB a picture.

    Raises RejectedError with reason missing_audio, unreadable_audio or unreadable_video for what cannot be captured. A
    video in which no face is ever found is captured all the same: that is for the gates to say.
    """
    try:
        info = probe_video(shot.path)
    except InputError as error:
        raise RejectedError("unreadable_video", error.reason, source=shot.name) from error
    if not info.has_sound:
        raise RejectedError("missing_audio", "the video holds no sound", source=shot.name)
    with TrackWriter(target) as writer:
        meter, bands, samples = BandMeter(), [], 0
        try:
            late_s = sound_start_s(shot.path)
            for block in _minutes(_within(shot, late_s)):
                writer.sound(block)
                bands.append(meter.push(block))
                samples += len(block)
        except InputError as error:
            raise RejectedError("unreadable_audio", error.reason, source=shot.name) from error
        if not samples:
            raise RejectedError("missing_audio", "no sound in the part that is wanted", source=shot.name)
        bands.append(meter.flush())
        times, readings, size = _look(shot, landmarker)
        step_s = float(np.median(np.diff(times))) if len(times) > 1 else 1 / 25
        # The sound's own check cannot see this where a container promises a length for all its streams together.
        reached_s = max(times[-1] + step_s, max(late_s, shot.start_s) + samples / SAMPLE_RATE)
        if info.declared_s is not None and min(info.declared_s, shot.end_s) - reached_s > LOST_TOLERANCE_S:
            text = f"cut short: {reached_s:.2f} s of the {info.declared_s:.2f} s it declares"
            raise RejectedError("unreadable_video", text, source=shot.name, seconds=reached_s, declared=info.declared_s)
        begins_s, levels = max(late_s, shot.start_s), np.concatenate(bands)
        seen = np.array([reading.faces > 0 for reading in readings])
        mouth = np.stack([reading.mouth for reading in readings])
        track = Track(
            info=TrackInfo(
                video_sha256=video_sha256,
                landmarker_sha256=landmarker_sha256,
                width=size[1],
                height=size[0],
                picture_end_s=times[-1] + step_s,
                sound_start_s=begins_s,
                samples=samples,
                offset=estimate_offset(np.array(times)[seen], mouth[seen], levels, sound_start_s=begins_s),
            ),
            times_s=np.array(times, np.float64),
            scores=np.stack([reading.scores for reading in readings]),
            near=np.stack([reading.near for reading in readings]),
            head=np.stack([reading.head for reading in readings]),
            faces=np.array([reading.faces for reading in readings], np.uint8),
            face_px=np.array([reading.face_px for reading in readings], np.float32),
            mouth=mouth,
            bands=levels,
        )
        writer.finish(track)
    return track


def _look(shot: Shot, landmarker: FaceLandmarker) -> tuple[list[float], list[Reading], tuple[int, int]]:
    times: list[float] = []
    readings: list[Reading] = []
    size = (0, 0)
    try:
        for frame in read_frames(shot.path, start_s=shot.start_s, end_s=shot.end_s, crop=shot.crop):
            if frame.time_s > MAX_VIDEO_S:
                raise InputError(f"longer than {MAX_VIDEO_S / 3600:g} h: cut it first")
            times.append(frame.time_s)
            readings.append(landmarker.read(frame.rgb))
            size = (frame.rgb.shape[0], frame.rgb.shape[1])
    except InputError as error:
        raise RejectedError("unreadable_video", error.reason, source=shot.name) from error
    if not times:
        raise RejectedError("unreadable_video", "no pictures in the part that is wanted", source=shot.name)
    return times, readings, size


def _within(shot: Shot, late_s: float) -> Iterator[np.ndarray]:
    """The sound of the part, which starts at the later of `late_s` and the part's start."""
    first = max(round((shot.start_s - late_s) * SAMPLE_RATE), 0)
    last = inf if shot.end_s == inf else max(round((shot.end_s - late_s) * SAMPLE_RATE), 0)
    position = 0
    for block in stream_audio(shot.path):
        low, high = max(first - position, 0), min(last - position, len(block))
        if low < high:
            yield block[low : int(high)]
        position += len(block)
        if position >= last:
            return


def _minutes(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    held: list[np.ndarray] = []
    size = 0
    for block in blocks:
        while size + len(block) >= BLOCK_SAMPLES:
            cut = BLOCK_SAMPLES - size
            yield np.concatenate([*held, block[:cut]])
            held, size, block = [], 0, block[cut:]
        if len(block):
            held.append(block)
            size += len(block)
    if size:
        yield np.concatenate(held)
