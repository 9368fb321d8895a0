"""A head's turn as quaternions x, y, z, w: what glTF, Audio2Face and, in another order, USD write."""

import numpy as np


def quaternions(angles: np.ndarray) -> np.ndarray:
    """(n, 3) yaw, pitch, roll in radians -> (n, 4) x, y, z, w of Ry(yaw) · Rx(pitch) · Rz(roll)."""
    (cy, cx, cz), (sy, sx, sz) = np.cos(angles.astype(np.float64).T / 2), np.sin(angles.astype(np.float64).T / 2)
    return np.stack(
        [
            cy * sx * cz + sy * cx * sz,
            sy * cx * cz - cy * sx * sz,
            cy * cx * sz - sy * sx * cz,
            cy * cx * cz + sy * sx * sz,
        ],
        axis=1,
    )


def angles_of(quaternion: np.ndarray) -> np.ndarray:
    """(n, 4) x, y, z, w of any length but zero -> (n, 3) yaw, pitch, roll; pitch within a quarter turn."""
    x, y, z, w = (quaternion / np.linalg.norm(quaternion, axis=1, keepdims=True)).T
    pitch = np.arcsin(np.clip(2 * (w * x - y * z), -1, 1))
    yaw = np.arctan2(2 * (x * z + w * y), 1 - 2 * (x * x + y * y))
    roll = np.arctan2(2 * (x * y + w * z), 1 - 2 * (x * x + z * z))
    return np.stack([yaw, pitch, roll], axis=1)


def axis_angles(quaternion: np.ndarray) -> np.ndarray:
    """(n, 4) unit x, y, z, w -> (n, 3) axis times angle in radians, at most half a turn."""
    quaternion = np.where(quaternion[:, 3:] < 0, -quaternion, quaternion)
    length = np.linalg.norm(quaternion[:, :3], axis=1, keepdims=True)
    angle = 2 * np.arctan2(length, quaternion[:, 3:])
    # Near none the sine of half an angle is half the angle.
    return np.asarray(quaternion[:, :3] * np.where(length > 1e-12, angle / np.maximum(length, 1e-12), 2.0))


def from_axis_angles(axis_angle: np.ndarray) -> np.ndarray:
    """(n, 3) -> (n, 4) x, y, z, w."""
    angle = np.linalg.norm(axis_angle, axis=1, keepdims=True)
    scale = np.where(angle > 1e-12, np.sin(angle / 2) / np.maximum(angle, 1e-12), 0.5)
    return np.concatenate([axis_angle * scale, np.cos(angle / 2)], axis=1)
