"""Films as files: MP4 (H.264 and AAC) and GIF, encoded while the pictures are drawn."""

from collections.abc import Generator, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.audio import AudioSource
from emotalk.audio.container import name_of, opened, require_av
from emotalk.errors import EmoTalkError, InputError

SOUND_RATE = 48_000  # Hz
AAC_FRAME = 1024  # samples
BT709 = 1
MISSED_S = 0.1  # of sound cut at a film's end
MAX_GIF_S = 60
PALETTE_FRAMES = 12  # of a film, from which its colours are chosen


def write_mp4(
    path: Path,
    pictures: Iterable[np.ndarray],
    *,
    shape: tuple[int, int],
    fps: Fraction,
    frames: int,
    sound: AudioSource | None = None,
) -> bool:
    """`frames` pictures into an `Mp4`. Returns whether the sound goes on behind the film, and was cut."""
    with Mp4(path, shape=shape, fps=fps, frames=frames, sound=sound) as film:
        for picture in pictures:
            film.add(picture)
    return film.sound_cut


class Mp4:
    """An MP4 that takes (H, W, 3) uint8 pictures of `shape` (even numbers); frame k is shown at k / fps seconds.

    Sound starts with frame 0, keeps one or two channels and ends with the film of `frames` frames at the latest.
    InputError names a recording that cannot be read. `sound_cut`, once it is closed: whether more sound was there.
    """

    def __init__(
        self, path: Path, *, shape: tuple[int, int], fps: Fraction, frames: int, sound: AudioSource | None = None
    ) -> None:
        self._av = require_av()
        self._fps, self._count = fps, 0
        self.sound_cut = False
        self._out = self._av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        try:
            self._video = _video_stream(self._av, self._out, shape, fps)
            self._sound = None if sound is None else _Sound(self._av, self._out, sound, float(frames / fps))
        except BaseException:
            self._out.close()
            raise

    def add(self, picture: np.ndarray) -> None:
        frame = self._av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
            format="yuv420p", dst_colorspace=BT709, dst_color_range="MPEG"
        )
        frame.pts, frame.time_base = self._count, 1 / self._fps
        self._count += 1
        self._out.mux(self._video.encode(frame))
        if self._sound is not None:
            self._sound.advance(self._count / self._fps)

    def __enter__(self) -> "Mp4":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with self._out:
            if kind is None:
                self._out.mux(self._video.encode(None))
                if self._sound is not None:
                    self.sound_cut = self._sound.finish()


def write_gif(path: Path, pictures: Iterable[np.ndarray], palette: np.ndarray, *, fps: Fraction) -> None:
    """Pictures (H, W, 3) uint8 in the colours of `palette` (256, 3), looped; only what changes is stored of each.

    A GIF counts in hundredths of a second: frame k stands at the nearest one to k / fps.
    """
    av = require_av()
    nearest = _nearest(palette)
    opaque = np.concatenate([np.full((256, 1), 255), palette], axis=1).astype(np.uint8)
    with av.open(str(path), "w", format="gif", options={"loop": "0"}) as out:
        stream: Any = None
        for number, picture in enumerate(pictures):
            if stream is None:
                stream = out.add_stream("gif", rate=fps)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "pal8"
                stream.codec_context.time_base = Fraction(1, 100)
            frame = av.VideoFrame.from_ndarray((nearest[_six_bits(picture)], opaque), format="pal8")
            frame.pts, frame.time_base = round(100 * number / fps), Fraction(1, 100)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))


def palette_of(pictures: Iterable[np.ndarray]) -> np.ndarray:
    """(256, 3) uint8: colours that serve all the pictures, rare ones (an iris) included."""
    from PIL import Image

    strip = Image.fromarray(np.concatenate([picture[::2, ::2] for picture in pictures]))
    found = []
    for method, count in ((Image.Quantize.MEDIANCUT, 160), (Image.Quantize.MAXCOVERAGE, 96)):
        flat = strip.quantize(count, method=method, dither=Image.Dither.NONE).getpalette()
        found.append(np.array(flat, np.uint8).reshape(-1, 3)[:count])
    colours = np.concatenate(found)
    return np.pad(colours, ((0, 256 - len(colours)), (0, 0)), mode="edge")


