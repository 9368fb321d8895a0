"""Colours of the skin: lips, lash lines, a blush, darker hollows. sRGB 0..255; drawing only."""

import numpy as np

from emotalk.rigs.face import Face, smoothstep
from emotalk.rigs.loops import height_over_hairline

SKIN, BLUSH, RED, LASH, HOLLOW = (229, 178, 152), (219, 132, 116), (190, 98, 94), (60, 40, 36), (62, 20, 22)
NOSTRIL_DARK, HAIR = (112, 62, 52), (92, 66, 52)


def paint(face: Face) -> tuple[np.ndarray, np.ndarray]:
    """(V, 3) uint8 colours and (V,) float32 gloss of the whole head."""
    colours = face.sculpture.colours.copy()
    gloss = face.sculpture.gloss.copy()
    skin = face.skin > 0
    colours[skin] = SKIN

    def mix(weight: np.ndarray, colour: tuple[int, int, int]) -> None:
        share = (np.clip(weight, 0, 1) * skin)[:, None]
        colours[:] = colours * (1 - share) + np.array(colour) * share

    cheeks = face.blob(36, -32, 20, 15) + face.blob(-36, -32, 20, 15)
    mix(0.38 * cheeks, BLUSH)
    mix(0.30 * face.blob(0, -36, 10, 9), BLUSH)
    mix(0.2 * (face.lid_ring == 3) + 0.12 * (face.lid_ring == 2), (188, 122, 104))
    lips = np.interp(face.share, [0, 0.9, 1.06, 1.3], [1, 0.95, 0.55, 0.0]) * (face.inside == 0)
    mix(0.7 * lips, RED)
    mix(0.45 * (face.share < 0.05) * (face.inside == 0), (120, 48, 48))
    gloss[skin] = 0.07
    gloss += 0.28 * lips * skin
    mix((face.lid_ring == 0) * (0.35 + 0.55 * face.upper_lid), LASH)
    mix((face.lid_ring == 1) * face.upper_lid * 0.8, LASH)
    mix((face.lid_ring == -1) * 0.5, (150, 84, 76))
    depth = smoothstep(84.0, 60.0, face.z)
    mix(face.inside * (0.55 + 0.45 * depth), HOLLOW)
    gloss[face.inside > 0] = 0.02
    hair = np.clip(height_over_hairline(face.points) / 2.0, 0, 1) * skin
    mix(hair, HAIR)
    gloss[hair > 0.5] = 0.12
    mix(face.sculpture.mask("nostril_deep"), (48, 22, 20))
    mix(0.45 * face.sculpture.mask("nostril_rim"), NOSTRIL_DARK)
    return np.clip(np.round(colours), 0, 255).astype(np.uint8), np.clip(gloss, 0, 1).astype(np.float32)
