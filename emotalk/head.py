"""Poses of a head, (frames, 6) as `Animation.head` has them, and how far two of them differ.

Where a camera stood is not in a voice, and neither is where the speaker sat. So networks learn and say how a head moves
about its mean pose: what a camera would have seen that the mean pose faces.
"""

import numpy as np
from scipy.spatial.transform import Rotation

# What counts as one: a radian, and 100 mm, which is about how far the nose is from where a skull turns. So a turn and a
# shift that move the nose alike weigh alike.
HEAD_UNITS = (1.0, 1.0, 1.0, 100.0, 100.0, 100.0)


def rotation(head: np.ndarray) -> Rotation:
    """(frames, ≥ 3) yaw, pitch, roll in radians -> their rotations, Ry(yaw) · Rx(pitch) · Rz(roll)."""
    return Rotation.from_euler("YXZ", np.asarray(head, np.float64)[:, :3])


def relative_pose(head: np.ndarray) -> np.ndarray:
    """(frames, 6) as seen by any camera -> (frames, 6) float32 about the mean pose, which is all zeros.

    The mean rotation is the one nearest to all frames' (least squares over matrices); positions are about their mean,
    along the axes of the mean rotation.
    """
    if not len(head):
        return np.zeros((0, 6), np.float32)
    turned, place = rotation(head), np.asarray(head, np.float64)[:, 3:]
    back = turned.mean().inv()
    angles = (back * turned).as_euler("YXZ")
    return np.hstack([angles, back.apply(place - place.mean(0))]).astype(np.float32)


def degrees_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Two heads (frames, ≥ 3) -> (frames,) the angle of the rotation that takes one to the other, 0 to 180 degrees."""
    return np.asarray(np.degrees((rotation(one).inv() * rotation(other)).magnitude()))
