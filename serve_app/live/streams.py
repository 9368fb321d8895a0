"""Live streams in a model replica: a cache. Whatever is lost here is built again from what the ingress keeps."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from time import monotonic

import numpy as np

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS
from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from emotalk.inference.finish import columns_of, joined
from emotalk.streaming.live import LiveStream, push_together
from emotalk.streaming.network import StreamingNetwork
from serve_app.live.steps import REBUILD_EXTRA, Answer, Ask, Frames, Lost, ResumePoint

USED_S = 5.0  # a stream that has not been asked for in so long makes no work


@dataclass
class Held:
    """A stream, how many samples it has been pushed, which of its session's controls it has, and when it was asked for
    last."""

    stream: LiveStream
    pushed: int
    changes: int
    at: float = 0.0


class LiveStreams:
    """Steps of many streams of one Animator, those that wait at the same time in one batch.

    max_streams: more than so many, and the one that has rested longest is forgotten; rest_s: so is one that rests so
    long. executor: of one thread, which alone touches the streams.
    """

    def __init__(self, animator: Animator, executor: Executor, max_streams: int, rest_s: float) -> None:
        self.network = animator.streaming_network
        self._executor = executor
        self._max_streams, self._rest_s = max_streams, rest_s
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._waiting: list[tuple[Sequence[Ask], asyncio.Future[list[Answer]]]] = []
        self._running: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    async def in_use(self) -> int:
        """Streams that have been asked for in the last seconds. A session that goes on elsewhere leaves one behind."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._used)

    def use(self, animator: Animator) -> None:
        """Streams that begin, or are built anew, are this one's from now on; the others go on as they are."""
        self.network = animator.streaming_network

    async def step(self, asks: Sequence[Ask]) -> list[Answer]:
        """The answer to each ask. Asks of several callers that come while a batch is computed form the next one."""
        done: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.append((asks, done))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await done

    async def forget(self, stream: str) -> None:
        """A session has ended without its end: nothing of it stays."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._held.pop, stream, None)

    def resume_point(self, controls: Controls, frames: int) -> ResumePoint:
        """InputError where the model cannot do what is asked."""
        network, asked = self.network, controls.compiled
        network.asked(controls)
        memory = network.memory_samples(asked)
        pushed = max(0, int(network.heard_at(frames - 1 + network.late(asked)))) if frames else 0
        return ResumePoint(
            frames=frames,
            start=max(0, pushed - memory - REBUILD_EXTRA) // SAMPLE_RATE * SAMPLE_RATE,
            pushed=pushed,
            memory_samples=memory,
            delay_s=network.delay_s(asked),
            head=columns_of(network.model.config, asked) > len(COEFFICIENTS),
        )

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            callers, self._waiting = self._waiting, []
            asks = [ask for some, _ in callers for ask in some]
            try:
                answers = iter(await loop.run_in_executor(self._executor, self._compute, asks))
            except Exception as error:
                for ask in asks:  # half a step may have been done
                    self._held.pop(ask.stream, None)
                for _, done in callers:
                    if not done.done():
                        done.set_exception(error)
            else:
                for some, done in callers:
                    mine = [next(answers) for _ in some]
                    if not done.done():
                        done.set_result(mine)
        self._running = None

    def _compute(self, asks: Sequence[Ask]) -> list[Answer]:
        answers: list[Answer | None] = [None] * len(asks)
        together: dict[StreamingNetwork, list[tuple[int, Ask, Held]]] = {}
        seen: set[str] = set()
        for i, ask in enumerate(asks):
            try:
                # The same stream twice: the caller of one of them has given it up and asked again.
                held = None if ask.stream in seen else self._found(ask)
                seen.add(ask.stream)
                if held is None:
                    answers[i] = Lost.STREAM
                elif ask.end:
                    answers[i] = self._ended(ask, held)
                else:
                    together.setdefault(held.stream.network, []).append((i, ask, held))
            except InputError as error:
                answers[i] = error
        for batch in together.values():
            pieces = push_together([held.stream for _, _, held in batch], [ask.samples for _, ask, _ in batch])
            for (i, ask, held), piece in zip(batch, pieces, strict=True):
                first = emitted(held.stream.network, held.stream.controls, held.pushed)
                held.pushed += len(ask.samples)
                answers[i] = _frames(piece, first, held)
        self._tidy()
        return [answer for answer in answers if answer is not None]

    def _found(self, ask: Ask) -> Held | None:
        """The stream where the ask says it is: as it rests here, begun, or built from what the ask brings along."""
        held, controls = self._held.get(ask.stream), ask.controls
        if controls is not None and (ask.recent is not None or (held is None and ask.pushed == 0)):
            stream = LiveStream(self.network, controls)
            if ask.recent is not None:
                stream.rebuild(ask.recent, ask.pushed)
            held = self._held[ask.stream] = Held(stream, ask.pushed, ask.changes)
        elif held is None or held.pushed != ask.pushed or (controls is None and held.changes != ask.changes):
            self._held.pop(ask.stream, None)
            return None
        elif controls is not None and held.changes != ask.changes:
            held.stream.controls, held.changes = controls, ask.changes
        held.at = monotonic()
        self._held.move_to_end(ask.stream)
        return held

    def _tidy(self) -> None:
        longest = monotonic() - self._rest_s
        while self._held and (len(self._held) > self._max_streams or next(iter(self._held.values())).at < longest):
            self._held.popitem(last=False)

    def _used(self) -> int:
        self._tidy()
        recently = monotonic() - USED_S
        return sum(held.at >= recently for held in self._held.values())

    def _ended(self, ask: Ask, held: Held) -> Frames:
        network, controls = held.stream.network, held.stream.controls
        first = emitted(network, controls, held.pushed)
        pieces = [held.stream.push(ask.samples), held.stream.flush()]
        held.pushed += len(ask.samples)
        self._held.pop(ask.stream, None)
        return _frames(joined(network.model.config, pieces, controls.compiled), first, held)


def emitted(network: StreamingNetwork, controls: Controls, pushed: int) -> int:
    """Frames that have come out of a stream that has been pushed so many samples."""
    return max(0, int(network.entering(pushed)) - network.late(controls.compiled))


def _frames(piece: Animation, first: int, held: Held) -> Frames:
    return Frames(
        first=first,
        entered=max(0, int(held.stream.network.entering(held.pushed))),
        weights=piece.weights,
        emotion=piece.emotion if piece.emotion is not None else np.zeros((piece.frames, 0), np.float32),
        head=piece.head,
        heard=piece.meta.get("heard"),
    )
