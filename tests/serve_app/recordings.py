"""Recordings that the service's tests send: noise in syllables, and files that are small but long."""

import io
from fractions import Fraction

import av
import numpy as np

from emotalk.audio import SAMPLE_RATE, encode_wav


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    """(n,) float32 noise in four bursts a second, on 16-bit steps, so that a WAV file holds exactly these samples."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    loud = 0.2 * rng.standard_normal(len(t)) * np.clip(np.sin(2 * np.pi * 4 * t), 0, 1)
    return (np.rint(np.clip(loud, -0.9, 0.9) * 32_768) / 32_768).astype(np.float32)


def wav(seconds: float, seed: int = 0) -> bytes:
    return encode_wav(voice(seconds, seed))


def long_silence(seconds: int, *, says_its_length: bool) -> bytes:
    """FLAC, an hour in a few hundred kilobytes. Without its length the header says 0 samples, as live encoders do."""
    rate = 8_000
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as out:
        stream = out.add_stream("flac", rate=rate, layout="mono", format="s16")
        for second in range(0, seconds, 60):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 60 * rate), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, second * rate, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    data = bytearray(buffer.getvalue())
    if not says_its_length:
        info = data.index(b"fLaC") + 8  # the 36 bits of the sample count end at byte 18 of STREAMINFO
        data[info + 13] &= 0xF0
        data[info + 14 : info + 18] = bytes(4)
    return bytes(data)
