"""Videos that the capture tests make themselves: known pictures at known times, with known sound."""

import io
from collections.abc import Sequence
from fractions import Fraction

import av
import numpy as np

RATE = 16_000


def picture(number: int, width: int = 64, height: int = 48) -> np.ndarray:
    """(height, width, 3): grey that tells its number; the top left quarter is red."""
    rgb = np.full((height, width, 3), 10 * number % 200, np.uint8)
    rgb[: height // 2, : width // 2] = (255, 0, 0)
    return rgb


def film(
    times_ms: Sequence[int],
    *,
    samples: np.ndarray | None = None,
    sound_late_ms: int = 0,
    rotation: int = 0,
    container: str = "mp4",
    size: tuple[int, int] = (64, 48),
) -> bytes:
    """Pictures shown at `times_ms`, with 16 kHz sound that starts `sound_late_ms` after the clock's zero."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        video = out.add_stream("mpeg4", rate=1000)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        video.time_base = video.codec_context.time_base = Fraction(1, 1000)
        if rotation:
            video.set_display_rotation(rotation)
        audio = None if samples is None else out.add_stream("flac" if container == "matroska" else "aac", rate=RATE)
        if audio is not None:
            audio.layout = "mono"
        for number, time_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(picture(number, *size), format="rgb24")
            frame.pts, frame.time_base = time_ms, Fraction(1, 1000)
            for packet in video.encode(frame):
                out.mux(packet)
        for packet in video.encode(None):
            out.mux(packet)
        if audio is not None and samples is not None:
            frame = av.AudioFrame.from_ndarray(samples[None].astype(np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, round(sound_late_ms * RATE / 1000)
            frame.time_base = Fraction(1, RATE)
            layout = audio.codec_context.format
            shaper = av.AudioResampler(layout, "mono", RATE, frame_size=audio.codec_context.frame_size or 1024)
            for piece in (*shaper.resample(frame), *shaper.resample(None)):
                for packet in audio.encode(piece):
                    out.mux(packet)
            for packet in audio.encode(None):
                out.mux(packet)
    return buffer.getvalue()


def tone(seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 300 * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)
