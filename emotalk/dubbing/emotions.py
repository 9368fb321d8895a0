"""The emotion of a recording over time, in at most 200 buckets however long it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emotalk.blendshapes import FPS
from emotalk.dubbing.findings import Finding

BUCKET_S = 10
MOST_BUCKETS = 200
UNSURE_BELOW, UNSURE_SHARE = 0.4, 0.95  # of the likeliest label, in nearly all of the time
_STEPS = 4096  # shares are added up as whole numbers, so that no rounding depends on the order


@dataclass(frozen=True)
class EmotionCurve:
    """Share of each label (0 to 1) per bucket of `bucket_s` seconds; the last bucket may be shorter."""

    bucket_s: float
    shares: Mapping[str, tuple[float, ...]]

    @property
    def buckets(self) -> int:
        return max((len(values) for values in self.shares.values()), default=0)

    def unsure(self) -> Finding | None:
        """A warning where no label stands out nearly anywhere."""
        if not self.buckets:
            return None
        likeliest = np.max(list(self.shares.values()), axis=0)
        weak = likeliest < UNSURE_BELOW
        if weak.mean() < UNSURE_SHARE:
            return None
        return Finding(
            "unsure", float(np.argmax(weak)) * self.bucket_s, float(weak.mean()), round(float(likeliest.max()), 3)
        )

    def to_dict(self) -> dict[str, Any]:
        return {"bucket_s": self.bucket_s, "shares": {label: list(values) for label, values in self.shares.items()}}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EmotionCurve":
        return cls(data["bucket_s"], {label: tuple(values) for label, values in data["shares"].items()})


class EmotionSeries:
    """Takes the emotion of an animation piece by piece, from frame `start` on.

    Buckets are 10 s, or twice, four times … as long, so that 200 reach the last frame: whatever the pieces were, and
    whatever parts were added up.
    """

    def __init__(self, labels: Sequence[str], start: int = 0) -> None:
        self.labels = tuple(labels)
        self.start = self.stop = start
        self._frames = int(BUCKET_S * FPS)  # of a bucket
        self._first = start // self._frames
        self._sums = np.zeros((0, len(self.labels) + 1), np.int64)  # steps by label, then frames

    def push(self, emotion: np.ndarray) -> None:
        """The next (n, labels) shares."""
        if not len(emotion):
            return
        self._reach(self.stop + len(emotion))
        place = np.arange(self.stop, self.stop + len(emotion)) // self._frames - self._first
        steps = np.rint(np.asarray(emotion, np.float64) * _STEPS).astype(np.int64)
        np.add.at(self._sums, place, np.column_stack([steps, np.ones(len(steps), np.int64)]))
        self.stop += len(emotion)

    def __add__(self, after: "EmotionSeries") -> "EmotionSeries":
        """This part and the one that follows it, as one. ValueError where it does not, or has other labels."""
        if after.start != self.stop or after.labels != self.labels:
            raise ValueError(f"a part that starts at {after.start} does not follow one that stops at {self.stop}")
        both, other = EmotionSeries.from_dict(self.to_dict()), EmotionSeries.from_dict(after.to_dict())
        both._reach(after.stop)
        other._reach(after.stop)
        place = other._first - both._first
        both._sums[place : place + len(other._sums)] += other._sums
        both.stop = after.stop
        return both

    def curve(self) -> EmotionCurve | None:
        """None where there is no frame."""
        if not len(self._sums):
            return None
        shares = self._sums[:, :-1] / (_STEPS * np.maximum(self._sums[:, -1:], 1))
        columns = {label: tuple(shares[:, k].round(3).tolist()) for k, label in enumerate(self.labels)}
        return EmotionCurve(float(self._frames / FPS), columns)

    def to_dict(self) -> dict[str, Any]:
        """For `from_dict`; anything JSON can hold."""
        sums = self._sums.tolist()
        return {
            "labels": list(self.labels),
            "start": self.start,
            "stop": self.stop,
            "frames": self._frames,
            "sums": sums,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "EmotionSeries":
        series = cls(data["labels"], data["start"])
        series.stop, series._frames = data["stop"], data["frames"]
        series._first = series.start // series._frames
        series._sums = np.array(data["sums"], np.int64).reshape(-1, len(series.labels) + 1)
        return series

    def _reach(self, stop: int) -> None:
        """Makes room for frames below `stop`."""
        while stop > MOST_BUCKETS * self._frames:
            padded = np.pad(self._sums, ((self._first % 2, (self._first + len(self._sums)) % 2), (0, 0)))
            self._sums = padded.reshape(-1, 2, padded.shape[1]).sum(1)
            self._frames *= 2
            self._first //= 2
        missing = (stop - 1) // self._frames + 1 - self._first - len(self._sums)
        if stop > self.start and missing > 0:
            self._sums = np.pad(self._sums, ((0, missing), (0, 0)))
