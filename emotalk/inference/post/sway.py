"""A head that is never quite still: slow waves of many lengths about its mean pose. Seed and time decide everything."""

import numpy as np

from emotalk.inference.post.rhythm import generator

SWAY = 2  # a kind of events

WAVES = 7
SLOWEST_HZ, FASTEST_HZ = 0.04, 0.4
# How far each column of a head's pose is from its mean, as root mean square: 1 radian, 1 mm.
REACH = np.array([*np.radians([1.8, 1.1, 0.9]), 2.0, 1.0, 2.0])


class Sway:
    """Of one recording."""

    def __init__(self, seed: int) -> None:
        rng = generator(seed, SWAY, -1)
        steps = (np.arange(WAVES) + rng.uniform(size=(len(REACH), WAVES))) / WAVES
        self._hz = SLOWEST_HZ * (FASTEST_HZ / SLOWEST_HZ) ** steps
        self._phase = rng.uniform(0, 2 * np.pi, self._hz.shape)
        amplitude = 1 / np.sqrt(self._hz)  # slower ones reach farther
        self._amplitude = amplitude * (REACH * np.sqrt(2) / np.linalg.norm(amplitude, axis=1))[:, None]

    def pose(self, frames: np.ndarray) -> np.ndarray:
        """(n,) frame numbers -> (n, 6) columns of `Animation.head`: radians and mm about the mean pose."""
        angle = 2 * np.pi * self._hz * (frames[:, None, None] / 30) + self._phase
        return np.asarray((self._amplitude * np.sin(angle)).sum(2))
