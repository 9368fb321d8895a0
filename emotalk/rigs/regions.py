"""Named groups of vertices: what errors are measured on, and the pairs that gaps are measured between."""

import numpy as np

from emotalk.rigs.face import Face
from emotalk.rigs.loops import LID_STEPS, LIP_STEPS


def regions(face: Face) -> dict[str, np.ndarray]:
    """Region name -> vertex indices. Lips and lids are skin only: no teeth, no eyeballs."""
    x, y, z = np.abs(face.x), face.y, face.z
    outside = (face.skin > 0) & (face.inside == 0)
    front = outside & (z > 20)
    tags, mirror = face.sculpture.tags, face.sculpture.mirror
    out = {
        "lips": front & (face.share <= 1.45),
        "mouth": front & (face.lip_mm < 22),
        "eyes": outside
        & (((face.lid_ring >= 0) & (face.lid_ring <= 5)) | (np.hypot((x - 31.5) / 21, y / 15) < 1) & front),
        "forehead": front & (y > 14) & (y < 70) & (x < 58),
        "brows": face.sculpture.mask("brow") > 0,
        "cheeks": front & (x > 20) & (x < 62) & (y < -14) & (y > -60) & (z > 30),
        "nose": front & (x < 17) & (y < 4) & (y > -48),
        "jaw": front & (y < -72) & (face.jaw > 0.3) & (face.share > 1.45),
        "skin": outside,
        "eyeballs": face.sculpture.mask("eyeball") > 0,
        "teeth": face.sculpture.mask("teeth_upper") + face.sculpture.mask("teeth_lower") > 0,
        "tongue": face.sculpture.mask("tongue") > 0,
    }
    named = {name: np.flatnonzero(mask) for name, mask in out.items()}
    rim = tags["mouth0"]
    upper, lower = rim[:LIP_STEPS], rim[:LIP_STEPS:-1]  # both from the middle to the corner, without it
    named["mouth_upper"] = np.concatenate([upper, mirror[upper[1:]]])
    named["mouth_lower"] = np.concatenate([lower, mirror[lower[1:]]])
    edge = tags["lid1"]
    over, under = edge[1 : LID_STEPS // 2], edge[: LID_STEPS // 2 : -1]
    named |= {"eye_left_upper": over, "eye_left_lower": under}
    named |= {"eye_right_upper": mirror[over], "eye_right_lower": mirror[under]}
    return named
