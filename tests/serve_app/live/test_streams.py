"""A replica's streams: what it must not go on with, and what it forgets; lanes: who travels with whom."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from serve_app.live.lanes import Lane, Lanes
from serve_app.live.steps import Answer, Ask, Frames, Lost
from serve_app.live.streams import LiveStreams
from tests.serve_app.recordings import voice

SOUND = voice(2, seed=6)
HAPPY = Controls(emotion="happy")


def streams_of(animator: Animator, *, rest_s: float = 60) -> LiveStreams:
    return LiveStreams(animator, ThreadPoolExecutor(1), 8, rest_s)


def begin(stream: str = "a", samples: np.ndarray = SOUND) -> Ask:
    return Ask(stream=stream, pushed=0, samples=samples, controls=Controls())


@pytest.mark.parametrize(
    ("ask", "known"),
    [
        (Ask(stream="a", pushed=len(SOUND), samples=SOUND), True),
        (Ask(stream="a", pushed=len(SOUND) - 1, samples=SOUND), False),
        # Its controls were changed where another replica had it.
        (Ask(stream="a", pushed=len(SOUND), samples=SOUND, changes=1), False),
        (Ask(stream="a", pushed=len(SOUND), samples=SOUND, changes=1, controls=HAPPY), True),
        (Ask(stream="b", pushed=len(SOUND), samples=SOUND), False),
        # Without controls nothing can begin.
        (Ask(stream="b", pushed=0, samples=SOUND), False),
    ],
)
def test_only_a_stream_that_is_where_its_session_is_goes_on(animator: Animator, ask: Ask, known: bool) -> None:
    async def run() -> Answer:
        streams = streams_of(animator)
        await streams.step([begin()])
        (answer,) = await streams.step([ask])
        return answer

    answer = asyncio.run(run())
    assert (answer is not Lost.STREAM) == known
    assert isinstance(answer, Frames) == known


def test_a_stream_that_rests_is_forgotten(animator: Animator) -> None:
    async def kept(rest_s: float) -> tuple[int, int]:
        streams = streams_of(animator, rest_s=rest_s)
        await streams.step([begin(), begin("b")])
        return await streams.in_use(), len(streams)

    assert asyncio.run(kept(60)) == (2, 2)
    assert asyncio.run(kept(0)) == (0, 0)


def test_what_comes_while_a_lane_calls_goes_with_its_next_call() -> None:
    calls: list[list[str]] = []
    answering = asyncio.Event()

    async def call(key: str, asks: Sequence[Ask]) -> list[Answer]:
        calls.append([ask.stream for ask in asks])
        await answering.wait()
        return [Lost.STREAM] * len(asks)

    async def run() -> None:
        lane = Lane("lane", call)
        first = asyncio.create_task(lane.step(begin("a")))
        while not calls:
            await asyncio.sleep(0)
        later = [asyncio.create_task(lane.step(begin(name))) for name in "bcd"]
        await asyncio.sleep(0)
        later[1].cancel()  # its session has ended
        answering.set()
        await first
        await asyncio.gather(*later, return_exceptions=True)

    asyncio.run(run())
    assert calls == [["a"], ["b", "d"]]


def test_sessions_share_as_few_lanes_as_hold_them() -> None:
    async def call(key: str, asks: Sequence[Ask]) -> list[Answer]:
        raise AssertionError(key)

    lanes = Lanes(3, call, full=2)
    taken = [lanes.join().key for _ in range(8)]
    assert [taken.index(key) for key in taken] == [0, 0, 2, 2, 4, 4, 0, 2]
    assert lanes.sessions == 8
