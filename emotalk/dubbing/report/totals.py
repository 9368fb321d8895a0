"""A run in numbers: rows are added one by one and leave nothing behind but sums."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from emotalk.dubbing.report.row import ALREADY_DONE, ANIMATED, FAILED, IGNORED, LEFT, Row, State
from emotalk.timing import counted

EXAMPLES = 3  # of each class of failure
LENGTH_EDGES_MIN = (0, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 45, 60, 120, 240, 480, 960, 1920)
SPEED_EDGES = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)


def _histogram(edges: tuple[float, ...]) -> list[int]:
    return [0] * (len(edges) - 1)


def _count(histogram: list[int], edges: tuple[float, ...], value: float) -> None:
    histogram[min(max(bisect_right(edges, value) - 1, 0), len(histogram) - 1)] += 1


@dataclass(kw_only=True)
class Totals:
    """elapsed_s: wall clock of the run. workers: held all the time, gpus: of each. price: of one worker for one hour.

    Without `workers` there is nothing to divide by: what depends on them is None.
    """

    elapsed_s: float = 0.0
    workers: int = 0
    gpus: float = 0.0
    price_per_hour: float | None = None
    items: Counter[State] = field(default_factory=Counter)
    seconds: defaultdict[State, float] = field(default_factory=lambda: defaultdict(float))  # of sound
    outputs: int = 0
    work_s: float = 0.0
    failures: Counter[str] = field(default_factory=Counter)
    failed: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))  # uri, reason
    warned: int = 0  # items
    warnings: Counter[str] = field(default_factory=Counter)  # items by kind
    warned_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))  # seconds of sound by kind
    emotion_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))  # seconds of sound by label
    made_on: Counter[str] = field(default_factory=Counter)
    lengths: list[int] = field(default_factory=lambda: _histogram(LENGTH_EDGES_MIN))
    speeds: list[int] = field(default_factory=lambda: _histogram(SPEED_EDGES))
    _known: list[float] = field(default_factory=lambda: [0.0, 0.0])  # seconds and bytes, where both are known
    _left_bytes: int = 0  # whose seconds are not known

    @classmethod
    def of(cls, rows: Iterable[Row], **run: Any) -> "Totals":
        totals = cls(**run)
        for row in rows:
            totals.add(row)
        return totals

    def add(self, row: Row) -> None:
        self.items[row.state] += 1
        self.outputs += len(row.outputs)
        self.work_s += row.work_s or 0.0
        if row.state == FAILED:
            kind = row.failure or "fault"
            self.failures[kind] += 1
            if len(self.failed[kind]) < EXAMPLES:
                self.failed[kind].append((row.uri, row.reason or ""))
        if row.warnings:
            self.warned += 1
        for found in row.warnings:
            self.warnings[found.kind] += 1
            self.warned_s[found.kind] += found.share * (row.seconds or 0.0)
        if row.made_on is not None:
            self.made_on[row.made_on] += 1
        if row.speed is not None:
            _count(self.speeds, SPEED_EDGES, row.speed)
        if row.seconds is not None:
            self.seconds[row.state] += row.seconds
            _count(self.lengths, LENGTH_EDGES_MIN, row.seconds / 60)
            if row.bytes:
                self._known[0] += row.seconds
                self._known[1] += row.bytes
            if row.emotions is not None:
                for label, shares in row.emotions.shares.items():
                    self.emotion_s[label] += row.seconds * sum(shares) / max(len(shares), 1)
        elif row.state == LEFT:
            self._left_bytes += row.bytes or 0

    @property
    def recordings(self) -> int:
        return sum(count for state, count in self.items.items() if state != IGNORED)

    @property
    def nothing_to_do(self) -> bool:
        return self.recordings == self.items[ALREADY_DONE]

    @property
    def hours_animated(self) -> float:
        """Of sound, animated in this run."""
        return self.seconds[ANIMATED] / 3600

    @property
    def hours(self) -> float:
        """Of sound, that there are animations of now."""
        return (self.seconds[ANIMATED] + self.seconds[ALREADY_DONE]) / 3600

    @property
    def speed(self) -> float | None:
        """Times real time: seconds of sound animated per second of wall clock, start-up included."""
        return self.seconds[ANIMATED] / self.elapsed_s if self.elapsed_s > 0 else None

    @property
    def worker_hours(self) -> float | None:
        return self.workers * self.elapsed_s / 3600 if self.workers else None

    @property
    def hours_per_worker_hour(self) -> float | None:
        return self.hours_animated / self.worker_hours if self.worker_hours else None

    @property
    def hours_per_gpu_hour(self) -> float | None:
        return self.hours_per_worker_hour / self.gpus if self.hours_per_worker_hour is not None and self.gpus else None

    @property
    def hours_left(self) -> float:
        """Of sound that the run did not get to; where only bytes are known, by the seconds per byte of the others."""
        seconds, size = self._known
        return (self.seconds[LEFT] + (self._left_bytes * seconds / size if size else 0.0)) / 3600

    @property
    def cost(self) -> float | None:
        """What the workers of this run cost, in the price's currency."""
        if self.price_per_hour is None or self.worker_hours is None:
            return None
        return self.price_per_hour * self.worker_hours

    @property
    def cost_per_hour(self) -> float | None:
        """Of one hour of sound."""
        return self.cost / self.hours_animated if self.cost is not None and self.hours_animated else None

    @property
    def cost_left(self) -> float | None:
        """What is left, at the same cost per hour of sound."""
        return self.cost_per_hour * self.hours_left if self.cost_per_hour is not None else None

    def to_dict(self) -> dict[str, Any]:
        """For programs; names as in docs/dubbing-report.md."""
        return {
            "recordings": self.recordings,
            "items": dict(self.items),
            "hours": self.hours,
            "hours_animated": self.hours_animated,
            "hours_left": self.hours_left,
            "outputs": self.outputs,
            "elapsed_s": self.elapsed_s,
            "work_s": self.work_s,
            "times_real_time": self.speed,
            "workers": self.workers,
            "gpus_per_worker": self.gpus,
            "worker_hours": self.worker_hours,
            "hours_per_worker_hour": self.hours_per_worker_hour,
            "hours_per_gpu_hour": self.hours_per_gpu_hour,
            "price_per_hour": self.price_per_hour,
            "cost": self.cost,
            "cost_per_hour": self.cost_per_hour,
            "cost_left": self.cost_left,
            "failures": dict(self.failures),
            "warned": self.warned,
            "warnings": dict(self.warnings),
            "emotion_hours": {label: seconds / 3600 for label, seconds in self.emotion_s.items()},
            "made_on": dict(self.made_on),
        }

    def summary(self) -> str:
        """One line: what was done, how much, how fast."""
        parts = [f"{count} {state}" for state in (ANIMATED, ALREADY_DONE, FAILED, LEFT) if (count := self.items[state])]
        if self.items[IGNORED]:
            parts.append(f"{counted(self.items[IGNORED], 'other file')} ignored")
        if self.warned:
            parts.append(f"{self.warned} with warnings")
        if len(self.made_on) > 1:  # their last bits may differ
            places = ", ".join(f"{place} ({count})" for place, count in sorted(self.made_on.items()))
            parts.append(f"made on {places}")
        if self.nothing_to_do:
            return f"nothing to do: {', '.join(parts)}"
        if not self.hours_animated:
            return ", ".join(parts)
        hours = f"{self.hours_animated:.2f} h of sound in {self.elapsed_s:.0f} s"
        speed = "" if self.speed is None else f" ({self.speed:.0f} × real time)"
        cost = "" if self.cost is None else f", cost {self.cost:.2f}"
        left = "" if self.cost_left is None or not self.hours_left else f", {self.cost_left:.2f} for what is left"
        return f"{', '.join(parts)}; {hours}{speed}{cost}{left}"
