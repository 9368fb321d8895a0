"""A rig of four vertices whose errors can be computed by hand."""

import numpy as np

from emotalk.blendshapes import INDEX
from emotalk.rigs import Rig


def four_points() -> Rig:
    """Two lip vertices that are a pair, one eye and one forehead vertex.

    jawOpen lowers lip 1 by 10 mm; mouthFunnel moves lip 0 by (3, 0, 4) mm; browInnerUp lifts the forehead by 6 mm and
    the eye by 2 mm. At rest the lips are 2 mm apart.
    """
    fields = np.zeros((52, 4, 3), np.float32)
    fields[INDEX["jawOpen"], 1] = (0, -10, 0)
    fields[INDEX["mouthFunnel"], 0] = (3, 0, 4)
    fields[INDEX["browInnerUp"], 2] = (0, 2, 0)
    fields[INDEX["browInnerUp"], 3] = (0, 6, 0)
    return Rig(
        name="four points",
        neutral=np.array([(0, 1, 0), (0, -1, 0), (30, 30, 0), (0, 60, 0)], np.float32),
        triangles=np.array([(0, 1, 2)], np.int32),
        displacements=fields,
        regions={
            "lips": np.array([0, 1]),
            "eyes": np.array([2]),
            "forehead": np.array([3]),
            "mouth_upper": np.array([0]),
            "mouth_lower": np.array([1]),
        },
    )
