"""The window plan: a recording of any length, block by block, becomes windows that the network can hold.

The plan is a function of the samples and of the model's window shape alone: never of the size of the blocks, the batch
or the order of work. All starts are multiples of 1,600 samples, which are three frames exactly.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.audio.held import Held, cut_small
from emotalk.timing import frames_of

if TYPE_CHECKING:
    from emotalk.model.network import EmoTalk

PLAN_VERSION = 1  # part of every completion key: a change here recomputes what it changed

SAMPLES_PER_STEP = 1_600
FRAMES_PER_STEP = 3
PAUSE_SAMPLES = SAMPLE_RATE // 10  # a border is put at the quietest tenth of a second in reach


@dataclass(frozen=True)
class WindowShape:
    """How a model's recordings are cut, in steps of 0.1 s (three frames).

    core: longest piece that one window contributes. before / after: context on either side.
    search: how far back from the longest piece's end a border looks for a pause.
    fade: steps over which a window is blended into the one before it.
    """

    core: int
    before: int
    after: int
    search: int = 0
    fade: int = 0

    @classmethod
    def of(cls, model: "EmoTalk") -> "WindowShape":
        past, future = model.past_samples, model.future_samples
        if past is None or future is None:
            # The large encoders see both ways: what a window says near its border is a matter of taste. Borders go to
            # pauses, 4 s of context lie on either side, and 0.3 s are blended. A minute is one window.
            return cls(core=520, before=40, after=40, search=60, fade=3)
        # With the whole receptive field as context a border changes nothing.
        return cls(core=600, before=_steps(past), after=_steps(future))

    def hearing(self, frames: int) -> "WindowShape":
        """The same with so many frames more before a window that reach into it."""
        return replace(self, before=self.before + -(-frames // FRAMES_PER_STEP))

    @property
    def longest(self) -> int:
        """Steps of the longest recording that is one window."""
        return self.before + self.core + self.after


@dataclass(frozen=True)
class Window:
    """One piece of a recording: what the network is given and which frames it contributes.

    samples: (n,) float32 with context. first: the frame at samples[0], counted from the recording's start.
    start, stop: frames this window contributes, counted from the recording's start; the first `fade` of them are
    blended with the last `fade` of the window before. last: whether the recording ends here.
    """

    samples: np.ndarray
    first: int
    start: int
    stop: int
    fade: int
    last: bool

    @property
    def frames(self) -> int:
        """Frames the network computes, context included."""
        return frames_of(len(self.samples))


def plan_windows(blocks: Iterable[np.ndarray], shape: WindowShape) -> Iterator[Window]:
    """Samples in blocks of any size -> windows in order, holding no more than one window of samples."""
    planner = WindowPlanner(shape)
    for block in blocks:
        yield from planner.push(block)
    yield from planner.flush()


class WindowPlanner:
    """Takes a recording's samples as they come and gives every window as soon as it is decided."""

    def __init__(self, shape: WindowShape) -> None:
        self._shape = shape
        self._held = Held()
        self._total = 0
        self._border = 0  # where the next piece starts, in steps

    def push(self, block: np.ndarray) -> Iterator[Window]:
        for part in cut_small(block):
            self._total = self._held.add(part)
            # One sample more tells whether the recording goes on; the latest border listens a little farther.
            while self._total >= max(
                self._reach * SAMPLES_PER_STEP + 1,
                (self._border + self._shape.core) * SAMPLES_PER_STEP + PAUSE_SAMPLES // 2,
            ):
                yield self._next()

    def flush(self) -> Iterator[Window]:
        """The windows up to the recording's end."""
        last = self._total == 0
        while not last:
            window = self._next()
            yield window
            last = window.last

    @property
    def _reach(self) -> int:
        """Steps up to which the next window listens if the recording ends there."""
        return self._shape.longest if self._border == 0 else self._border + self._shape.core + self._shape.after

    def _next(self) -> Window:
        shape, border = self._shape, self._border
        base = max(0, border - shape.before - shape.fade)
        self._held.forget_before(base * SAMPLES_PER_STEP)
        last = self._total <= self._reach * SAMPLES_PER_STEP
        if last:
            end, until = frames_of(self._total), self._total
        else:
            self._border = _border(self._held, border + shape.core, shape.search)
            end, until = self._border * FRAMES_PER_STEP, (self._border + shape.after) * SAMPLES_PER_STEP
        fade = shape.fade * FRAMES_PER_STEP if border else 0
        return Window(
            samples=self._held.samples(base * SAMPLES_PER_STEP, until),
            first=base * FRAMES_PER_STEP,
            start=border * FRAMES_PER_STEP - fade,
            stop=end,
            fade=fade,
            last=last,
        )


def _border(held: Held, latest: int, search: int) -> int:
    """The step in (latest - search, latest] with the quietest surroundings; the latest among equals."""
    if not search:
        return latest
    candidates = range(latest, latest - search, -1)
    half = PAUSE_SAMPLES // 2

    def energy(step: int) -> float:
        centre = step * SAMPLES_PER_STEP
        return float(np.square(held.samples(centre - half, centre + half), dtype=np.float64).sum())

    return min(candidates, key=energy)


def _steps(samples: int) -> int:
    return -(-samples // SAMPLES_PER_STEP)
