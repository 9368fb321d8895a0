"""`Film`: one or several animations on one clock, side by side, as pictures one after the other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, reorder
from emotalk.errors import InputError
from emotalk.render.heat import HeatScale, fitting_limit
from emotalk.render.layout import Page, side_by_side
from emotalk.render.stage import Stage, check_view
from emotalk.rigs.rig import Rig

MAX_FILM_S = 24 * 3600
MAX_WEIGHT = 1000.0  # of any sign: what is larger is no face
PIVOT = 0.3  # of the head's height: about where a skull turns on its neck


@dataclass(frozen=True, eq=False)
class Face:
    """An animation on the film's clock. `weights` (frames, 52); `turns` (frames, 3, 3) of the head, or None."""

    weights: np.ndarray
    turns: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Film:
    """Faces of equal length on one rig. Frame k is shown at k / fps seconds."""

    rig: Rig
    faces: tuple[Face, ...]
    page: Page
    fps: Fraction
    size: int
    turn: float
    heat: HeatScale | None

    @property
    def frames(self) -> int:
        return len(self.faces[0].weights)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of every picture, both even."""
        return self.page.canvas.shape[0], self.page.canvas.shape[1]

    def pictures(self, frames: Iterable[int] | None = None) -> Iterator[np.ndarray]:
        """(H, W, 3) uint8 of the given frames, by default of all."""
        with Stage(self.rig, size=self.size, turn=self.turn) as stage:
            for frame in range(self.frames) if frames is None else frames:
                yield self.page.lay(self._draw(stage, frame))

    def _draw(self, stage: Stage, frame: int) -> list[np.ndarray]:
        still = [self.rig.vertices(face.weights[frame : frame + 1])[0] for face in self.faces]
        posed = [self._turned(face, frame, vertices) for face, vertices in zip(self.faces, still, strict=True)]
        pictures = [stage.draw(vertices) for vertices in posed]
        if self.heat is not None:  # of the face itself: a nod is no error of the lips
            for vertices, own in zip(posed[1:], still[1:], strict=True):
                distances = np.linalg.norm(own - still[0], axis=1)
                pictures.append(stage.draw(vertices, self.heat.colours(distances)))
        return pictures

    def _turned(self, face: Face, frame: int, vertices: np.ndarray) -> np.ndarray:
        if face.turns is None:
            return vertices
        low, high = self.rig.neutral.min(axis=0), self.rig.neutral.max(axis=0)
        pivot = (low + high) / 2
        pivot[1] = low[1] + PIVOT * (high[1] - low[1])
        return (vertices - pivot) @ face.turns[frame].T + pivot


def make_film(
    animations: Sequence[Animation],
    rig: Rig,
    *,
    titles: Sequence[str] = (),
    heat_map: bool = False,
    heat_limit_mm: float | None = None,
    head: bool = True,
    fps: Fraction | int = 30,
    size: int = 512,
    turn: float = 0.0,
) -> Film:
    """Animations of any rate, names and length on one clock; a shorter one rests in its last frame.

    Each starts with its own first frame. `head` turns the heads as the animations say; where a head is does not
    matter: the camera stays with it. `heat_map` adds distances to the first animation, up to `heat_limit_mm` (default:
    a round number that fits). `turn`: radians to the face's own left from which all are seen.
    """
    if not animations:
        raise InputError("there is no animation to draw")
    if titles and len(titles) != len(animations):
        raise InputError(f"titles are one per animation: {len(animations)}, not {len(titles)}")
    if heat_map and len(animations) < 2:
        raise InputError("a heat map shows distances to the first animation: give two or more")
    clock = Fraction(fps)
    if not 1 <= clock <= 120:
        raise InputError(f"a film has 1 to 120 frames per second, not {fps}")
    check_view(size, turn)
    for animation in animations:
        if animation.duration_s > MAX_FILM_S:
            raise InputError(f"an animation of {animation.duration_s:.0f} s: films last at most {MAX_FILM_S} s")
        if np.abs(animation.weights).max(initial=0) > MAX_WEIGHT:
            raise InputError(f"coefficients run from 0 to 1; one here is {np.abs(animation.weights).max():g}")
    faces = [_on_clock(animation, clock, head) for animation in animations]
    longest = max(len(face.weights) for face in faces)
    faces = [
        Face(_held(face.weights, longest), None if face.turns is None else _held(face.turns, longest)) for face in faces
    ]
    heat = None
    if heat_map:
        weights = [face.weights for face in faces]
        heat = HeatScale(heat_limit_mm if heat_limit_mm is not None else fitting_limit(rig, weights[0], weights[1:]))
    names = list(titles) or [""] * len(faces)
    page = side_by_side(size, names, heat, names[0])
    return Film(rig=rig, faces=tuple(faces), page=page, fps=clock, size=size, turn=turn, heat=heat)


def on_clock(animation: Animation, values: np.ndarray, fps: Fraction) -> np.ndarray:
    """(frames, n) values of an animation -> (frames', n) float32 at k / fps seconds from its first frame.

    Kept bit for bit where the animation has that clock already, else interpolated between neighbours.
    """
    if animation.times_s is None and animation.fps == fps:
        return values
    times = animation.time_s() - animation.time_s()[0]
    if animation.times_s is None:
        count = -(-animation.frames * fps // animation.fps)
    else:
        count = int(times[-1] * float(fps) + 1e-6) + 1
    at = np.arange(int(count)) * fps.denominator / fps.numerator
    return np.stack([np.interp(at, times, column) for column in values.T], 1).astype(np.float32)


def rotations(head: np.ndarray) -> np.ndarray:
    """(frames, ≥ 3) yaw, pitch, roll in radians -> (frames, 3, 3): Ry(yaw) · Rx(pitch) · Rz(roll)."""
    yaw, pitch, roll = np.asarray(head, np.float64)[:, :3].T
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrix(*rows: list[np.ndarray]) -> np.ndarray:
        return np.stack([np.stack(row, -1) for row in rows], -2)

    cos, sin = np.cos, np.sin
    about_y = matrix([cos(yaw), zero, sin(yaw)], [zero, one, zero], [-sin(yaw), zero, cos(yaw)])
    about_x = matrix([one, zero, zero], [zero, cos(pitch), -sin(pitch)], [zero, sin(pitch), cos(pitch)])
    about_z = matrix([cos(roll), -sin(roll), zero], [sin(roll), cos(roll), zero], [zero, zero, one])
    return (about_y @ about_x @ about_z).astype(np.float32)


def _on_clock(animation: Animation, fps: Fraction, head: bool) -> Face:
    if not animation.frames:
        raise InputError("an animation without frames cannot be drawn")
    own = animation.names == COEFFICIENTS
    weights = on_clock(animation, animation.weights if own else reorder(animation.weights, animation.names), fps)
    if animation.head is None or not head:
        return Face(weights)
    # Angles are interpolated as they are: unwrapped, so that none runs the long way round.
    return Face(weights, rotations(on_clock(animation, np.unwrap(animation.head[:, :3], axis=0), fps)))


def _held(values: np.ndarray, frames: int) -> np.ndarray:
    return np.concatenate([values, np.repeat(values[-1:], frames - len(values), axis=0)])
