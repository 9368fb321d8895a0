"""The pictures of docs/pictures.md: python -m benchmarks.pictures"""

from pathlib import Path

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import INDEX
from emotalk.render import contact_sheet, save_png
from emotalk.render.film import make_film
from emotalk.render.video import palette_of
from emotalk.rigs import procedural_head

FOLDER = Path(__file__).parents[1] / "docs" / "images"
BOTH = ("Left", "Right")
FACES: dict[str, dict[str, float]] = {
    "at rest": {},
    "ah": {"jawOpen": 0.6, "mouthLowerDown": 0.2},
    "oo": {"mouthPucker": 0.8, "mouthFunnel": 0.3, "jawOpen": 0.1},
    "m": {"mouthPress": 0.5, "mouthRollLower": 0.4, "mouthRollUpper": 0.3},
    "happy": {"mouthSmile": 0.8, "cheekSquint": 0.5, "eyeSquint": 0.3},
    "angry": {"browDown": 0.9, "noseSneer": 0.5, "mouthFrown": 0.4, "eyeSquint": 0.4},
    "sad": {"browInnerUp": 0.9, "mouthFrown": 0.7, "eyeLookDown": 0.3},
    "surprised": {"browInnerUp": 0.8, "browOuterUp": 0.8, "eyeWide": 0.9, "jawOpen": 0.4},
}


def main() -> None:
    rig = procedural_head()
    faces = np.stack([face(**shapes) for shapes in FACES.values()])
    save_png(FOLDER / "faces.png", contact_sheet(rig, faces, captions=list(FACES), columns=4, size=144))
    truth = face(jawOpen=0.5, mouthSmile=0.5, browInnerUp=0.3)
    pair = [Animation(weights=weights[None]) for weights in (truth, truth * 0.7)]
    film = make_film(pair, rig, titles=["truth", "model"], heat_map=True, size=208)
    (picture,) = film.pictures()
    save_png(FOLDER / "heat-map.png", picture)


def save_small(path: Path, picture: np.ndarray) -> None:
    """(H, W, 3) uint8 as a PNG of 256 colours, rare ones (a red word on a grey page) included."""
    from PIL import Image

    palette = Image.new("P", (1, 1))
    palette.putpalette(palette_of([picture]).tobytes())
    Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)


def face(**shapes: float) -> np.ndarray:
    """(52,) weights; a name without side means both."""
    weights = np.zeros(len(INDEX), np.float32)
    for name, value in shapes.items():
        for known in [name] if name in INDEX else [name + side for side in BOTH]:
            weights[INDEX[known]] = value
    return weights


if __name__ == "__main__":
    main()
