"""Any audio file to 16 kHz mono float32, by ffmpeg through PyAV: one decoder for whole files, streams and probing.

Untrusted bytes stay data: ffmpeg sees an open file and never a name, may use audio and video containers only (no
playlists, which would open other files and addresses), and a duration limit stops it while it decodes.

What counts as damage. A WAV header's length is not a promise: recorders that stream write zero or the maximum, so what
is there is used. MP4, FLAC, Matroska with a length, and MP3 with a Xing header know their length: when more than 0.1 s
of it is missing, the file was cut and is refused with the time reached. An MP3 without such a header ends where its
data ends; half a frame at the very end is left out. A decoder's error anywhere else is refused with the time reached.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np

from emotalk.audio.resample import MAX_RATE, MIN_RATE, SAMPLE_RATE, Resampler
from emotalk.errors import InputError, MissingExtraError
from emotalk.files import open_source

AudioSource = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[bytes]

# ffmpeg's demuxer names. Left out on purpose: hls, dash, concat, sdp, image sequences, devices.
CONTAINERS = (
    "aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,eac3,flac,flv,gsm,loas,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,"
    "mp3,mpc,mpc8,mpeg,mpegts,nut,ogg,rm,spx,tak,tta,voc,w64,wav,wv"
)
KNOWS_ITS_LENGTH = {"mov", "flac", "matroska", "aiff", "caf"}
LOST_TOLERANCE_S = 0.1  # encoders' delay and padding stand in some declared lengths


@dataclass(frozen=True)
class AudioInfo:
    """What a file says of itself, before decoding. `duration_s` is None where it says nothing.

    start_s: time of the first sample on the file's own clock (sound in a video may start late).
    bytes: size of the file, None where the source cannot tell.
    """

    duration_s: float | None
    sample_rate: int
    channels: int
    codec: str
    container: str
    bytes: int | None
    start_s: float = 0.0


def load_audio(source: AudioSource, *, max_duration_s: float | None = None) -> np.ndarray:
    """Any audio file, bytes, binary file object or URI -> (n,) float32, 16 kHz, mono (the mean of the channels).

    n = ceil(samples · 16000 / rate). Samples at 16 kHz are kept bit for bit (int16 / 32768); peaks beyond 1 in float
    files stay. InputError names the file and the reason; longer than `max_duration_s` is refused while decoding.
    """
    pieces = []
    limit = None if max_duration_s is None else int(max_duration_s * SAMPLE_RATE)
    total = 0
    for block in stream_audio(source):
        total += len(block)
        if limit is not None and total > limit:
            raise InputError(f"longer than the limit of {max_duration_s:g} s", source=_name_of(source))
        pieces.append(block)
    return np.concatenate(pieces)


def stream_audio(source: AudioSource, *, block_samples: int = 160_000) -> Iterator[np.ndarray]:
    """As `load_audio`, in blocks of exactly `block_samples` (16 kHz) float32, the last one shorter (never empty).

    Memory is bounded by a block whatever the file's length. Errors come when the stream reaches them.
    """
    if block_samples < 1:
        raise ValueError(f"block_samples must be positive, not {block_samples}")
    held: list[np.ndarray] = []
    size = 0
    for piece in _decode(source):
        while size + len(piece) >= block_samples:
            cut = block_samples - size
            yield np.concatenate([*held, piece[:cut]])
            held, size, piece = [], 0, piece[cut:]
        if len(piece):
            held.append(piece)
            size += len(piece)
    if size:
        yield np.concatenate(held)


def probe_audio(source: AudioSource) -> AudioInfo:
    """Reads the headers only. InputError where `load_audio` would refuse the file at its start."""
    with _opened(source) as (container, stream, size):
        return AudioInfo(
            duration_s=_declared_duration_s(container, stream),
            sample_rate=stream.codec_context.sample_rate,
            channels=stream.codec_context.channels,
            codec=stream.codec_context.name,
            container=container.format.name,
            bytes=size,
            start_s=0.0 if stream.start_time is None else float(stream.start_time * stream.time_base),
        )


def require_av() -> ModuleType:
    """PyAV, imported where it is used: the package works without it on samples."""
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("reading and writing audio files", "audio") from error
    return av


def _decode(source: AudioSource) -> Iterator[np.ndarray]:
    """16 kHz mono float32 pieces of any size, in order."""
    av = require_av()
    name = _name_of(source)
    with _opened(source) as (container, stream, _):
        resampler: Resampler | None = None
        rate, seconds, produced = 0, 0.0, 0
        for frame in _frames(av, container, stream, name):
            if frame.sample_rate != rate:  # the first frame, or a chained stream that changes its rate
                if resampler is not None:
                    yield resampler.flush()
                rate = frame.sample_rate
                resampler = _resampler(rate, name)
            assert resampler is not None
            mono = _to_mono(frame)
            if not np.isfinite(mono).all():
                bad_s = seconds + float(np.argmin(np.isfinite(mono))) / rate
                raise InputError(f"the sample at {bad_s:.3f} s is not a finite number", source=name)
            seconds += len(mono) / rate
            produced += len(mono)
            yield resampler.push(mono)
        if resampler is None or not produced:
            raise InputError("holds no audio samples", source=name)
        declared_s = _declared_duration_s(container, stream) if _length_is_a_promise(container, source) else None
        if declared_s is not None and declared_s - seconds > LOST_TOLERANCE_S:
            raise InputError(f"cut short: sound for {seconds:.2f} s of the {declared_s:.2f} s it declares", source=name)
        yield resampler.flush()


def _frames(av: ModuleType, container: Any, stream: Any, name: str) -> Iterator[Any]:
    """Decoded frames; a decoder's error becomes an InputError unless it is the half frame at the very end."""
    failure: Exception | None = None
    reached_s = 0.0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError as error:
            if isinstance(error, OSError) and not isinstance(error, ValueError):
                raise  # reading failed: the network or the disk, not the file
            raise InputError(f"unreadable after {reached_s:.2f} s ({error.strerror})", source=name) from error
        if packet is None:
            return
        if failure is not None and packet.size:
            raise InputError(f"damaged after {reached_s:.2f} s ({failure})", source=name) from failure
        try:
            decoded = packet.decode()
        except av.error.FFmpegError as error:
            failure = error
            continue
        for frame in decoded:
            reached_s += frame.samples / frame.sample_rate
            yield frame


