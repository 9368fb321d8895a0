"""From the sums of units to a report: added up in their order, with every number's interval over clips.

Memory: the sums of a thousand replicates per row of the table, the features of a bounded number of clips, and a few
numbers per clip.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence

import numpy as np

from emotalk.labels import EMOTIONS
from emotalk.metrics.bootstrap import clip_counts, interval, resampled
from emotalk.metrics.emotions import EmotionCounts
from emotalk.metrics.evaluation import CROSS, CROSS_ALIGNED, SELF, SELF_ALIGNED, Compared, UnitSums
from emotalk.metrics.leakage import READS, Probe, probe
from emotalk.metrics.measures import Measures, number
from emotalk.metrics.report import CrossToSelf, Difference, ModelReport, Scores
from emotalk.metrics.response import Estimate, response
from emotalk.metrics.worst import Worst, keep_worst

RATIOS = ("LVE", "EVE")  # of cross- and self-reconstruction
PER_CLIP = ("LVE", "EVE", "lip gap error", "MAE")  # kept of every clip, for distributions and clips.csv


class Totals:
    """Sums of any number of units."""

    def __init__(self, measures: Measures, methods: Sequence[str], emotions: Mapping[str, tuple[str, ...]]) -> None:
        """methods: rows whose clips are kept one by one. emotions: the labels of each model by its name."""
        self.measures, self.methods, self._emotions = measures, tuple(methods), dict(emotions)
        self.compared: list[Compared] = []
        self.counts: dict[str, int] = {}
        self.failed: dict[str, str] = {}
        self.worst: dict[str, tuple[Worst, ...]] = {}
        self._faces: dict[str, np.ndarray] = {}
        self._computed: dict[str, np.ndarray] = {}
        self._models: dict[str, dict[str, np.ndarray]] = {}
        self._targets: dict[str, dict[str, int]] = {}
        self._features: dict[tuple[str, str], list[np.ndarray]] = {}
        self._probed: dict[str, list[int]] = {}
        self._per_clip: dict[str, list[np.ndarray]] = {name: [] for name in methods}
        self._columns = [
            i for name in PER_CLIP for i, quantity in enumerate(measures.quantities) if quantity.name == name
        ]

    @property
    def per_clip_names(self) -> tuple[str, ...]:
        return tuple(self.measures.quantities[i].name for i in self._columns)

    @property
    def frames(self) -> int:
        return sum(clip.frames for clip in self.compared)

    @property
    def samples(self) -> int:
        return sum(clip.samples for clip in self.compared)

    def add(self, unit: UnitSums) -> None:
        """The next unit, in the corpus's order."""
        self.failed |= dict(unit.failed)
        if not unit.clips:
            return
        self._computed.clear()
        counts = clip_counts([clip.clip_id for clip in unit.clips])
        first = len(self.compared)
        self.compared += unit.clips
        for name, sums in unit.faces.items():
            _add(self._faces, name, resampled(sums, counts))
            self.counts[name] = self.counts.get(name, 0) + unit.counts[name]
            if name in self._per_clip:
                self._per_clip[name].append(self.measures.array(sums)[:, self._columns].astype(np.float32))
        for name, worst in unit.worst.items():
            self.worst[name] = keep_worst((*self.worst.get(name, ()), *worst))
        for name, model in unit.models.items():
            mine = self._models.setdefault(name, {})
            for what, sums in {"emotions": model.emotions, "response": model.response, **model.exchanges}.items():
                _add(mine, what, resampled(sums, counts))
            targets = self._targets.setdefault(name, dict.fromkeys(model.targets, 0))
            for kind, count in model.targets.items():
                targets[kind] += count
            self._probed.setdefault(name, []).extend(first + row for row in model.probed)
            for what, vectors in model.features.items():
                self._features.setdefault((name, what), []).append(vectors)

    def per_clip(self, method: str) -> np.ndarray:
        """(clips, per_clip_names) float32 of a method, NaN where there is nothing to measure."""
        return np.concatenate(self._per_clip[method])

    def clips_csv(self) -> str:
        """Every compared clip with its labels and each method's numbers of it, as a table."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [f"{method} {name}" for method in self.methods for name in self.per_clip_names]
        writer.writerow(["clip_id", "speaker", "statement", "emotion", "level", "frames", *columns])
        values = np.concatenate([self.per_clip(method) for method in self.methods], axis=1)
        for clip, row in zip(self.compared, values, strict=True):
            labels = [clip.clip_id, clip.speaker, clip.statement, clip.emotion, clip.level, clip.frames]
            writer.writerow([*labels, *("" if np.isnan(value) else f"{value:.5g}" for value in row)])
        return text.getvalue()

    def faces(self) -> dict[str, Scores]:
        """Row of the table -> its values with intervals."""
        return {name: self._scores(self._values(name), self.counts[name]) for name in self._faces if self.counts[name]}

    def differences(self, method: str) -> dict[str, dict[str, Difference]]:
        """Every other row -> quantity -> the method's value less the row's, both resampled alike."""
        mine = self._values(method)
        out: dict[str, dict[str, Difference]] = {}
        for name in self._faces:
            if name == method or not self.counts[name]:
                continue
            values = mine - self._values(name)
            clips = min(self.counts[name], self.counts[method])
            out[name] = {
                quantity.name: Difference(value=number(column[0]), interval=interval(column, clips))
                for quantity, column in zip(self.measures.quantities, values.T, strict=True)
            }
        return out

    def model(self, name: str) -> ModelReport:
        """What is reported of a model alone."""
        sums = self._models[name]
        heard = EmotionCounts(EMOTIONS, self._emotions[name])
        targets = self._targets[name]
        values = {kind: self.measures.array(sums[kind]) for kind, count in targets.items() if count}
        compared = {
            kind: self._ratios(values[kind], values[own], targets[kind])
            for kind, own in ((CROSS, SELF), (CROSS_ALIGNED, SELF_ALIGNED))
            if kind in values
        }
        values.pop(SELF_ALIGNED, None)
        return ModelReport(
            exchanges={kind: self._scores(found, targets[kind]) for kind, found in values.items()},
            targets=targets[CROSS],
            cross_to_self=compared,
            emotion=heard.accuracy(sums["emotions"][0], sums["emotions"]),
            leakage=self._leakage(name),
            response=response(sums["response"]),
        )

    def _ratios(self, cross: np.ndarray, own: np.ndarray, targets: int) -> CrossToSelf:
        """(1 + replicates, quantities) of the same targets, resampled alike."""
        names = [quantity.name for quantity in self.measures.quantities]
        columns = {name: names.index(name) for name in RATIOS if name in names}
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = {name: cross[:, i] / np.where(own[:, i] > 0, own[:, i], np.nan) for name, i in columns.items()}
        return CrossToSelf(
            targets=targets,
            ratios={
                name: Estimate(value=number(ratio[0]), interval=interval(ratio, targets))
                for name, ratio in ratios.items()
            },
        )

    def _leakage(self, name: str) -> tuple[Probe, ...]:
        clips = [self.compared[i] for i in self._probed[name]]
        # In an order that means nothing: where a label has more clips than the rarest, the first ones count.
        order = sorted(range(len(clips)), key=lambda i: hashlib.sha256(clips[i].clip_id.encode()).digest())
        clips = [clips[i] for i in order]
        counts = clip_counts([clip.clip_id for clip in clips])
        speakers = [clip.speaker for clip in clips]
        labels: dict[str, list[str | None]] = {
            "emotion": [clip.emotion for clip in clips],
            "statement": [clip.statement for clip in clips],
        }
        return tuple(
            probe(what, reads, np.concatenate(vectors)[order], labels[reads], speakers, counts)
            for (model, what), vectors in self._features.items()
            if model == name
            for reads in READS
        )

    def _values(self, row: str) -> np.ndarray:
        """(1 + replicates, quantities) of a row of the table."""
        if row not in self._computed:
            self._computed[row] = self.measures.array(self._faces[row])
        return self._computed[row]

    def _scores(self, values: np.ndarray, clips: int) -> Scores:
        names = [quantity.name for quantity in self.measures.quantities]
        return Scores(
            values={name: number(column[0]) for name, column in zip(names, values.T, strict=True)},
            intervals={name: interval(column, clips) for name, column in zip(names, values.T, strict=True)},
        )


def _add(into: dict[str, np.ndarray], name: str, sums: np.ndarray) -> None:
    into[name] = into[name] + sums if name in into else sums
