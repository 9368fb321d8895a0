"""Streams of models that hear both ways: a window at a time, as offline. Exact, and late by a window."""

import numpy as np

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.inference.finish import Finisher, joined
from emotalk.inference.post.smoothing import Kernel
from emotalk.inference.windows import FRAMES_PER_STEP, SAMPLES_PER_STEP, WindowPlanner
from emotalk.streaming.stream import Stream


class WindowedStream(Stream):
    """Whenever a window of the recording is complete, its frames come out."""

    def __init__(self, animator: Animator, controls: Controls) -> None:
        shape = animator.shape
        # The first window waits until the recording is longer than it; later ones for the context behind them, with
        # frames of the window before that were held back to be blended.
        steps = max(shape.longest, shape.core + shape.after + shape.fade)
        samples = steps * SAMPLES_PER_STEP + 1 + (Kernel.of(controls).held + 1) * SAMPLES_PER_STEP / FRAMES_PER_STEP
        super().__init__(controls, samples / SAMPLE_RATE)
        self._animator = animator
        self._begin()

    def _begin(self) -> None:
        shape, config = self._animator.shape, self._animator.model.config
        self._planner = WindowPlanner(shape)
        self._finisher = Finisher(config, self.controls, shape.fade * FRAMES_PER_STEP)

    def _hear(self, samples: np.ndarray) -> Animation:
        return joined(self._animator.model.config, self._pieces(samples), self.controls)

    def _end(self, samples: np.ndarray) -> Animation:
        pieces = self._pieces(samples)
        for window in self._planner.flush():
            pieces += [self._finisher.push(raw) for raw in self._animator.predict([window], self.controls)]
        if self._finisher.begun:
            pieces.append(self._finisher.flush())
        return joined(self._animator.model.config, pieces, self.controls)

    def _pieces(self, samples: np.ndarray) -> list[Animation]:
        windows = list(self._planner.push(samples))
        return [self._finisher.push(raw) for raw in self._animator.predict(windows, self.controls)]
