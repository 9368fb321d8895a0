"""Blendshape coefficients ↔ FLAME parameters: two matrices, fitted by least squares on FLAME's own surface.

Forwards every shape of the rig becomes the expression, jaw and eyelids that move FLAME's skin most like it; the jaw's
rotation is solved for as it is, by Gauss–Newton. Back, parameters become the mixture of shapes that moves it most like
them, corrected so that the shapes themselves come back as they were.
"""

from dataclasses import dataclass

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.files import PathOrUri
from emotalk.rigs.flame import Flame
from emotalk.rigs.importers.finish import face_regions
from emotalk.rigs.openings import Opening, find_opening
from emotalk.rigs.rig import GAPS, Rig
from emotalk.rigs.surface import pieces
from emotalk.rigs.transfer.correspondence import Correspondence
from emotalk.rigs.transfer.landmarks import AJAR, FaceSurface, surface_of
from emotalk.rigs.transfer.registration import correspond
from emotalk.rigs.transfer.storage import expect, load_map, save_map

FORMAT = "emotalk-flame-map-1"
RIDGE = 1e-6  # mm² per square unit of a parameter: decides only where the surface leaves a choice
ROUNDS = 6  # of Gauss–Newton
SECANT = 0.2  # radians of jaw that stand for its movement on the way back
WEAKEST = 1e-3  # of the largest singular value: weaker differences between shapes are not told apart


@dataclass(frozen=True)
class FlameMap:
    """`forward` (52, P) and `backward` (P, 52) for rows of coefficients and of parameters named `parameters`."""

    rig: str
    parameters: tuple[str, ...]
    forward: np.ndarray
    backward: np.ndarray
    correspondence: Correspondence

    def to_flame(self, weights: np.ndarray) -> np.ndarray:
        """(frames, 52) -> (frames, P) float32."""
        return _rows(weights, len(COEFFICIENTS)) @ self.forward.astype(np.float32)

    def to_coefficients(self, parameters: np.ndarray) -> np.ndarray:
        """(frames, P) -> (frames, 52) float32; not clamped."""
        return _rows(parameters, len(self.parameters)) @ self.backward.astype(np.float32)

    def check(self, rig: Rig, flame: Flame) -> None:
        """InputError where this map is of another rig or for another model."""
        if self.rig != rig.name:
            raise InputError(f"the map is for the rig {self.rig}, not for {rig.name}")
        if self.parameters != flame.parameters:
            raise InputError(f"the map has {len(self.parameters)} parameters, this FLAME model {len(flame.parameters)}")
        self.correspondence.check(len(rig.neutral), len(flame.template))

    def error_mm(self, rig: Rig, flame: Flame, weights: np.ndarray, parameters: np.ndarray | None = None) -> np.ndarray:
        """(frames, n) mm between the rig's carried movement and FLAME's, at vertices `correspondence.target`.

        FLAME moves by what the map makes of `weights`, or by given `parameters` (frames, P).
        """
        parameters = self.to_flame(weights) if parameters is None else parameters
        target = self.correspondence.target
        wanted = self.correspondence.carry(rig.vertices(weights).astype(np.float64) - rig.neutral)
        got = flame.vertices(parameters)[:, target] - flame.template[target]
        return np.linalg.norm(got - wanted, axis=2)

    def save(self, path: PathOrUri) -> None:
        """One npz, whole or not at all."""
        arrays = {"rig": np.array(self.rig), "parameters": np.array(self.parameters)}
        arrays |= {"forward": self.forward, "backward": self.backward}
        save_map(path, FORMAT, self.correspondence, arrays)

    @classmethod
    def load(cls, path: PathOrUri) -> "FlameMap":
        """A map that `save` wrote. InputError names file and reason."""

        def build(arrays: dict[str, np.ndarray], place: Correspondence) -> FlameMap:
            names = tuple(str(name) for name in arrays["parameters"])
            expect(arrays, "forward", (len(COEFFICIENTS), len(names)))
            expect(arrays, "backward", (len(names), len(COEFFICIENTS)))
            return cls(str(arrays["rig"]), names, arrays["forward"], arrays["backward"], place)

        return load_map(path, FORMAT, "to FLAME", build)


def fit_flame(rig: Rig, flame: Flame, correspondence: Correspondence | None = None) -> FlameMap:
    """The map between a rig and a FLAME model. A rig on FLAME's own mesh needs no correspondence; else it is found."""
    if correspondence is None:
        same = rig.triangles.shape == flame.triangles.shape and np.array_equal(rig.triangles, flame.triangles)
        correspondence = _own(rig) if same else correspond(surface_of(rig), flame_surface(flame))
    correspondence.check(len(rig.neutral), len(flame.template))
    at = correspondence.target
    wanted = correspondence.carry(rig.displacements.astype(np.float64))
    forward = np.stack([_solve(flame, at, move) for move in wanted])
    shapes = wanted.reshape(len(wanted), -1) / np.sqrt(len(at))
    moves = _secants(flame, at).reshape(len(flame.parameters), -1) / np.sqrt(len(at))
    gram = shapes @ shapes.T
    lean = RIDGE * max(float(np.trace(gram)), 1e-12)
    backward = np.linalg.solve(gram + lean * np.eye(len(gram)), shapes @ moves.T).T
    missing = np.eye(len(shapes)) - forward @ backward
    missing[~shapes.any(axis=1)] = 0  # what moves nothing cannot come back
    backward = backward + np.linalg.pinv(forward, rcond=WEAKEST) @ missing
    return FlameMap(rig.name, flame.parameters, forward, backward, correspondence)


