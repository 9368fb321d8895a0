"""A study becomes a folder: films under names that say nothing, and a page that opens from a disk, without a server."""

import html
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import numpy as np

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.files import atomic_write
from emotalk.formats import FORMATS, find_format
from emotalk.render.film import make_film
from emotalk.render.video import Mp4
from emotalk.rigs.rig import Rig
from emotalk.study.plan import Plan
from emotalk.template import filled

MAX_CLIP_S = 60  # raters compare what they remember
SILENT_SUFFIXES = {suffix for known in FORMATS if known.read for suffix in known.suffixes} | {".json", ".txt"}


def animations_in(folder: Path) -> dict[str, Path]:
    """Clip -> its animation. A clip is a file's path in the folder without suffix; of two formats the lossless one."""
    if not folder.is_dir():
        raise InputError("no such folder", source=folder)
    found: dict[str, Path] = {}
    for known in FORMATS:
        if known.read is None or known.required or not known.weights:
            continue
        for suffix in known.suffixes:
            for path in sorted(folder.rglob(f"*{suffix}")):
                if find_format(path) is known:
                    found.setdefault(path.relative_to(folder).as_posix().removesuffix(suffix), path)
    return found


def sounds_in(folder: Path, clips: list[str]) -> dict[str, Path]:
    """Clip -> its recording. InputError names a clip that has none, or several."""
    if not folder.is_dir():
        raise InputError("no such folder", source=folder)
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix and path.suffix.lower() not in SILENT_SUFFIXES:
            found.setdefault(_clip(folder, path), []).append(path)
    for clip in clips:
        if clip not in found:
            raise InputError(f"there is no recording of {clip!r}", source=folder)
        if len(found[clip]) > 1:
            names = " and ".join(path.name for path in found[clip][:2])
            raise InputError(f"{clip!r} could be {names}: leave one there", source=folder)
    return {clip: found[clip][0] for clip in clips}


def build_study(
    plan: Plan,
    animations: dict[str, dict[str, Path]],
    sounds: dict[str, Path],
    rig: Rig,
    output: Path,
    key: Path,
    *,
    size: int,
    progress: Callable[[int], None],
) -> None:
    """Draws every film of the plan into `output`, a new folder that appears whole or not at all, and writes its key.

    `animations`: system -> clip -> file. `progress` hears how many pairs are done. Heads do not turn: what is compared
    is the face.
    """
    key.parent.mkdir(parents=True, exist_ok=True)  # where it cannot be, that is said before anything is drawn
    with _new_folder(output) as folder:
        for number, films in enumerate(plan.pairs.values(), 1):
            _draw_pair(plan, films, animations, sounds, rig, folder, size)
            progress(number)
        (folder / "index.html").write_text(page(plan), encoding="utf-8", newline="\n")
        with atomic_write(key) as temporary:  # before the folder: a study without its key is worth nothing
            temporary.write_text(plan.key(), encoding="utf-8", newline="\n")


def page(plan: Plan) -> str:
    """The raters' page."""
    files = resources.files("emotalk.study")
    # Inside a script element only "<" can end it.
    data = json.dumps(plan.page_data(), separators=(",", ":")).replace("<", "\\u003c")
    script = (files / "study.js").read_text("utf-8")
    return filled(files / "study.html", {"study": html.escape(plan.study), "data": data, "script": script})


def _draw_pair(
    plan: Plan,
    films: tuple[str, str],
    animations: dict[str, dict[str, Path]],
    sounds: dict[str, Path],
    rig: Rig,
    folder: Path,
    size: int,
) -> None:
    """One drawing, two films: as it is and with the sides swapped."""
    shown = plan.films[films[0]]
    paths = [animations[side][shown.clip] for side in (shown.left, shown.right)]
    film = make_film([Animation.load(path) for path in paths], rig, head=False, size=size)
    if film.frames > MAX_CLIP_S * film.fps:
        raise InputError(f"clips of a study are {MAX_CLIP_S} s at most: cut this one", source=paths[0])
    folder.joinpath("films").mkdir(exist_ok=True)

    def open_film(name: str) -> Mp4:
        path = folder / "films" / f"{name}.mp4"
        return Mp4(path, shape=film.shape, fps=film.fps, frames=film.frames, sound=sounds[shown.clip])

    with open_film(films[0]) as one, open_film(films[1]) as other:
        for picture in film.pictures():
            one.add(picture)
            other.add(np.roll(picture, size, axis=1))


@contextmanager
def _new_folder(output: Path) -> Iterator[Path]:
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(f".{output.name}.{secrets.token_hex(4)}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        os.replace(temporary, output)  # noqa: PTH105 - refuses a folder that has appeared meanwhile and is not empty
    except OSError as error:
        if error.filename is None or not Path(os.fsdecode(error.filename)).is_relative_to(temporary):
            raise
        raise OSError(error.errno, error.strerror, str(output)) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _clip(folder: Path, path: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()
