"""The MediaPipe Face Landmarker: one picture in, the 52 coefficients and the pose of its face out.

A picture's reading depends on nothing but the picture: no tracking from one to the next. MediaPipe's detector looks at
the whole picture shrunk to 128 pixels. It misses small faces, and of those it finds it places the eyes so roughly that
the scores tremble (four times as much at a face of 13 % of the picture's height). So a small face is read again from a
square around it; where none is found at all, squares of the picture are searched first.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, reorder
from emotalk.errors import InputError, MissingExtraError
from emotalk.files import PathOrUri, read_source

ENVIRONMENT = "EMOTALK_FACE_LANDMARKER"
KNOWN_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
WHERE_FROM = (
    "the file face_landmarker.task that MediaPipe publishes on the page 'Face landmark detection guide' of Google AI "
    f"Edge (model bundle FaceLandmarker, float16, with blendshapes; sha256 {KNOWN_SHA256})"
)
MAX_BYTES = 256 * 2**20
MAX_FACES = 2  # one more than wanted, to notice it
SAME_FACE = 0.4  # overlap (intersection over union) over which two boxes are one face
NEARLY_SQUARE = 1.25  # a picture up to this shape has nothing to gain from squares of its own height
NOSE_TIP = 1  # of MediaPipe's mesh
SMALL = 0.2  # size of a face over the longer side of the picture; from a sixth on the scores are steady
CLOSE_UP = 3.0  # side of the square around a small face, in sizes of the face


@dataclass(frozen=True)
class LandmarkerFile:
    """The `.task` bundle: its bytes and their SHA-256. It travels to wherever pictures are read."""

    content: bytes
    sha256: str


def read_landmarker_file(path: PathOrUri | None = None, *, accept_other: bool = False) -> LandmarkerFile:
    """The bundle at `path`, else at the environment's EMOTALK_FACE_LANDMARKER.

    InputError that says what the file is and where MediaPipe publishes it where none is given, and for any other
    file than the known one, unless `accept_other`.
    """
    place = path or os.environ.get(ENVIRONMENT)
    if not place:
        raise InputError(f"capturing faces needs {WHERE_FROM}: give it with --landmarker or in {ENVIRONMENT}")
    content = read_source(place, max_bytes=MAX_BYTES)
    digest = hashlib.sha256(content).hexdigest()
    if digest != KNOWN_SHA256 and not accept_other:
        raise InputError(
            f"has sha256 {digest}, which is not {WHERE_FROM}; --accept-landmarker takes it all the same", source=place
        )
    return LandmarkerFile(content, digest)


class Reading(NamedTuple):
    """What one picture shows.

    scores: (52,) float32 as MediaPipe gives them for this picture, COEFFICIENTS order, tongueOut 0.
    near: the same from a closer view where the face is small, else equal to `scores`: what clips are made of.
    head: (6,) float32 as `Clip.head`, seen by a camera with a vertical field of view of 63 degrees.
    faces: how many there are; all else is of the largest. face_px: the longer side of its box.
    mouth: (4,) float32, its shape as lip-sync is measured by: gap between the lips, width, height with the lips (all in
    pixels), and chin to nose over the length of the nose.
    """

    scores: np.ndarray
    near: np.ndarray
    head: np.ndarray
    faces: int
    face_px: float
    mouth: np.ndarray


_NOTHING = np.zeros(len(COEFFICIENTS), np.float32)
NOBODY = Reading(_NOTHING, _NOTHING, np.zeros(6, np.float32), 0, 0.0, np.zeros(4, np.float32))


class _Face(NamedTuple):
    """One face as MediaPipe found it. box: left, top, right, bottom in pixels of the whole picture."""

    scores: np.ndarray
    matrix: np.ndarray
    box: np.ndarray
    mouth: np.ndarray

    @property
    def size(self) -> float:
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))


class FaceLandmarker:
    """Holds MediaPipe's graph; closes it at the end of a `with` block or by `close`. Not thread-safe."""

    def __init__(self, file: LandmarkerFile) -> None:
        os.environ.setdefault("GLOG_minloglevel", "2")  # its notices concern nobody here
        try:
            import mediapipe
            from mediapipe.tasks.python.core.base_options import BaseOptions
            from mediapipe.tasks.python.vision import FaceLandmarker as Graph
            from mediapipe.tasks.python.vision import FaceLandmarkerOptions, RunningMode
        except ImportError as error:
            raise MissingExtraError("Capturing faces from video", "capture") from error
        self._mediapipe = mediapipe
        options = FaceLandmarkerOptions(
            base_options=BaseOptions(model_asset_buffer=file.content),
            running_mode=RunningMode.IMAGE,
            num_faces=MAX_FACES,
            output_face_blendshapes=True,
            output_facial_transformation_matrixes=True,
        )
        try:
            self._graph = Graph.create_from_options(options)
        except (RuntimeError, ValueError) as error:
            text = " ".join(str(error).split())[:200]
            raise InputError(f"the face landmarker cannot be used ({text}); it must be {WHERE_FROM}") from error

    def read(self, rgb: np.ndarray) -> Reading:
        """(height, width, 3) uint8 RGB -> what it shows. `NOBODY` where no face is found."""
        faces = self._find(rgb, 0, 0, rgb.shape) or self._search(rgb)
        if not faces:
            return NOBODY
        face = max(faces, key=lambda found: found.size)
        near = self._close_up(rgb, face) if face.size < SMALL * max(rgb.shape[:2]) else face
        return Reading(face.scores, near.scores, head_of(near.matrix), len(faces), near.size, near.mouth)

    def _search(self, rgb: np.ndarray) -> list[_Face]:
        faces: list[_Face] = []
        for left, top, side in _squares(*rgb.shape[:2]):
            faces += self._find(rgb[top : top + side, left : left + side], left, top, rgb.shape)
        return _distinct(faces)

    def _close_up(self, rgb: np.ndarray, face: _Face) -> _Face:
        """The face read once more where it fills a third of the view; as it was if it is not found there."""
        height, width = rgb.shape[:2]
        side = min(round(CLOSE_UP * face.size), height, width)
        left = int(np.clip(round((face.box[0] + face.box[2] - side) / 2), 0, width - side))
        top = int(np.clip(round((face.box[1] + face.box[3] - side) / 2), 0, height - side))
        near = self._find(rgb[top : top + side, left : left + side], left, top, rgb.shape)
        return max(near, key=lambda found: found.size) if near else face

    def _find(self, rgb: np.ndarray, left: int, top: int, whole: tuple[int, ...]) -> list[_Face]:
        """The different faces of a part of the picture; boxes and poses are in terms of the whole."""
        image = self._mediapipe.Image(
            image_format=self._mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(rgb, np.uint8)
        )
        result = self._graph.detect(image)
        height, width = rgb.shape[:2]
        faces = []
        for points, scores, matrix in zip(
            result.face_landmarks, result.face_blendshapes, result.facial_transformation_matrixes, strict=True
        ):
            spots = np.array([(point.x * width + left, point.y * height + top) for point in points])
            box = np.concatenate([spots.min(0), spots.max(0)])
            pose = _seen_whole(np.asarray(matrix), rgb.shape, left, top, whole)
            faces.append(_Face(_by_name(scores), pose, box, _mouth_shape(spots)))
        return _distinct(faces)

    def close(self) -> None:
        self._graph.close()

    def __enter__(self) -> "FaceLandmarker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def head_of(matrix: np.ndarray) -> np.ndarray:
    """MediaPipe's facial transformation matrix (4, 4), in cm -> (6,) float32 yaw, pitch, roll, x, y, z of `Clip.head`.

    Its axes are the house's: x to the right of the picture, y up, z to the viewer. R = Ry(yaw) Rx(pitch) Rz(roll).
    """
    rotation, place = matrix[:3, :3], matrix[:3, 3]
    pitch = np.arcsin(np.clip(-rotation[1, 2], -1, 1))
    yaw = np.arctan2(rotation[0, 2], rotation[2, 2])
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return np.array([yaw, pitch, roll, *(10 * place)], np.float32)