def _to_mono(frame: Any) -> np.ndarray:
    """An AudioFrame of any sample format -> (n,) float32, the mean of its channels."""
    data = frame.to_ndarray()
    channels = frame.layout.nb_channels
    if not frame.format.is_planar:
        data = data.reshape(-1, channels).T
    if data.dtype == np.uint8:
        scaled = (data.astype(np.float32) - 128) / 128
    elif data.dtype.kind == "i":
        scaled = (data / float(1 << (8 * data.dtype.itemsize - 1))).astype(np.float32)
    else:
        with np.errstate(over="ignore"):  # a double beyond float32 becomes infinity, which is refused by name
            scaled = data.astype(np.float32, copy=False)
    return np.ascontiguousarray(scaled[0]) if channels == 1 else scaled.mean(axis=0, dtype=np.float32)


@contextmanager
def _opened(source: AudioSource) -> Iterator[tuple[Any, Any, int | None]]:
    """The ffmpeg container, its audio stream and the size in bytes; closes what it opened, not what it was given."""
    av = require_av()
    name = _name_of(source)
    file, ours = _binary_file(source)
    try:
        size = _size_of(file)
        if size == 0:
            raise InputError("is an empty file", source=name)
        try:
            container = av.open(file, "r", options={"format_whitelist": CONTAINERS, "protocol_whitelist": ""})
        except av.error.FFmpegError as error:
            if isinstance(error, OSError) and not isinstance(error, ValueError):
                raise
            raise InputError(f"not an audio file that can be read ({error.strerror})", source=name) from error
        with container:
            stream = container.streams.best("audio")
            if stream is None:
                raise InputError(f"holds no sound ({container.format.name})", source=name)
            if stream.codec_context is None:
                raise InputError("its audio codec is unknown", source=name)
            _resampler(stream.codec_context.sample_rate, name)
            yield container, stream, size
    finally:
        if ours:
            file.close()


def _resampler(rate: int, name: str) -> Resampler:
    if not MIN_RATE <= rate <= MAX_RATE:
        raise InputError(f"its header declares {rate} Hz; {MIN_RATE}–{MAX_RATE} Hz can be read", source=name)
    return Resampler(rate)


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
    return size - here


def _name_of(source: AudioSource) -> str:
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    name = getattr(source, "name", None)
    if isinstance(name, str):
        return Path(name).name
    return "audio bytes" if isinstance(source, bytes | bytearray | memoryview) else "audio stream"


def _declared_duration_s(container: Any, stream: Any) -> float | None:
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    return None if container.duration is None else container.duration / 1e6


def _length_is_a_promise(container: Any, source: AudioSource) -> bool:
    names = set(container.format.name.split(","))
    return bool(names & KNOWS_ITS_LENGTH)
