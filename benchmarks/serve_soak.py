"""The service's memory under mixed load: python -m benchmarks.serve_soak DATA --minutes 30

Starts the service on this machine, on loopback. Clients send recordings of 1 to 60 s in all formats, whole and line by
line, batches, live sessions at the speed of speech, and malformed requests in between. Prints the memory of each of the
service's processes every minute, and writes all of it as JSON and SVG.

Ends with code 1 where a good request fails, a malformed one finds a fault, or a process has more memory in the last
quarter than in the second one. DATA has audio files; shorter ones are repeated.
"""

import asyncio
import json
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import numpy as np
import tyro

from benchmarks.fuzz.raw_http import Address
from benchmarks.long import memory_plot
from benchmarks.network import RESULTS, machine
from benchmarks.serve_fuzz import MORE_MIB, Tally, attack, prepared
from benchmarks.serve_kills import Seen, spoken
from benchmarks.service_watch import STAYS, at_rest, service, taken
from emotalk.audio import SAMPLE_RATE, encode_wav, load_audio
from emotalk.client import AsyncClient, Backoff
from emotalk.controls import Controls
from serve_app.config import ServeConfig

EVERY_S = 5.0
FORMATS = ("json", "csv", "npz", "glb", "parquet")
LENGTHS_S = (1, 3, 5, 10, 20, 60)
LIVE_LENGTHS_S = (5, 10, 20)
PATIENT = Backoff(tries=40, first_s=0.25, longest_s=2.0)
MALFORMED = 50  # at a time of each malformed client, one after the other
REST_S = 60.0


@dataclass(frozen=True, kw_only=True)
class SoakBenchmark:
    """Loads a service of its own for a while."""

    data: Annotated[Path, tyro.conf.Positional]
    """Folder of audio files."""
    minutes: float = 30.0
    files: int = 2
    """Clients that send recordings."""
    live: int = 6
    """Live sessions at a time."""
    pause_s: float = 0.5
    """Between two requests of one client, on average."""
    seed: int = 0
    model: str | None = None
    """Model directory. Default: the one that comes with this package."""
    output: Path = RESULTS / "serve-memory-cpu.json"


@dataclass
class Soaked:
    """What was done, what failed, and memory over time: MiB by role, every `EVERY_S`."""

    done: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    memory_mib: dict[str, list[float]] = field(default_factory=dict)


def main() -> None:
    config = tyro.cli(SoakBenchmark, prog="python -m benchmarks.serve_soak", description=__doc__)
    sounds = [load_audio(path) for path in sorted(config.data.glob("*.wav"))]
    if not sounds:
        sys.exit(f"{config.data} has no WAV file")
    with service(ServeConfig(model=config.model, min_replicas=1, max_replicas=1)) as address:
        soaked = asyncio.run(soak(address, sounds, config))
        work = at_rest(REST_S)
    growth = {role: grown(line) for role, line in soaked.memory_mib.items()}
    soaked.faults += [f"{count} still in work: {what}" for what, count in work.items() if count]
    soaked.faults += [f"{role}: {growth[role]:.0f} MiB more" for role in STAYS if growth[role] > MORE_MIB]
    print(f"done: {dict(soaked.done)}")
    for role, line in soaked.memory_mib.items():
        print(f"{role:12} {max(line):7.0f} MiB at most, last quarter against second {growth[role]:+7.1f} MiB")
    for fault in soaked.faults:
        print(f"FAULT {fault}")
    write(config, soaked, growth)
    sys.exit(1 if soaked.faults else 0)


async def soak(address: Address, sounds: Sequence[np.ndarray], config: SoakBenchmark) -> Soaked:
    """All clients at once, for so long."""
    soaked, rng = Soaked(), random.Random(config.seed)
    until = monotonic() + 60 * config.minutes
    malformed = await asyncio.to_thread(prepared, address, 0, config.seed)

    async with AsyncClient(f"http://{address[0]}:{address[1]}", backoff=PATIENT) as client:

        def speech() -> bytes:
            return encode_wav(np.resize(rng.choice(sounds), rng.choice(LENGTHS_S) * SAMPLE_RATE))

        async def whole() -> None:
            await client.render(rng.choice(FORMATS), speech(), Controls(seed=rng.randrange(99)))

        async def lines() -> None:
            async for _ in client.stream(speech()):
                pass

        async def batch() -> None:
            async for result in client.batch({str(i): speech() for i in range(4)}):
                if result.error is not None:
                    raise result.error

        async def files() -> None:
            work = rng.choice((whole, whole, whole, lines, batch))
            await work()
            soaked.done[work.__name__] += 1

        async def live() -> None:
            await spoken(client, np.resize(rng.choice(sounds), rng.choice(LIVE_LENGTHS_S) * SAMPLE_RATE), Seen())
            soaked.done["live"] += 1

        async def strange() -> None:
            tally = Tally()
            await attack(address, malformed, MALFORMED, rng.randrange(2**30), 1, tally)
            soaked.done["malformed"] += MALFORMED
            soaked.faults += tally.faults

        async def repeated(work: Callable[[], Awaitable[None]]) -> None:
            while monotonic() < until:
                try:
                    await work()
                except Exception as error:
                    soaked.faults.append(f"{work.__name__}: {type(error).__name__}: {error}")
                await asyncio.sleep(rng.uniform(0, 2 * config.pause_s))

        await asyncio.gather(
            *(repeated(files) for _ in range(config.files)),
            *(repeated(live) for _ in range(config.live)),
            repeated(strange),
            _watched(soaked, until),
        )
    return soaked


async def _watched(soaked: Soaked, until: float) -> None:
    began = printed = monotonic()
    while (now := monotonic()) < until:
        memory = (await asyncio.to_thread(taken)).memory_mib
        for role in STAYS:
            soaked.memory_mib.setdefault(role, []).append(memory.get(role, 0.0))
        if now - printed >= 60:
            printed = now
            told = ", ".join(f"{role} {memory.get(role, 0):.0f}" for role in STAYS)
            print(f"{(now - began) / 60:5.1f} min: {told} MiB; {sum(soaked.done.values())} done", flush=True)
        await asyncio.sleep(EVERY_S)


def grown(line: Sequence[float]) -> float:
    """MiB by which the mean of the last quarter is above that of the second."""
    quarter = max(1, len(line) // 4)
    return float(np.mean(line[-quarter:]) - np.mean(line[quarter : 2 * quarter]))


def write(config: SoakBenchmark, soaked: Soaked, growth: Mapping[str, float]) -> None:
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": machine(),
        "minutes": config.minutes,
        "done": dict(soaked.done),
        "faults": soaked.faults,
        "grown_mib": growth,
        "memory_mib": {role: [round(mib, 1) for mib in line] for role, line in soaked.memory_mib.items()},
    }
    config.output.parent.mkdir(parents=True, exist_ok=True)
    config.output.write_text(json.dumps(results) + "\n")
    config.output.with_suffix(".svg").write_text(memory_plot(soaked.memory_mib))
    print(f"written: {config.output}")


if __name__ == "__main__":
    main()