def _mouth_shape(spots: np.ndarray) -> np.ndarray:
    """Places of MediaPipe's mesh (points, 2) in pixels -> the four measures of `Reading.mouth`."""

    def apart(a: int, b: int) -> float:
        return float(np.hypot(*(spots[a] - spots[b])))

    gap = (apart(13, 14) + apart(82, 87) + apart(312, 317)) / 3  # inner lips at the middle and on both sides
    nose = max(apart(168, NOSE_TIP), 1e-6)
    return np.array([gap, apart(61, 291), apart(0, 17), apart(NOSE_TIP, 152) / nose], np.float32)


def _by_name(scores: Any) -> np.ndarray:
    """MediaPipe's categories in any order -> (52,) float32 in COEFFICIENTS order; `_neutral` is left out."""
    values = np.array([[score.score for score in scores]], np.float32)
    return reorder(values, [score.category_name for score in scores], source="the face landmarker")[0]


def _seen_whole(matrix: np.ndarray, part: tuple[int, ...], left: int, top: int, whole: tuple[int, ...]) -> np.ndarray:
    """The pose in a part of a picture as the camera of the whole picture sees it.

    MediaPipe takes every image for one of 63 degrees from top to bottom. A face of the same pixels is farther from the
    camera of the larger picture, and beside its axis by the pixels between the two centres.
    """
    if part[:2] == whole[:2]:
        return matrix
    focal_px = part[0] / 2 / np.tan(np.radians(63 / 2))
    cm_per_px = -matrix[2, 3] / focal_px
    across = left + part[1] / 2 - whole[1] / 2
    down = top + part[0] / 2 - whole[0] / 2
    seen = matrix.copy()
    seen[0, 3] += across * cm_per_px
    seen[1, 3] -= down * cm_per_px
    seen[2, 3] *= whole[0] / part[0]
    return seen


def _squares(height: int, width: int) -> Iterator[tuple[int, int, int]]:
    """left, top and side of squares that half overlap and cover the picture."""
    shorter = min(height, width)
    side = shorter if max(height, width) > NEARLY_SQUARE * shorter else round(2 * shorter / 3)
    for top in _starts(height, side):
        for left in _starts(width, side):
            yield left, top, side


def _starts(length: int, side: int) -> list[int]:
    count = -(-2 * (length - side) // side) + 1
    return [round(n * (length - side) / max(count - 1, 1)) for n in range(count)]


def _distinct(faces: list[_Face]) -> list[_Face]:
    """Without repetitions of one face; the first found is kept, in the order found."""
    kept: list[_Face] = []
    for face in faces:
        if all(_overlap(face.box, other.box) < SAME_FACE for other in kept):
            kept.append(face)
    return kept


def _overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = float(width * height)
    areas = float((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]))
    return common / (areas - common)
