"""Capturing one video: its pictures through the face landmarker, its sound as it is, into one track file."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from emotalk.audio import SAMPLE_RATE, stream_audio
from emotalk.capture.landmarker import FaceLandmarker
from emotalk.capture.scenes import ChangeMeter
from emotalk.capture.sound import BandMeter
from emotalk.capture.sync import estimate_offset
from emotalk.capture.track import BLOCK_SAMPLES, Track, TrackInfo, TrackWriter
from emotalk.capture.video import LOST_TOLERANCE_S, Crop, probe_video, read_frames, sound_start_s
from emotalk.corpus.gates import RejectedError
from emotalk.errors import InputError

CAPTURE_VERSION = 2  # rises when the same video would make another track
MAX_VIDEO_S = 6 * 3600.0
BLOCK_PICTURES = 1000
TYPES = {
    "times_s": np.float64,
    "scores": np.float32,
    "near": np.float32,
    "head": np.float32,
    "faces": np.uint8,
    "face_px": np.float32,
    "mouth": np.float32,
    "change": np.float32,
}


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


def capture(
    shot: Shot, landmarker: FaceLandmarker, target: Path, *, video_sha256: str, landmarker_sha256: str
) -> Track:
    """Captures `shot` into the track file `target`; memory: one picture, a minute of sound, 1 KB a picture.

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
        seen = _look(shot, landmarker)
        times_s, levels, begins_s = seen.rows["times_s"], np.concatenate(bands), max(late_s, shot.start_s)
        step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1 / 25
        picture_end_s = float(times_s[-1]) + step_s
        # The sound's own check cannot see this where a container promises a length for all its streams together.
        reached_s = max(picture_end_s, begins_s + samples / SAMPLE_RATE)
        if info.declared_s is not None and min(info.declared_s, shot.end_s) - reached_s > LOST_TOLERANCE_S:
            text = f"cut short: {reached_s:.2f} s of the {info.declared_s:.2f} s it declares"
            raise RejectedError("unreadable_video", text, source=shot.name, seconds=reached_s, declared=info.declared_s)
        there = seen.rows["faces"] > 0
        offset = estimate_offset(times_s[there], seen.rows["mouth"][there], levels, sound_start_s=begins_s)
        track_info = TrackInfo(
            video_sha256=video_sha256,
            landmarker_sha256=landmarker_sha256,
            width=seen.size[1],
            height=seen.size[0],
            picture_end_s=picture_end_s,
            sound_start_s=begins_s,
            samples=samples,
            offset=offset,
        )
        track = Track(info=track_info, bands=levels, **seen.rows)
        writer.finish(track)
    return track


class _Seen(NamedTuple):
    """The rows of a track that come from pictures, by name, and height and width of these."""

    rows: dict[str, np.ndarray]
    size: tuple[int, int]


def _look(shot: Shot, landmarker: FaceLandmarker) -> _Seen:
    blocks: list[dict[str, np.ndarray]] = []
    rows: list[dict[str, Any]] = []
    size = (0, 0)
    meter = ChangeMeter()
    try:
        for frame in read_frames(shot.path, start_s=shot.start_s, end_s=shot.end_s, crop=shot.crop):
            if frame.time_s > MAX_VIDEO_S:
                raise InputError(f"longer than {MAX_VIDEO_S / 3600:g} h: cut it first")
            change = meter.push(frame.rgb)
            rows.append({"times_s": frame.time_s, "change": change, **landmarker.read(frame.rgb)._asdict()})
            size = (frame.rgb.shape[0], frame.rgb.shape[1])
            if len(rows) == BLOCK_PICTURES:
                blocks.append(_stacked(rows))
                rows = []
    except InputError as error:
        raise RejectedError("unreadable_video", error.reason, source=shot.name) from error
    if rows:
        blocks.append(_stacked(rows))
    if not blocks:
        raise RejectedError("unreadable_video", "no pictures in the part that is wanted", source=shot.name)
    return _Seen({name: np.concatenate([block[name] for block in blocks]) for name in TYPES}, size)


def _stacked(rows: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Many small arrays take three times the memory of a large one."""
    return {name: np.array([row[name] for row in rows], kind) for name, kind in TYPES.items()}


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
