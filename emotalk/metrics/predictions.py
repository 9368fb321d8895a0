"""Another method's output, read for comparison: a folder with one file per clip, named `<clip_id>.<suffix>`.

Coefficients: any file that `emotalk.formats` reads (`.npz`, `.csv`, `.npy` of (frames, 52)). Vertices: a `.npy` of
(frames, V, 3) or (frames, 3 V), absolute positions on the mesh of a rig, as FaceFormer, VOCA and MeshTalk write; a
leading axis of one is dropped. Pickles are refused.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, FPS, reorder
from emotalk.errors import InputError
from emotalk.files import is_uri, local_path, read_source
from emotalk.formats import read_animation
from emotalk.formats.pieces import read_npy
from emotalk.rigs.rig import Rig

SUFFIXES = (".npz", ".csv", ".npy")  # where a clip has several, the one that says most
SHORT_FRAMES = 6  # missing at the end (0.2 s) are filled with the last one: feature extractors lose some
MAX_BYTES = 4 << 30  # ten minutes of vertices are 1 GiB
NOWHERE_MM = 1e6
FAR_MM = 50.0  # no face moves this far from rest: other units, another origin or another mesh


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """weights (frames, 52), or vertices (frames, V, 3) mm on the rig, at 30 fps and of the length asked for.

    head (frames, 6) about the mean pose, None where a method says nothing of it.
    """

    weights: np.ndarray | None = None
    vertices: np.ndarray | None = None
    head: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """A method's folder. name: its row in the tables. files: file by clip id.

    fps: of `.npy` files, which do not tell; the others know their own. scale: mm per unit of vertices (1000: metres).
    """

    name: str
    location: str
    files: dict[str, str] = field(repr=False)
    fps: float = float(FPS)
    scale: float = 1.0

    @classmethod
    def open(
        cls, location: str, clip_ids: Sequence[str], *, name: str, fps: float = float(FPS), scale: float = 1.0
    ) -> "Predictions":
        """InputError where there is no folder, or no file of any of the clips in it."""
        if not 0 < fps <= 1000 or not 0 < scale < float("inf"):
            raise InputError(f"fps and scale must be above 0, not {fps} and {scale}")
        names = _listed(location)
        files: dict[str, str] = {}
        for suffix in reversed(SUFFIXES):
            files |= {clip_id: clip_id + suffix for clip_id in clip_ids if clip_id + suffix in names}
        if not files:
            raise InputError(
                f"none of the {len(clip_ids)} clips has a file here; they are called {clip_ids[0]}.npy, .npz or .csv",
                source=location,
            )
        return cls(name=name, location=location, files=files, fps=fps, scale=scale)

    def missing(self, clip_ids: Sequence[str]) -> tuple[str, ...]:
        """The clips that the method has nothing for."""
        return tuple(clip_id for clip_id in clip_ids if clip_id not in self.files)

    def read(self, clip_id: str, frames: int, rig: Rig) -> Prediction:
        """A clip's prediction at 30 fps, cut to `frames`. InputError names the file and what is wrong with it."""
        source = f"{self.location.rstrip('/')}/{self.files[clip_id]}"
        if source.endswith(".npy"):
            array = _array(source)
            if array.ndim == 2 and array.shape[1] == len(COEFFICIENTS):
                try:
                    animation = Animation(array)
                except InputError as error:
                    raise InputError(error.reason, source=source) from error
            else:
                vertices = self._vertices(array, rig, source)
                return Prediction(vertices=_at_frames(vertices, np.arange(len(vertices)) / self.fps, frames, source))
            times_s = np.arange(animation.frames) / self.fps
        else:
            animation = read_animation(source)
            times_s = animation.time_s()
        weights = reorder(animation.weights, animation.names, source=source)
        return Prediction(weights=_at_frames(weights, times_s, frames, source))

    def _vertices(self, array: np.ndarray, rig: Rig, source: str) -> np.ndarray:
        count = len(rig.neutral)
        if array.shape[1:] not in ((count, 3), (3 * count,)):
            raise InputError(
                f"shape {array.shape} is neither (frames, {len(COEFFICIENTS)}) coefficients nor (frames, {count}, 3) "
                f"vertices of {rig.name}; another mesh is chosen by --rig",
                source=source,
            )
        with np.errstate(over="ignore", invalid="ignore"):
            vertices = array.reshape(len(array), count, 3).astype(np.float32) * np.float32(self.scale)
        if not np.abs(vertices).max(initial=0) < NOWHERE_MM:
            raise InputError("holds vertices that are nowhere near a face: --scale gives mm per unit", source=source)
        away = float(np.median(np.linalg.norm(vertices[:1] - rig.neutral, axis=-1))) if len(array) else 0.0
        if away > FAR_MM or (len(array) and _extent(vertices[0]) < 0.1 * _extent(rig.neutral)):
            raise InputError(
                f"the vertices are not where {rig.name} has them (median distance {away:.0f} mm, height "
                f"{_extent(vertices[0]):.3g} mm instead of {_extent(rig.neutral):.3g}): --scale gives mm per unit; "
                "positions are absolute, in the mesh's own axes",
                source=source,
            )
        return vertices


def _at_frames(values: np.ndarray, times_s: np.ndarray, frames: int, source: str) -> np.ndarray:
    """Values at `times_s` from their first on -> `frames` of them at 30 fps, linear in between; (frames, …) float32."""
    if not len(values):
        raise InputError("holds no frames", source=source)
    position = np.arange(frames) / float(FPS)
    times_s = times_s - times_s[0]
    lacking_s = (position[-1] if frames else 0.0) - times_s[-1]
    if lacking_s * float(FPS) > SHORT_FRAMES + 1e-6:
        raise InputError(f"ends {lacking_s:.2f} s before the clip does", source=source)
    right = np.clip(np.searchsorted(times_s, position - 1e-9), 1, max(len(values) - 1, 1))
    left, right = right - 1, np.minimum(right, len(values) - 1)
    step = np.where(times_s[right] > times_s[left], times_s[right] - times_s[left], 1.0)
    share = np.clip((position - times_s[left]) / step, 0, 1).astype(np.float32)
    share = share.reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray(values[left] * (1 - share) + values[right] * share, np.float32)


def _array(source: str) -> np.ndarray:
    content = read_source(source, max_bytes=MAX_BYTES)
    array = read_npy(io.BytesIO(content), len(content), source)
    if array.ndim == 4 or (array.ndim == 3 and array.shape[2] != 3):
        if len(array) != 1:
            raise InputError(f"shape {array.shape} is that of several clips", source=source)
        array = array[0]
    if array.ndim not in (2, 3) or array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise InputError(f"must be finite numbers (frames, …), not {array.dtype} {array.shape}", source=source)
    return array


def _extent(points: np.ndarray) -> float:
    return float(np.ptp(points[:, 1]))


def _listed(location: str) -> set[str]:
    if is_uri(location):
        from emotalk.remote import reached

        with reached(location) as (fs, path):
            if not fs.isdir(path):
                raise InputError("no such folder of predictions", source=location)
            return {PurePosixPath(name).name for name in fs.ls(path, detail=False)}
    folder = local_path(location)
    if not folder.is_dir():
        raise InputError("no such folder of predictions", source=location)
    return {path.name for path in folder.iterdir()}
