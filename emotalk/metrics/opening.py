"""The opening between the lips: how wide, and whether it closes where speech closes it."""

import numpy as np

from emotalk.metrics.measures import SPEECH, Quantity, mean
from emotalk.metrics.pair import Pair
from emotalk.rigs.rig import Rig

CLOSED_MM = 1.0  # above the gap of the mesh at rest
BILABIALS = "pbm"
SLACK_FRAMES = 1  # lips may meet a frame (33 ms) before or after the sound's own time
_FPS = 30


class LipOpening:
    """The height of the mouth's opening in mm, of a pair's two faces; lips that overlap are closed."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._upper, self._lower = rig.regions["mouth_upper"], rig.regions["mouth_lower"]
        self.rest_mm = float(self.of(np.zeros((1, len(rig.displacements)), np.float32))[0])

    def of(self, weights: np.ndarray) -> np.ndarray:
        """(frames, 52) -> (frames,)."""
        return self._rig.gap_mm(weights)

    def predicted(self, pair: Pair) -> np.ndarray:
        """(frames,) of the predicted face, from coefficients or vertices."""
        if pair.predicted is not None:
            return self.of(pair.predicted)
        assert pair.vertices is not None
        height = pair.vertices[:, self._upper, 1] - pair.vertices[:, self._lower, 1]
        return np.asarray(np.maximum(height, 0).max(axis=1))


class LipGapError:
    """Error of the opening between the lips, in mm: whether the mouth opens and closes when it should."""

    size = 2

    def __init__(self, rig: Rig) -> None:
        self._opening = LipOpening(rig)
        self.quantities = (
            Quantity(
                name="lip gap error",
                unit="mm",
                definition=f"mean absolute error of the height between the lips of {rig.name}; overlap is closed",
                table=SPEECH,
            ),
        )

    def sums(self, pair: Pair) -> np.ndarray:
        """[sum of absolute errors, frames]."""
        if not pair.frames:
            return np.zeros(2)
        error = np.abs(self._opening.predicted(pair) - self._opening.of(pair.target))
        return np.array([error.sum(dtype=np.float64), len(error)])

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        return (mean(sums[..., 0], sums[..., 1]),)


class LipClosure:
    """Whether the lips meet for p, b and m, and only where they should.

    Closed: a gap at most 1 mm above the mesh's own at rest. Recall: of the corpus's bilabial sounds, the share during
    which (one frame of slack) the predicted lips close. Precision: of the predicted closures between the first sound
    and the last, the share that meets a bilabial, or at least a frame in which the real lips are closed too (w or f may
    bring them as near). A closure is a run of closed frames. The bilabial closures that viseme research tests lip
    synchrony by (Edwards et al. 2016, JALI: "bilabials must close the lips").
    """

    size = 4

    def __init__(self, rig: Rig) -> None:
        self._opening = LipOpening(rig)
        self._closed_mm = self._opening.rest_mm + CLOSED_MM
        closed = f"a gap of at most {self._closed_mm:.1f} mm on {rig.name}"
        source = "bilabials must close the lips: JALI (Edwards et al. 2016)"
        self.quantities = (
            Quantity(
                name="closure recall",
                unit="",
                definition=f"share of the sounds p, b, m during which (± 1 frame) the predicted lips close: {closed}",
                better="higher",
                source=source,
                table=SPEECH,
            ),
            Quantity(
                name="closure precision",
                unit="",
                definition="share of the predicted closures (runs of closed frames between the first and the last "
                f"sound) that meet p, b or m (± 1 frame) or a frame with real lips closed; closed: {closed}",
                better="higher",
                source=source,
                table=SPEECH,
            ),
        )

    def sums(self, pair: Pair) -> np.ndarray:
        """[bilabials closed, bilabials, closures that are right, closures]; zero without speech sounds."""
        if not pair.phones or not pair.frames:
            return np.zeros(self.size)
        closed = self._opening.predicted(pair) <= self._closed_mm
        right = self._opening.of(pair.target) <= self._closed_mm
        hits = bilabials = 0
        for phone in pair.phones:
            if is_bilabial(phone.name):
                during = frames_during(phone.start_s, phone.end_s, pair.frames, SLACK_FRAMES)
                if during.start >= during.stop:
                    continue  # a sound behind the last frame
                bilabials += 1
                hits += bool(closed[during].any())
                right[during] = True
        speech = frames_during(pair.phones[0].start_s, pair.phones[-1].end_s, pair.frames, 0)
        runs = _runs(closed[speech])
        meets = sum(bool(right[speech][run].any()) for run in runs)
        return np.array([hits, bilabials, meets, len(runs)], np.float64)

    def values(self, sums: np.ndarray) -> tuple[np.ndarray, ...]:
        hits, bilabials, meets, closures = (sums[..., i] for i in range(self.size))
        return mean(hits, bilabials), mean(meets, closures)


def is_bilabial(name: str) -> bool:
    """p, b or m by its IPA name (marks of length, aspiration or voicing aside) or its ARPAbet name P, B, M."""
    return bool(name) and name[0].lower() in BILABIALS


def frames_during(start_s: float, end_s: float, frames: int, slack: int) -> slice:
    """The frames k with start ≤ k / 30 s ≤ end, the nearest one where there is none, and `slack` more on both sides."""
    first, last = int(np.ceil(start_s * _FPS - 1e-6)), int(np.floor(end_s * _FPS + 1e-6))
    if first > last:
        first = last = round((start_s + end_s) / 2 * _FPS)
    return slice(max(first - slack, 0), min(last + slack + 1, frames))


def _runs(closed: np.ndarray) -> list[slice]:
    """The runs of True, in order."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], closed, [False]]).astype(np.int8)))
    return [slice(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
