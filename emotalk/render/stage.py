"""`Stage`: one head in front of a camera, drawn in software without a display. The only module that speaks to VTK."""

import ctypes
import ctypes.util
import sys
from typing import Any

import numpy as np

from emotalk.errors import EmoTalkError, InputError, MissingExtraError
from emotalk.render import light
from emotalk.render.normals import SmoothNormals
from emotalk.rigs.rig import Rig

BACKDROP = (232, 230, 226)
SAMPLES = 4  # per pixel at edges
MAX_SIZE = 4096
MAX_TURN = 1e3  # radians
NO_OPENGL = (
    "nothing here can draw: no EGL and no OSMesa with a driver. On Debian or Ubuntu: "
    "apt-get install libegl1 libgl1-mesa-dri (software rendering needs neither a display nor a GPU)"
)


class NoOpenGLError(EmoTalkError):
    """This machine has no library that draws off screen; the message names the package that brings one."""

    def __init__(self, message: str = NO_OPENGL) -> None:
        super().__init__(message)


class Stage:
    """Draws one rig's vertices as pictures of `size` × `size` pixels. Make one, draw often, from one thread.

    The camera looks at the face from in front with a slight perspective, `turn` radians to the face's side, and the
    head at rest fills nine tenths of the picture's height.
    """

    def __init__(self, rig: Rig, *, size: int = 512, turn: float = 0.0) -> None:
        """InputError as `check_view`; MissingExtraError without VTK; NoOpenGLError without OpenGL."""
        check_view(size, turn)
        self.rig, self.size = rig, size
        self._normals = SmoothNormals(rig.triangles, len(rig.neutral))
        self._points = np.ascontiguousarray(rig.neutral, np.float32).copy()
        self._directions = self._normals(self._points)
        self._colours = rig.colours.copy()
        self._window = open_window()
        self._pixels: Any = None
        self._shown: np.ndarray | None = rig.colours  # None: colours that stand for numbers
        self._build(turn)

    def draw(self, vertices: np.ndarray, colours: np.ndarray | None = None) -> np.ndarray:
        """(V, 3) mm, and (V, 3) uint8 that stand for numbers or None for the rig's own -> (size, size, 3) uint8."""
        self._points[:] = vertices
        self._normals(self._points, out=self._directions)
        self._vtk_points.Modified()
        self._vtk_directions.Modified()
        wanted = self.rig.colours if colours is None else colours
        if wanted is not self._shown:
            self._colours[:] = wanted
            self._vtk_colours.Modified()
            self._shown = wanted if colours is None else None
        self._uniforms.SetUniformf("matte", float(colours is not None))
        self._window.Render()
        last = self.size - 1
        self._window.GetRGBACharPixelData(0, 0, last, last, 0, self._pixels)
        rows = self._as_numpy(self._pixels).reshape(self.size, self.size, -1)
        return np.ascontiguousarray(rows[::-1, :, :3])  # OpenGL's first row is the lowest

    def close(self) -> None:
        """Frees the window's memory; a closed stage draws no more."""
        self._window.Finalize()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _build(self, turn: float) -> None:
        from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
        from vtkmodules.vtkCommonCore import vtkPoints, vtkUnsignedCharArray
        from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkDataObject, vtkPolyData
        from vtkmodules.vtkRenderingCore import vtkActor, vtkPolyDataMapper, vtkRenderer

        self._as_numpy = vtk_to_numpy
        rig = self.rig
        low, high = rig.neutral.min(axis=0), rig.neutral.max(axis=0)
        # VTK keeps views of these arrays: drawing writes into them in place.
        self._vtk_points = numpy_to_vtk(self._points)
        self._vtk_directions = numpy_to_vtk(self._directions)
        self._vtk_directions.SetName("Normals")
        self._vtk_colours = numpy_to_vtk(self._colours)
        self._vtk_colours.SetName("Colours")
        height = (rig.neutral[:, 1] - low[1]) / max(float(high[1] - low[1]), 1e-6)
        surface = numpy_to_vtk(np.stack([rig.gloss, height], 1).astype(np.float32), deep=True)
        surface.SetName("surface")

        points = vtkPoints()
        points.SetData(self._vtk_points)
        cells = vtkCellArray()
        corners = numpy_to_vtk(np.ascontiguousarray(rig.triangles, np.int64).ravel(), deep=True, array_type=16)
        cells.SetData(3, corners)
        mesh = vtkPolyData()
        mesh.SetPoints(points)
        mesh.SetPolys(cells)
        mesh.GetPointData().SetNormals(self._vtk_directions)
        mesh.GetPointData().SetScalars(self._vtk_colours)
        mesh.GetPointData().AddArray(surface)
        self._mesh = mesh

        mapper = vtkPolyDataMapper()
        mapper.SetInputData(mesh)
        mapper.SetColorModeToDirectScalars()
        mapper.SetVBOShiftScaleMethod(0)
        mapper.MapDataArrayToVertexAttribute("surface", "surface", vtkDataObject.FIELD_ASSOCIATION_POINTS, -1)
        actor = vtkActor()
        actor.SetMapper(mapper)
        actor.GetProperty().SetInterpolationToPhong()
        actor.GetProperty().BackfaceCullingOn()
        shader = actor.GetShaderProperty()
        shader.AddVertexShaderReplacement("//VTK::Normal::Dec", True, light.VERTEX_DECLARATIONS, False)
        shader.AddVertexShaderReplacement("//VTK::Normal::Impl", True, light.VERTEX_BODY, False)
        shader.AddFragmentShaderReplacement("//VTK::Normal::Dec", True, light.FRAGMENT_DECLARATIONS, False)
        shader.AddFragmentShaderReplacement("//VTK::Light::Impl", True, light.FRAGMENT_BODY, False)
        self._uniforms = shader.GetFragmentCustomUniforms()
        self._uniforms.SetUniform3f("backdrop", [channel / 255 for channel in BACKDROP])
        self._uniforms.SetUniformf("matte", 0.0)

        renderer = vtkRenderer()
        renderer.SetBackground(*(channel / 255 for channel in BACKDROP))
        renderer.AddActor(actor)
        self._frame(renderer.GetActiveCamera(), low, high, turn)
        self._window.SetSize(self.size, self.size)
        self._window.SetMultiSamples(SAMPLES)
        self._window.AddRenderer(renderer)
        self._pixels = vtkUnsignedCharArray()

    def _frame(self, camera: Any, low: np.ndarray, high: np.ndarray, turn: float) -> None:
        """Places the camera: heads are taller than wide, and the neck may leave the picture."""
        tall = float(high[1] - low[1])
        seen = max(tall, float(high[0] - low[0]) * 1.1, 1e-3)
        middle = np.array([(low[0] + high[0]) / 2, low[1] + 0.55 * tall, 0.0])
        distance = 3 * seen
        direction = np.array([np.sin(turn), 0.0, np.cos(turn)])
        camera.SetFocalPoint(*middle)
        camera.SetPosition(*(middle + distance * direction))
        camera.SetViewUp(0, 1, 0)
        camera.SetViewAngle(float(np.degrees(2 * np.arctan(0.5 * seen / 0.98 / distance))))
        camera.SetClippingRange(distance / 3, 2 * distance)


