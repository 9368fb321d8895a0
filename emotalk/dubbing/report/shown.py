"""The rows that people are shown: a bounded number of any run's, what failed and what is warned of first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotalk.dubbing.emotions import EmotionCurve
from emotalk.dubbing.listing import natural
from emotalk.dubbing.report.row import FAILED, IGNORED, Row

MOST = 1_000  # failures, as many with warnings, as many others
STRIP_BUCKETS = 60
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Strip:
    """A curve as a page needs it: a digit (base 36, 35 is all) per label and bucket, bucket after bucket."""

    labels: tuple[str, ...]
    bucket_s: float
    digits: str

    @classmethod
    def of(cls, curve: EmotionCurve) -> "Strip":
        values = np.array(list(curve.shares.values()), float)  # (labels, buckets)
        together = -(-values.shape[1] // STRIP_BUCKETS)
        starts = np.arange(0, values.shape[1], together)
        widths = np.diff(np.append(starts, values.shape[1]))
        means = np.add.reduceat(values, starts, axis=1) / widths
        steps = np.rint(35 * means.clip(0, 1)).astype(int).T.ravel()
        return cls(tuple(curve.shares), curve.bucket_s * together, "".join(DIGITS[step] for step in steps))


@dataclass(frozen=True)
class ShownRow:
    """A row without its curve, and the curve as a strip."""

    row: Row
    strip: Strip | None


class Shown:
    """The first `MOST` rows of each of the three kinds; iterates over them, failures first."""

    def __init__(self) -> None:
        self._kinds: tuple[list[ShownRow], ...] = ([], [], [])

    def add(self, row: Row) -> None:
        kind = self._kinds[0 if row.state == FAILED else 1 if row.warnings else 2]
        if row.state == IGNORED or len(kind) == MOST:
            return
        strip = Strip.of(row.emotions) if row.emotions is not None and row.emotions.buckets else None
        kind.append(ShownRow(replace(row, emotions=None), strip))

    def __iter__(self) -> Iterator[ShownRow]:
        for kind in self._kinds:
            yield from sorted(kind, key=lambda one: natural(one.row.uri))

    def __len__(self) -> int:
        return sum(map(len, self._kinds))


def common_start(uris: Sequence[str]) -> int:
    """How many characters of folders all of these share."""
    folders = [uri.split("/")[:-1] for uri in uris]
    common = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        common += len(parts[0]) + 1
    return common
