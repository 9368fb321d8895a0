"""A client's chunks of sound become samples at 16 kHz."""

from collections.abc import Callable

import numpy as np

from emotalk.audio import SAMPLE_RATE, Resampler
from emotalk.audio.resample import MAX_RATE
from emotalk.errors import InputError

ENCODINGS = ("pcm16", "float32", "opus")
MIN_LIVE_RATE = 8_000  # telephones; below it nothing of the mouth is heard
OPUS_RATE = 48_000  # what every Opus packet decodes to
FULL_SCALE = 32_768


class Sound:
    """One session's chunks -> float32 at 16 kHz. `heard` counts the samples of the client's rate, from `first` on.

    pcm16, float32: mono, little-endian; a chunk holds whole samples. opus: a chunk is one packet (RFC 6716), mono or
    stereo, as WebCodecs and RTP have them; the containers of MediaRecorder (WebM, Ogg) are not read.
    """

    def __init__(self, encoding: str, rate: int, first: int = 0) -> None:
        if encoding not in ENCODINGS:
            raise InputError(f"audio.encoding must be one of {', '.join(ENCODINGS)}, not {encoding!r}")
        if isinstance(rate, bool) or not isinstance(rate, int) or not MIN_LIVE_RATE <= rate <= MAX_RATE:
            raise InputError(f"audio.rate must be a whole number from {MIN_LIVE_RATE} to {MAX_RATE} Hz, not {rate!r}")
        if encoding == "opus" and rate != OPUS_RATE:
            raise InputError(f"audio.rate of opus must be {OPUS_RATE}: what its packets decode to")
        self.rate, self.heard = rate, first
        self._read = {"pcm16": _pcm16, "float32": _float32}.get(encoding) or opus_reader()
        self._resampler = Resampler(rate, prompt=True)

    def push(self, chunk: bytes) -> np.ndarray:
        """InputError for what is no sound."""
        samples = self._read(chunk)
        self.heard += len(samples)
        return self._resampler.push(samples)

    def flush(self) -> np.ndarray:
        """The last samples: the filter has waited for what follows them."""
        return self._resampler.flush()

    @property
    def heard_s(self) -> float:
        return self.heard / self.rate


def _pcm16(chunk: bytes) -> np.ndarray:
    if len(chunk) % 2:
        raise InputError(f"a chunk of {len(chunk)} bytes is not whole 16-bit samples")
    return np.frombuffer(chunk, "<i2").astype(np.float32) / FULL_SCALE


def _float32(chunk: bytes) -> np.ndarray:
    if len(chunk) % 4:
        raise InputError(f"a chunk of {len(chunk)} bytes is not whole float32 samples")
    samples = np.frombuffer(chunk, "<f4").astype(np.float32)
    if not np.isfinite(samples).all():
        raise InputError("a sample is not a finite number")
    return np.clip(samples, -8, 8)  # far beyond full scale is a mistake, but not one to overflow on


def opus_reader() -> Callable[[bytes], np.ndarray]:
    """One packet after the other -> (n,) float32 at 48 kHz, mono."""
    from emotalk.audio.container import require_av

    av = require_av()
    codec = av.CodecContext.create("opus", "r")
    codec.sample_rate, codec.layout = OPUS_RATE, "mono"

    def read(chunk: bytes) -> np.ndarray:
        if not chunk:
            return np.empty(0, np.float32)
        try:
            frames = codec.decode(av.Packet(chunk))
        except av.error.FFmpegError as error:
            raise InputError(f"not an Opus packet ({error.strerror})") from error
        parts = [frame.to_ndarray().mean(0, dtype=np.float32) for frame in frames]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    return read


def samples_at(start: int, rate: int) -> int:
    """A place in 16 kHz samples, a multiple of 16,000, as one in samples of another rate."""
    return start // SAMPLE_RATE * rate