def check_view(size: int, turn: float) -> None:
    """InputError for a size outside 16..4096 or a turn that is no angle."""
    if not 16 <= size <= MAX_SIZE:
        raise InputError(f"a picture is 16 to {MAX_SIZE} pixels wide, not {size}")
    if not abs(turn) <= MAX_TURN:
        raise InputError(f"a turn is an angle, not {turn:g} radians")


def open_window() -> Any:
    """An off-screen window. On Linux EGL, else OSMesa: VTK crashes where the library is missing, so that is asked
    first, and VTK's own search would try an X server and complain."""
    try:
        from vtkmodules import vtkRenderingOpenGL2
        from vtkmodules.vtkCommonCore import vtkLogger
        from vtkmodules.vtkRenderingCore import vtkRenderWindow
    except ModuleNotFoundError as error:
        raise MissingExtraError("drawing faces", "render") from error
    vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_ERROR)  # what fails is said below, in one line
    candidates = (("EGL", "vtkEGLRenderWindow"), ("OSMesa", "vtkOSOpenGLRenderWindow"))
    if not sys.platform.startswith("linux"):
        window = vtkRenderWindow()
        window.SetOffScreenRendering(1)
        return window
    for library, name in candidates:
        kind = getattr(vtkRenderingOpenGL2, name, None)
        if kind is None or not loads(library):
            continue
        window = kind()
        window.SetOffScreenRendering(1)
        if window.SupportsOpenGL():
            return window
    raise NoOpenGLError


def loads(library: str) -> bool:
    found = ctypes.util.find_library(library)
    for name in filter(None, (f"lib{library}.so.1", f"lib{library}.so.8", f"lib{library}.so", found)):
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return False
