"""Text in pictures: as large as its place allows, in a font that has its characters."""

import shutil
import subprocess
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from emotalk.files import printable

INK = (38, 42, 48)
SOFT = (104, 110, 118)
LEAST = 7.0  # pixels: smaller letters are no letters
# Pillow's own font has the characters up to here, and these.
LAST_LATIN, PUNCTUATION = "\u024f", "–—‘’“”…"
LONGEST = 200  # characters of either end: more fit nowhere
FONTCONFIG_S = 10.0  # it may build its cache first


def write(
    draw: Any, text: str, middle: tuple[float, float], width: float, height: float, ink: tuple[int, int, int] = INK
) -> None:
    """Text around `middle` on a PIL drawing; smaller where it would be wider than `width`, then without its middle."""
    text = printable(text)
    if len(text) > 2 * LONGEST:
        text = f"{text[:LONGEST]}…{text[-LONGEST:]}"
    if not text:
        return
    letters = max(8.0, height)
    wide = draw.textlength(text, font=_font(text, letters))
    if wide > width:
        letters = max(LEAST, letters * width / wide)
        text = _shortened(text, lambda part: draw.textlength(part, font=_font(part, letters)) <= width)
    draw.text(middle, text, fill=ink, font=_font(text, letters), anchor="mm")


def _shortened(text: str, fits: Callable[[str], bool]) -> str:
    """The text, or as much of its start and end as fits: the names of files differ at either."""
    kept = len(text)
    short = text
    while kept > 2 and not fits(short):
        kept -= 1
        short = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return short


def _font(text: str, size: float) -> Any:
    from PIL import ImageFont

    file = _system_font("".join(sorted({c for c in text if c > LAST_LATIN} - set(PUNCTUATION))))
    return ImageFont.load_default(size) if file is None else ImageFont.truetype(file, size)


@lru_cache
def _system_font(characters: str) -> str | None:
    """The file of the system's font that has most of these characters; None where there are none or no fontconfig."""
    command = shutil.which("fc-match")
    if not characters or command is None:
        return None
    wanted = " ".join(f"{ord(c):x}" for c in characters)
    try:
        found = subprocess.run(
            [command, "--format=%{file}", f":charset={wanted}:fontformat=TrueType:fontformat=CFF"],
            capture_output=True,
            text=True,
            timeout=FONTCONFIG_S,
        )
    except subprocess.TimeoutExpired:
        return None
    return found.stdout or None
