"""Any audio file to 16 kHz mono float32, by ffmpeg through PyAV: one decoder for whole files and streams.

What counts as damage. A WAV header's length is not a promise: recorders that stream write zero or the maximum, and
beyond 4 GiB it is too small, so what is there is used (`probe_audio` tells what is missing). MP4, FLAC, Matroska with a
length, and MP3 with a Xing header know their length: when more than 0.1 s of it is missing (FLAC: one sample), the file
was cut and is refused with the time reached. An MP3 without such a header and an Ogg stream end where their data ends;
half a frame at the very end is left out. A decoder's error anywhere else, a wrong checksum in FLAC and a lost page
inside Ogg are refused with the time reached.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from emotalk.audio.container import (
    LOST_TOLERANCE_S,
    AudioSource,
    declared_duration_s,
    decoded,
    length_is_a_promise,
    name_of,
    opened,
)
from emotalk.audio.resample import Resampler
from emotalk.audio.samples import first_wrong
from emotalk.errors import InputError, TooLongError


def load_audio(source: AudioSource, *, max_duration_s: float | None = None) -> np.ndarray:
    """Any audio file, bytes, binary file object or URI -> (n,) float32, 16 kHz, mono (the mean of the channels).

    n = ceil(samples · 16000 / rate). Samples at 16 kHz are kept bit for bit (int16 / 32768); peaks beyond 1 in float
    files stay. InputError names the file and the reason; for `max_duration_s` see `stream_audio`.
    """
    return np.concatenate(list(stream_audio(source, max_duration_s=max_duration_s)))


def stream_audio(
    source: AudioSource, *, block_samples: int = 160_000, max_duration_s: float | None = None
) -> Iterator[np.ndarray]:
    """As `load_audio`, in blocks of exactly `block_samples` (16 kHz) float32, the last one shorter (never empty).

    Memory is bounded by a block whatever the file's length. Errors come when the stream reaches them. A recording
    longer than `max_duration_s` is a TooLongError: at once where its header says so, else when the limit is passed.
    """
    if block_samples < 1:
        raise ValueError(f"block_samples must be positive, not {block_samples}")
    held: list[np.ndarray] = []
    size = 0
    for piece in _decode(source, max_duration_s):
        while size + len(piece) >= block_samples:
            cut = block_samples - size
            yield np.concatenate([*held, piece[:cut]])
            held, size, piece = [], 0, piece[cut:]
        if len(piece):
            held.append(piece)
            size += len(piece)
    if size:
        yield np.concatenate(held)


def _decode(source: AudioSource, max_duration_s: float | None) -> Iterator[np.ndarray]:
    """16 kHz mono float32 pieces of any size, in order."""
    name = name_of(source)
    too_long = TooLongError(f"longer than the limit of {max_duration_s or 0:g} s", source=name)
    limit_s = math.inf if max_duration_s is None else max_duration_s
    with opened(source) as (container, stream, file):
        kind = container.format.name
        promises_length = length_is_a_promise(container, stream, file)
        declared_s = declared_duration_s(container, stream) if promises_length else None
        if declared_s is not None and declared_s > limit_s + LOST_TOLERANCE_S:
            raise too_long
        checks_gaps = kind == "ogg"  # ffmpeg leaves a damaged page out and says nothing; only the clock tells
        if kind == "flac":
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        resampler: Resampler | None = None
        rate, seconds = 0, 0.0
        expected_s: float | None = None
        for frame in decoded(container, stream, source, damaged="damaged", end_s=_end_s):
            if frame.sample_rate != rate:  # the first frame, or a chained stream that changes its rate
                if resampler is not None:
                    yield resampler.flush()
                rate = frame.sample_rate
                resampler = Resampler(rate)
            assert resampler is not None
            mono = _to_mono(frame)
            if (place := first_wrong(mono)) is not None:
                reason = f"the sample at {seconds + place / rate:.3f} s is no sound ({mono[place]:g} times full scale)"
                raise InputError(reason, source=name)
            if checks_gaps and frame.time is not None:
                if expected_s is not None and frame.time - expected_s > LOST_TOLERANCE_S:
                    raise InputError(f"damaged: sound is missing from {expected_s:.2f} s on", source=name)
                expected_s = frame.time + len(mono) / rate
            seconds += len(mono) / rate
            if seconds > limit_s + 0.5 / rate:
                raise too_long
            yield resampler.push(mono)
        if resampler is None or not seconds:
            raise InputError("holds no audio samples", source=name)
        tolerance_s = 0.5 / rate if kind == "flac" else LOST_TOLERANCE_S  # FLAC counts its samples exactly
        if declared_s is not None and declared_s - seconds > tolerance_s:
            raise InputError(f"cut short: sound for {seconds:.2f} s of the {declared_s:.2f} s it declares", source=name)
        yield resampler.flush()


def _end_s(frame: Any, reached_s: float) -> float:
    return float(reached_s + frame.samples / frame.sample_rate)


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
