"""How far a predicted head is turned from the real one, each about the mean pose of its clip."""

import numpy as np

from emotalk.head import degrees_between, relative_pose
from emotalk.metrics.measures import HEAD, Quantity, mean
from emotalk.metrics.moments import correlation, moments
from emotalk.metrics.pair import Pair

PITCH = 1  # column of a head


class HeadTurn:
    """Angle between predicted and real rotation, and whether the head nods where the real one does."""

    size = 8
    quantities = (
        Quantity(
            name="head error",
            unit="°",
            definition="angle of the rotation from the predicted to the real head, both about their clip's mean pose, "
            "mean over frames; the mean face's head rests in the mean pose",
            table=HEAD,
        ),
        Quantity(
            name="nod r",
            unit="",
            definition="Pearson correlation of predicted and real pitch of the head over all frames of all clips",
            better="higher",
            table=HEAD,
        ),
    )

    def sums(self, pair: Pair) -> np.ndarray:
        """[sum of angles in degrees, frames, moments of the two pitches]; zeros where one of the heads is unknown."""
        if pair.head is None or pair.target_head is None or not pair.frames:
            return np.zeros(self.size)
        real = relative_pose(pair.target_head)
        angles = degrees_between(pair.head, real)
        return np.array([angles.sum(), len(angles), *moments(pair.head[:, PITCH], real[:, PITCH])])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        return mean(sums[..., 0], sums[..., 1]), correlation(sums[..., 2:])
