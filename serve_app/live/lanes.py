"""Lanes: the way of many sessions' steps from an ingress to a model replica, in few calls.

A call between replicas costs as much as the steps of dozens of streams. So the sessions of an ingress share lanes: a
lane has one call on its way at a time, and what comes meanwhile, or too soon after the last, goes with the next. All
calls of a lane go to one replica.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence

from serve_app.live.steps import Answer, Ask

EVERY_S = 1 / 30  # between the calls of a lane, at least: a frame. Chunks of 100 ms that come alone never wait for it

Call = Callable[[str, Sequence[Ask]], Awaitable[list[Answer]]]
"""The lane's key, which chooses the replica, and the asks -> their answers."""


class Lane:
    """One lane. key: what calls are routed by."""

    def __init__(self, key: str, call: Call) -> None:
        self.key = key
        self.sessions = 0
        self._call = call
        self._waiting: list[tuple[Ask, asyncio.Future[Answer]]] = []
        self._running: asyncio.Task[None] | None = None
        self._next = 0.0  # when the next call may be made, by the loop's clock
        self._home = asyncio.Event()  # no call is on its way
        self._home.set()

    async def settled(self) -> None:
        """Returns when the call has come back that is on its way now: who has left is in no later one."""
        await self._home.wait()

    async def step(self, ask: Ask) -> Answer:
        """Raises what the call raises."""
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, done))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            await asyncio.sleep(max(0.0, self._next - loop.time()))
            self._next = loop.time() + EVERY_S
            waiting, self._waiting = self._waiting, []
            # Who has left while it waited is not asked for.
            waiting = [(ask, done) for ask, done in waiting if not done.done()]
            if not waiting:
                break
            self._home.clear()
            try:
                answers = await self._call(self.key, [ask for ask, _ in waiting])
            except Exception as error:
                for _, done in waiting:
                    if not done.done():
                        done.set_exception(error)
            else:
                for (_, done), answer in zip(waiting, answers, strict=True):
                    if not done.done():
                        done.set_result(answer)
            finally:
                self._home.set()
        self._running = None


class Lanes:
    """The lanes of one ingress. Sessions share as few as hold them, as each lane has calls of its own; where all are
    full, the one with the fewest takes more. full: sessions of a lane before another is opened."""

    def __init__(self, count: int, call: Call, full: int) -> None:
        self._full = full
        name = secrets.token_hex(8)  # each ingress spreads its lanes over the replicas by itself
        self._lanes = [Lane(f"{name}-{i}", call) for i in range(count)]

    def join(self) -> Lane:
        """Give it back with `leave`."""
        open_ = [lane for lane in self._lanes if lane.sessions < self._full]
        lane = max(open_, key=_sessions) if open_ else min(self._lanes, key=_sessions)
        lane.sessions += 1
        return lane

    def leave(self, lane: Lane) -> None:
        lane.sessions -= 1

    @property
    def sessions(self) -> int:
        return sum(lane.sessions for lane in self._lanes)


def _sessions(lane: Lane) -> int:
    return lane.sessions
