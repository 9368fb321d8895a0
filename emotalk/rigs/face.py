"""`Face`: the sculpture with the coordinates that an animator thinks in: how near the lips, which lip, how much jaw."""

import numpy as np

from emotalk.rigs.loops import LID_STEPS, LIP_STEPS, MOUTH_RINGS, MOUTH_WIDTH, mouth_line
from emotalk.rigs.mesh import Sculpture
from emotalk.rigs.skin import BAG
from emotalk.rigs.solids import EYE

JOINT = np.array([0.0, -10.0, 6.0])  # of the jaw, in front of the ear
# A jaw that opens also slides forward in its joint, so that it turns around an axis (along x) below the joint.
HINGE = np.array([0.0, -36.0, 0.0])
CORNER_JAW = 0.42  # share of the jaw's movement that a corner of the mouth follows


def smoothstep(low: float, high: float, value: np.ndarray) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


class Face:
    """Per-vertex fields (V,) over a sculpture; all of them symmetric unless named `left`."""

    def __init__(self, sculpture: Sculpture) -> None:
        self.sculpture = sculpture
        self.points = sculpture.vertices
        self.x, self.y, self.z = self.points.T
        self.skin = sculpture.mask("skin")
        self.left = smoothstep(-7.0, 7.0, self.x)
        self._mouth()
        self._lids()
        self.jaw = self._jaw()

    def blob(self, x: float, y: float, width: float, height: float) -> np.ndarray:
        """A soft spot of the skin seen from in front; nothing behind the ears."""
        spot = np.exp(-(((self.x - x) / width) ** 2) - ((self.y - y) / height) ** 2)
        return spot * self.skin * smoothstep(-5, 30, self.z) * (1 - self.inside)

    def _mouth(self) -> None:
        """`lower` 1 on the lower lip's side, 0 on the upper's; `t` 0 in the middle, 1 at the corner; `lip_mm` distance
        from the line of the mouth; `share` how far out on the red (0 contact, 1 border, above: skin); `inside`."""
        tags, mirror = self.sculpture.tags, self.sculpture.mirror
        self.t = np.abs(self.x) / MOUTH_WIDTH
        line = mouth_line(np.clip(self.x, -MOUTH_WIDTH, MOUTH_WIDTH))
        beyond = np.maximum(np.abs(self.x) - MOUTH_WIDTH, 0)
        self.lip_mm = np.hypot(beyond, self.y - line)
        soft = 0.02 + 0.9 * np.maximum(np.abs(self.x) - 0.93 * MOUTH_WIDTH, 0)
        self.lower = np.clip(0.5 - (self.y - line) / (2 * soft), 0, 1)
        self.share = np.full(len(self.points), 9.0)
        self.inside = np.zeros(len(self.points))
        label = np.r_[np.zeros(LIP_STEPS), 0.5, np.ones(LIP_STEPS)]
        names = [f"mouth{i}" for i in range(len(MOUTH_RINGS))] + [f"bag{i}" for i in range(len(BAG))]
        for name in names:
            for ids in (tags[name], mirror[tags[name]]):
                self.lower[ids] = label
        for i, (share, beyond_mm, _) in enumerate(MOUTH_RINGS):
            self.share[[*tags[f"mouth{i}"], *mirror[tags[f"mouth{i}"]]]] = share + (beyond_mm > 0) * beyond_mm / 6
        for i in range(len(BAG)):
            ids = self.sculpture.both(f"bag{i}")
            self.inside[ids] = 1
            self.share[ids] = 0
            self.lip_mm[ids] = 0
            rim = np.concatenate([tags["mouth0"], mirror[tags["mouth0"]]])
            own = np.concatenate([tags[f"bag{i}"], mirror[tags[f"bag{i}"]]])
            self.t[own] = self.t[rim]
        self.t = np.minimum(self.t, 1)

    def _lids(self) -> None:
        """`lid_ring` (V,): 0 at the edge of a lid, counting outwards, -1 for its lining, 99 elsewhere; `upper_lid`."""
        self.lid_ring = np.full(len(self.points), 99.0)
        self.upper_lid = np.zeros(len(self.points))
        tags, mirror = self.sculpture.tags, self.sculpture.mirror
        j = np.arange(LID_STEPS)
        upper = np.where((j == 0) | (j == LID_STEPS // 2), 0.5, (j < LID_STEPS // 2) * 1.0)
        for ring, name in [(-1, "lining"), *((i, f"lid{i}") for i in range(6))]:
            for ids in (tags[name], mirror[tags[name]]):
                self.lid_ring[ids] = ring
                self.upper_lid[ids] = upper

    def _jaw(self) -> np.ndarray:
        """(V,) how much of the jaw's movement each vertex follows: by its angle below the joint, and by its lip."""
        below = np.degrees(np.arctan2(JOINT[1] - self.y, np.maximum(self.z - JOINT[2], 1e-3)))
        base = smoothstep(12, 60, below) * smoothstep(-22, 40, self.z) * smoothstep(-152, -112, self.y)
        bow = 1 - np.sqrt(np.maximum(1 - self.t**2, 0))  # 0 in the middle, 1 at the corner: an oval opening
        lip = np.where(self.lower > 0.5, 1 - (1 - CORNER_JAW) * bow, CORNER_JAW * bow)
        lip = np.where(self.lower == 0.5, CORNER_JAW, lip)
        slit = (np.abs(self.x) <= MOUTH_WIDTH + 1.2) | (self.share < 2)
        lip = np.where(slit, lip, CORNER_JAW)
        reach = np.where(self.lower > 0.5, 15.0, 11.0)
        near = np.exp(-((np.maximum(self.lip_mm - 2, 0) / reach) ** 2))
        skin = (base + (lip - base) * near) * self.skin
        skin = np.where(self.inside > 0, lip, skin)
        return np.maximum(skin, self.sculpture.mask("teeth_lower") + self.sculpture.mask("tongue"))

    def eye_angle(self) -> np.ndarray:
        """(V,) radians of elevation around the horizontal axis through the near eyeball."""
        return np.arctan2(self.y - EYE[1], self.z - EYE[2])