def _video_stream(av: Any, out: Any, shape: tuple[int, int], fps: Fraction) -> Any:
    try:
        # No B-frames: nothing is reordered, so every player shows frame 0 at 0 s.
        stream = out.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": "18", "bf": "0"})
    except av.codec.UnknownCodecError as error:
        raise EmoTalkError("this build of PyAV has no H.264 encoder: pip install --force-reinstall av") from error
    stream.height, stream.width = shape
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / fps
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = 1  # limited, as players expect
    return stream


class _Sound:
    """The sound track, encoded as far as the pictures have come, so that both lie side by side in the file."""

    def __init__(self, av: Any, out: Any, source: AudioSource, seconds: float) -> None:
        self._av, self._out = av, out
        self._limit = round(seconds * SOUND_RATE)
        self._blocks = _blocks(av, source)
        first = next(self._blocks, None)
        if first is None:
            raise InputError("holds no audio samples", source=name_of(source))
        self._layout = "mono" if len(first) == 1 else "stereo"
        self._stream = out.add_stream("aac", rate=SOUND_RATE, layout=self._layout)
        self._stream.codec_context.bit_rate = 96_000 * len(first)
        self._next: np.ndarray | None = first
        self._sent = 0

    def advance(self, seconds: Fraction) -> None:
        until = min(self._limit, int(seconds * SOUND_RATE))
        while self._next is not None and self._sent < until:
            block = self._next[:, : self._limit - self._sent]
            frame = self._av.AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=self._layout)
            frame.sample_rate = SOUND_RATE
            frame.pts, frame.time_base = self._sent, Fraction(1, SOUND_RATE)
            self._out.mux(self._stream.encode(frame))
            self._sent += block.shape[1]
            kept = self._next[:, block.shape[1] :]
            self._next = kept if kept.shape[1] else next(self._blocks, None)

    def finish(self) -> bool:
        """-> whether sound is left that anyone would miss. Hours of it are not read to know."""
        self._out.mux(self._stream.encode(None))
        rest = 0 if self._next is None else self._next.shape[1]
        while rest < MISSED_S * SOUND_RATE and (block := next(self._blocks, None)) is not None:
            rest += block.shape[1]
        self._blocks.close()
        return rest >= MISSED_S * SOUND_RATE


def _blocks(av: Any, source: AudioSource) -> Generator[np.ndarray]:
    """(channels, 1024) float32 at 48 kHz, one or two channels; the last one shorter."""
    with opened(source) as (container, stream, _):
        layout = "mono" if stream.codec_context.channels == 1 else "stereo"
        resampler = av.AudioResampler(format="fltp", layout=layout, rate=SOUND_RATE, frame_size=AAC_FRAME)
        try:
            for frame in container.decode(stream):
                frame.pts = None  # samples count, not clocks: as for the animation
                for piece in resampler.resample(frame):
                    yield piece.to_ndarray()
            for piece in resampler.resample(None):
                yield piece.to_ndarray()
        except (av.error.FFmpegError, ValueError) as error:
            raise InputError(f"its sound cannot be read ({error})", source=name_of(source)) from error


def _six_bits(picture: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8 -> (H, W) the cell of each colour in a cube of 64 steps."""
    cells = (picture >> 2).astype(np.int32)
    return (cells[..., 0] << 12) | (cells[..., 1] << 6) | cells[..., 2]


def _nearest(palette: np.ndarray) -> np.ndarray:
    """(262144,) uint8: the palette's colour nearest to the middle of each cell."""
    from scipy.spatial import cKDTree

    steps = np.arange(64) * 4 + 1.5
    cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    return cKDTree(palette.astype(np.float64)).query(cube)[1].astype(np.uint8)
