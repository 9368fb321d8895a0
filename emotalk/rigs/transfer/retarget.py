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
from emotalk.rigs.transfer.storage import load_map, save_map

FORMAT = "emotalk-retarget-1"
LEAN = 0.04  # of the prior towards the shape of the same name, against the mean square of the whole shape
GAP_WEIGHT = 2.0  # of the mean square error of the gaps against that of all vertices
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

    def error_mm(self, source: Rig, target: Rig, weights: np.ndarray) -> np.ndarray:
        """(frames, n) distance at each vertex `correspondence.target` between the source's carried movement and the
        target's own, in the target's size."""
        wanted = self.correspondence.carry(source.vertices(weights) - source.neutral)
        got = target.vertices(self.apply(weights), self.correspondence.target)
        return np.linalg.norm(got - target.neutral[self.correspondence.target] - wanted, axis=2)

    def save(self, path: PathOrUri) -> None:
        """One npz, whole or not at all."""
        arrays = {"source": np.array(self.source), "target": np.array(self.target), "matrix": self.matrix}
        save_map(path, FORMAT, self.correspondence, arrays)

    @classmethod
    def load(cls, path: PathOrUri) -> "Retarget":
        """A map that `save` wrote. InputError names file and reason."""

        def build(arrays: dict[str, np.ndarray], place: Correspondence) -> Retarget:
            return cls(str(arrays["source"]), str(arrays["target"]), arrays["matrix"], place)

        return load_map(path, FORMAT, "between rigs", build)


def fit_retarget(source: Rig, target: Rig, correspondence: Correspondence | None = None) -> Retarget:
    """The map from one rig to another; the correspondence is found by registration unless one is given."""
    if correspondence is None:
        correspondence = correspond(surface_of(source), surface_of(target))
    wanted = correspondence.carry(source.displacements.astype(np.float64)).reshape(len(COEFFICIENTS), -1)
    fields = target.displacements[:, correspondence.target].astype(np.float64).reshape(len(COEFFICIENTS), -1)
    scale = float(np.cbrt(np.linalg.det(correspondence.turn)))
    wanted_gaps, gaps = gap_rows(source, target, scale)
    per_vertex, per_gap = np.sqrt(3 / fields.shape[1]), np.sqrt(GAP_WEIGHT / gaps.shape[1])
    basis = np.concatenate([fields * per_vertex, gaps * per_gap], axis=1)
    goals = np.concatenate([wanted * per_vertex, wanted_gaps * per_gap], axis=1)
    return Retarget(source.name, target.name, _mixtures(basis, goals), correspondence)


def gap_rows(source: Rig, target: Rig, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """(52, n) mm each: how every shape opens lips and lids of the source, as the target should, and of the target.

    Lips by the same height, in the target's size; lids by the same share of their height at rest.
    """
    ours, theirs = [], []
    for gap in GAPS:
        rows, rest = zip(*(_gap_moves(rig, gap) for rig in (source, target)), strict=True)
        factor = scale if gap == "mouth" else rest[1] / np.maximum(rest[0], 1e-6)
        ours.append(rows[0] * factor)
        theirs.append(rows[1])
    return np.concatenate(ours, axis=1), np.concatenate(theirs, axis=1)


def _gap_moves(rig: Rig, gap: str) -> tuple[np.ndarray, np.ndarray]:
    """(52, n) how each shape changes the height of a gap along its width, and (n,) the height at rest."""
    opening = openings_of(rig)[gap]
    shares = RIM_SHARES[gap][1:-1]

    def heights(values: np.ndarray) -> np.ndarray:
        out = []
        for edge in (opening.upper, opening.lower):
            placed = np.column_stack([rig.neutral[edge, 0], values[edge], np.zeros(len(edge))])
            out.append(along(placed, shares)[:, 1])
        return out[0] - out[1]

    moves = np.stack([heights(field[:, 1].astype(np.float64)) for field in rig.displacements])
    return moves, np.maximum(heights(rig.neutral[:, 1].astype(np.float64)), 0)


def _mixtures(basis: np.ndarray, goals: np.ndarray) -> np.ndarray:
    """(52, 52): each goal as a mixture of the basis, non-negative. Looks and the tongue keep their name."""
    out = np.zeros((len(goals), len(basis)))
    gram, toward = basis @ basis.T, goals @ basis.T
    # Eyeballs and tongue are not skin: only their own coefficient may turn or move them.
    free = np.array([INDEX[name] for name in COEFFICIENTS if name not in BY_NAME])
    for i, goal in enumerate(goals):
        by_name = COEFFICIENTS[i] in BY_NAME
        if by_name or not goal.any():
            out[i, i] = 1.0
        if not goal.any():
            continue
        lean = LEAN * float(goals[i] @ goals[i])
        root = np.linalg.cholesky(gram[np.ix_(free, free)] + lean * np.eye(len(free))).T
        # Of a look its own shape does its part; the others do what lids need besides.
        aim = (toward[i] - gram[i] if by_name else toward[i])[free] + lean * (free == i)
        out[i, free], _ = nnls(root, np.linalg.solve(root.T, aim))
    return out


def coefficient_row(retarget: Retarget, name: str) -> dict[str, float]:
    """What one coefficient of the source becomes, largest part first; parts under 1 % are left out."""
    row = retarget.matrix[INDEX[name]]
    order = np.argsort(-row)
    return {COEFFICIENTS[j]: float(row[j]) for j in order if row[j] > 0.01}
