"""Recordings that the audio tests make themselves, in any container and codec that ffmpeg writes."""

import io
import struct
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def sweep(seconds: float, rate: int, *, highest_hz: float = 3000.0) -> np.ndarray:
    """(n,) float32: a sine that rises from 100 Hz, fading in and out, so that any shift in time shows."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (100 * t + (highest_hz - 100) * t**2 / (2 * seconds))
    return (0.5 * np.sin(phase) * np.sin(np.pi * t / seconds)).astype(np.float32)


def wav(samples: np.ndarray, rate: int = 16_000) -> bytes:
    """(n,) or (n, channels) of int16, uint8, float32 or float64 -> a WAV file with that sample format."""
    data = samples if samples.ndim == 2 else samples[:, None]
    width, kind = data.itemsize, 3 if data.dtype.kind == "f" else 1
    channels = data.shape[1]
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * width, channels * width, 8 * width)
    body = b"WAVEfmt " + struct.pack("<I", 16) + form + b"data" + struct.pack("<I", data.nbytes) + data.tobytes()
    return b"RIFF" + struct.pack("<I", len(body)) + body


def encoded(
    samples: np.ndarray,
    container: str,
    codec: str,
    rate: int,
    *,
    layout: str = "mono",
    cover: bool = False,
    title: str = "",
    options: dict[str, str] | None = None,
) -> bytes:
    """(n,) float32 on every channel of `layout` -> the bytes of a file; `cover` adds a picture stream."""
    channels = av.AudioLayout(layout).nb_channels
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        with av.open(str(path), "w", format=container, options=options or {}) as out:
            out.metadata["title"] = title
            if cover:
                picture = out.add_stream("mjpeg", rate=1)
                picture.width = picture.height = 16
                picture.pix_fmt = "yuvj420p"
            stream = out.add_stream(codec, rate=rate, layout=layout)
            if cover:
                image = av.VideoFrame.from_ndarray(np.full((16, 16, 3), 128, np.uint8), format="rgb24")
                for packet in (*picture.encode(image.reformat(format="yuvj420p")), *picture.encode(None)):
                    out.mux(packet)
            frame = av.AudioFrame.from_ndarray(np.tile(samples, (channels, 1)), format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
            size = stream.codec_context.frame_size or 1024
            shape = av.AudioResampler(stream.codec_context.format, layout, rate, frame_size=size)
            for piece in (*shape.resample(frame), *shape.resample(None)):
                for packet in stream.encode(piece):
                    out.mux(packet)
            for packet in stream.encode(None):
                out.mux(packet)
        return path.read_bytes()


def silent_video() -> bytes:
    """An MP4 with moving pictures and no sound."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for _ in range(5):
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return buffer.getvalue()


def two_sounds(levels: tuple[float, float], default: int | None) -> bytes:
    """A Matroska file with two sounds of constant level; the second has more channels."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="matroska", options={"default_mode": "passthrough"}) as out:
        layouts = ("mono", "stereo")
        streams = [out.add_stream("pcm_s16le", rate=16_000, layout=layout) for layout in layouts]
        if default is not None:
            streams[default].disposition = av.stream.Disposition.default
        for stream, layout, level in zip(streams, layouts, levels, strict=True):
            pcm = np.full((1, 8000 * stream.channels), level * 32_768, np.int16)
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout=layout)
            frame.sample_rate, frame.pts = 16_000, 0
            for packet in (*stream.encode(frame), *stream.encode(None)):
                out.mux(packet)
    return buffer.getvalue()


def png() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="image2pipe") as out:
        stream = out.add_stream("png", rate=1)
        stream.width = stream.height = 8
        stream.pix_fmt = "rgb24"
        for packet in stream.encode(av.VideoFrame.from_ndarray(np.zeros((8, 8, 3), np.uint8), format="rgb24")):
            out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return buffer.getvalue()
