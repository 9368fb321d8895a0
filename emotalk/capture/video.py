"""Reading a video: pictures with the time they are shown at, and when its sound begins, on one clock.

The clock starts where the container does; picture and sound keep the distance that their time stamps give them. Times
come from the stamps, never from a frame rate, so a video of variable rate is read as it is shown. One picture is in
memory at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

import numpy as np

from emotalk.audio.container import (
    AudioSource,
    decoded,
    default_stream,
    name_of,
    opened,
    opened_container,
    require_av,
)
from emotalk.errors import InputError

LOST_TOLERANCE_S = 0.5  # of the declared length; writers round it to the longest stream
MAX_PIXELS = 1 << 26  # twice a picture of 8K
SEEK_MARGIN_S = 1.0  # a wanted picture may depend on ones that are stored before the place a seek finds
# Containers whose declared length was counted, so that less than it means that the end is missing.
COUNTED = {"mov", "mp4", "matroska", "webm", "avi", "flv"}


class Frame(NamedTuple):
    """One picture: when it is shown, in seconds from the video's start, and (height, width, 3) uint8 RGB, upright."""

    time_s: float
    rgb: np.ndarray


@dataclass(frozen=True)
class Crop:
    """A part of the upright picture in pixels. of_height: of the picture it was measured in, if not of this size."""

    x: int
    y: int
    width: int
    height: int
    of_height: int | None = None

    def of(self, rgb: np.ndarray) -> np.ndarray:
        """The part of (height, width, 3). InputError where it lies outside."""
        scale = 1.0 if self.of_height is None else rgb.shape[0] / self.of_height
        left, top = round(self.x * scale), round(self.y * scale)
        right, bottom = round((self.x + self.width) * scale), round((self.y + self.height) * scale)
        # A pixel of rounding is no fault, half a face outside is.
        if (
            min(left, top) < 0
            or right > rgb.shape[1] + 2
            or bottom > rgb.shape[0] + 2
            or right <= left
            or bottom <= top
        ):
            raise InputError(
                f"the crop {self.width}x{self.height}+{self.x}+{self.y} lies outside its {rgb.shape[1]}x{rgb.shape[0]} "
                "pictures"
            )
        return rgb[top:bottom, left:right]


@dataclass(frozen=True)
class VideoInfo:
    """What a file says of itself. Stored size in pixels; length in seconds, None where nobody counted it."""

    width: int
    height: int
    codec: str
    declared_s: float | None
    has_sound: bool


def probe_video(source: AudioSource) -> VideoInfo:
    """Reads the headers only. InputError where `read_frames` would refuse the file at its start."""
    with _opened_picture(source) as (container, stream):
        counted = not COUNTED.isdisjoint(container.format.name.split(","))
        return VideoInfo(
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            codec=stream.codec_context.name,
            declared_s=container.duration / 1e6 if counted and container.duration else None,
            has_sound=bool(container.streams.audio),
        )


def read_frames(
    source: AudioSource, *, start_s: float = 0.0, end_s: float = inf, crop: Crop | None = None
) -> Iterator[Frame]:
    """The pictures shown in [start_s, end_s) of any container and codec that ffmpeg knows, in order, upright.

    The display rotation and the shape of the pixels are applied, then the crop. A picture whose time is not after the
    one before is left out. InputError names the file and the time reached where it is damaged.
    """
    with _opened_picture(source) as (container, stream):
        zero_s = _clock_zero_s(container)
        step_s = float(1 / stream.average_rate) if stream.average_rate else 1 / 25
        aspect = float(stream.sample_aspect_ratio or 1) or 1.0
        if start_s > 2 * SEEK_MARGIN_S:
            container.seek(int((start_s + zero_s - SEEK_MARGIN_S) * 1e6), backward=True)
        last_s = -inf
        for picture in decoded(container, stream, source, damaged="its picture is damaged", end_s=_time_s):
            time_s = picture.time - zero_s if picture.time is not None else max(last_s, 0.0) + step_s
            if time_s >= end_s:
                return
            if time_s <= last_s:
                continue
            last_s = time_s
            if time_s >= start_s:
                _check_size(round(picture.width * aspect), picture.height, source)
                rgb = _upright(picture, aspect)
                yield Frame(time_s, np.ascontiguousarray(rgb if crop is None else crop.of(rgb)))


def sound_start_s(source: AudioSource) -> float:
    """When the first sample of `load_audio` is heard, on the clock of `read_frames`. InputError without sound."""
    av = require_av()
    with opened(source) as (container, stream, _):
        zero_s = _clock_zero_s(container)
        try:
            first = next(container.decode(stream), None)
        except av.error.FFmpegError as error:
            raise InputError(f"its sound cannot be decoded ({error.strerror})", source=name_of(source)) from error
        return 0.0 if first is None or first.time is None else float(first.time) - zero_s


@contextmanager
def _opened_picture(source: AudioSource) -> Iterator[tuple[Any, Any]]:
    """The container and its picture stream. Cover art is no video."""
    av = require_av()
    with opened_container(source, kind="a video") as (container, _):
        cover = av.stream.Disposition.attached_pic
        streams = [stream for stream in container.streams.video if not stream.disposition & cover]
        if not streams:
            raise InputError(f"holds no moving pictures ({container.format.name})", source=name_of(source))
        stream = default_stream(av, streams)
        if stream.codec_context is None:
            raise InputError("its video codec is unknown", source=name_of(source))
        # Some headers do not say; each picture is asked again.
        _check_size(stream.codec_context.width or 1, stream.codec_context.height or 1, source)
        yield container, stream


def _check_size(width: int, height: int, source: AudioSource) -> None:
    if not (width > 0 and height > 0 and width * height <= MAX_PIXELS):
        text = f"its pictures have {width} × {height} pixels; up to {MAX_PIXELS} can be read"
        raise InputError(text, source=name_of(source))


def _clock_zero_s(container: Any) -> float:
    return 0.0 if container.start_time is None else container.start_time / 1e6


def _time_s(picture: Any, reached_s: float) -> float:
    return float(picture.time or reached_s)


def _upright(picture: Any, aspect: float) -> np.ndarray:
    """(height, width, 3) uint8 RGB as it is meant to be seen. aspect: width of a stored pixel over its height."""
    width = round(picture.width * aspect)
    rgb = picture.to_ndarray(format="rgb24", width=width, height=picture.height)
    turns = round(picture.rotation / 90) % 4  # counter-clockwise, as numpy turns too
    return np.rot90(rgb, turns) if turns else rgb
