"""The model deployment: one Animator. Windows of many requests form a batch, steps of many live streams another."""

import asyncio
import logging
import os
import threading
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import scipy.signal  # noqa: F401 - for smoothing, that no first request waits for it
import torch
from ray import serve
from ray.serve import metrics

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from emotalk.inference.direction import Direction
from emotalk.inference.finish import Finisher, RawWindow
from emotalk.inference.windows import FRAMES_PER_STEP, Window
from emotalk.model.network import EmoTalk
from emotalk.model.store import model_digest
from emotalk.timing import frames_of
from serve_app.autoscaling import AUDIO, HELD, REQUESTS, STREAMS
from serve_app.backend import ModelCard
from serve_app.config import ServeConfig
from serve_app.live.steps import Answer, Ask, ResumePoint
from serve_app.live.streams import LiveStreams
from serve_app.tracing import Carrier, Trace, Traces

BATCH_WAIT_S = 0.005  # a full batch never waits: on a CPU, where a batch is one window, nobody does
BACKGROUND_WAIT_S = 2.0  # a window in the background waits no longer for others, so that it gets on at all
WINDOWS_NICE = 5  # of threads that run windows: a live step of a few milliseconds goes before a minute of speech


class WindowAsk(NamedTuple):
    """One window of one request: what is batched. Neighbours in a batch do not change its result."""

    animator: Animator
    window: Window
    wanted: Direction


@serve.deployment
class AnimatorModel:
    """Plans, predicts and finishes like `Animator.animate`, for many recordings side by side; steps live streams.

    Only the middle step is shared between requests: a batch holds windows of any of them. Everything that computes runs
    in threads, so that the event loop answers health checks at any time. Streams have a thread of their own.
    """

    def __init__(self, config: ServeConfig) -> None:
        logging.getLogger("ray.serve").addFilter(lambda record: "CALL step OK" not in record.getMessage())
        self._config = config
        torch.set_num_threads(config.threads)
        self._animator: Animator
        self._place = ""
        self._live: LiveStreams | None = None
        # Two: while one runs the network, the other plans and finishes. Each new thread has to be told its share.
        self._pool = ThreadPoolExecutor(2, "animator", _window_thread, (config.threads,))
        self._steps = ThreadPoolExecutor(1, "streams", torch.set_num_threads, (config.threads,))
        self._audio_s, self._in_work = 0.0, 0
        self._traces = Traces(config.traces, "model")
        self._foreground = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._fill = metrics.Histogram(
            "emotalk_batch_windows", description="Windows per batch.", boundaries=[1, 2, 4, 8, 16, 32, 64]
        )
        self._together = metrics.Histogram(
            "emotalk_live_steps", description="Streams stepped by one call.", boundaries=[1, 2, 4, 8, 16, 32, 64, 128]
        )
        self._streams = metrics.Gauge("emotalk_live_streams", description="Streams that this replica remembers.")

    async def reconfigure(self, config: Mapping[str, Any]) -> None:
        """Serve calls it before the replica is ready, and again when its `user_config` names another model."""
        self._place = config["model"]
        await self._load()

    async def reload(self) -> InputError | None:
        """Loads what lies in the model directory now; the old model serves until then, and ends what it began."""
        try:
            await self._load()
        except InputError as error:
            return error
        return None

    async def _load(self) -> None:
        animator = await asyncio.get_running_loop().run_in_executor(None, _load, self._place, self._config.threads)
        self._animator = animator
        self._ahead = self._config.max_batch_windows or animator.rows
        self._predict.set_max_batch_size(self._ahead)
        if ModelCard.of(animator).delay_s is None:
            self._live = None
        elif self._live is None:
            self._live = LiveStreams(animator, self._steps, self._config.live_streams, self._config.live_idle_s)
        else:
            self._live.use(animator)

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """What Serve asks for before it decides how many replicas there should be, see `ByAudio`."""
        streams = 0 if self._live is None else await self._live.in_use()
        held = 0 if self._live is None else len(self._live)
        return {AUDIO: self._audio_s, REQUESTS: self._in_work, STREAMS: streams, HELD: held}

    async def card(self) -> ModelCard:
        """What the model is."""
        return ModelCard.of(self._animator)

    async def animate(
        self,
        samples: np.ndarray,
        controls: Controls,
        emotion: np.ndarray | None = None,
        *,
        background: bool = False,
        trace: Carrier | None = None,
    ) -> Animation | InputError:
        """(n,) float32 16 kHz mono -> the whole animation, as `Animator.animate` gives it.

        emotion: (m,) of the recording that the emotion is taken from. trace: what its spans go on with.

        What the model refuses is an answer, not a failure: it is returned, so that Serve's error counts and tracebacks
        stay those of faults.
        """
        loop, animator, spans = asyncio.get_running_loop(), self._animator, self._traces.follow(trace)
        try:
            wanted = await loop.run_in_executor(self._pool, _direct, animator, samples, controls, emotion)
        except InputError as error:
            return error
        raw = [item async for item in self._raw(animator, samples, wanted, background, spans)]
        with spans.span("finish"):
            return await loop.run_in_executor(self._pool, _finish, animator, raw, controls, wanted)

    async def pieces(
        self,
        samples: np.ndarray,
        controls: Controls,
        emotion: np.ndarray | None = None,
        *,
        trace: Carrier | None = None,
    ) -> AsyncIterator[Animation | InputError]:
        """As `animate`, in consecutive pieces; the last one's `meta` is that of the whole."""
        loop, animator, spans = asyncio.get_running_loop(), self._animator, self._traces.follow(trace)
        try:
            wanted = await loop.run_in_executor(self._pool, _direct, animator, samples, controls, emotion)
        except InputError as error:
            yield error
            return
        finisher = Finisher(animator.model.config, wanted, animator.shape.fade * FRAMES_PER_STEP)
        async for item in self._raw(animator, samples, wanted, False, spans):
            if (piece := finisher.push(item)).frames:
                yield piece
        with spans.span("finish"):
            last = finisher.flush()
        yield replace(last, meta={**animator.meta(controls), **last.meta})

    async def step(self, asks: Sequence[Ask]) -> list[Answer]:
        """The next step of each stream, in one batch."""
        if self._live is None:
            refused = InputError("this model hears whole recordings, not streams")
            return [refused for _ in asks]
        self._together.observe(len(asks))
        answers = await self._live.step(asks)
        self._streams.set(len(self._live))
        return answers

    async def forget(self, stream: str) -> None:
        """The stream's session has ended."""
        if self._live is not None:
            await self._live.forget(stream)

    async def resume_point(self, controls: Controls, frames: int) -> ResumePoint | InputError:
        """Where a session goes on that has so many frames."""
        try:
            if self._live is None:
                raise InputError("this model hears whole recordings, not streams")
            return self._live.resume_point(controls, frames)
        except InputError as error:
            return error

    async def _raw(
        self, animator: Animator, samples: np.ndarray, wanted: Direction, background: bool, spans: Trace
    ) -> AsyncIterator[RawWindow]:
        loop, seconds = asyncio.get_running_loop(), len(samples) / SAMPLE_RATE
        self._audio_s, self._in_work = self._audio_s + seconds, self._in_work + 1
        try:
            windows = await loop.run_in_executor(self._pool, _plan, animator, samples, wanted.controls)
            # No more than a batch at a time: a long recording leaves room for short ones.
            for start in range(0, len(windows), self._ahead):
                asks = [WindowAsk(animator, window, wanted) for window in windows[start : start + self._ahead]]
                with spans.span("predict", windows=len(asks)):
                    answers = await self._in_turn(asks, background)
                for answer in answers:
                    yield answer
        finally:
            self._audio_s, self._in_work = self._audio_s - seconds, self._in_work - 1

    async def _in_turn(self, asks: Sequence[WindowAsk], background: bool) -> list[RawWindow]:
        """What is asked in the background waits until nothing else is asked, if not for ever."""
        if background:
            with suppress(TimeoutError):
                async with asyncio.timeout(BACKGROUND_WAIT_S):
                    await self._quiet.wait()
            return await asyncio.gather(*map(self._predict, asks))
        self._foreground += 1
        self._quiet.clear()
        try:
            return await asyncio.gather(*map(self._predict, asks))
        finally:
            self._foreground -= 1
            if not self._foreground:
                self._quiet.set()

    # Counted in windows, not in seconds: every window is at most a minute, and no item can be over the limit.
    @serve.batch(batch_wait_timeout_s=BATCH_WAIT_S)
    async def _predict(self, asks: list[WindowAsk]) -> list[RawWindow]:
        self._fill.observe(len(asks))
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, _predict_all, asks)


