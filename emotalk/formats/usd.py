"""`.usda`, `.usdc`, `.usd`: a head with ARKit's blend shapes and the animation on it, as UsdSkel, for Omniverse, Maya,
Houdini, Blender, Unreal.

`/Face` is a SkelRoot in metres, y up: `/Face/Head` the mesh with a BlendShape per coefficient, `/Face/Skeleton` one
joint `head`, `/Face/Animation` the SkelAnimation with `blendShapes`, `blendShapeWeights`, and the head's turn and place
as the joint's `rotations` and `translations`. Frame k has time code k, and `timeCodesPerSecond` is the frame rate; a
capture with irregular times has fractions for time codes. The emotion is an attribute of the animation,
`emotalk:emotion`, its labels are `emotalk:emotionNames`; the exact rate and `meta` stand in the layer's
`customLayerData`.

Any UsdSkel animation under ARKit's names is read. Needs the extra `usd`. A stage is held whole.
"""

import errno
import json
import re
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, reorder
from emotalk.errors import InputError
from emotalk.files import PathOrUri
from emotalk.formats.format import Format
from emotalk.formats.json_text import fps_of
from emotalk.formats.quaternions import angles_of, quaternions
from emotalk.formats.rig import rig_of
from emotalk.formats.usd_scene import add_head, pxr

if TYPE_CHECKING:
    from emotalk.rigs.rig import Rig

SUFFIXES = (".usda", ".usdc", ".usd")
METRES = 0.001
JOINT = "head"
EMOTION, LABELS = "emotalk:emotion", "emotalk:emotionNames"


def write(path: Path, pieces: Iterable[Animation], *, rig: "Rig | PathOrUri | None" = None) -> None:
    """On a rig (a `Rig` or its file), by default the project's own head. InputError for other names than the 52."""
    usd = pxr()
    stage = usd.Usd.Stage.CreateInMemory()
    animation = add_head(stage, rig_of(rig))
    written = _Animation(usd, animation)
    for piece in pieces:
        written.add(piece)
    written.finish(stage)
    # The ending of the name says whether it is text.
    kept = path if path.suffix in SUFFIXES else path.with_name(path.name + SUFFIXES[-1])
    try:
        stage.GetRootLayer().Export(str(kept))
    except usd.Tf.ErrorException as error:
        kept.unlink(missing_ok=True)
        raise OSError(errno.EIO, f"OpenUSD cannot write it ({_said(error)})") from error
    if kept != path:
        kept.replace(path)


def _said(error: Exception) -> str:
    """The first of OpenUSD's errors without the place in its sources; later ones follow from it."""
    return (re.findall(r": '(.*?)'\s*$", str(error), re.MULTILINE) or ["no reason given"])[0]


def read(file: IO[bytes], source: str) -> Animation:
    """The first SkelAnimation of blend shapes under ARKit's names. InputError where there is none."""
    usd = pxr()
    ending = PurePosixPath(source).suffix.lower()
    with tempfile.NamedTemporaryFile(suffix=ending if ending in SUFFIXES else SUFFIXES[-1]) as copy:
        copy.write(file.read())  # the library opens files by name, and this may come from a URI
        copy.flush()
        try:
            stage = usd.Usd.Stage.Open(copy.name)
        except usd.Tf.ErrorException as error:
            raise InputError("not a USD file, or cut short", source=source) from error
        try:
            for prim in stage.Traverse():
                animation = usd.UsdSkel.Animation(prim)
                names = [str(name) for name in (animation.GetBlendShapesAttr().Get() or ())] if animation else []
                if "jawopen" in {name.lower() for name in names}:
                    return _read_animation(stage, animation, names, source)
        except InputError as error:
            raise InputError(error.reason, source=source) from error
        except (ValueError, TypeError, KeyError, usd.Tf.ErrorException) as error:
            raise InputError(f"its animation is broken ({error!s:.120})", source=source) from error
    raise InputError("no UsdSkel animation of blend shapes under ARKit's names", source=source)


