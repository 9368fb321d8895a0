"""`.mp4`: a film of the head, to look at: H.264, with the sound where it is given. It is written, never read.

`emotalk render` draws the same with more to choose from: several faces side by side, titles, heat maps. Pictures go
into the file as they are drawn; the coefficients of the whole animation are held.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from emotalk.animation import Animation
from emotalk.files import PathOrUri
from emotalk.formats.format import Format
from emotalk.formats.pieces import whole
from emotalk.formats.rig import rig_of

if TYPE_CHECKING:
    from emotalk.rigs.rig import Rig

SIZE = 512


def write(
    path: Path,
    pieces: Iterable[Animation],
    *,
    rig: "Rig | PathOrUri | None" = None,
    sound: PathOrUri | None = None,
    size: int = SIZE,
) -> None:
    """On a rig, by default the project's own head. sound: a recording that starts with the first frame. size: pixels.

    The film has the animation's rate. InputError for no frames at all; MissingExtraError without the extra `render`.
    """
    from emotalk.render.film import make_film
    from emotalk.render.video import write_mp4

    animation = whole(pieces)
    film = make_film([animation], rig_of(rig), fps=animation.fps, size=size)
    write_mp4(path, film.pictures(), shape=film.shape, fps=film.fps, frames=film.frames, sound=sound)


FORMAT = Format(
    name="mp4",
    title="film of the head",
    suffixes=(".mp4",),
    media_type="video/mp4",
    write=write,
    head=True,
    emotion=False,
    meta=False,
    piecewise=False,
    extra="render",
)
