"""Contact sheets of a rig, to look at: every shape at full weight, poses that combine them, regions in colour.

`python -m benchmarks.rig_sheet OUT_FOLDER [--rig rig.npz] [--onto other.npz]`. With `--onto` also the poses carried to
another rig, beside a map of the error that is left. Needs `vtk` and `pillow`.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX
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


class Stage:
    """One mesh, one camera; pictures of it."""

    def __init__(self, rig: Rig, colours: np.ndarray | None = None, size: int = TILE) -> None:
        import vtkmodules.all as vtk
        from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray

        self._to_vtk, self.size, self.vtk = numpy_to_vtk, size, vtk
        self.data: Any = vtk.vtkPolyData()
        cells = vtk.vtkCellArray()
        faces = np.column_stack([np.full(len(rig.triangles), 3), rig.triangles]).astype(np.int64)
        cells.SetCells(len(faces), numpy_to_vtkIdTypeArray(faces.ravel(), deep=True))
        points = vtk.vtkPoints()
        points.SetData(numpy_to_vtk(np.ascontiguousarray(rig.neutral), deep=True))
        self.data.SetPoints(points)
        self.data.SetPolys(cells)
        paint = np.ascontiguousarray(rig.colours if colours is None else colours, np.uint8)
        scalars = numpy_to_vtk(paint, deep=True)
        self.data.GetPointData().SetScalars(scalars)
        normals = vtk.vtkPolyDataNormals()
        normals.SetInputData(self.data)
        normals.SplittingOff()
        normals.ConsistencyOff()
        mapper = vtk.vtkPolyDataMapper()
        mapper.SetInputConnection(normals.GetOutputPort())
        actor = vtk.vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetInterpolationToPhong()
        actor.GetProperty().SetSpecular(0.12)
        actor.GetProperty().SetSpecularPower(25)
        self.renderer = vtk.vtkRenderer()
        self.renderer.AddActor(actor)
        self.renderer.SetBackground(0.93, 0.94, 0.95)
        self.window = vtk.vtkRenderWindow()
        self.window.SetOffScreenRendering(1)
        self.window.SetMultiSamples(4)
        self.window.SetSize(size, size)
        self.window.AddRenderer(self.renderer)
        front = rig.neutral[rig.region("lips", "eyes", "forehead")]
        self.focus = (front.max(0) + front.min(0)) / 2 + (0, -8, 0)
        self.reach = float(np.ptp(front[:, 1])) * 0.95

    def shot(self, vertices: np.ndarray, yaw: float = 0.0) -> np.ndarray:
        from vtkmodules.util.numpy_support import vtk_to_numpy

        self.data.GetPoints().SetData(self._to_vtk(np.ascontiguousarray(vertices, np.float32), deep=True))
        self.data.Modified()
        camera = self.renderer.GetActiveCamera()
        angle = np.radians(yaw)
        camera.SetFocalPoint(*self.focus)
        camera.SetPosition(*(self.focus + 900 * np.array([np.sin(angle), 0.05, np.cos(angle)])))
        camera.SetViewAngle(float(np.degrees(2 * np.arctan(self.reach / 900))))
        self.renderer.ResetCameraClippingRange()
        self.window.Render()
        grab = self.vtk.vtkWindowToImageFilter()
        grab.SetInput(self.window)
        grab.ReadFrontBufferOff()
        grab.Update()
        image = grab.GetOutput()
        return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(self.size, self.size, -1)[::-1, :, :3].copy()


def sheet(tiles: list[tuple[str, np.ndarray]], path: Path, columns: int = 8) -> None:
    from PIL import Image, ImageDraw

    size = tiles[0][1].shape[0]
    rows = -(-len(tiles) // columns)
    out = Image.new("RGB", (columns * size, rows * size), "white")
    draw = ImageDraw.Draw(out)
    for i, (label, pixels) in enumerate(tiles):
        at = (i % columns * size, i // columns * size)
        out.paste(Image.fromarray(pixels), at)
        draw.text((at[0] + 5, at[1] + 3), label, fill=(20, 20, 40))
    out.save(path)


def heat(values: np.ndarray, top: float) -> np.ndarray:
    """(V,) -> (V, 3) uint8: light grey at 0 over yellow to dark red at `top`."""
    t = np.clip(values / top, 0, 1)
    stops = np.array([[225, 225, 228], [250, 210, 80], [225, 90, 40], [110, 10, 40]], float)
    return np.stack([np.interp(t, [0, 0.33, 0.66, 1], stops[:, c]) for c in range(3)], 1).astype(np.uint8)


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
    stage = Stage(rig)
    shapes = np.eye(len(COEFFICIENTS), dtype=np.float32)
    sheet(
        [(n, stage.shot(rig.vertices(shapes[i : i + 1])[0], 15.0)) for n, i in INDEX.items()],
        args.folder / "shapes.png",
    )
    stage = Stage(rig, size=360)
    posed = {name: rig.vertices(pose(**values)[None])[0] for name, values in POSES.items()}
    sheet([(n, stage.shot(v, 0)) for n, v in posed.items()], args.folder / "poses.png", columns=6)
    turned = [("neutral", 35.0), ("neutral", 80.0), ("aa", 80.0), ("oo", 80.0), ("happy", 35.0), ("angry", 35.0)]
    sheet([(f"{n} {a:.0f}°", stage.shot(posed[n], a)) for n, a in turned], args.folder / "turned.png", columns=6)
    stage = Stage(rig, region_colours(rig), size=480)
    opened = rig.vertices(pose(jawOpen=0.5)[None])[0]
    sheet([("regions", stage.shot(rig.neutral)), ("open", stage.shot(opened))], args.folder / "regions.png", columns=2)
    if args.onto:
        carried_sheet(rig, Rig.load(args.onto), args.folder / "carried.png")


def carried_sheet(source: Rig, target: Rig, path: Path) -> None:
    """Each pose on the source, on the target, and the error on the target: light 0 mm, dark red 5 mm."""
    fitted = fit_retarget(source, target)
    ours, theirs = Stage(source, size=300), Stage(target, size=300)
    tiles = []
    for name in ("aa", "oo", "happy", "angry", "blink", "jaw 1 + close 1"):
        weights = pose(**POSES[name])[None]
        carried = target.vertices(fitted.apply(weights))[0]
        error = np.zeros(len(target.neutral))
        error[fitted.correspondence.target] = fitted.error_mm(source, target, weights)[0]
        tiles += [
            (f"{name}, {source.name}", ours.shot(source.vertices(weights)[0])),
            (target.name, theirs.shot(carried)),
            (
                f"error, mean {error[fitted.correspondence.target].mean():.1f} mm",
                Stage(target, heat(error, 5.0), size=300).shot(carried),
            ),
        ]
    sheet(tiles, path, columns=6)


if __name__ == "__main__":
    main()
