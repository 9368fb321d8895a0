"""What a run would do: recordings, hours by their headers, and the time it may take. Needs no model."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from emotalk.dubbing.ledger import Chapter
from emotalk.dubbing.plan import Plan
from emotalk.dubbing.strands import declared_s, guessed_s
from emotalk.files import printable
from emotalk.timing import clock, counted, length

ASSUMED_SPEED = 50.0  # × real time of one worker with the small network on one core of 2026, all work included
SHOWN = 20  # recordings of which a line is printed


@dataclass(frozen=True)
class Estimate:
    """left: name and seconds of each animation to make; guessed: how many of these lengths are guesses by size.

    speed: × real time of one worker; measured: whether earlier runs into this folder tell it.
    """

    left: tuple[tuple[str, float], ...]
    guessed: int
    done: int
    failed: int
    workers: int
    speed: float
    measured: bool

    @classmethod
    def of(cls, plan: Plan, workers: int) -> "Estimate":
        """Opens the header of every recording that has something left to do."""
        known = declared_s([item.recording for item in plan.items])
        left: list[tuple[str, float]] = []
        for item, declared in zip(plan.items, known, strict=True):
            whole = guessed_s(item.recording) if declared is None else declared
            left += [(take.name, _seconds(take.chapter, whole)) for take in item.takes]
        speeds = [record.speed for record in plan.ledger if record.speed]
        return cls(
            tuple(left),
            sum(declared is None for declared in known),
            len(plan.done),
            len(plan.failed),
            workers,
            statistics.median(speeds) if speeds else ASSUMED_SPEED,
            bool(speeds),
        )

    def lines(self) -> Iterable[str]:
        for name, seconds in self.left[:SHOWN]:
            yield f"{clock(seconds):>8}  {printable(name)}"
        if len(self.left) > SHOWN:
            yield f"          … and {len(self.left) - SHOWN} more"
        total = sum(seconds for _, seconds in self.left)
        guessed = f" ({self.guessed} of them guessed by size)" if self.guessed else ""
        yield f"to do: {counted(len(self.left), 'animation')}, {length(total / 3600)} of sound{guessed}"
        yield f"already done: {self.done}" + (f"; cannot be done: {self.failed}" if self.failed else "")
        how = "as in earlier runs" if self.measured else "assumed; a first run measures it"
        time = clock(total / (self.speed * self.workers))
        yield f"about {time} with {counted(self.workers, 'worker')} at {self.speed:.0f} × real time each ({how})"


def _seconds(chapter: Chapter | None, whole: float) -> float:
    if chapter is None:
        return whole
    return max((whole if chapter.end_s is None else chapter.end_s) - chapter.start_s, 0.0)
