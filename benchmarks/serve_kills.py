"""Replicas of the service are killed while it works: python -m benchmarks.serve_kills --kills 20

Starts the service on this machine with two replicas of ingress and model, lets clients ask without end, and kills a
replica at random moments (SIGKILL), the next one when all run again. Three kinds of clients: raw ones, which take what
comes; those of `emotalk.client`; live sessions of `emotalk.client`.

Ends with code 1 where a raw client sees anything but 200, 429 and 503 (or, while an ingress replica is down, Serve's
own 500), or where a client of `emotalk.client` sees a failure or another animation than before.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

import httpx
import numpy as np
import tyro

from benchmarks import sound
from benchmarks.service_watch import replica_pids, service
from emotalk.audio import SAMPLE_RATE, encode_wav
from emotalk.client import AsyncClient, Backoff
from emotalk.controls import Controls
from serve_app.app import MODEL_PREFIX
from serve_app.config import ServeConfig

MODEL, INGRESS = f"{MODEL_PREFIX}default", "Ingress"
PATIENT = Backoff(tries=60, first_s=0.25, longest_s=1.0)
ALLOWED = {200, 429, 503}
PROXY_S = 2.0  # in which the proxy may still send to a replica that is gone
WAIT_S = 120.0  # for a replica that was killed to be replaced
LIVE_S = 6
CHUNK = SAMPLE_RATE // 10


@dataclass(frozen=True, kw_only=True)
class KillsBenchmark:
    """Kills replicas of a service of its own under load."""

    kills: int = 20
    raw: int = 4
    """Raw clients at a time."""
    clients: int = 2
    live: int = 2
    """Live sessions at a time, spoken as fast as they are answered for a second, then at the speed of speech."""
    pause_s: float = 3.0
    """Longest time between replicas that all run and the next kill."""
    seed: int = 0
    model: str | None = None
    """Model directory. Default: the one that comes with this package."""


@dataclass
class Seen:
    """answers: of raw clients, by what was killed meanwhile and status. failures: what nobody should have seen."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    animations: int = 0
    sessions: int = 0
    resumed: int = 0
    kills: list[tuple[str, float, float]] = field(default_factory=list)  # whom, when, when all ran again
    failures: list[str] = field(default_factory=list)

    def killed_between(self, start: float, end: float) -> str:
        """Whom, of those whose absence was to be noticed then; an ingress before a model."""
        meanwhile = {whom for whom, at, again in self.kills if at <= end and start <= again + PROXY_S}
        return next((whom for whom in (INGRESS, MODEL) if whom in meanwhile), "nobody")


def main() -> None:
    config = tyro.cli(KillsBenchmark, prog="python -m benchmarks.serve_kills", description=__doc__)
    settings = ServeConfig(model=config.model, min_replicas=2, max_replicas=2, ingress_replicas=2)
    rng = random.Random(config.seed)
    victims = [rng.choice((MODEL, INGRESS)) for _ in range(config.kills)]
    with service(settings) as (host, port):
        seen = asyncio.run(storm(f"http://{host}:{port}", victims, config, rng))
    show(seen)
    sys.exit(1 if seen.failures else 0)


async def storm(url: str, victims: Sequence[str], config: KillsBenchmark, rng: random.Random) -> Seen:
    """Clients ask until a replica of each of the deployments `victims` has been killed, one after the other."""
    seen, over = Seen(), asyncio.Event()
    # On 16-bit steps, so that a WAV file holds exactly these samples.
    speech = (np.rint(sound.speech(LIVE_S, config.seed) * 2**15) / 2**15).astype(np.float32)
    body = encode_wav(speech)
    async with AsyncClient(url, backoff=PATIENT) as service_client, httpx.AsyncClient(timeout=WAIT_S) as raw:
        wanted = (await service_client.animate(body, Controls(seed=1))).weights

        async def ask_raw() -> None:
            start = monotonic()
            try:
                answer = await raw.post(f"{url}/v1/animations?format=npz", files={"audio": body})
                status = answer.status_code
            except httpx.TransportError:
                status = 0
            whom = seen.killed_between(start, monotonic())
            seen.answers[whom, status] += 1
            if status not in ALLOWED and not (whom == INGRESS and status == 500):
                seen.failures.append(f"a raw client saw {status} while {whom} was killed")

        async def ask() -> None:
            got = (await service_client.animate(body, Controls(seed=1))).weights
            seen.animations += 1
            if not np.array_equal(got, wanted):
                seen.failures.append("a client got another animation")

        async def talk() -> None:
            frames = await spoken(service_client, speech, seen)
            seen.sessions += 1
            if frames.shape != wanted.shape or np.abs(frames - wanted).max() > 1e-5:
                seen.failures.append(f"a live session had {frames.shape} other frames than {wanted.shape}")

        async def repeated(work: Callable[[], Awaitable[None]]) -> None:
            while not over.is_set():
                try:
                    await work()
                except Exception as error:
                    seen.failures.append(f"{work.__name__}: {type(error).__name__}: {error}")

        counts = ((ask_raw, config.raw), (ask, config.clients), (talk, config.live))
        clients = [asyncio.create_task(repeated(work)) for work, count in counts for _ in range(count)]
        try:
            for victim in victims:
                await asyncio.sleep(rng.uniform(0, config.pause_s))
                await asyncio.to_thread(_kill, victim, seen, rng)
        finally:
            over.set()
            await asyncio.gather(*clients)
    return seen


def _kill(deployment: str, seen: Seen, rng: random.Random) -> None:
    """One of its replicas; returns when as many run again."""
    before = replica_pids(deployment)
    victim = rng.choice(before)
    at = monotonic()
    seen.kills.append((deployment, at, at + WAIT_S))
    os.kill(victim, signal.SIGKILL)
    while monotonic() < at + WAIT_S:
        now = replica_pids(deployment)
        if victim not in now and len(now) == len(before):
            seen.kills[-1] = (deployment, at, monotonic())
            return
    seen.failures.append(f"no other replica of {deployment} came within {WAIT_S:g} s")


async def spoken(service: AsyncClient, speech: np.ndarray, seen: Seen) -> np.ndarray:
    """A live session at the speed of speech -> its frames. ServiceError where it fails."""
    async with service.live(Controls(seed=1)) as session:

        async def speak() -> None:
            began = monotonic()
            for start in range(0, len(speech), CHUNK):
                await asyncio.sleep(max(0.0, began + start / SAMPLE_RATE - monotonic()))
                await session.send(speech[start : start + CHUNK])
            await session.end()

        speaker = asyncio.create_task(speak())
        try:
            frames = [piece.animation.weights async for piece in session]
        finally:
            speaker.cancel()
            await asyncio.gather(speaker, return_exceptions=True)
        seen.resumed += session.resumed
        return np.concatenate(frames)


def show(seen: Seen) -> None:
    for whom, at, again in seen.kills:
        print(f"killed a replica of {whom}: all ran again after {again - at:.1f} s")
    for (whom, status), count in sorted(seen.answers.items()):
        print(f"raw clients while {whom} was down: {count} × {status or 'no answer'}")
    print(f"clients: {seen.animations} animations; {seen.sessions} live sessions, resumed {seen.resumed} times")
    for failure in seen.failures:
        print(f"FAILURE {failure}")
    print(f"{len(seen.failures)} failures")


if __name__ == "__main__":
    main()
