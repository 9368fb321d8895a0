"""Where a video cuts to another picture: a new camera, often another face. No clip reaches over such a place.

A cut is one picture that has little in common with the one before while its neighbours have much. Nothing is asked of
faces: a cut to the same one is a jump all the same.
"""

import numpy as np

THUMB, SUBSAMPLED = 16, 64  # pixels on a side: what is compared, and what it is the mean of
MIN_CHANGE = 0.06  # of full scale, the mean over the thumb's pixels
DISTINCT = 3.0  # times what else changes nearby: movement, a zoom and a flicker last longer than one picture
NEARBY_S = 0.4
BLEND_S = 0.1  # a cut in a video whose rate was converted has a mixed picture or two


class ChangeMeter:
    """Pictures in, how much each differs from the one before out."""

    def __init__(self) -> None:
        self._before: np.ndarray | None = None

    def push(self, rgb: np.ndarray) -> float:
        """(height, width, 3) uint8 -> mean absolute difference in parts of full scale; 0 for the first picture."""
        rows, columns = (np.arange(SUBSAMPLED) * side // SUBSAMPLED for side in rgb.shape[:2])
        pixels = rgb[rows[:, None], columns].astype(np.float32) / 255
        part = SUBSAMPLED // THUMB
        thumb = pixels.reshape(THUMB, part, THUMB, part, 3).mean((1, 3))
        change = 0.0 if self._before is None else float(np.abs(thumb - self._before).mean())
        self._before = thumb
        return change


def find_scenes(times_s: np.ndarray, change: np.ndarray, *, end_s: float) -> list[tuple[float, float]]:
    """(n,) times of the pictures and their `change` -> (start, end) of each scene in seconds, in order.

    The last ends at `end_s`. Mixed pictures between two scenes belong to neither.
    """
    starts: list[int] = []
    for k in np.flatnonzero(change >= MIN_CHANGE).tolist():
        first, last = np.searchsorted(times_s, [times_s[k] - NEARBY_S, times_s[k] + NEARBY_S])
        others = np.delete(change[first:last], k - first)
        others = np.sort(others)[:-1]  # but for one: half of a mixed cut, or the next of a very short scene
        if k and change[k] >= DISTINCT * others.max(initial=0.0):
            starts.append(k)
    scenes: list[tuple[float, float]] = []
    begin_s = float(times_s[0])
    for at_s in times_s[starts].tolist():
        if at_s - begin_s > BLEND_S or not scenes:
            scenes.append((begin_s, at_s))
        begin_s = at_s
    return [*scenes, (begin_s, end_s)]
