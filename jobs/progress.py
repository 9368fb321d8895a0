"""One line of progress for long work, most of it measured in hours of audio."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console

from emotalk.timing import clock, counted

LINE_EVERY_S = 30.0  # where the output is a file or a log


@dataclass(frozen=True)
class Progress:
    """How far a job is. The planned seconds may be an estimate.

    clips / rejected: done so far, called by `nouns`. audio_s / planned_audio_s: seconds of audio, 0 planned where
    nothing is known yet. elapsed_s: wall clock.
    """

    clips: int
    rejected: int
    audio_s: float
    planned_audio_s: float
    elapsed_s: float
    nouns: tuple[str, str] = ("clips", "rejected")

    @property
    def speed(self) -> float:
        """Seconds of audio per second."""
        return self.audio_s / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds until the end, None until it can be told."""
        if self.speed <= 0 or self.planned_audio_s <= 0:
            return None
        return max(self.planned_audio_s - self.audio_s, 0.0) / self.speed

    def __str__(self) -> str:
        share = min(self.audio_s / self.planned_audio_s, 1.0) if self.planned_audio_s > 0 else 0.0
        noun, fault = self.nouns
        rejected = f", {self.rejected} {fault}" if self.rejected else ""
        left = "" if self.left_s is None else f", {clock(self.left_s)} left"
        planned = f" of {self.planned_audio_s / 3600:.2f}" if self.planned_audio_s > 0 else ""
        return (
            f"{share:4.0%}  {self.clips} {noun}{rejected}, {self.audio_s / 3600:.2f}{planned} h, "
            f"{self.speed:.0f} × real time{left}"
        )


@dataclass(frozen=True)
class VideoProgress:
    """How far a job is whose pieces have lengths that nobody knows yet: videos captured so far, of all."""

    done: int
    planned: int
    rejected: int
    elapsed_s: float

    def __str__(self) -> str:
        rejected = f", {self.rejected} turned away" if self.rejected else ""
        left_s = self.elapsed_s / self.done * (self.planned - self.done) if self.done else 0.0
        left = f", {clock(left_s)} left" if left_s else ""
        return f"captured {self.done} of {counted(self.planned, 'video')}{rejected}{left}"


ProgressCallback = Callable[[Progress | VideoProgress], None]


@contextmanager
def progress_line(title: str, file: TextIO | None = None) -> Iterator[ProgressCallback]:
    """A callback that shows progress: one line that renews itself on a terminal, a line now and then elsewhere."""
    console = Console(file=file or sys.stderr)
    if console.is_terminal:
        with console.status(title) as status:
            yield lambda progress: status.update(f"{title}  {progress}")
        return
    last = time.monotonic()

    def write(progress: Progress | VideoProgress) -> None:
        nonlocal last
        if time.monotonic() - last >= LINE_EVERY_S:
            last = time.monotonic()
            console.print(f"{title}  {progress}", highlight=False, soft_wrap=True)

    yield write
