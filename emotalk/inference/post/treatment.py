"""What post-processing does for one recording, worked out from its controls once."""

import numpy as np

from emotalk.animation import HEAD_COLUMNS
from emotalk.blendshapes import COEFFICIENTS
from emotalk.controls import Controls
from emotalk.controls.checks import constant
from emotalk.controls.track import Track, number_at
from emotalk.inference.post.blinks import Blinks
from emotalk.inference.post.gaze import Gaze, look
from emotalk.inference.post.shaping import Limits, Shape
from emotalk.inference.post.smoothing import Kernel, Strength
from emotalk.inference.post.sway import Sway

FACE = len(COEFFICIENTS)
POSED = FACE + len(HEAD_COLUMNS)


class Treatment:
    """Parts that do nothing are None."""

    def __init__(self, controls: Controls) -> None:
        shaping = controls.shaping
        shape, strength, limits = Shape(controls), Strength(controls), Limits(controls)
        self.kernel = Kernel.of(controls)
        self.held = self.kernel.held  # frames that a finished frame comes behind its raw one
        self.shape = None if shape.idle else shape
        self.strength = None if strength.full or not self.kernel.held else strength
        self.limits = None if limits.idle else limits
        self.gate = controls.silence_gate
        self.gate_fixed = None if isinstance(self.gate, Track) else float(self.gate)
        self.silence_dbfs = shaping.silence_dbfs
        rate = controls.blinks_per_minute
        self.blinks = None if constant(rate, 0) else Blinks(rate, shaping.blink_variety, controls.seed)
        self.gaze = None if constant(shaping.gaze, 0) else Gaze(controls.seed)
        self.sway = None if constant(shaping.sway, 0) else Sway(controls.seed)
        self.tail_frames = round(controls.tail_s * 30)
        self._gaze_share, self._sway_share = shaping.gaze, shaping.sway

        self.lively = self.gaze is not None or self.sway is not None  # eyes or head move by themselves

    def rests(self, first: int, stop: int) -> bool:
        """Whether nothing is to be done to frames `first` to `stop` that were spoken."""
        busy = self.lively or self.limits is not None or (self.blinks is not None and self.blinks.near(first, stop))
        return not busy

    def columns(self, raw: int) -> int:
        """Of finished frames: a head that sways has a pose, whether the network says one or not."""
        return POSED if self.sway is not None else raw

    def gate_at(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) frame numbers -> (n,) strength of the silence gate."""
        return number_at(self.gate, numbers)

    def enliven(self, frames: np.ndarray, numbers: np.ndarray, share: np.ndarray | float = 1.0) -> None:
        """In place: eyes and head of frames (n, C) numbered `numbers` (n,), moved by a share (n,) of what they would.

        Eyes that look at someone keep looking while the head sways.
        """
        if not len(frames):
            return
        degrees = np.zeros((len(frames), 2))
        if self.sway is not None:
            pose = self.sway.pose(numbers) * (number_at(self._sway_share, numbers) * share)[:, None]
            frames[:, FACE:POSED] += pose
            degrees = np.degrees(pose[:, :2] * (-1, 1))
        if self.gaze is not None:
            strength = number_at(self._gaze_share, numbers)
            own = self.gaze.angles(numbers) * (strength * share)[:, None]
            look(frames[:, :FACE], own + degrees * np.minimum(strength, 1)[:, None])


def has_head(controls: Controls, head_pose: bool) -> bool:
    """Whether finished frames have a head's pose: the network's own, or that of a head that sways."""
    return head_pose or not constant(controls.shaping.sway, 0)
