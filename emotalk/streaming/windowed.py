"""Streams of models that hear both ways: a window at a time, as offline. Exact, and late by a window."""

import numpy as np

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.inference.direction import Direction
from emotalk.inference.finish import Finisher, joined
from emotalk.inference.post.smoothing import Kernel
from emotalk.inference.windows import FRAMES_PER_STEP, SAMPLES_PER_STEP, WindowPlanner
from emotalk.streaming.stream import Stream
from emotalk.timing import frames_of


class WindowedStream(Stream):
    """Whenever a window of the recording is complete, its frames come out."""

    def __init__(self, animator: Animator, controls: Controls, wanted: Direction) -> None:
        shape = animator.shape
        # The first window waits until the recording is longer than it; later ones for the context behind them, with
        # frames of the window before that were held back to be blended.
        steps = max(shape.longest, shape.core + shape.after + shape.fade)
        samples = (
            steps * SAMPLES_PER_STEP + 1 + (Kernel.of(controls.compiled).held + 1) * SAMPLES_PER_STEP / FRAMES_PER_STEP
        )
        super().__init__(controls, samples / SAMPLE_RATE)
        self._animator, self._wanted = animator, wanted
        self._begin()

    def _begin(self) -> None:
        shape, config = self._animator.shape, self._animator.model.config
        self._planner = WindowPlanner(shape)
        self._now = self._wanted
        self._finisher = Finisher(config, self._wanted, shape.fade * FRAMES_PER_STEP)
        self._pushed = 0

    def _change(self, controls: Controls) -> None:
        self._wanted = self._animator.direct(controls, self._wanted.take)
        self._now = self._now.changed(controls, frames_of(self._pushed))
        self._finisher.change(self._now)

    def _hear(self, samples: np.ndarray) -> Animation:
        return joined(self._animator.model.config, self._pieces(samples), self._now.controls)

    def _end(self, samples: np.ndarray) -> Animation:
        pieces = self._pieces(samples)
        for window in self._planner.flush():
            pieces += [self._finisher.push(raw) for raw in self._animator.predict([window], self._now)]
        if self._finisher.begun:
            pieces.append(self._finisher.flush())
        return joined(self._animator.model.config, pieces, self._now.controls)

    def _pieces(self, samples: np.ndarray) -> list[Animation]:
        self._pushed += len(samples)
        windows = list(self._planner.push(samples))
        return [self._finisher.push(raw) for raw in self._animator.predict(windows, self._now)]
