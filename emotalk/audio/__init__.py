"""Speech in: any file, bytes or URI becomes float32 samples at 16 kHz, mono, whole or in blocks of bounded memory."""

from emotalk.audio.container import AudioInfo, AudioSource, probe_audio
from emotalk.audio.decode import load_audio, stream_audio
from emotalk.audio.encode import decode_flac, encode_flac, encode_wav, write_wav
from emotalk.audio.resample import SAMPLE_RATE, Resampler

__all__ = [
    "SAMPLE_RATE",
    "AudioInfo",
    "AudioSource",
    "Resampler",
    "decode_flac",
    "encode_flac",
    "encode_wav",
    "load_audio",
    "probe_audio",
    "stream_audio",
    "write_wav",
]
