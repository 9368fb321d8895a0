"""Titles in any script for which the machine has a font."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageDraw

from emotalk.render.lettering import write


def drawn(text: str, width: float = 190) -> np.ndarray:
    image = Image.new("RGB", (200, 40), "white")
    write(ImageDraw.Draw(image), text, (100, 20), width, 20)
    return np.asarray(image)


def test_cyrillic_letters_are_not_all_the_same_box() -> None:
    if shutil.which("fc-list") is None:
        pytest.skip("needs fontconfig")
    fonts = subprocess.run(["fc-list", ":charset=431 448 44e"], capture_output=True, text=True, check=True)
    if not fonts.stdout:
        pytest.skip("no font with Cyrillic letters is installed")
    assert len({drawn(letter).tobytes() for letter in "бшю"}) == 3


@pytest.mark.parametrize("text", ["a", "w" * 60, "\U00010900 \ue000"])
def test_any_text_stays_inside_its_width(text: str) -> None:
    columns = np.flatnonzero((drawn(text, 100) < 250).any(axis=(0, 2)))
    assert len(columns) > 0
    assert columns.min() >= 48
    assert columns.max() <= 152
