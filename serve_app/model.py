"""The model deployment: one Animator, whose network runs windows of many requests in one batch."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from ray import serve
from ray.serve import metrics

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.animator import Animator, fitted
from emotalk.inference.direction import Direction
from emotalk.inference.finish import RawWindow
from emotalk.inference.windows import Window
from emotalk.model.network import EmoTalk
from emotalk.model.store import model_digest
from emotalk.timing import frames_of
from serve_app.config import ServeConfig

BATCH_WAIT_S = 0.005  # a full batch never waits: on a CPU, where a batch is one window, nobody does


class Ask(NamedTuple):
    """One window of one request: what is batched. Neighbours in a batch do not change its result."""

    window: Window
    wanted: Direction


@serve.deployment
class AnimatorModel:
    """Plans, predicts and finishes like `Animator.animate`, for many recordings side by side.

    Only the middle step is shared between requests: a batch holds windows of any of them. Everything that computes runs
    in threads, so that the event loop answers health checks at any time.
    """

    def __init__(self, config: ServeConfig) -> None:
        assert config.model is not None  # `build` has put the default's place
        torch.set_num_threads(config.threads)
        self._animator = Animator(EmoTalk.from_pretrained(config.model), model_digest=model_digest(config.model))
        self._animator.animate(np.zeros(SAMPLE_RATE, np.float32))  # a replica that cannot is never ready
        self._ahead = config.max_batch_windows or self._animator.rows
        self._predict.set_max_batch_size(self._ahead)
        # Two: while one runs the network, the other plans and finishes. Each new thread has to be told its share.
        self._pool = ThreadPoolExecutor(2, "animator", torch.set_num_threads, (config.threads,))
        self._fill = metrics.Histogram(
            "emotalk_batch_windows", description="Windows per batch.", boundaries=[1, 2, 4, 8, 16, 32, 64]
        )

    async def animate(
        self, samples: np.ndarray, controls: Controls, other: np.ndarray | None = None
    ) -> Animation | InputError:
        """(n,) float32 16 kHz mono -> the whole animation, as `Animator.animate` gives it.

        other: (m,) of the recording that the emotion is taken from.

        What the model refuses is an answer, not a failure: it is returned, so that Serve's error counts and tracebacks
        stay those of faults.
        """
        loop = asyncio.get_running_loop()
        try:
            wanted = await loop.run_in_executor(self._pool, self._direct, samples, controls, other)
        except InputError as error:
            return error
        windows = await loop.run_in_executor(self._pool, self._plan, samples, controls)
        raw: list[RawWindow] = []
        # No more than a batch at a time: a long recording leaves room for short ones.
        for start in range(0, len(windows), self._ahead):
            asks = (Ask(window, wanted) for window in windows[start : start + self._ahead])
            raw += await asyncio.gather(*(self._predict(ask) for ask in asks))
        return await loop.run_in_executor(self._pool, self._finish, raw, controls, wanted)

    # Counted in windows, not in seconds: every window is at most a minute, and no item can be over the limit.
    @serve.batch(batch_wait_timeout_s=BATCH_WAIT_S)
    async def _predict(self, asks: list[Ask]) -> list[RawWindow]:
        self._fill.observe(len(asks))
        windows, wanted = [ask.window for ask in asks], [ask.wanted for ask in asks]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._animator.predict, windows, wanted)

    def _direct(self, samples: np.ndarray, controls: Controls, other: np.ndarray | None) -> Direction:
        self._animator.check(controls)
        take = None if other is None else self._animator.hear(other)
        return fitted(self._animator.direct(controls, take), frames_of(len(samples)))

    def _plan(self, samples: np.ndarray, controls: Controls) -> list[Window]:
        return list(self._animator.plan([samples], controls))

    def _finish(self, raw: Iterable[RawWindow], controls: Controls, wanted: Direction) -> Animation:
        return self._animator.join(self._animator.finish(raw, wanted), controls)
