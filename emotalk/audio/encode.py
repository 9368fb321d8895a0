"""Samples to bytes: 16-bit FLAC (corpus, requests) and 16-bit WAV (players). The same samples give the same bytes."""

import io
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from emotalk.audio.container import require_av
from emotalk.audio.decode import load_audio
from emotalk.audio.resample import SAMPLE_RATE
from emotalk.errors import InputError

FULL_SCALE = 32_768  # int16 steps of a sample of 1.0
FRAME_SIZE = "4608"  # samples: FLAC's own choice at this rate takes twice as long to decode
COMPRESSION_LEVEL = "5"  # FLAC's own default: higher levels cost twice the time for 1 % of the size


def encode_flac(samples: np.ndarray) -> bytes:
    """(n,) float32 at 16 kHz -> FLAC, mono, 16 bits. Rounds to the nearest step and clips at full scale.

    InputError for no samples, a wrong shape, NaN or infinity.
    """
    pcm = _to_int16(samples)
    av = require_av()
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        # Without it the encoder's version number stands in every file.
        stream.codec_context.options = {
            "compression_level": COMPRESSION_LEVEL,
            "frame_size": FRAME_SIZE,
            "flags": "+bitexact",
        }
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.pts = 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return buffer.getvalue()


def decode_flac(data: bytes) -> np.ndarray:
    """What `encode_flac` wrote -> (n,) float32 at 16 kHz, exactly int16 / 32768. InputError for anything damaged."""
    return load_audio(data)


def encode_wav(samples: np.ndarray) -> bytes:
    """(n,) float32 at 16 kHz -> WAV, mono, 16 bits. Rounds, clips and refuses as `encode_flac` does."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(_to_int16(samples).astype("<i2").tobytes())
    return buffer.getvalue()


def write_wav(path: Path, blocks: Iterable[np.ndarray]) -> None:
    """As `encode_wav`, of samples in blocks of any size: hours of them need no memory."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        for block in blocks:
            file.writeframes(_to_int16(block).astype("<i2").tobytes())


def _to_int16(samples: np.ndarray) -> np.ndarray:
    if samples.ndim != 1 or not len(samples):
        raise InputError(f"samples must be a non-empty vector, not of shape {samples.shape}")
    if not np.isfinite(samples).all():
        raise InputError(f"sample {int(np.argmin(np.isfinite(samples)))} is not a finite number")
    scaled = np.rint(samples.astype(np.float64) * FULL_SCALE)
    return np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
