"""One clip to be measured: a predicted face beside the real one."""

from dataclasses import dataclass

import numpy as np

from emotalk.corpus.clip import Phone
from emotalk.errors import InputError


@dataclass(frozen=True, eq=False)
class Pair:
    """A prediction and the truth, frame by frame at 30 fps.

    predicted: (frames, 52) coefficients, or None for a method that predicts a mesh.
    target: (frames, 52) real coefficients.
    vertices: (frames, V, 3) mm on the rig of the measures, where `predicted` is None.
    samples: (n,) float32 at 16 kHz; phones: speech sounds. Measures that need them are silent without.
    head: (frames, 6) predicted about the mean pose; target_head: (frames, 6) real, as the camera saw it. None: unknown.
    """

    predicted: np.ndarray | None
    target: np.ndarray
    vertices: np.ndarray | None = None
    samples: np.ndarray | None = None
    phones: tuple[Phone, ...] | None = None
    head: np.ndarray | None = None
    target_head: np.ndarray | None = None

    def __post_init__(self) -> None:
        """InputError where the two differ in frames."""
        if (self.predicted is None) == (self.vertices is None):
            raise ValueError("a prediction is either coefficients or vertices")
        if self.predicted is not None and self.predicted.shape != self.target.shape:
            raise InputError(
                f"an animation of shape {self.predicted.shape} cannot be compared with one of {self.target.shape}"
            )
        if self.vertices is not None and len(self.vertices) != len(self.target):
            raise InputError(f"{len(self.vertices)} frames of vertices cannot be compared with {len(self.target)}")

    @property
    def frames(self) -> int:
        return len(self.target)