class _Animation:
    """A SkelAnimation that grows by pieces."""

    def __init__(self, usd: Any, animation: Any) -> None:
        self._usd, self._animation = usd, animation
        self._weights = animation.CreateBlendShapeWeightsAttr()
        self._frames = 0
        self._span = (0.0, 0.0)
        self._fps = Fraction(30)
        self._meta: dict[str, Any] = {}

    def add(self, piece: Animation) -> None:
        self._fps = piece.fps
        self._meta.update(piece.meta)
        weights = reorder(piece.weights, piece.names)
        codes = np.arange(self._frames, self._frames + piece.frames, dtype=np.float64)
        if piece.times_s is not None:
            codes = piece.times_s * float(piece.fps)
        arrays = self._usd.Vt.FloatArray
        for code, row in zip(codes.tolist(), weights, strict=True):
            self._weights.Set(arrays.FromNumpy(row), code)
        if piece.head is not None:
            self._add_head(piece.head, codes)
        if piece.emotion is not None:
            self._add_emotion(piece, codes)
        if piece.frames:
            self._span = (self._span[0] if self._frames else codes[0], codes[-1])
        self._frames += piece.frames

    def finish(self, stage: Any) -> None:
        stage.SetTimeCodesPerSecond(float(self._fps))
        stage.SetFramesPerSecond(float(self._fps))
        stage.SetStartTimeCode(self._span[0])
        stage.SetEndTimeCode(self._span[1])
        rate = [self._fps.numerator, self._fps.denominator]
        about = {"fps": json.dumps(rate), "meta": json.dumps(self._meta, sort_keys=True)}
        stage.GetRootLayer().customLayerData = {"emotalk": about}

    def _add_head(self, head: np.ndarray, codes: np.ndarray) -> None:
        gf, vt = self._usd.Gf, self._usd.Vt
        rotations, translations = self._animation.GetRotationsAttr(), self._animation.GetTranslationsAttr()
        places = (head[:, 3:] * METRES).tolist()
        for code, (x, y, z, w), place in zip(codes.tolist(), quaternions(head[:, :3]).tolist(), places, strict=True):
            rotations.Set(vt.QuatfArray([gf.Quatf(w, x, y, z)]), code)
            translations.Set(vt.Vec3fArray([gf.Vec3f(*place)]), code)

    def _add_emotion(self, piece: Animation, codes: np.ndarray) -> None:
        prim, types = self._animation.GetPrim(), self._usd.Sdf.ValueTypeNames
        prim.CreateAttribute(LABELS, types.TokenArray, custom=True).Set(list(piece.emotion_names))
        attribute = prim.CreateAttribute(EMOTION, types.FloatArray, custom=True)
        assert piece.emotion is not None
        for code, row in zip(codes.tolist(), piece.emotion, strict=True):
            attribute.Set(self._usd.Vt.FloatArray.FromNumpy(row), code)


def _read_animation(stage: Any, animation: Any, names: list[str], source: str) -> Animation:
    attribute = animation.GetBlendShapeWeightsAttr()
    codes = np.array(attribute.GetTimeSamples(), np.float64)
    rows = [attribute.Get(code) for code in codes.tolist()]
    if not rows:
        if attribute.Get() is None:
            raise InputError("its animation has no frames", source=source)
        codes, rows = np.zeros(1), [attribute.Get()]
    weights = np.array([np.asarray(row, np.float32) for row in rows])
    if weights.shape[1] != len(names):
        raise InputError(f"{weights.shape[1]} weights for {len(names)} blend shapes", source=source)
    data = stage.GetRootLayer().customLayerData.get("emotalk", {})
    per_second = stage.GetTimeCodesPerSecond()
    fps = fps_of(json.loads(data["fps"]) if "fps" in data else per_second, "timeCodesPerSecond", source)
    steps = codes - codes[0]
    # Elsewhere a frame may be several time codes long: 24 a second is what most tools count in.
    step = float(np.median(np.diff(steps))) if len(steps) > 1 else 1.0
    regular = bool(np.allclose(steps, step * np.arange(len(steps)), rtol=0, atol=1e-6 * max(step, 1)))
    if regular and step != 1:
        fps = (fps / Fraction(step).limit_denominator(1001)).limit_denominator(1001)
    labels, emotion = _emotion(animation, codes)
    return Animation(
        weights=reorder(weights, names, source=source),
        names=COEFFICIENTS,
        fps=fps,
        head=_head(animation, codes),
        emotion=emotion,
        emotion_names=labels,
        meta=json.loads(data["meta"]) if "meta" in data else {},
        times_s=None if regular else codes / per_second,
    )


def _head(animation: Any, codes: np.ndarray) -> np.ndarray | None:
    """(frames, 6), where a joint `head` moves."""
    joints = [str(joint).rsplit("/", 1)[-1].lower() for joint in (animation.GetJointsAttr().Get() or ())]
    rotations, translations = animation.GetRotationsAttr(), animation.GetTranslationsAttr()
    if JOINT not in joints or not (rotations.GetNumTimeSamples() or translations.GetNumTimeSamples()):
        return None
    place = joints.index(JOINT)
    out = np.zeros((len(codes), 6), np.float32)
    for row, code in enumerate(codes.tolist()):
        if turns := rotations.Get(code):
            turn = turns[place]
            out[row, :3] = angles_of(np.array([[*turn.GetImaginary(), turn.GetReal()]], np.float64))[0]
        if places := translations.Get(code):
            out[row, 3:] = np.array(places[place], np.float64) / METRES
    return out


def _emotion(animation: Any, codes: np.ndarray) -> tuple[tuple[str, ...], np.ndarray | None]:
    shares, labels = (animation.GetPrim().GetAttribute(name) for name in (EMOTION, LABELS))
    if not shares or not labels:
        return (), None
    return tuple(str(label) for label in labels.Get()), np.array([np.asarray(shares.Get(c)) for c in codes.tolist()])


FORMAT = Format(
    name="usd",
    title="USD, a head that moves",
    suffixes=SUFFIXES,
    media_type="model/vnd.usda",
    write=write,
    read=read,
    head=True,
    emotion=True,
    meta=True,
    piecewise=False,
    extra="usd",
)
