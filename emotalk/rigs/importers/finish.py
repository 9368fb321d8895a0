"""From a foreign mesh with its 52 movements to a `Rig`: skin, openings, regions, eyes and colours found by geometry."""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import cKDTree

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.rigs.importers.eyeballs import eyeball_colours, find_eyeballs, sphere_centre
from emotalk.rigs.openings import Opening, find_opening
from emotalk.rigs.rig import Rig
from emotalk.rigs.surface import pieces, vertex_normals

EYE_DISTANCE_MM = 63.0  # between the pupils of an adult; regions scale with it
SKIN, LIPS, OTHER = (224, 176, 152), (206, 128, 118), (205, 190, 178)


@dataclass
class Mesh:
    """What an importer has read: `vertices` (V, 3), `triangles` (F, 3), `moves` coefficient -> (V, 3), in one unit.

    `regions`, `colours` (V, 3) and `skin` (V,) bool where the file tells; else geometry does.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    moves: dict[str, np.ndarray]
    regions: dict[str, np.ndarray] = field(default_factory=dict)
    colours: np.ndarray | None = None
    skin: np.ndarray | None = None

    def scaled(self, factor: float) -> "Mesh":
        """The same in a unit `factor` times smaller."""
        moves = {name: move * factor for name, move in self.moves.items()}
        return Mesh(self.vertices * factor, self.triangles, moves, self.regions, self.colours, self.skin)


def finish(mesh: Mesh, name: str, *, source: object) -> Rig:
    """A mesh in millimetres, +y up and +z out of the face -> a rig. Regions that the importer knows are kept.

    InputError where lids or lips cannot be found: then the axes, the unit or the shapes are not what they should be.
    """
    fields = np.zeros((len(COEFFICIENTS), len(mesh.vertices), 3), np.float32)
    for coefficient, move in mesh.moves.items():
        fields[INDEX[coefficient]] = move
    jaw = fields[INDEX["jawOpen"]]
    piece = pieces(mesh.vertices, mesh.triangles, jaw, fields[INDEX["eyeBlinkLeft"]])
    skin = mesh.skin if mesh.skin is not None else piece == _skin_piece(piece, fields)
    faces = mesh.triangles[skin[mesh.triangles].all(axis=1)]
    found: dict[str, Opening] = {}
    opened = mesh.vertices + jaw
    wide = mesh.vertices + fields[INDEX["eyeWideLeft"]] + fields[INDEX["eyeWideRight"]]
    for gap, pose, closing, size in (
        ("mouth", opened, -jaw, (120.0, 160.0)),
        ("eye_left", wide, fields[INDEX["eyeBlinkLeft"]] - fields[INDEX["eyeWideLeft"]], (60.0, 60.0)),
        ("eye_right", wide, fields[INDEX["eyeBlinkRight"]] - fields[INDEX["eyeWideRight"]], (60.0, 60.0)),
    ):
        opening = find_opening(pose, faces, closing, width_mm=size[0], height_mm=size[1])
        if opening is None:
            raise InputError(
                f"no opening of {gap.replace('_', ' ')} found: the mesh must look along +z with +y up, in a unit that "
                "the importer knows, and its shapes must move the face",
                source=source,
            )
        found[gap] = opening
    balls = find_eyeballs(mesh.vertices, piece, skin, fields)
    regions = face_regions(mesh.vertices, mesh.triangles, skin, found) | balls | mesh.regions
    for gap, opening in found.items():
        regions |= {f"{gap}_upper": opening.upper, f"{gap}_lower": opening.lower}
    joints = {}
    for side in ("left", "right"):
        if (ball := balls.get(f"eyeball_{side}")) is not None:
            joints[f"eye_{side}"] = sphere_centre(mesh.vertices[ball])
    return Rig(
        name=name,
        neutral=mesh.vertices,
        triangles=mesh.triangles,
        displacements=fields,
        regions=regions,
        colours=mesh.colours if mesh.colours is not None else _colours(mesh.vertices, regions, joints),
        joints=joints,
    )


def _skin_piece(piece: np.ndarray, fields: np.ndarray) -> int:
    """The piece that lids and lips both belong to: the one that most of the face's movement happens on."""
    speech = [i for name, i in INDEX.items() if not name.startswith(("eyeLook", "tongue"))]
    moved = np.linalg.norm(fields[speech], axis=2).sum(0)
    return int(np.bincount(piece, moved).argmax())


def face_regions(
    vertices: np.ndarray, triangles: np.ndarray, skin: np.ndarray, found: dict[str, Opening]
) -> dict[str, np.ndarray]:
    """Region name -> indices, laid out around the openings of the face at rest.

    Skin that faces forwards (at the lips also what turns in to their edge) within distances that scale with the eyes'.
    """
    eyes = {side: _middle(vertices, found[f"eye_{side}"]) for side in ("left", "right")}
    between = (eyes["left"] + eyes["right"]) / 2
    unit = np.linalg.norm(eyes["left"] - eyes["right"]) / EYE_DISTANCE_MM  # 1 for an adult's face in mm
    mouth = found["mouth"]
    rim = vertices[np.concatenate([mouth.upper, mouth.lower])]
    x, y, z = ((vertices - between) / unit).T
    x = np.abs(x)
    mouth_y = (rim[:, 1].mean() - between[1]) / unit
    front = skin & (vertex_normals(vertices, triangles)[:, 2] > 0.05) & (z > -45)
    distance = cKDTree(rim).query(vertices)[0] / unit
    visible = vertices[:, 2] > rim[:, 2].min() - 3 * unit
    half_mm = {side: np.ptp(vertices[found[f"eye_{side}"].upper, 0]) / 2 / unit for side in eyes}
    eye = np.zeros(len(vertices), bool)
    for side, centre in eyes.items():
        dx, dy = ((vertices - centre)[:, :2] / unit).T
        eye |= np.hypot(dx / (half_mm[side] * 1.6), dy / (half_mm[side] * 1.15)) < 1
    eye &= skin & (z > -25)
    masks = {
        "lips": skin & visible & (distance < 8),
        "mouth": front & (distance < 22),
        "eyes": eye,
        "forehead": front & ~eye & (y > 14) & (y < 66) & (x < 58) & (z > -40),
        "brows": front & ~eye & (y > 11) & (y < 27) & (x > 7) & (x < 50),
        "cheeks": front & ~eye & (x > 20) & (x < 60) & (y < -14) & (y > mouth_y + 4) & (distance > 10),
        "nose": front & (x < 17) & (y < 4) & (y > mouth_y + 14),
        "jaw": front & (y < mouth_y - 10) & (y > mouth_y - 55) & (x < 55) & (distance > 9),
        "skin": skin,
    }
    return {name: np.flatnonzero(mask).astype(np.int32) for name, mask in masks.items()}


def _middle(vertices: np.ndarray, opening: Opening) -> np.ndarray:
    rim = vertices[np.concatenate([opening.upper, opening.lower])]
    return (rim.max(0) + rim.min(0)) / 2


def _colours(vertices: np.ndarray, regions: dict[str, np.ndarray], joints: dict[str, np.ndarray]) -> np.ndarray:
    out = np.full((len(vertices), 3), OTHER, np.uint8)
    out[regions["skin"]] = SKIN
    out[regions["lips"]] = LIPS
    for side in ("left", "right"):
        if f"eye_{side}" in joints:
            ball = regions[f"eyeball_{side}"]
            out[ball] = eyeball_colours(vertices[ball] - joints[f"eye_{side}"])
    return out
