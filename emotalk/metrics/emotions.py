"""How often the emotion that was heard is the emotion that was acted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emotalk.metrics.bootstrap import interval
from emotalk.metrics.measures import mean


@dataclass(frozen=True, kw_only=True)
class EmotionAccuracy:
    """accuracy: share of clips whose most probable label is theirs; None without any.

    balanced: mean over labels of the share of each label's clips (unweighted average recall), so that a frequent label
    counts no more than a rare one. chance: what a constant guess of the most frequent label reaches.
    clips: judged. unlabelled: clips without a label. unknown: clips by label that the model does not know.
    per_label: (clips, share right) of each label that occurs. confusion: acted label -> heard label -> clips.
    """

    accuracy: float | None
    balanced: float | None
    chance: float | None
    clips: int
    unlabelled: int
    unknown: dict[str, int]
    per_label: dict[str, tuple[int, float]]
    confusion: dict[str, dict[str, int]]
    interval: tuple[float, float] | None = None


class EmotionCounts:
    """Clips by acted and heard label, as an additive matrix: (labels of the corpus + 1, labels of the model).

    The last row counts unlabelled clips.
    """

    def __init__(self, acted: Sequence[str], heard: Sequence[str]) -> None:
        self.acted, self.heard = tuple(acted), tuple(heard)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.acted) + 1, len(self.heard)

    def sums(self, acted: str | None, heard: Mapping[str, float]) -> np.ndarray:
        """A clip's label and the shares that an animation's `meta` says were heard -> its count."""
        out = np.zeros(self.shape)
        row = len(self.acted) if acted is None else self.acted.index(acted)
        out[row, self.heard.index(max(heard, key=lambda label: heard[label]))] = 1
        return out

    def accuracy(self, sums: np.ndarray, resampled: np.ndarray | None = None) -> EmotionAccuracy:
        """Sums of any number of clips; resampled: (1 + replicates, *shape) sums of the bootstrap, for the interval."""
        counts = {
            label: {heard: int(n) for heard, n in zip(self.heard, row, strict=True)}
            for label, row in zip(self.acted, sums, strict=False)
            if row.any()
        }
        judged = {label: row for label, row in counts.items() if label in self.heard}
        clips = sum(sum(row.values()) for row in judged.values())
        per_label = {label: (sum(row.values()), row[label] / sum(row.values())) for label, row in judged.items()}
        return EmotionAccuracy(
            accuracy=sum(row[label] for label, row in judged.items()) / clips if clips else None,
            balanced=sum(share for _, share in per_label.values()) / len(per_label) if clips else None,
            chance=max(count for count, _ in per_label.values()) / clips if clips else None,
            clips=clips,
            unlabelled=int(sums[-1].sum()),
            unknown={label: sum(row.values()) for label, row in counts.items() if label not in self.heard},
            per_label=per_label,
            confusion=counts,
            interval=None if resampled is None else interval(self._shares(resampled), clips),
        )

    def _shares(self, sums: np.ndarray) -> np.ndarray:
        """(…, *shape) -> (…) share of the judged clips that are heard rightly, NaN without any."""
        judged = [(self.acted.index(label), self.heard.index(label)) for label in self.acted if label in self.heard]
        right = sum((sums[..., row, column] for row, column in judged), np.zeros(sums.shape[:-2]))
        total = sum((sums[..., row, :].sum(-1) for row, _ in judged), np.zeros(sums.shape[:-2]))
        return mean(right, total)
