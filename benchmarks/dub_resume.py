"""Planning the resume of a large shelf: seconds, memory and requests. python -m benchmarks.dub_resume --items 100000

Makes a manifest, an output folder and a ledger as a run leaves them that was stopped just before its end, then plans
the next run.
"""

import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import tyro

from emotalk.controls import Controls
from emotalk.corpus.store import Store
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.ledger import Ledger, Output, Record, append
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.plan import Dubbing, Plan

SEGMENT = 5_000  # records of a segment
BOOK = 20  # recordings of a folder


@dataclass(frozen=True, kw_only=True)
class ResumeBenchmark:
    """How long a shelf takes to plan of which nearly all is done."""

    items: int = 100_000
    undone: float = 0.001
    """Share of the recordings that have something left to do."""
    segments: int | None = None
    """Files of the ledger. Default: one per 5,000 records, as after a merge; a killed run leaves more."""


def main() -> None:
    config = tyro.cli(ResumeBenchmark, prog="python -m benchmarks.dub_resume")
    with tempfile.TemporaryDirectory(prefix="emotalk-") as scratch:
        output, manifest = f"{scratch}/faces", f"{scratch}/shelf.jsonl"
        recipe = Recipe("model", Controls())
        _make(config, recipe, manifest, output)
        before_mib = _peak_mib()
        with _counted() as calls:
            started, worked = time.perf_counter(), time.process_time()
            listing = list_recordings([manifest], output=output)
            listed = time.perf_counter()
            ledger = Ledger.read(output)
            read = time.perf_counter()
            dubbing = Dubbing(OutputFolder(output), recipe, (".npz", ".csv"), ledger.generation + 1)
            plan = Plan.of(listing, dubbing, ledger)
            planned = time.perf_counter()
            told = sum(1 for _ in plan.done_rows())
        ended, worked = time.perf_counter(), time.process_time() - worked
    print(f"{config.items} recordings, {plan.takes} of them to do, {told} done")
    print(f"manifest {listed - started:.1f} s, ledger {read - listed:.1f} s, plan {planned - read:.1f} s, ", end="")
    print(f"rows {ended - planned:.1f} s: {ended - started:.1f} s in all, {worked:.1f} s of the processor")
    print(f"peak memory {_peak_mib():.0f} MiB, {before_mib:.0f} MiB of it before")
    print("calls of the store: " + ", ".join(f"{count} {name}" for name, count in sorted(calls.items())))


def _make(config: ResumeBenchmark, recipe: Recipe, manifest: str, output: str) -> None:
    """The recordings are names of objects that nobody opens; the outputs are files of the recorded size."""
    undone = max(1, round(config.items * config.undone))
    every = config.items // undone
    records: list[Record] = []
    segment = SEGMENT if config.segments is None else max(1, config.items // config.segments)
    with Path(manifest).open("w") as lines:
        for number in range(config.items):
            name = f"book {number // BOOK:05d}/part {number % BOOK + 1}"
            uri = f"s3://bucket/shelf/{name}.mp3"
            lines.write(json.dumps({"uri": uri}) + "\n")
            if number % every == every // 2:
                continue
            for suffix in (".npz", ".csv"):
                path = Path(output) / f"{name}{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"\0" * 8)
            records.append(_record(name, uri, recipe))
            if len(records) == segment:
                append(output, 1, records)
                records = []
    append(output, 1, records)


def _record(name: str, uri: str, recipe: Recipe) -> Record:
    sha256 = f"{hash(name) & 2**256 - 1:064x}"
    return Record(
        name=name,
        recording=f"{name}.mp3",
        uri=uri,
        sha256=sha256,
        fingerprint="unseen",
        seconds=1_234.5,
        frames=37_050,
        emotion="neutral",
        share=0.5,
        style="mean of the trained styles",
        speed=100.0,
        outputs={s: Output(recipe.key(sha256, s), 8, sha256, "cpu, 1 thread") for s in (".npz", ".csv")},
    )


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """Calls of an output folder's store: in an object store each is a request, a listing one per 1,000 objects."""
    calls: Counter[str] = Counter()
    names, sizes, size = Store.names, OutputFolder.sizes, OutputFolder.size

    def listing(self: Store, folder: str) -> list[str]:
        calls["listings of folders"] += 1
        return names(self, folder)

    def all_sizes(self: OutputFolder) -> dict[str, int]:
        calls["listings of all outputs"] += 1
        return sizes(self)

    def one_size(self: OutputFolder, name: str, suffix: str) -> int | None:
        calls["looks at single outputs"] += 1
        return size(self, name, suffix)

    Store.names, OutputFolder.sizes, OutputFolder.size = listing, all_sizes, one_size  # type: ignore[method-assign]
    try:
        yield calls
    finally:
        Store.names, OutputFolder.sizes, OutputFolder.size = names, sizes, size  # type: ignore[method-assign]


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
