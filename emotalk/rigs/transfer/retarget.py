"""Coefficients of one rig as coefficients of another: a linear map fitted through the correspondence of their faces.

Every shape of the source becomes a mixture of the target's shapes that moves the target's skin the same way, opens lips
as far and lids by the same share. Mixtures are without negative parts, and lean to the shape of the same name.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.files import PathOrUri
from emotalk.rigs.rig import GAPS, Rig
from emotalk.rigs.transfer.correspondence import Correspondence
from emotalk.rigs.transfer.landmarks import RIM_SHARES, along, openings_of, surface_of
from emotalk.rigs.transfer.registration import correspond
from emotalk.rigs.transfer.storage import expect, load_map, save_map

FORMAT = "emotalk-retarget-1"
LEAN = 0.04  # of the prior towards the shape of the same name, against the mean square of the whole shape
GAP_WEIGHT = 2.0  # of the mean square error of each gap's heights against that of all vertices
# The same for the middle of the lips alone: a mouth opens widest there, however rigs differ in how wide the opening is.
MIDDLE_WEIGHT = 20.0
BY_NAME = tuple(name for name in COEFFICIENTS if name.startswith("eyeLook") or name == "tongueOut")


@dataclass(frozen=True)
class Retarget:
    """`matrix` (52, 52): row i is what coefficient i of `source` becomes on `target` (both are rigs' names)."""

    source: str
    target: str
    matrix: np.ndarray
    correspondence: Correspondence

    def apply(self, weights: np.ndarray) -> np.ndarray:
        """(frames, 52) of the source -> (frames, 52) float32 of the target. May pass 1 where that rig moves less."""
        weights = np.asarray(weights, np.float32)
        if weights.ndim != 2 or weights.shape[1] != len(COEFFICIENTS):
            raise InputError(f"weights are (frames, {len(COEFFICIENTS)}), not {weights.shape}")
        return weights @ self.matrix.astype(np.float32)

    def check(self, source: Rig, target: Rig) -> None:
        """InputError where this map is between other rigs."""
        if (self.source, self.target) != (source.name, target.name):
            raise InputError(f"the map is for {self.source} → {self.target}, not for {source.name} → {target.name}")
        self.correspondence.check(len(source.neutral), len(target.neutral))

    def error_mm(self, source: Rig, target: Rig, weights: np.ndarray) -> np.ndarray:
        """(frames, n) distance at each vertex `correspondence.target` between the source's carried movement and the
        target's own, in the target's size."""
        wanted = self.correspondence.carry(source.vertices(weights) - source.neutral)
        got = target.vertices(self.apply(weights), self.correspondence.target)
        return np.linalg.norm(got - target.neutral[self.correspondence.target] - wanted, axis=2)

    def openings(self, source: Rig, target: Rig, weights: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Gap -> (wanted, got), (frames,) each: how far the source opens it, in the target's terms, and the target.

        Lips in mm from rest and in the target's size, 0 where they are as closed as at rest or more; lids as a share
        of their height at rest. `weights` (frames, 52) of the source.
        """
        rest, carried = np.zeros((1, len(COEFFICIENTS)), np.float32), self.apply(weights)
        out = {}
        for gap in GAPS:
            rests = [float(rig.gap_mm(rest, gap)[0]) for rig in (source, target)]
            heights = [source.gap_mm(weights, gap), target.gap_mm(carried, gap)]
            if gap == "mouth":
                wanted, got = (np.maximum(high - low, 0) for high, low in zip(heights, rests, strict=True))
                wanted = wanted * float(np.cbrt(np.linalg.det(self.correspondence.turn)))
            else:
                wanted, got = (high / max(low, 1e-6) for high, low in zip(heights, rests, strict=True))
            out[gap] = (wanted, got)
        return out

    def save(self, path: PathOrUri) -> None:
        """One npz, whole or not at all."""
        arrays = {"source": np.array(self.source), "target": np.array(self.target), "matrix": self.matrix}
        save_map(path, FORMAT, self.correspondence, arrays)

    @classmethod
    def load(cls, path: PathOrUri) -> "Retarget":
        """A map that `save` wrote. InputError names file and reason."""

        def build(arrays: dict[str, np.ndarray], place: Correspondence) -> Retarget:
            expect(arrays, "matrix", (len(COEFFICIENTS), len(COEFFICIENTS)))
            return cls(str(arrays["source"]), str(arrays["target"]), arrays["matrix"], place)

        return load_map(path, FORMAT, "between rigs", build)


def fit_retarget(source: Rig, target: Rig, correspondence: Correspondence | None = None) -> Retarget:
    """The map from one rig to another; the correspondence is found by registration unless one is given."""
    if correspondence is None:
        correspondence = correspond(surface_of(source), surface_of(target))
    correspondence.check(len(source.neutral), len(target.neutral))
    wanted = correspondence.carry(source.displacements.astype(np.float64)).reshape(len(COEFFICIENTS), -1)
    fields = target.displacements[:, correspondence.target].astype(np.float64).reshape(len(COEFFICIENTS), -1)
    scale = float(np.cbrt(np.linalg.det(correspondence.turn)))
    wanted_gaps, gaps, per_gap = gap_rows(source, target, scale)
    per_vertex = np.sqrt(3 / fields.shape[1])
    basis = np.concatenate([fields * per_vertex, gaps * per_gap], axis=1)
    goals = np.concatenate([wanted * per_vertex, wanted_gaps * per_gap], axis=1)
    gram = basis @ basis.T
    matrix = np.stack([_mixture(basis, gram, goal, i) for i, goal in enumerate(goals)])
    # mouthClose exists to undo jawOpen on the lips: what it has to undo on the target is what jawOpen has become there.
    jaw, close, lips = INDEX["jawOpen"], INDEX["mouthClose"], slice(-gaps.shape[1], None)
    if goals[close].any():
        goals[close, lips] += goals[jaw, lips] - matrix[jaw] @ basis[:, lips]
        matrix[close] = _mixture(basis, gram, goals[close], close)
    return Retarget(source.name, target.name, matrix, correspondence)


def gap_rows(source: Rig, target: Rig, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(52, n) mm each: how every shape opens lips and lids of the source, as the target should, and of the target; and
    (n,) the weight of each height in the fit.

    Lips by the same height, in the target's size; lids by the same share of their height at rest.
    """
    ours, theirs, weights = [], [], []
    for gap in GAPS:
        shares = RIM_SHARES[gap][1:-1]
        weight = np.full(len(shares), GAP_WEIGHT / len(shares))
        if gap == "mouth":
            shares, weight = np.append(shares, 0.5), np.append(weight, MIDDLE_WEIGHT)
        rows, rest = zip(*(_gap_moves(rig, gap, shares) for rig in (source, target)), strict=True)
        factor = scale if gap == "mouth" else rest[1] / np.maximum(rest[0], 1e-6)
        ours.append(rows[0] * factor)
        theirs.append(rows[1])
        weights.append(weight)
    return np.concatenate(ours, axis=1), np.concatenate(theirs, axis=1), np.sqrt(np.concatenate(weights))


def _gap_moves(rig: Rig, gap: str, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(52, n) how each shape changes the height of a gap along its width, and (n,) the height at rest."""
    opening = openings_of(rig)[gap]

    def heights(values: np.ndarray) -> np.ndarray:
        out = []
        for edge in (opening.upper, opening.lower):
            placed = np.column_stack([rig.neutral[edge, 0], values[edge], np.zeros(len(edge))])
            out.append(along(placed, shares)[:, 1])
        return out[0] - out[1]

    moves = np.stack([heights(field[:, 1].astype(np.float64)) for field in rig.displacements])
    return moves, np.maximum(heights(rig.neutral[:, 1].astype(np.float64)), 0)


def _mixture(basis: np.ndarray, gram: np.ndarray, goal: np.ndarray, own: int) -> np.ndarray:
    """(52,) coefficient number `own`, whose movement is `goal`, as a mixture of the basis, non-negative. Looks and the
    tongue keep their name."""
    out = np.zeros(len(basis))
    # Eyeballs and tongue are not skin: only their own coefficient may turn or move them.
    free = np.array([INDEX[name] for name in COEFFICIENTS if name not in BY_NAME])
    by_name = COEFFICIENTS[own] in BY_NAME
    if by_name or not goal.any():
        out[own] = 1.0
    if not goal.any():
        return out
    lean = LEAN * float(goal @ goal)
    root = np.linalg.cholesky(gram[np.ix_(free, free)] + lean * np.eye(len(free))).T
    # Of a look its own shape does its part; the others do what lids need besides.
    toward = basis @ goal
    aim = (toward - gram[own] if by_name else toward)[free] + lean * (free == own)
    out[free], _ = nnls(root, np.linalg.solve(root.T, aim))
    return out
