"""The service under malformed requests: python -m benchmarks.serve_fuzz --requests 100000

Starts the service on this machine, on loopback, and sends what no client should: requests that Schemathesis derives
from the OpenAPI document, damaged recordings, wrong JSON and forms, huge and strange headers, strange targets, slow
clients, clients that leave in the middle, and the same over the WebSocket. In between a good request must be answered
as ever.

Ends with code 1 where an answer is a 5xx other than 503, is no problem document, tells of the machine or does not come;
where something is still in work, open or left in the temporary folder afterwards; where a process was lost or memory
has grown.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import tyro

from benchmarks.dub_kills import KINDS, encoded
from benchmarks.fuzz import malformed_live
from benchmarks.fuzz.documents import cases
from benchmarks.fuzz.malformed import Malformed, as_form, form
from benchmarks.fuzz.raw_http import Address, Sent, exchange
from benchmarks.fuzz.verdict import fault_of
from benchmarks.service_watch import STAYS, Taken, at_rest, service, taken
from emotalk.audio import SAMPLE_RATE, encode_wav
from serve_app.config import ServeConfig

LIVE = "live"
LIVE_SHARE = 0.05
ANSWER_S = 180.0  # for an answer, at most: a recording may take the service's `decode_timeout_s`
BROKEN_S = 1.0  # for what may have none
GOOD_EVERY = 250
PATIENCE = 40  # tries of a good request while the service says that it is busy
REST_S = 90.0
MORE_MIB, MORE_FILES = 40.0, 6  # than before that are no leak: caches fill, a decoder comes
TOLD_EVERY = 10_000


@dataclass(frozen=True, kw_only=True)
class FuzzBenchmark:
    """Sends malformed requests to a service of its own."""

    requests: int = 100_000
    documents: int = 5_000
    """Of them, at first, as Schemathesis makes them; later they are damaged, too."""
    at_once: int = 16
    seed: int = 0
    model: str | None = None
    """Model directory. Default: the one that comes with this package."""


@dataclass
class Tally:
    """What came back. answers: by kind and status, where "left" is a client that went and "none" no answer."""

    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    good: int = 0

    def note(self, kind: str, answer: str, fault: str | None) -> None:
        self.answers[kind, answer] += 1
        if fault is not None:
            self.fault(f"{kind}: {fault}")

    def fault(self, what: str) -> None:
        """Told at once: a run may take an hour."""
        self.faults.append(what)
        print(f"FAULT {what}", flush=True)


def main() -> None:
    config = tyro.cli(FuzzBenchmark, prog="python -m benchmarks.serve_fuzz", description=__doc__)
    with tempfile.TemporaryDirectory(prefix="emotalk-fuzz-") as folder:
        settings = ServeConfig(model=config.model, min_replicas=1, max_replicas=1)
        with service(settings, temporary=folder) as address:
            faults = _run(config, address)
            left = [path.name for path in Path(folder).iterdir()]
    if left:
        faults.append(f"left in the temporary folder: {', '.join(sorted(left)[:10])}")
        print(f"FAULT {faults[-1]}")
    print(f"{len(faults)} faults")
    sys.exit(1 if faults else 0)


def _run(config: FuzzBenchmark, address: Address) -> list[str]:
    started = time.monotonic()
    malformed = prepared(address, config.documents, config.seed)
    print(f"prepared in {time.monotonic() - started:.0f} s", flush=True)
    warm = config.requests // 10
    tally = Tally()
    asyncio.run(attack(address, malformed, warm, config.seed, config.at_once, tally))
    at_rest(REST_S)
    before = taken()
    started = time.monotonic()
    asyncio.run(attack(address, malformed, config.requests - warm, config.seed + 1, config.at_once, tally))
    seconds = time.monotonic() - started
    work = at_rest(REST_S)
    after = settled(before)
    show(tally)
    print(f"{config.requests - warm} requests in {seconds:.0f} s, {tally.good} good ones in between")
    print(f"in work afterwards: {work}")
    for role in sorted(after.memory_mib):
        print(
            f"{role:12} {before.memory_mib.get(role, 0):7.0f} MiB before, {after.memory_mib[role]:7.0f} after; "
            f"{before.files.get(role, 0):5d} files before, {after.files[role]:5d} after"
        )
    for leak in leaks(before, after, work):
        tally.fault(leak)
    return tally.faults


def prepared(address: Address, documents: int, seed: int) -> Malformed:
    """What is sent. documents: how many requests Schemathesis is asked for, which takes about 20 ms each."""
    rng = np.random.default_rng(seed)
    speech = (0.2 * rng.standard_normal(SAMPLE_RATE // 5)).astype(np.float32)
    sounds = [encoded(speech, kind) for kind in KINDS]
    document = httpx.get(f"http://{address[0]}:{address[1]}/openapi.json", timeout=60).json()
    return Malformed(sounds, cases(document, documents, seed) if documents else [])


async def attack(address: Address, malformed: Malformed, count: int, seed: int, at_once: int, tally: Tally) -> None:
    """Sends `count` requests of all kinds, `at_once` at a time."""
    rng = random.Random(seed)
    wanted = await good_answer(address)
    work = _chosen(malformed, count, rng)

    async def client() -> None:
        for number, (kind, item) in work:
            if isinstance(item, Sent):
                await _sent(address, kind, item, tally)
            else:
                await _talked(address, item, tally)
            if number and number % TOLD_EVERY == 0:
                print(f"{number} sent, {len(tally.faults)} faults", flush=True)
            if number % GOOD_EVERY == 0:
                tally.good += 1
                if (got := await good_answer(address)) != wanted:
                    tally.fault(f"a good request after {number} others: {got[:200]!r}")

    await asyncio.gather(*(client() for _ in range(at_once)))


def _chosen(
    malformed: Malformed, count: int, rng: random.Random
) -> Iterator[tuple[int, tuple[str, Sent | malformed_live.Talk]]]:
    kinds = [*malformed.kinds, LIVE]
    shares = [share for share, _ in malformed.kinds.values()] + [LIVE_SHARE]
    for number in range(count):
        (kind,) = rng.choices(kinds, shares)
        yield number, (kind, malformed_live.made(rng) if kind == LIVE else malformed.kinds[kind][1](rng))


async def good_answer(address: Address) -> bytes:
    """The body that a good request gets, always the same; asked again while the service is busy."""
    sound = encode_wav(np.sin(np.arange(SAMPLE_RATE) / 20).astype(np.float32) * 0.3)
    whole = as_form(form([(b"audio", b"good.wav", sound)]), b"/v1/animations?format=csv")
    for _ in range(PATIENCE):
        try:
            reply = await exchange(address, Sent(parts=[whole]), ANSWER_S)
        except TimeoutError:
            return f"no answer within {ANSWER_S:g} s".encode()
        if reply is None or reply.status not in (429, 503):
            break
        await asyncio.sleep(0.5)
    return b"no answer" if reply is None else reply.body


async def _sent(address: Address, kind: str, sent: Sent, tally: Tally) -> None:
    left = sent.leaves is not None
    try:
        reply = await exchange(address, sent, BROKEN_S if sent.broken else ANSWER_S)
    except TimeoutError:
        tally.note(kind, "none", None if sent.broken else f"no answer within {ANSWER_S:g} s: {sent.parts!r:.300}")
    except (OSError, ValueError) as error:
        tally.note(kind, "none", f"{type(error).__name__}: {error}; {sent.parts!r:.300}")
    else:
        fault = fault_of(reply, head=sent.head, broken=sent.broken, left=left)
        answer = ("left" if left else "none") if reply is None else str(reply.status)
        tally.note(kind, answer, None if fault is None else f"{fault}; asked {sent.parts!r:.300}")


async def _talked(address: Address, talk: malformed_live.Talk, tally: Tally) -> None:
    try:
        fault = await malformed_live.talk(address, talk, BROKEN_S if talk.broken else ANSWER_S)
    except (OSError, ValueError) as error:
        fault = f"{type(error).__name__}: {error}"
    tally.note(LIVE, "left" if talk.leaves else "talked", fault if fault is None else f"{fault}; {talk.parts!r:.300}")


def settled(before: Taken) -> Taken:
    """What is taken when connections that were left are closed, or after a while."""
    until = time.monotonic() + REST_S
    while (now := taken()) and any(now.files.get(role, 0) > before.files[role] + MORE_FILES for role in STAYS):
        if time.monotonic() > until:
            break
        time.sleep(0.5)
    return now


def leaks(before: Taken, after: Taken, work: dict[str, int]) -> list[str]:
    """What was not given back."""
    faults = [f"{count} still in work: {what}" for what, count in work.items() if count]
    for role in STAYS:
        if before.pids.get(role) != after.pids.get(role):
            faults.append(f"{role}: processes {before.pids.get(role)} became {after.pids.get(role)}")
            continue
        if (more := after.memory_mib[role] - before.memory_mib[role]) > MORE_MIB:
            faults.append(f"{role}: {more:.0f} MiB more than before")
        if (files := after.files[role] - before.files[role]) > MORE_FILES:
            faults.append(f"{role}: {files} open files more than before")
    return faults


def show(tally: Tally) -> None:
    kinds = sorted({kind for kind, _ in tally.answers})
    answers = sorted({answer for _, answer in tally.answers})
    print(f"{'kind':10}" + "".join(f"{answer:>8}" for answer in answers))
    for kind in kinds:
        print(f"{kind:10}" + "".join(f"{tally.answers[kind, answer] or '':>8}" for answer in answers))


if __name__ == "__main__":
    main()
