"""A small model in FLAME's form: the default head's mesh with a jaw, some expressions and the five joints."""

import numpy as np

from emotalk.blendshapes import INDEX
from emotalk.rigs import procedural_head

BASIS = (
    "mouthSmileLeft", "mouthSmileRight", "mouthPucker", "mouthFunnel", "browInnerUp",
    "browDownLeft", "browDownRight", "eyeBlinkLeft", "eyeBlinkRight", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthUpperUpLeft", "jawLeft", "mouthUpperUpRight", "noseSneerLeft",
    "noseSneerRight", "mouthClose", "cheekPuff",
)  # fmt: skip


def flame_arrays(*, mix: bool = True) -> dict[str, np.ndarray]:
    """FLAME's arrays, in metres. The mesh is the head's with vertices in another order, 6 % smaller, moved."""
    head = procedural_head()
    rng = np.random.default_rng(5)
    count = len(head.neutral)
    order = rng.permutation(count)
    number = np.argsort(order)
    neutral = (head.neutral[order] * 0.94 + (3.0, -20.0, 11.0)) / 1000
    fields = head.displacements[[INDEX[name] for name in BASIS]][:, order] * 0.94 / 1000
    if mix:  # expressions of FLAME are mixtures, orthogonal ones
        fields = np.tensordot(np.linalg.qr(rng.normal(size=(len(BASIS), len(BASIS))))[0], fields, 1)
    identity = np.zeros((300, count, 3))
    shapes = np.concatenate([identity, fields]).transpose(1, 2, 0)
    opening = head.displacements[INDEX["jawOpen"], order]
    share = np.clip(np.linalg.norm(opening, axis=1) / 30.0, 0, 1)
    weights = np.zeros((count, 5))
    weights[:, 2], weights[:, 1] = share, 1 - share
    places = np.array([[0, -80, 0], [0, -60, -10], [0, -36, 0], [31.5, 0, 65], [-31.5, 0, 65]])
    regressor = np.zeros((5, count))
    for row, place in enumerate(places):
        # A weighted mean of vertices all around that lies where the joint does.
        near = np.argsort(np.linalg.norm(head.neutral[order] - place, axis=1))[:200]
        a = np.concatenate([head.neutral[order][near].T, np.ones((1, 200))])
        regressor[row, near] = np.linalg.lstsq(a, np.r_[place, 1.0], rcond=None)[0]
    return {
        "v_template": neutral,
        "f": number[head.triangles].astype(np.uint32),
        "shapedirs": shapes,
        "posedirs": np.zeros((count, 3, 36)),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.array([[2**32 - 1, 0, 1, 1, 1], [0, 1, 2, 3, 4]]),
    }
