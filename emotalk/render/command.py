"""`emotalk render`: animations become a film, a moving picture for a page, or a still."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, TypeVar

import numpy as np
import tyro

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.files import atomic_write, suffix_of
from emotalk.formats import format_for
from emotalk.timing import clock

SUFFIXES = (".mp4", ".gif", ".png")
SHEET = 12  # faces
GIF_FPS = 15
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Render:
    """Draws animations: a film with sound (.mp4), a moving picture (.gif), a still or a contact sheet (.png).

    Several animations stand side by side.
    """

    animations: tyro.conf.Positional[tuple[str, ...]]
    """Animation files or URIs, of any format that can be read."""
    output: Annotated[str, tyro.conf.arg(aliases=["-o"])]
    """The picture: .mp4, .gif or .png."""
    rig: str | None = None
    """Rig (.npz, path or URI) to draw. Default: the project's own head."""
    audio: str | None = None
    """Recording for the sound of an .mp4: any audio or video file, or a URI. It starts with the first frame."""
    titles: tuple[str, ...] = ()
    """One per animation. Default: the files' names where there are several."""
    heat_map: bool = False
    """A second row: distance in mm to the first animation, on the face."""
    heat_limit: float | None = None
    """The heat map's highest value in mm. Default: a round number that fits."""
    at: tuple[float, ...] = ()
    """Seconds to show in a .png: one is a still, several a contact sheet. Default: twelve spread over the animation."""
    size: int | None = None
    """Pixels of each face. Default: 512, and 256 in a .gif and a contact sheet."""
    fps: int | None = None
    """Frames per second. Default: 30, and 15 in a .gif."""
    turn: float = 0.0
    """Degrees towards the face's own left from which it is seen."""
    head: bool = True
    """Turn the head as the animation says, where it does."""

    def __post_init__(self) -> None:
        kind = suffix_of(self.output)
        if kind not in SUFFIXES:
            raise InputError(
                f"pictures are {', '.join(SUFFIXES)}, not {kind or 'without a suffix'}", source=self.output
            )
        if not self.animations:
            raise InputError("there is no animation to draw")
        for path in self.animations:
            format_for(path)
        if self.audio is not None and kind != ".mp4":
            raise InputError(f"only an .mp4 has sound; leave --audio out for {self.output}")
        if self.at and kind != ".png":
            raise InputError(f"--at picks frames of a .png, not of {self.output}")
        if self.heat_limit is not None and not self.heat_map:
            raise InputError("--heat-limit belongs to --heat-map")

    def run(self) -> int:
        from emotalk.render.film import make_film
        from emotalk.rigs import Rig, procedural_head

        kind = suffix_of(self.output)
        animations = [Animation.load(path) for path in self.animations]
        default_size = 512 if kind == ".mp4" or len(self.at) == 1 else 256
        film = make_film(
            animations,
            procedural_head() if self.rig is None else Rig.load(self.rig),
            titles=self.titles or ([PurePath(path).stem for path in self.animations] if len(animations) > 1 else ()),
            heat_map=self.heat_map,
            heat_limit_mm=self.heat_limit,
            head=self.head,
            fps=self.fps if self.fps is not None else (GIF_FPS if kind == ".gif" else 30),
            size=self.size if self.size is not None else default_size,
            turn=float(np.radians(self.turn)),
        )
        started = time.monotonic()
        note, drawn = "", film.frames
        if kind == ".png":
            from emotalk.render.stills import film_sheet, save_png

            frames = self._frames(film.frames, float(film.fps))
            picture, drawn = film_sheet(film, frames), len(frames)
            save_png(self.output, picture)
            shape = picture.shape
        else:
            from emotalk.render.video import MAX_GIF_S, PALETTE_FRAMES, palette_of, write_gif, write_mp4

            shape = (*film.shape, 3)
            if kind == ".gif" and film.frames > MAX_GIF_S * film.fps:
                raise InputError(f"a .gif holds at most {MAX_GIF_S} s; write an .mp4", source=self.output)
            with atomic_write(self.output) as temporary, _progress(film.pictures(), film.frames) as pictures:
                if kind == ".gif":
                    some = np.unique(np.linspace(0, film.frames - 1, PALETTE_FRAMES).astype(int))
                    write_gif(temporary, pictures, palette_of(film.pictures(some)), fps=film.fps)
                else:
                    cut = write_mp4(
                        temporary,
                        pictures,
                        shape=film.shape,
                        fps=film.fps,
                        frames=film.frames,
                        sound=self.audio,
                    )
                    note = ", the rest of the sound left out" if cut else ""
        elapsed_s = max(time.monotonic() - started, 1e-9)
        heat = f", heat map up to {film.heat.limit_mm:g} mm" if film.heat else ""
        print(
            f"{self.output}: {drawn} of {film.frames} frames of {float(film.frames / film.fps):.2f} s, "
            f"{shape[1]} × {shape[0]}, rig {film.rig.name}{heat}{note}, "
            f"drawn at {drawn / elapsed_s:.1f} frames per second"
        )
        return 0

    def _frames(self, count: int, fps: float) -> list[int]:
        """The frames of a .png, in the order asked for."""
        if not self.at:
            return sorted({round(frame) for frame in np.linspace(0, count - 1, SHEET)})
        for second in self.at:
            if not -0.5 <= second * fps <= count - 0.5:
                raise InputError(f"--at {second:g} lies outside the animation's {count / fps:.2f} s")
        return [min(round(second * fps), count - 1) for second in self.at]


@contextmanager
def _progress(items: Iterable[T], count: int) -> Iterator[Iterator[T]]:
    """The same items, with a line on a terminal that tells how far they are."""
    from rich.console import Console

    started = time.monotonic()
    with Console(stderr=True).status("drawing") as status:

        def counted() -> Iterator[T]:
            for number, item in enumerate(items, 1):
                yield item
                left_s = (time.monotonic() - started) / number * (count - number)
                status.update(f"drawing  {number} of {count} frames, {clock(left_s)} left")

        yield counted()
