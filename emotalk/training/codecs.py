"""What a lossy codec leaves of speech: there and back in memory, in time with the original."""

from fractions import Fraction
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy

from emotalk.audio import SAMPLE_RATE
from emotalk.audio.container import require_av

Codec = Literal["mp3", "opus"]


class _Format(NamedTuple):
    """ffmpeg's names, its sample format, and options that trade a little quality for half the time."""

    encoder: str
    decoder: str
    samples: str
    options: dict[str, str]


FORMATS: dict[Codec, _Format] = {
    "mp3": _Format("libmp3lame", "mp3float", "fltp", {"compression_level": "9"}),
    "opus": _Format("libopus", "libopus", "flt", {"compression_level": "0", "frame_duration": "60"}),
}


def through_codec(samples: np.ndarray, codec: Codec, bits_per_s: int) -> np.ndarray:
    """(n,) float32 at 16 kHz -> (n,) float32, encoded and decoded. In time to a tenth of a millisecond.

    Decoders leave out what encoders put before the sound, as their packets say; the test of it holds them to that.
    """
    packets, header = _encoded(samples, FORMATS[codec], bits_per_s)
    decoded, rate = _decoded(packets, header, FORMATS[codec])
    if rate != SAMPLE_RATE:
        decoded = scipy.signal.resample_poly(decoded, 1, rate // SAMPLE_RATE)  # linear phase: no delay
    return np.pad(decoded, (0, max(0, len(samples) - len(decoded))))[: len(samples)].astype(np.float32)


def _encoded(samples: np.ndarray, how: _Format, bits_per_s: int) -> tuple[list[Any], bytes | None]:
    av = require_av()
    encoder = av.CodecContext.create(how.encoder, "w")
    encoder.sample_rate, encoder.layout, encoder.format = SAMPLE_RATE, "mono", how.samples
    encoder.time_base, encoder.bit_rate, encoder.options = Fraction(1, SAMPLE_RATE), bits_per_s, how.options
    encoder.open()
    packets: list[Any] = []
    size = encoder.frame_size
    padded = np.pad(samples.astype(np.float32), (0, -len(samples) % size))
    for start in range(0, len(padded), size):
        frame = av.AudioFrame.from_ndarray(padded[None, start : start + size], format=how.samples, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, encoder.time_base
        packets += encoder.encode(frame)
    return packets + list(encoder.encode(None)), encoder.extradata


def _decoded(packets: list[Any], header: bytes | None, how: _Format) -> tuple[np.ndarray, int]:
    av = require_av()
    decoder = av.CodecContext.create(how.decoder, "r")
    decoder.sample_rate, decoder.layout = SAMPLE_RATE, "mono"
    if header is not None:
        decoder.extradata = header  # Opus: how much comes before the sound
    frames = [frame for packet in (*packets, None) for frame in decoder.decode(packet)]
    decoded = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    if np.issubdtype(decoded.dtype, np.integer):
        decoded = decoded.astype(np.float32) / -np.iinfo(decoded.dtype).min
    return decoded, frames[0].sample_rate
