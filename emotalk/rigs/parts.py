"""What is not skin: eyeballs, brows, ears, teeth, tongue. Each a `Part` of the left half."""

import numpy as np

from emotalk.rigs.mesh import Part, strip
from emotalk.rigs.solids import EYE, EYE_RADIUS, from_front

WHITE, IRIS, IRIS_RIM, PUPIL = (236, 230, 224), (92, 128, 122), (44, 62, 64), (14, 13, 16)
BROW, TOOTH, GUM, TONGUE, EAR = (96, 68, 52), (238, 230, 214), (176, 84, 84), (196, 96, 98), (222, 164, 140)


def eyeball() -> Part:
    """A sphere of rings around its axis of sight; pairs of near rings keep the edges of pupil and iris crisp."""
    degrees = np.array([3.0, 9.5, 10.5, 18.0, 23.5, 25.5, 27.5, 40.0, 52.0, 66.0, 82.0, 100.0, 125.0])
    colours = np.array(
        [PUPIL, PUPIL, IRIS_RIM, IRIS, IRIS, IRIS_RIM, WHITE, WHITE, WHITE, WHITE, WHITE, WHITE, WHITE], float
    )
    around = 24
    turn = 2 * np.pi * np.arange(around) / around
    angle = np.radians(degrees)[:, None]
    rays = np.stack([np.sin(angle) * np.cos(turn), np.sin(angle) * np.sin(turn), np.cos(angle) + 0 * turn], -1)
    vertices = EYE + EYE_RADIUS * rays.reshape(-1, 3)
    ids = np.arange(len(vertices)).reshape(len(degrees), around)
    triangles = [strip(ids[i], ids[i + 1], closed=True) for i in range(len(degrees) - 1)]
    cap = np.stack([np.zeros(around - 2, int), ids[0, 1:-1], ids[0, 2:]], 1)
    shade = np.repeat(colours, around, 0)
    # The white is a little redder and darker towards the lids' corners, as it is in life.
    side = np.clip(np.abs(rays.reshape(-1, 3)[:, 0]) - 0.5, 0, 0.5)[:, None]
    shade = np.where(shade[:, :1] > 200, shade * (1 - side * (0.25, 0.45, 0.45)), shade)
    return Part(vertices, np.concatenate([*triangles, cap]), shade, 1.0)


def brow() -> Part:
    """A band of three rows that lies on the ridge of the brow, thick inside and thin outside."""
    s = np.linspace(0, 1, 14)
    x = 8.5 + 41 * s
    y = 17.2 + 4.6 * np.sin(np.pi * s**1.2 * 0.8) - 2.4 * s**3
    half = 2.3 * np.minimum(1, 0.35 + 3.5 * s) * (1 - s**2.0) + 0.2
    rows = []
    for k, lift in ((1.0, 0.3), (0.35, 1.2), (-0.35, 1.2), (-1.0, 0.3)):
        points = from_front(np.column_stack([x, y + k * half]))
        points += lift * _normal(points)
        rows.append(points)
    ids = np.arange(4 * len(s)).reshape(4, -1)
    triangles = np.concatenate([strip(ids[i], ids[i + 1]) for i in range(3)])
    return Part(np.concatenate(rows), triangles, np.array(BROW, float), 0.05)


def ear() -> Part:
    """An oval shell that stands off the head: a rim, a hollow, a lobe."""
    around = 22
    turn = 2 * np.pi * np.arange(around) / around
    # (share of the oval, mm of height over its plane)
    profile = (
        (0.04, -2.5),
        (0.3, -2.5),
        (0.48, -0.5),
        (0.6, 2.4),
        (0.74, 1.6),
        (0.88, 3.2),
        (0.97, 3.0),
        (1.0, 1.4),
        (0.96, -1.5),
        (0.6, -6.0),
    )
    # Upright axis leaning back, and an axis towards the back of the head that stands off by some 28 degrees.
    up = np.array([0.1, 0.97, -0.2])
    back = np.array([0.36, -0.18, -0.91])
    out = np.cross(up, back) * -1
    rows = []
    for share, height in profile:
        width = 14.5 + 3.0 * np.sin(turn) + 1.5 * np.cos(turn)
        u, v = share * width * np.cos(turn), share * 29.0 * np.sin(turn)
        lobe = np.exp(-(((v + 24) / 9) ** 2))
        tall = height * (1 - 0.55 * lobe) * (1 - 0.5 * (np.cos(turn) < -0.2) * (share > 0.5))
        rows.append(np.outer(u, back) + np.outer(v, up) + np.outer(tall, out))
    vertices = np.concatenate(rows) + np.array([65.2, -14.0, -8.0])
    ids = np.arange(len(vertices)).reshape(len(profile), around)
    triangles = np.concatenate([strip(ids[i], ids[i + 1], closed=True) for i in range(len(profile) - 1)])
    cap = np.stack([np.zeros(around - 2, int), ids[0, 1:-1], ids[0, 2:]], 1)
    colour = np.repeat(
        [np.array(EAR, float) * (0.72 if i < 2 else 0.86 if i in (4,) else 1) for i in range(len(profile))], around, 0
    )
    return Part(vertices, np.concatenate([triangles, cap]), colour, 0.08)


