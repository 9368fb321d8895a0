"""The report of a corpus: what it holds, in numbers, from its index, its quarantine and the sums of its shards."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.manifest import Counts, count_squares
from emotalk.corpus.report.sums import BINS, DURATION_EDGES_S, LEVEL_EDGES_DB, MOVING, STEPS, CorpusSums
from emotalk.labels import EMOTIONS, LEVELS

EXAMPLES = 3  # of each reason
SAMPLE_MIN_S, SAMPLE_MAX_S = 1.0, 12.0
MAX_SAMPLES = 8


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """One coefficient over all frames. moving: share of the frames that differ from the one before by over `MOVING`."""

    name: str
    low: float
    high: float
    mean: float
    std: float
    p99: float
    moving: float


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Clips per interval between two edges; the last and the first hold what lies beyond."""

    what: str
    unit: str
    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Speaker:
    """clips: by "emotion level", as `label_of` names them. squares: complete ones, see `manifest.count_squares`."""

    name: str
    split: str
    hours: float
    squares: int
    clips: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Why items were turned away: how many, and a few of them, with what was said of them."""

    name: str
    items: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class CorpusReport:
    """Everything a page or a program wants to know of a corpus. samples: ids of clips worth playing."""

    corpus: dict[str, Any]
    total: Counts
    splits: dict[str, Counts]
    labels: tuple[str, ...]
    speakers: tuple[Speaker, ...]
    coefficients: tuple[Coefficient, ...]
    moving_threshold: float
    histograms: tuple[Histogram, ...]
    clips_with_head: int
    repeated_recordings: int
    reasons: tuple[Reason, ...]
    unreadable: dict[str, str]
    samples: tuple[str, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def make_report(corpus: Corpus, sums: CorpusSums) -> CorpusReport:
    """`sums`: of all shards of the corpus."""
    manifest = corpus.manifest
    rows = corpus.index.to_pylist()
    return CorpusReport(
        corpus={
            "location": corpus.location,
            "digest": manifest.digest,
            "source": manifest.config.get("source"),
            "settings": manifest.config.get("settings", {}),
        },
        total=manifest.total,
        splits={split: manifest.splits[split] for split in ("train", "validation", "test") if split in manifest.splits},
        labels=tuple(sorted({label_of(row) for row in rows}, key=_label_order)),
        speakers=_speakers(rows),
        coefficients=coefficients_of(sums),
        moving_threshold=MOVING,
        histograms=(
            _histogram("duration", "s", DURATION_EDGES_S, sums.duration),
            _histogram("loudness (RMS)", "dBFS", LEVEL_EDGES_DB, sums.loudness),
            _histogram("peak", "dBFS", LEVEL_EDGES_DB, sums.peak),
        ),
        clips_with_head=sums.with_head,
        repeated_recordings=manifest.repeated_recordings,
        reasons=_reasons(corpus.quarantine.select(["item_id", "reason", "text"]).to_pylist()),
        unreadable=dict(sorted(sums.unreadable.items())),
        samples=pick_samples([row for row in rows if row["clip_id"] not in sums.unreadable]),
    )


def label_of(row: dict[str, Any]) -> str:
    """Emotion and level of an index row in words: "angry strong", "unlabelled"."""
    parts = [row["emotion"], None if row["level"] is None else LEVELS[row["level"]]]
    return " ".join(part for part in parts if part) or "unlabelled"


def coefficients_of(sums: CorpusSums) -> tuple[Coefficient, ...]:
    """Empty where no frame could be read. p99: the 99th percentile, to 1/1024."""
    if not sums.frames:
        return ()
    mean = sums.total / sums.frames
    variance = np.maximum(sums.squares / sums.frames - mean**2, 0)
    needed = np.ceil(0.99 * sums.frames)
    p99 = (np.cumsum(sums.histogram, axis=1) < needed).sum(1) / BINS
    return tuple(
        Coefficient(
            name=name,
            low=round(float(sums.low[k]) / STEPS, 5),
            high=round(float(sums.high[k]) / STEPS, 5),
            mean=round(float(mean[k]) / STEPS, 5),
            std=round(float(np.sqrt(variance[k])) / STEPS, 5),
            p99=round(float(p99[k]), 5),
            moving=round(float(sums.moving[k]) / max(sums.changes, 1), 5),
        )
        for k, name in enumerate(COEFFICIENTS)
    )


def pick_samples(rows: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Clips worth playing: one of each emotion, strong ones first, of as many speakers as there are; then of others."""

    def seconds(row: dict[str, Any]) -> float:
        return float(row["samples"] / SAMPLE_RATE)

    fit = [row for row in rows if SAMPLE_MIN_S <= seconds(row) <= SAMPLE_MAX_S]
    # Where every clip is long, the shortest are shown.
    pool = fit or sorted(rows, key=lambda row: (row["samples"], row["clip_id"]))[:MAX_SAMPLES]
    heard: Counter[str] = Counter()
    felt: Counter[str] = Counter()
    picked: list[dict[str, Any]] = []
    while pool and len(picked) < MAX_SAMPLES:
        best = min(pool, key=lambda r: (felt[r["emotion"]], heard[r["speaker"]], -(r["level"] or 0), r["clip_id"]))
        if picked and felt[best["emotion"]] and heard[best["speaker"]]:
            break
        picked.append(best)
        pool = [row for row in pool if row is not best]
        felt[best["emotion"]] += 1
        heard[best["speaker"]] += 1
    return tuple(row["clip_id"] for row in picked)


def _speakers(rows: Sequence[dict[str, Any]]) -> tuple[Speaker, ...]:
    by_speaker: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        by_speaker.setdefault((row["split"], row["speaker"]), []).append(row)
    return tuple(
        Speaker(
            name=name,
            split=split,
            hours=round(sum(row["samples"] for row in spoken) / SAMPLE_RATE / 3600, 6),
            squares=count_squares(spoken),
            clips=dict(sorted(Counter(label_of(row) for row in spoken).items(), key=lambda one: _label_order(one[0]))),
        )
        for (split, name), spoken in sorted(by_speaker.items(), key=lambda one: (-len(one[1]), one[0]))
    )


def _reasons(rows: Sequence[dict[str, Any]]) -> tuple[Reason, ...]:
    by_reason: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        by_reason.setdefault(row["reason"], []).append((row["item_id"], row["text"]))
    return tuple(
        Reason(name=name, items=len(found), examples=tuple(found[:EXAMPLES]))
        for name, found in sorted(by_reason.items(), key=lambda one: (-len(one[1]), one[0]))
    )


def _histogram(what: str, unit: str, edges: tuple[float, ...], counts: np.ndarray) -> Histogram:
    return Histogram(what=what, unit=unit, edges=edges, counts=tuple(counts.tolist()))


def _label_order(label: str) -> tuple[int, str]:
    emotion = label.split(" ")[0]
    return (EMOTIONS.index(emotion) if emotion in EMOTIONS else len(EMOTIONS), label)
