"""Unit and direction of a mesh whose file does not tell them: by the distance of its eyes, and where they look."""

from dataclasses import replace

import numpy as np

from emotalk.rigs.importers.finish import EYE_DISTANCE_MM, Mesh

UNITS_MM = (1.0, 10.0, 1000.0, 25.4)  # millimetre, centimetre, metre, inch
NARROWEST_MM, WIDEST_MM = 45.0, 85.0  # between the eyes of a face


def placed(mesh: Mesh, *, unit_mm: float | None = None) -> Mesh:
    """The mesh in millimetres, looking along +z.

    `unit_mm` is what the format says, tried first; then other usual units; a stylised face that fits none is scaled so
    that its eyes are as far apart as an adult's.
    """
    left, right = (_middle(mesh, f"eyeBlink{side}") for side in ("Left", "Right"))
    distance = float(np.linalg.norm(left - right))
    if distance == 0:
        return mesh  # no blink to go by; what is missing is said where lids are looked for
    middle = (mesh.vertices.max(0) + mesh.vertices.min(0)) / 2
    if left[0] < right[0] and (left + right)[2] / 2 < middle[2]:  # it looks along -z
        turn = np.array([-1.0, 1.0, -1.0])
        moves = {name: move * turn for name, move in mesh.moves.items()}
        mesh = replace(mesh, vertices=mesh.vertices * turn, moves=moves)
    units = (unit_mm, *UNITS_MM) if unit_mm else UNITS_MM
    fitting = [unit for unit in units if NARROWEST_MM <= distance * unit <= WIDEST_MM]
    return mesh.scaled(fitting[0] if fitting else EYE_DISTANCE_MM / distance)


def _middle(mesh: Mesh, name: str) -> np.ndarray:
    amount = np.linalg.norm(mesh.moves[name], axis=1) ** 2
    return (mesh.vertices * amount[:, None]).sum(0) / max(amount.sum(), 1e-30)