def teeth(upper: bool) -> Part:
    """Half an arch of eight teeth under a gum."""
    columns = np.linspace(0, np.radians(78), 33)
    wide, deep, front = (23.5, 36.0, 79.0) if upper else (22.0, 34.0, 75.8)
    sign = 1.0 if upper else -1.0
    edge_y, root_y = (-66.8, -57.0) if upper else (-68.2, -76.0)
    tooth = np.abs(np.sin(np.linspace(0, 8 * np.pi, 33)))  # 0 between teeth, 1 in the middle of one
    rows, colours = [], []
    for y, inset, kind in (
        (root_y + 7 * sign, 1.5, "gum"),
        (root_y + 0.5 * sign, -0.6, "gum"),
        (root_y - 0.3 * sign, 0.0, "tooth"),
        ((root_y + edge_y) / 2, -0.6, "tooth"),
        (edge_y + 0.8 * sign, -0.2, "tooth"),
        (edge_y, 1.0, "tooth"),
        (edge_y + 1.5 * sign, 5.0, "tooth"),
        (root_y + 4.0 * sign, 8.0, "gum"),
    ):
        gap = (1 - tooth) * (0.5 if kind == "tooth" else 0.2)
        x = (wide - inset - gap) * np.sin(columns)
        z = front - inset - gap - deep * (1 - np.cos(columns))
        notch = 0.6 * (1 - tooth) ** 3 * sign * (kind == "tooth") * (inset <= 1)
        rows.append(np.column_stack([x, y + notch, z]))
        base = np.array(TOOTH if kind == "tooth" else GUM, float)
        colours.append(base * (1 - 0.35 * (1 - tooth[:, None]) ** 2) * (1 - columns[:, None] * (0.38, 0.45, 0.5)))
    ids = np.arange(len(rows) * 33).reshape(len(rows), 33)
    triangles = np.concatenate([strip(ids[i], ids[i + 1]) for i in range(len(rows) - 1)])
    vertices = np.concatenate(rows)
    vertices[np.abs(vertices[:, 0]) < 1e-9, 0] = 0
    return Part(vertices, triangles if upper else triangles[:, ::-1], np.concatenate(colours), 0.5)


def tongue() -> Part:
    """Half a tongue at rest on the floor of the mouth: rows from root to tip, each half an oval with a furrow."""
    along = np.r_[np.linspace(0, 0.8, 8), 0.88, 0.95, 0.99, 1.0]
    angle = np.linspace(np.pi / 2, -np.pi / 2, 9)
    rows = []
    for s in along:
        taper = np.sqrt(max(1 - ((s - 0.72) / 0.28) ** 2, 0.0)) if s > 0.72 else 1.0
        width, thick = (13.5 + 2.0 * np.sin(np.pi * s)) * max(taper, 0.08), 5.5 * max(taper, 0.08) ** 0.8
        x, y = width * np.cos(angle), thick * np.sin(angle)
        y = y - 1.2 * np.exp(-((x / 3.0) ** 2)) * (angle > 0) * taper
        x[[0, -1]] = 0
        rows.append(np.column_stack([x, -75.0 + 2.5 * np.sin(np.pi * s) + y, np.full(9, 30 + 41.0 * s)]))
    ids = np.arange(len(rows) * 9).reshape(len(rows), 9)
    tip = np.stack([np.full(7, ids[-1, 0]), ids[-1, 2:], ids[-1, 1:-1]], axis=1)
    triangles = np.concatenate([*(strip(ids[i], ids[i + 1]) for i in range(len(rows) - 1)), tip])
    return Part(np.concatenate(rows), triangles, np.array(TONGUE, float), 0.35)


def _normal(points: np.ndarray) -> np.ndarray:
    ray = points - (0, -10, 0)
    return ray / np.linalg.norm(ray, axis=1, keepdims=True)
