"""Where pictures, titles and the colour bar stand: an empty page is drawn once, each frame is laid into its slots."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotalk.errors import InputError, MissingExtraError
from emotalk.render.heat import HeatScale
from emotalk.render.lettering import SOFT, write
from emotalk.render.stage import BACKDROP

MAX_PIXELS = 1 << 27


@dataclass(frozen=True)
class Page:
    """`canvas` (H, W, 3) uint8 with all that does not move; `slots` the (top, left) of each moving picture.

    Height and width are even, as video wants them.
    """

    canvas: np.ndarray
    slots: tuple[tuple[int, int], ...]

    def lay(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """One (h, w, 3) uint8 picture per slot -> a new (H, W, 3)."""
        out = self.canvas.copy()
        for (top, left), picture in zip(self.slots, pictures, strict=True):
            out[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
        return out


def side_by_side(size: int, titles: Sequence[str], heat: HeatScale | None, reference: str) -> Page:
    """Faces in a row under their titles. With `heat` a second row: the colour bar, then each distance to the first.

    The slots are the faces, then the heat maps of all faces but the first.
    """
    band = round(size * 0.09) if any(titles) else 0
    rows = 1 if heat is None else 2
    page = _blank(size * len(titles), band + rows * size)
    slots = [(band, column * size) for column in range(len(titles))]
    draw, image = _drawing(page)
    for column, title in enumerate(titles):
        write(draw, title, (column * size + size / 2, band / 2), size * 0.92, band * 0.52)
    if heat is not None:
        slots += [(band + size, column * size) for column in range(1, len(titles))]
        box = (size * 0.14, band + size * 1.5, size * 0.84, band + size * 1.56)
        _bar(draw, box, heat, f"distance to {reference}" if reference else "distance to the first face")
    return Page(_even(np.asarray(image)), tuple(slots))


def sheet(shape: tuple[int, int], captions: Sequence[str], columns: int | None = None) -> Page:
    """Pictures of one shape (height, width) in rows, each above its caption."""
    height, width = shape
    columns = columns or _columns(len(captions), height / width)
    band = round(math.sqrt(height * width) * 0.11) if any(captions) else 0
    rows = -(-len(captions) // columns)
    draw, image = _drawing(_blank(columns * width, rows * (height + band)))
    slots = []
    for number, caption in enumerate(captions):
        top, left = number // columns * (height + band), number % columns * width
        slots.append((top, left))
        write(draw, caption, (left + width / 2, top + height + band * 0.4), width * 0.92, band * 0.62, SOFT)
    return Page(_even(np.asarray(image)), tuple(slots))


def with_bar(picture: np.ndarray, heat: HeatScale, label: str) -> np.ndarray:
    """(H, W, 3) -> the same above a colour bar."""
    height, width = picture.shape[:2]
    band = round(width * 0.24)
    draw, image = _drawing(_blank(width, height + band))
    _bar(draw, (width * 0.14, height + band * 0.4, width * 0.84, height + band * 0.62), heat, label)
    return Page(_even(np.asarray(image)), ((0, 0),)).lay([picture])


def _bar(draw: Any, box: tuple[float, float, float, float], heat: HeatScale, label: str) -> None:
    left, top, right, bottom = (round(edge) for edge in box)
    for x in range(left, right):
        share = (x - left) / max(1, right - 1 - left)
        draw.line([(x, top), (x, bottom)], fill=tuple(int(c) for c in heat.colours(np.array(share * heat.limit_mm))))
    letters = (right - left) * 0.055
    write(draw, label, ((left + right) / 2, top - letters), (right - left) * 1.1, letters * 1.1)
    for share in (0.0, 0.5, 1.0):
        text = f"{share * heat.limit_mm:g} mm" + (" or more" if share == 1 else "")
        middle = left + share * (right - left)
        write(draw, text, (middle, bottom + letters), (right - left) * 0.4, letters * 0.8, SOFT)


def _columns(count: int, aspect: float) -> int:
    """So many that the sheet is a little wider than high (cells: height / width), with few empty places."""
    widths = range(math.ceil(math.sqrt(count * aspect)), math.ceil(math.sqrt(2 * count * aspect)) + 1)
    return min(widths, key=lambda columns: (-count % columns, columns))


def _blank(width: int, height: int) -> np.ndarray:
    if width * height > MAX_PIXELS:
        raise InputError(f"a picture of {width} × {height} pixels is too large: ask for smaller or fewer faces")
    return np.full((height, width, 3), BACKDROP, np.uint8)


def _even(page: np.ndarray) -> np.ndarray:
    return np.pad(page, ((0, page.shape[0] % 2), (0, page.shape[1] % 2), (0, 0)), mode="edge")


def _drawing(page: np.ndarray) -> tuple[Any, Any]:
    try:
        from PIL import Image, ImageDraw
    except ModuleNotFoundError as error:
        raise MissingExtraError("drawing faces", "render") from error
    image = Image.fromarray(page)
    return ImageDraw.Draw(image), image
