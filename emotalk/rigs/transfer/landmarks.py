"""`FaceSurface`: the skin of a face with its mouth ajar, and the places that every face has, in one order.

A mouth at rest is closed: lips touch, and whatever looks for the nearest point takes the wrong lip. Ajar by the same
share of their width all mouths can be laid over each other.
"""

from dataclasses import dataclass

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.rigs.openings import Opening
from emotalk.rigs.rig import GAPS, Rig

AJAR = 0.22  # of the mouth's width, between the lips
FACE_REGIONS = ("lips", "mouth", "eyes", "forehead", "brows", "cheeks", "nose", "jaw")
RIM_SHARES = {"mouth": np.linspace(0.04, 0.96, 9), "eye_left": np.linspace(0.05, 0.95, 7)}
RIM_SHARES["eye_right"] = RIM_SHARES["eye_left"]


@dataclass(frozen=True)
class FaceSurface:
    """`vertices` (V, 3) mm ajar; `triangles` (F, 3) of the skin; `openings` by gap; `face` the vertices that speak.

    `rest` (V, 3) mm: the same at rest.
    """

    name: str
    vertices: np.ndarray
    rest: np.ndarray
    triangles: np.ndarray
    openings: dict[str, Opening]
    face: np.ndarray

    def landmarks(self) -> np.ndarray:
        """(L, 3) mm: edges of lips and lids at equal shares of their width, tip of the nose, point of the chin."""
        points = []
        for gap in GAPS:
            opening = self.openings[gap]
            for edge in (opening.upper, opening.lower):
                points.append(along(self.vertices[edge], RIM_SHARES[gap]))
        used = np.unique(self.triangles)
        mouth = points[0][len(points[0]) // 2]
        lower = points[1][len(points[1]) // 2]
        eyes = np.concatenate(points[2:])
        width = float(np.ptp(points[0][:, 0]))
        at = self.vertices[used]
        middle = np.abs(at[:, 0] - mouth[0]) < 0.15 * width
        nose = at[middle & (at[:, 1] > mouth[1] + 0.1 * width) & (at[:, 1] < eyes[:, 1].min())]
        chin = at[middle & (at[:, 1] < lower[1] - 0.35 * width) & (at[:, 1] > lower[1] - 1.0 * width)]
        if not len(nose) or not len(chin):
            raise InputError(f"no nose or chin found on {self.name}: it must look along +z, with +y up")
        # A chin is round: its foremost point as seen a little from below.
        return np.concatenate([*points, [nose[nose[:, 2].argmax()], chin[(chin[:, 2] - 0.6 * chin[:, 1]).argmax()]]])


def along(points: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Points of a line (n, 3), in order of x, at shares of its width."""
    x = points[:, 0]
    order = np.argsort(x, kind="stable")
    wanted = x.min() + shares * np.ptp(x)
    return np.stack([np.interp(wanted, x[order], points[order, axis]) for axis in range(3)], axis=1)


def openings_of(rig: Rig) -> dict[str, Opening]:
    """The rig's pairs in order of x. InputError where one of the three gaps is not known."""
    missing = [gap for gap in GAPS if gap not in rig.gaps]
    if missing:
        raise InputError(
            f"rig {rig.name!r} has no pairs for {', '.join(missing)}: faces cannot be laid over each other"
        )
    out = {}
    for gap in GAPS:
        upper, lower = rig.regions[f"{gap}_upper"], rig.regions[f"{gap}_lower"]
        order = np.argsort(rig.neutral[upper, 0], kind="stable")
        out[gap] = Opening(upper[order], lower[order])
    return out


def ajar_pose(rig: Rig) -> np.ndarray:
    """(52,) a little jawOpen: lips apart by `AJAR` of the mouth's width."""
    width = float(np.ptp(rig.neutral[rig.regions["mouth_upper"], 0]))
    steps = np.zeros((41, len(COEFFICIENTS)), np.float32)
    steps[:, INDEX["jawOpen"]] = np.linspace(0, 1, len(steps))
    gaps = rig.gap_mm(steps)
    return steps[np.abs(gaps - AJAR * width).argmin()]


def surface_of(rig: Rig) -> FaceSurface:
    """A rig's face. InputError where gaps or regions that this needs are missing."""
    skin = np.zeros(len(rig.neutral), bool)
    skin[rig.region("skin")] = True
    return FaceSurface(
        name=rig.name,
        vertices=rig.vertices(ajar_pose(rig)[None])[0].astype(np.float64),
        rest=rig.neutral.astype(np.float64),
        triangles=rig.triangles[skin[rig.triangles].all(axis=1)],
        openings=openings_of(rig),
        face=rig.region(*(name for name in FACE_REGIONS if name in rig.regions)),
    )
