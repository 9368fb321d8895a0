"""Opening what users bring: which containers, from where, and what a file says of itself before it is decoded.

Untrusted bytes stay data: ffmpeg sees an open file and never a name, and may use audio and video containers only (no
playlists, which would open other files and addresses). An error of the file object (a lost connection) passes through
as it is: it says nothing against the recording.
"""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from emotalk.audio.resample import MAX_RATE, MIN_RATE
from emotalk.audio.riff import promise_of
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import open_source

AudioSource = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

# ffmpeg's demuxer names. Left out on purpose: hls, dash, concat, sdp, image sequences, devices.
CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,eac3,flac,flv,gsm,loas,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp3,mpc,mpc8,mpeg,mpegts,nut,ogg,rm,spx,tak,tta,voc,w64,wav,wv"
)
LOST_TOLERANCE_S = 0.1  # encoders' delay and padding stand in some declared lengths
KNOWS_ITS_LENGTH = {"mov", "flac", "matroska", "aiff", "caf"}


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself, before decoding. `duration_s` is None where it says nothing.

    start_s: time of the first sample on the file's own clock (sound in a video may start late).
    bytes: size of the file, None where the source cannot tell.
    missing_s: seconds of sound that a WAV's header promises and that are not there, 0 up to `LOST_TOLERANCE_S`.
    """

    duration_s: float | None
    sample_rate: int
    channels: int
    codec: str
    container: str
    bytes: int | None
    start_s: float = 0.0
    missing_s: float = 0.0


def probe_audio(source: AudioSource) -> AudioInfo:
    """Reads the headers only. InputError where `load_audio` would refuse the file at its start."""
    with opened(source) as (container, stream, file):
        return AudioInfo(
            duration_s=declared_duration_s(container, stream),
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            codec=stream.codec_context.name,
            container=container.format.name,
            bytes=_size_of(file),
            start_s=0.0 if stream.start_time is None else float(stream.start_time * stream.time_base),
            missing_s=_missing_s(stream, file),
        )


def require_av() -> ModuleType:
    """PyAV, imported where it is used: the package works without it on samples."""
    try:
        import av
    except ImportError as error:
        raise EmoTalkError("reading and writing audio files needs PyAV: pip install av") from error
    return av


@contextmanager
def opened_container(source: AudioSource, *, kind: str = "an audio file") -> Iterator[tuple[Any, IO[bytes]]]:
    """The ffmpeg container and the file behind it; closes what it opened, not what it was given."""
    av = require_av()
    name = name_of(source)
    file, ours = _binary_file(source)
    try:
        if _size_of(file) == 0:
            raise InputError("is an empty file", source=name)
        options = {"format_whitelist": CONTAINERS, "protocol_whitelist": ""}
        if (promise := promise_of(file)) is not None and not promise.ends:
            options["ignore_length"] = "1"  # WAV's: the samples go on behind their declared end
        try:
            container = av.open(
                file,
                "r",
                options=options,
                metadata_errors="replace",  # titles in Latin-1 are no reason to refuse a book
            )
        except av.error.FFmpegError as error:
            raise InputError(f"not {kind} that can be read ({error.strerror})", source=name) from error
        with container:
            yield container, file
    finally:
        if ours:
            file.close()


@contextmanager
def opened(source: AudioSource) -> Iterator[tuple[Any, Any, IO[bytes]]]:
    """The ffmpeg container, its audio stream and the file behind; closes what it opened, not what it was given."""
    name = name_of(source)
    with opened_container(source) as (container, file):
        if not container.streams.audio:
            raise InputError(f"holds no sound ({container.format.name})", source=name)
        stream = default_stream(require_av(), container.streams.audio)
        if stream.codec_context is None:
            raise InputError("its audio codec is unknown", source=name)
        rate = stream.codec_context.sample_rate
        if not MIN_RATE <= rate <= MAX_RATE:
            raise InputError(f"its header declares {rate} Hz; {MIN_RATE}–{MAX_RATE} Hz can be read", source=name)
        yield container, stream, file


def decoded(
    container: Any, stream: Any, source: AudioSource, *, damaged: str, end_s: Callable[[Any, float], float]
) -> Iterator[Any]:
    """Decoded frames of a stream; a decoder's error is an InputError unless it is the half frame at the very end.

    damaged: how the error begins. end_s: a frame and the time reached before it -> the time reached with it.
    """
    av = require_av()
    name = name_of(source)
    failure: Any = None
    reached_s = 0.0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            raise InputError(f"unreadable after {reached_s:.2f} s ({error.strerror})", source=name) from error
        if packet is None:
            return
        if failure is not None and packet.size:
            raise InputError(f"{damaged} after {reached_s:.2f} s ({failure.strerror})", source=name) from failure
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            failure = error
            continue
        for frame in frames:
            reached_s = end_s(frame, reached_s)
            yield frame


def _missing_s(stream: Any, file: IO[bytes]) -> float:
    promise, rate = promise_of(file), stream.codec_context.bit_rate
    missing_s = 8 * promise.missing / rate if promise is not None and rate else 0.0
    return missing_s if missing_s > LOST_TOLERANCE_S else 0.0


def _binary_file(source: AudioSource) -> tuple[IO[bytes], bool]:
    if isinstance(source, bytes | bytearray | memoryview):
        return io.BytesIO(source), True
    if isinstance(source, str | os.PathLike):
        return open_source(source), True
    if not hasattr(source, "read"):
        raise InputError(f"audio comes from a path, a URI, bytes or a binary file, not {type(source).__name__}")
    return source, False


def _size_of(file: IO[bytes]) -> int | None:
    try:
        here = file.tell()
        size = file.seek(0, io.SEEK_END)
        file.seek(here)
    except (OSError, AttributeError):  # a pipe
        return None
    return size


def name_of(source: AudioSource) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    if isinstance(name, str):
        return Path(name).name
    return "audio bytes" if isinstance(source, bytes | bytearray | memoryview) else "audio stream"


def declared_duration_s(container: Any, stream: Any) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1e6


def default_stream(av: ModuleType, streams: Sequence[Any]) -> Any:
    """The one the file marks as its default, else the first: other languages and commentaries come after."""
    default = av.stream.Disposition.default
    return next((stream for stream in streams if stream.disposition & default), streams[0])


def length_is_a_promise(container: Any, stream: Any, file: IO[bytes]) -> bool:
    """Whether the declared duration counts this stream's samples, so that less than it means lost sound."""
    kind = container.format.name
    if stream.duration is None and len(container.streams) > 1:
        return False  # the container's duration is that of its longest stream, often the picture
    return not KNOWS_ITS_LENGTH.isdisjoint(kind.split(",")) or (kind == "mp3" and _has_xing(file))


def _has_xing(file: IO[bytes]) -> bool:
    """Whether an MP3 starts with a frame that counts the frames; leaves the file where it was."""
    try:
        here = file.tell()
        file.seek(0)
    except (OSError, AttributeError):  # a pipe: its start is gone
        return False
    tag = file.read(10)
    if tag[:3] == b"ID3" and len(tag) == 10:  # the tag's size: four bytes of seven bits
        file.seek(10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)))
    else:
        file.seek(0)
    first_frame = file.read(4096)
    file.seek(here)
    return any(mark in first_frame for mark in (b"Xing", b"Info", b"VBRI"))
