"""Contact sheets of a rig, to look at: every shape at full weight, poses that combine them, regions in colour.

`python -m benchmarks.rig_sheet OUT_FOLDER [--rig rig.npz] [--onto other.npz]`. With `--onto` also the poses carried to
another rig, beside a map of the error that is left. Needs the extra `render`.
"""

import argparse
from pathlib import Path

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.render.heat import HeatScale
from emotalk.render.layout import sheet
from emotalk.render.stage import Stage
from emotalk.render.stills import save_png
from emotalk.rigs import Rig, procedural_head
from emotalk.rigs.transfer import fit_retarget

TILE = 240  # pixels
POSES: dict[str, dict[str, float]] = {
    "neutral": {},
    "angry": {"browDown": 1, "eyeSquint": 0.5, "noseSneer": 0.6, "mouthPress": 0.4, "mouthFrown": 0.3},
    "disgust": {"noseSneer": 1, "browDown": 0.5, "mouthUpperUp": 0.6, "mouthFrown": 0.4, "cheekSquint": 0.5},
    "fear": {"browInnerUp": 1, "browOuterUp": 0.4, "eyeWide": 1, "mouthStretch": 0.8, "jawOpen": 0.25},
    "happy": {"mouthSmile": 0.9, "cheekSquint": 0.7, "eyeSquint": 0.3, "jawOpen": 0.1, "mouthUpperUp": 0.3},
    "sad": {"browInnerUp": 0.9, "mouthFrown": 0.8, "eyeLookDown": 0.3, "mouthShrugLower": 0.4, "eyeBlink": 0.2},
    "surprise": {"browInnerUp": 1, "browOuterUp": 1, "eyeWide": 0.8, "jawOpen": 0.6},
    "aa": {"jawOpen": 0.6, "mouthLowerDown": 0.2},
    "oo": {"mouthPucker": 0.8, "mouthFunnel": 0.3, "jawOpen": 0.15},
    "ee": {"mouthSmile": 0.3, "mouthStretch": 0.5, "jawOpen": 0.15, "mouthLowerDown": 0.4, "mouthUpperUp": 0.3},
    "ff": {"mouthRollLower": 0.6, "mouthUpperUp": 0.3, "jawOpen": 0.1},
    "mm": {"jawOpen": 0.15, "mouthClose": 0.15, "mouthPress": 0.3, "mouthRollUpper": 0.2, "mouthRollLower": 0.2},
    "blink": {"eyeBlink": 1},
    "half blink": {"eyeBlink": 0.5},
    "jaw 1 + close 1": {"jawOpen": 1, "mouthClose": 1},
    "laugh": {"mouthSmile": 1, "jawOpen": 0.5, "cheekSquint": 1, "eyeSquint": 0.6, "eyeBlink": 0.3},
    "wink": {"eyeBlinkLeft": 1, "cheekSquintLeft": 0.7, "mouthSmileLeft": 0.5},
}  # fmt: skip


def pose(**values: float) -> np.ndarray:
    """(52,); a name without its side sets both."""
    out = np.zeros(len(COEFFICIENTS), np.float32)
    for name, value in values.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in INDEX:
                out[INDEX[full]] = value
    return out


class Shots:
    """Pictures of one rig with their captions, from in front or turned by degrees to the face's side."""

    def __init__(self, rig: Rig, size: int = TILE) -> None:
        self._rig, self._size = rig, size
        self._stages: dict[float, Stage] = {}
        self.tiles: list[tuple[str, np.ndarray]] = []

    def add(self, caption: str, vertices: np.ndarray, colours: np.ndarray | None = None, turn: float = 0.0) -> None:
        """vertices (V, 3) mm; colours (V, 3) uint8 instead of the rig's own."""
        if turn not in self._stages:
            self._stages[turn] = Stage(self._rig, size=self._size, turn=float(np.radians(turn)))
        self.tiles.append((caption, self._stages[turn].draw(vertices, colours)))


def save(tiles: list[tuple[str, np.ndarray]], path: Path, columns: int = 8) -> None:
    captions, pictures = zip(*tiles, strict=True)
    save_png(path, sheet(pictures[0].shape[:2], captions, columns).lay(pictures))


def region_colours(rig: Rig) -> np.ndarray:
    paint = np.full((len(rig.neutral), 3), 205, np.uint8)
    for name, colour in (
        ("forehead", (120, 160, 230)),
        ("eyes", (120, 210, 130)),
        ("cheeks", (240, 190, 120)),
        ("nose", (200, 150, 220)),
        ("jaw", (150, 200, 210)),
        ("lips", (220, 90, 90)),
        ("brows", (60, 70, 120)),
        ("mouth_upper", (255, 255, 0)),
        ("mouth_lower", (0, 0, 255)),
        ("eye_left_upper", (255, 255, 0)),
        ("eye_left_lower", (0, 0, 255)),
        ("eye_right_upper", (255, 255, 0)),
        ("eye_right_lower", (0, 0, 255)),
    ):
        if name in rig.regions:
            paint[rig.regions[name]] = colour
    return paint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rig", type=Path)
    parser.add_argument("--onto", type=Path)
    args = parser.parse_args()
    rig = Rig.load(args.rig) if args.rig else procedural_head()
    args.folder.mkdir(parents=True, exist_ok=True)
    shots = Shots(rig)
    for name, vertices in zip(INDEX, rig.vertices(np.eye(len(COEFFICIENTS), dtype=np.float32)), strict=True):
        shots.add(name, vertices, turn=15.0)
    save(shots.tiles, args.folder / "shapes.png")
    posed = {name: rig.vertices(pose(**values)[None])[0] for name, values in POSES.items()}
    shots = Shots(rig, size=360)
    for name, vertices in posed.items():
        shots.add(name, vertices)
    save(shots.tiles, args.folder / "poses.png", columns=6)
    shots = Shots(rig, size=360)
    for name, turn in (("neutral", 35), ("neutral", 80), ("aa", 80), ("oo", 80), ("happy", 35), ("angry", 35)):
        shots.add(f"{name}, {turn}°", posed[name], turn=turn)
    save(shots.tiles, args.folder / "turned.png", columns=6)
    shots, colours = Shots(rig, size=480), region_colours(rig)
    shots.add("regions", rig.neutral, colours)
    shots.add("open", rig.vertices(pose(jawOpen=0.5)[None])[0], colours)
    save(shots.tiles, args.folder / "regions.png", columns=2)
    if args.onto:
        carried_sheet(rig, Rig.load(args.onto), args.folder / "carried.png")


def carried_sheet(source: Rig, target: Rig, path: Path) -> None:
    """Each pose on the source, on the target, and the error on the target: up to 5 mm."""
    fitted = fit_retarget(source, target)
    heat = HeatScale(5.0)
    ours, theirs = Shots(source, size=300), Shots(target, size=300)
    for name in ("aa", "oo", "happy", "angry", "blink", "jaw 1 + close 1"):
        weights = pose(**POSES[name])[None]
        carried = target.vertices(fitted.apply(weights))[0]
        error = np.zeros(len(target.neutral))
        error[fitted.correspondence.target] = fitted.error_mm(source, target, weights)[0]
        mean = error[fitted.correspondence.target].mean()
        ours.add(f"{name}, {source.name}", source.vertices(weights)[0])
        theirs.add(target.name, carried)
        theirs.add(f"error, mean {mean:.1f} mm", carried, heat.colours(error))
    tiles = [tile for i, tile in enumerate(ours.tiles) for tile in (tile, *theirs.tiles[2 * i : 2 * i + 2])]
    save(tiles, path, columns=6)


if __name__ == "__main__":
    main()
