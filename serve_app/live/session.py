"""A live session: the one owner of its place in the recording. It can build its stream anew on any replica."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import numpy as np

from emotalk.audio.tape import Tape
from emotalk.controls import Controls
from emotalk.errors import InputError
from serve_app.live.steps import REBUILD_EXTRA, Answer, Ask, Frames, Lost, ResumePoint
from serve_app.problems import BAD_CONTROLS, UNAVAILABLE, Problem

SPARE = 16_000  # samples kept besides: controls that come later may want a second more of the past
NOTHING = np.zeros(0, np.float32)
REBUILDS = 3  # in a row, before a step is given up: each means a replica that was lost


class LiveSession:
    """Samples in, frames out, none lost and none twice, whatever happens to replicas.

    step: asks a replica. start: where it begins, or takes up again after its connection was lost.
    """

    def __init__(self, step: Callable[[Ask], Awaitable[Answer]], controls: Controls, start: ResumePoint) -> None:
        self.stream = secrets.token_hex(16)
        self.controls = controls
        self.frames = start.frames
        self.ended = False
        self._step, self._kept = step, start.memory_samples + REBUILD_EXTRA + SPARE
        self._pushed = start.pushed
        self._owed = start.pushed - start.start  # samples that only rebuild what was there
        self._recent = Tape(start.start)
        self._fresh = start.pushed > 0  # the replica cannot have it
        self._changes = 0  # of controls
        self._told = -1  # of which changes a replica knows

    async def change(self, controls: Controls) -> tuple[int, Frames | None]:
        """From the next frame on that enters; its number is returned, with frames that have come by the way.

        A Problem for what cannot change while a face moves, or what the model cannot do.
        """
        self.controls = controls
        self._changes += 1
        if self._owed or not self._pushed:
            return self.frames, None
        new = await self._ask(NOTHING, False)
        return new.entered, self._new(new)

    async def push(self, samples: np.ndarray, *, end: bool = False) -> Frames | None:
        """(n,) float32 16 kHz -> the frames that they complete, if any; at the end the rest and what was heard."""
        if self._owed:
            old, samples = samples[: self._owed], samples[self._owed :]
            self._owed -= len(old)
            self._keep(old)
            if self._owed and not end:
                return None
            if self._owed:  # the recording ends before the place where it was lost
                self._pushed, self._owed = self._pushed - self._owed, 0
        if not len(samples) and not end:
            return None
        frames = await self._ask(samples, end)
        self._pushed += len(samples)
        self._keep(samples)
        self.ended = end
        return self._new(frames)

    def _new(self, frames: Frames) -> Frames:
        new = frames.since(self.frames)
        if len(new) and new.first != self.frames:
            raise RuntimeError(f"frame {self.frames} was expected, not {new.first}")
        self.frames += len(new)
        return new

    async def _ask(self, samples: np.ndarray, end: bool) -> Frames:
        changes, controls = self._changes, self.controls
        ask = Ask(
            stream=self.stream,
            pushed=self._pushed,
            samples=samples,
            changes=changes,
            controls=None if changes == self._told else controls,
            end=end,
        )
        for attempt in range(1 + REBUILDS):
            if attempt or self._fresh:
                recent = self._recent.read(self._recent.start, self._recent.stop) if self._pushed else None
                ask = replace(ask, controls=controls, recent=recent)
            answer = await self._step(ask)
            if isinstance(answer, InputError):
                raise Problem(BAD_CONTROLS, answer.reason)
            if answer is not Lost.STREAM:
                assert isinstance(answer, Frames)
                self._fresh, self._told = False, changes
                return answer
        raise Problem(UNAVAILABLE, f"{REBUILDS} model replicas were lost while they worked on this step")

    def _keep(self, samples: np.ndarray) -> None:
        self._recent.append(samples)
        self._recent.forget(self._recent.stop - self._kept)