def flame_rig(flame: Flame, fitted: FlameMap, *, name: str) -> Rig:
    """FLAME's mesh with the 52 shapes that a map gives it: jaw and lids at a weight of 1 are where FLAME puts them."""
    surface = flame_surface(flame)
    fields = flame.vertices(fitted.forward) - flame.template
    skin = _skin(flame)
    regions = face_regions(flame.template, flame.triangles, skin, surface.openings) | flame.masks
    for gap, opening in surface.openings.items():
        regions |= {f"{gap}_upper": opening.upper, f"{gap}_lower": opening.lower}
    joints = {f"eye_{side}": place for side, place in flame.eyes.items()}
    return Rig(
        name=name,
        neutral=flame.template,
        triangles=flame.triangles,
        displacements=fields,
        regions=regions,
        joints=joints,
    )


def flame_surface(flame: Flame) -> FaceSurface:
    """FLAME's skin with its mouth ajar. InputError where mouth or eyes are not found."""
    skin = _skin(flame)
    faces = flame.triangles[skin[flame.triangles].all(axis=1)]
    angles = np.linspace(0, 0.5, 26)
    jaw = np.zeros((len(angles), len(flame.parameters)))
    jaw[:, flame.jaw.start] = angles
    opened = flame.vertices(jaw)
    found: dict[str, Opening] = {}
    for gap in GAPS:
        pose, closing, size = opened[13], flame.template - opened[13], (120.0, 160.0)
        if gap != "mouth":
            pose, size = flame.template, (60.0, 60.0)
            ray = flame.template - flame.eyes[gap.removeprefix("eye_")]
            near = np.exp(-np.square(ray / 12.0).sum(1)) * (ray[:, 2] > 0)
            # There is no blink to go by: both lids towards the middle of the eyeball.
            closing = np.stack([0 * near, -np.clip(ray[:, 1], -6, 6) * near, 0 * near], axis=1)
        opening = find_opening(pose, faces, closing, width_mm=size[0], height_mm=size[1])
        if opening is None:
            raise InputError(f"no opening of {gap.replace('_', ' ')} found on this FLAME model")
        found[gap] = opening
    lips = found["mouth"]
    gaps = (opened[:, lips.upper, 1] - opened[:, lips.lower, 1]).max(1)
    ajar = opened[np.abs(gaps - AJAR * np.ptp(flame.template[lips.upper, 0])).argmin()]
    regions = face_regions(flame.template, flame.triangles, skin, found)
    face = np.unique(np.concatenate([ids for name, ids in regions.items() if name != "skin"]))
    return FaceSurface("FLAME", ajar, flame.template, faces, found, face)


def _skin(flame: Flame) -> np.ndarray:
    return pieces(flame.template, flame.triangles) == 0


def _own(rig: Rig) -> Correspondence:
    everything = np.arange(len(rig.neutral), dtype=np.int32)
    shares = np.tile(np.array([1.0, 0.0, 0.0]), (len(everything), 1))
    corners = np.repeat(everything[:, None], 3, axis=1)
    return Correspondence(everything, corners, shares, np.zeros(len(everything)), np.eye(3))


def _solve(flame: Flame, at: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(P,) the parameters whose movement of vertices `at` is nearest to `wanted` (n, 3)."""
    parameters = np.zeros(len(flame.parameters))
    if not wanted.any():
        return parameters
    for _ in range(ROUNDS):
        left = wanted - (flame.vertices(parameters[None])[0][at] - flame.template[at])
        slope = flame.tangents(parameters, at).reshape(len(parameters), -1)
        gram = slope @ slope.T / len(at) + RIDGE * np.eye(len(parameters))
        step = np.linalg.solve(gram, slope @ left.ravel() / len(at) - RIDGE * parameters)
        parameters = parameters + step
        if np.abs(step).max() < 1e-7:
            break
    return parameters


def _secants(flame: Flame, at: np.ndarray) -> np.ndarray:
    """(P, n, 3) mm per unit: each parameter's movement, the jaw's along a chord of its arc."""
    moves = flame.tangents(np.zeros(len(flame.parameters)), at)
    poses = np.zeros((3, len(flame.parameters)))
    poses[:, flame.jaw] = SECANT * np.eye(3)
    moves[flame.jaw] = (flame.vertices(poses)[:, at] - flame.template[at]) / SECANT
    return moves


def _rows(values: np.ndarray, columns: int) -> np.ndarray:
    values = np.asarray(values, np.float32)
    if values.ndim != 2 or values.shape[1] != columns:
        raise InputError(f"rows of {columns} numbers are wanted, not {values.shape}")
    return values
