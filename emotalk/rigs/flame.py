"""FLAME (Li et al. 2017) as far as faces move: template, expression, jaw, and eyelids where the file has them.

The model itself is its users' own: its licence does not let it travel. Parameters are one row (expression…, jaw x, y, z
as an axis-angle in radians, then left and right eyelid where there are any). Vertices are in millimetres.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from emotalk.errors import InputError

JAW_JOINT = 2  # of root, neck, jaw and two eyeballs
JAW_PARAMETERS = ("jaw.x", "jaw.y", "jaw.z")


@dataclass(frozen=True, eq=False)
class Flame:
    """`template` (V, 3) mm; `triangles` (F, 3); `expression` (E, V, 3) mm per unit; `eyelids` (0 or 2, V, 3) mm;
    `corrections` (9, V, 3) mm per entry of the jaw's rotation less the identity; `jaw_share` (V,) of the jaw's
    movement; `regressor` (J, V): places of the joints, mouth closed, J at least 5; `masks` name -> vertices."""

    template: np.ndarray
    triangles: np.ndarray
    expression: np.ndarray
    corrections: np.ndarray
    jaw_share: np.ndarray
    regressor: np.ndarray
    eyelids: np.ndarray
    masks: dict[str, np.ndarray]

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of a row's columns."""
        count = len(self.expression)
        lids = ("eyelid.left", "eyelid.right") if len(self.eyelids) else ()
        return (*(f"expression.{i}" for i in range(count)), *JAW_PARAMETERS, *lids)

    @property
    def jaw(self) -> slice:
        return slice(len(self.expression), len(self.expression) + 3)

    @cached_property
    def eyes(self) -> dict[str, np.ndarray]:
        """side -> (3,) mm centre of the eyeball; left is the face's own, at +x."""
        both = sorted((self.regressor @ self.template)[-2:], key=lambda place: place[0])
        return {"right": both[0], "left": both[1]}

    @cached_property
    def _linear(self) -> np.ndarray:
        """(E + lids, V, 3): all that adds up before the jaw turns."""
        return np.concatenate([self.expression, self.eyelids])

    @cached_property
    def _jaw_joints(self) -> tuple[np.ndarray, np.ndarray]:
        """The jaw's joint at rest (3,), and how each linear part shifts it (E + lids, 3)."""
        row = self.regressor[JAW_JOINT]
        shifts = np.einsum("v,kvc->kc", row, self._linear)
        shifts[len(self.expression) :] = 0  # lids are added to a face, they do not shape its bones
        return row @ self.template, shifts

    def vertices(self, parameters: np.ndarray) -> np.ndarray:
        """(n, P) -> (n, V, 3) mm. InputError for another number of columns."""
        parameters = self._checked(parameters)
        out = np.empty((len(parameters), len(self.template), 3))
        for row, (linear, jaw) in enumerate(zip(*self._split(parameters), strict=True)):
            turn = rotation(jaw)
            place, shifts = self._jaw_joints
            joint = place + linear @ shifts
            posed = self.template + np.tensordot(linear, self._linear, 1)
            posed += np.tensordot((turn - np.eye(3)).ravel(), self.corrections, 1)
            turned = (posed - joint) @ turn.T + joint
            out[row] = posed + self.jaw_share[:, None] * (turned - posed)
        return out

    def tangents(self, parameters: np.ndarray, vertices: np.ndarray) -> np.ndarray:
        """(P,) -> (P, n, 3) mm: how some vertices move with each parameter, at that pose."""
        jaw = self._checked(parameters[None])[0, self.jaw]
        turn = rotation(jaw) - np.eye(3)
        share = self.jaw_share[vertices, None]
        _, shifts = self._jaw_joints
        moves = self._linear[:, vertices]
        moves = moves + share * ((moves - shifts[:, None]) @ turn.T)
        count, step = len(self.expression), 1e-4
        turns = []
        for axis in range(3):
            nudged = np.repeat(parameters[None], 2, axis=0)
            nudged[0, count + axis] += step
            nudged[1, count + axis] -= step
            ahead, behind = self.vertices(nudged)[:, vertices]
            turns.append((ahead - behind) / (2 * step))
        return np.concatenate([moves[:count], np.stack(turns), moves[count:]])

    def _split(self, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        count = len(self.expression)
        linear = np.concatenate([parameters[:, :count], parameters[:, count + 3 :]], axis=1)
        return linear, parameters[:, self.jaw]

    def _checked(self, parameters: np.ndarray) -> np.ndarray:
        parameters = np.asarray(parameters, np.float64)
        if parameters.ndim != 2 or parameters.shape[1] != len(self.parameters):
            raise InputError(f"FLAME parameters are (n, {len(self.parameters)}), not {parameters.shape}")
        return parameters


def rotation(axis_angle: np.ndarray) -> np.ndarray:
    """(3,) radians -> (3, 3), after Rodrigues."""
    angle = float(np.linalg.norm(axis_angle))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = axis_angle / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)
