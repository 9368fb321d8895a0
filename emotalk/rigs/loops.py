"""Edge loops around mouth, eye and hair: rings of vertices that lie where lips and lids need them.

A half mouth ring runs from the middle of the upper lip over the left corner to the middle of the lower lip; upper and
lower vertices are pairs with the same x. An eye ring starts at the inner corner and runs over the upper lid.
"""

import numpy as np

from emotalk.rigs.solids import CENTRE, EYE, EYE_RADIUS, around, from_front

MOUTH_WIDTH = 24.5  # mm from the middle to a corner
MOUTH_Y = -64.0
LIP_STEPS = 11  # spans from the middle to a corner
LID_STEPS = 26  # vertices of an eye ring
LID_WIDTH = 13.8  # mm, half the opening
LID_UP, LID_DOWN, LID_TILT = 5.5, 4.8, 1.3


def mouth_line(x: np.ndarray) -> np.ndarray:
    """y of the closed mouth: a faint bow that dips before the corners and turns up at them, a friendly neutral."""
    t = np.abs(x) / MOUTH_WIDTH
    return (
        MOUTH_Y
        + 0.5 * np.cos(np.pi * np.minimum(t, 1.2)) * (1 - t)
        - 0.9 * np.exp(-(((t - 0.5) / 0.3) ** 2))
        + 1.6 * t**3
    )


def lip_heights(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """t 0..1 from middle to corner -> mm of red above and below the line."""
    arch = np.sqrt(np.maximum(1 - t**2, 0))
    upper = 6.2 * (1 - t) ** 0.75 * (1 + 0.75 * t) * (1 - 0.16 * np.exp(-((t / 0.13) ** 2))) + 0.3 * arch
    lower = 7.9 * arch**1.25 * (1 - 0.12 * t)
    return upper, lower


# (share of the red, mm beyond its border, mm pushed forward): from the contact line out to the skin
MOUTH_RINGS = (
    (0.0, 0.0, -2.8),
    (0.14, 0.0, 0.6),
    (0.45, 0.0, 2.6),
    (0.8, 0.0, 2.2),
    (1.0, 0.3, 0.9),
    (1.0, 2.4, -0.1),
    (1.0, 5.6, 0.0),
    (1.0, 9.6, 0.0),
)


def mouth_rings() -> list[np.ndarray]:
    """Eight half rings of 2 * LIP_STEPS + 1 vertices."""
    beta = np.linspace(0, np.pi, 2 * LIP_STEPS + 1)
    t, up = np.sin(beta), np.cos(beta)
    t[LIP_STEPS], up[LIP_STEPS] = 1, 0
    t[[0, -1]] = 0
    t[LIP_STEPS + 1 :] = t[:LIP_STEPS][::-1]
    upper, lower = lip_heights(t)
    red = np.where(up > 0, upper, -lower) * (np.abs(up) > 1e-9)
    rings = []
    for share, beyond, push in MOUTH_RINGS:
        x = t * (MOUTH_WIDTH + 0.6 * beyond + 0.9 * share)
        y = mouth_line(t * MOUTH_WIDTH) + share * red + beyond * up
        points = from_front(np.column_stack([x, y]))
        fade = np.abs(up) ** 0.6
        # The lower lip is the fuller one, and the corners lie deeper.
        points[:, 2] += push * fade * np.where(up < 0, 1.12, 1.0) - (1.4 + 0.6 * (share < 0.1)) * (1 - fade) * (
            beyond < 2
        )
        rings.append(points)
    return rings


# (mm beyond the opening above, below, at the corners; radius over the eyeball; share of the skin's own surface)
LID_RINGS = (
    (0.0, 0.0, 0.0, 1.0, 0.0),
    (1.0, 0.9, 1.0, 1.9, 0.0),
    (3.2, 2.8, 2.8, 2.2, 0.02),
    (5.6, 5.2, 5.2, 1.5, 0.35),
    (8.2, 8.0, 8.0, 2.6, 0.8),
    (11.5, 11.5, 11.0, 3.0, 1.0),
)


def lid_outline(gamma: np.ndarray) -> np.ndarray:
    """Angle around the eye (0 at the inner corner, pi at the outer) -> (n, 2) mm from the eyeball's centre."""
    x = -LID_WIDTH * np.cos(gamma)
    lean = np.where(np.sin(gamma) > 0, -0.12, 0.16)  # the upper arch peaks inwards, the lower outwards
    height = np.where(np.sin(gamma) > 0, LID_UP, LID_DOWN) * np.sin(gamma) * (1 + lean * x / LID_WIDTH)
    return np.column_stack([x, height + LID_TILT * x / LID_WIDTH])


def lid_rings() -> list[np.ndarray]:
    """Six closed rings of LID_STEPS vertices; upper vertex j and lower vertex LID_STEPS - j are pairs."""
    gamma = 2 * np.pi * np.arange(LID_STEPS) / LID_STEPS
    outline = lid_outline(gamma)
    rings = []
    for above, below, corner, over, skin in LID_RINGS:
        reach = np.where(np.sin(gamma) > 0, above, below)
        offset = outline + np.column_stack([-corner * np.cos(gamma), reach * np.sin(gamma)])
        points = np.column_stack([EYE[0] + offset[:, 0], EYE[1] + offset[:, 1], _dome(offset, over)])
        surface = from_front(points[:, :2])
        points[:, 2] += skin * (surface[:, 2] - points[:, 2])
        rings.append(points)
    return rings


def lid_lining() -> np.ndarray:
    """(LID_STEPS, 3): one more ring inside the eyeball, so that no light falls between lid and eye."""
    points = lid_rings()[0]
    ray = points - EYE
    return EYE + ray * ((EYE_RADIUS - 1.2) / np.linalg.norm(ray, axis=1, keepdims=True)) + (0, 0, -0.4)


def _dome(offset: np.ndarray, over: float) -> np.ndarray:
    """Depth of a sphere `over` mm above the eyeball; beyond 0.85 of its radius it goes on in a straight line."""
    radius = EYE_RADIUS + over
    distance = np.linalg.norm(offset, axis=1)
    limit = 0.88 * radius
    inner = np.sqrt(radius**2 - np.minimum(distance, limit) ** 2)
    slope = limit / np.sqrt(radius**2 - limit**2)
    return EYE[2] + inner - slope * np.maximum(distance - limit, 0)


HAIRLINE = (  # degrees from the front around the head, mm of height
    (0, 20, 36, 50, 62, 74, 86, 98, 108, 118, 130, 142, 160, 180),
    (59, 59.5, 58, 52, 43, 33, 23, 14, 2, -14, -32, -46, -56, -58),
)


def hairline(above: float) -> np.ndarray:
    """(60, 3) half a line around the head, from the forehead over the ear to the nape, `above` mm up from the edge."""
    angles = np.linspace(0, np.pi, 60)
    height = np.interp(np.degrees(angles), *HAIRLINE) + above
    return around(angles, height, np.full(len(angles), CENTRE[2]))


def height_over_hairline(points: np.ndarray) -> np.ndarray:
    """(n, 3) -> (n,) mm above the hairline, negative below it."""
    angles = np.arctan2(np.abs(points[:, 0]), points[:, 2] - CENTRE[2])
    return points[:, 1] - np.interp(np.degrees(angles), *HAIRLINE)