def _predict_all(asks: Sequence[WindowAsk]) -> list[RawWindow]:
    """Asks of one Animator, or, while a model is replaced, of two."""
    results: dict[int, RawWindow] = {}
    for animator in {id(ask.animator): ask.animator for ask in asks}.values():
        mine = [i for i, ask in enumerate(asks) if ask.animator is animator]
        raw = animator.predict([asks[i].window for i in mine], [asks[i].wanted for i in mine])
        results.update(zip(mine, raw, strict=True))
    return [results[i] for i in range(len(asks))]


def _load(place: str, threads: int) -> Animator:
    torch.set_num_threads(threads)  # of this thread, which is none of the two pools'
    animator = Animator(EmoTalk.from_pretrained(place), model_digest=model_digest(place))
    animator.animate(np.zeros(SAMPLE_RATE, np.float32))  # a replica that cannot is never ready
    return animator


def _window_thread(threads: int) -> None:
    torch.set_num_threads(threads)
    with suppress(OSError, AttributeError):  # of the thread alone, which Linux knows
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), WINDOWS_NICE)


def _direct(animator: Animator, samples: np.ndarray, controls: Controls, emotion: np.ndarray | None) -> Direction:
    animator.check(controls)
    take = None if emotion is None else animator.hear(emotion)
    return animator.direct(controls, take).fitted(frames_of(len(samples)))


def _plan(animator: Animator, samples: np.ndarray, controls: Controls) -> list[Window]:
    return list(animator.plan([samples], controls))


def _finish(animator: Animator, raw: Iterable[RawWindow], controls: Controls, wanted: Direction) -> Animation:
    return animator.join(animator.finish(raw, wanted), controls)
