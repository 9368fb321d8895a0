"""Building a corpus: prepare the folder, make every shard (anywhere, in any order), finish.

`jobs.build_corpus` spreads the shards over a cluster; `build_here` makes them one after another in this process.
"""

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emotalk.corpus.capturing import capture_here
from emotalk.corpus.card import dataset_card
from emotalk.corpus.gates import Rejection
from emotalk.corpus.manifest import CARD, INDEX, MANIFEST, QUARANTINE, QUARANTINE_SCHEMA, Manifest, make_manifest
from emotalk.corpus.schema import INDEX_SCHEMA
from emotalk.corpus.shards import BUILD_VERSION, ShardPlan, ShardReport, make_shard, plan_shards
from emotalk.corpus.sources.base import Source
from emotalk.corpus.splits import SPLITS
from emotalk.corpus.store import Store
from emotalk.corpus.takes import VideoSource
from emotalk.corpus.tracks import FOLDER
from emotalk.errors import InputError
from emotalk.files import is_half_written, is_uri, local_path
from emotalk.timing import counted

DEFAULT_SHARD_BYTES = 64 * 2**20
CLAIM = "building"  # holds a word of the build that began last in this folder; gone when it is finished


@dataclass(frozen=True)
class Build:
    """One build, planned: everything but the clips themselves is decided."""

    source: Source
    store: Store
    config: dict[str, Any]
    plan_digest: str
    plans: list[ShardPlan]
    listed_rejections: list[Rejection]
    known_sha256: dict[str, str]
    claim: str
    about: str = ""

    @classmethod
    def prepare(
        cls,
        source: Source,
        output: str,
        *,
        target_bytes: int = DEFAULT_SHARD_BYTES,
        rebuild: bool = False,
        about: str = "",
    ) -> "Build":
        """Lists the source, plans the shards and makes the output folder ready; `about` goes into the card.

        An interrupted build of the same plan goes on; leftovers of another plan are removed. A finished corpus of the
        same plan is checked and, where damaged, repaired. A finished corpus of another configuration or other data is
        refused with the difference named, unless `rebuild`. Raises InputError for that, where nothing is found, and
        where all that is found is turned away at once: the quarantine is then written all the same.
        """
        if target_bytes <= 0:
            raise InputError(f"shard size must be positive, not {target_bytes} bytes")
        listing = source.listing()
        plans = plan_shards(listing.items, source=source, target_bytes=target_bytes)
        if not plans and not listing.rejections:
            raise InputError("nothing to build from: no clips found", source=source.name)
        store = Store(output)
        if not is_uri(output) and local_path(output).is_file():
            raise InputError("is a file, not a folder for a corpus", source=output)
        config = {
            "source": source.name,
            "settings": source.settings(),
            "target_shard_bytes": target_bytes,
            "build_version": BUILD_VERSION,
        }
        names = sorted(rejection.item_id for rejection in listing.rejections)
        digest = hashlib.sha256(json.dumps([[plan.key for plan in plans], names]).encode()).hexdigest()
        known = {} if rebuild else _known_digests(store, config, digest)
        if not known and store.exists(MANIFEST):
            store.remove(MANIFEST)  # from here on it is not a corpus, until it is finished
        _remove_leftovers(store, keep=() if rebuild else [plan.name for plan in plans])
        if not plans:
            for name in (INDEX, CARD):
                if store.exists(name):
                    store.remove(name)
            store.write(QUARANTINE, _parquet_bytes(_quarantine_table(listing.rejections)))
            raise _all_turned_away(listing.rejections, store, source.name)
        claim = secrets.token_hex(16)
        store.write(CLAIM, claim.encode())
        return cls(source, store, config, digest, plans, listing.rejections, known, claim, about)

    def make(self, plan: ShardPlan) -> ShardReport:
        """Makes one shard; safe to run in any process and to run again. InputError where another build has begun."""
        self._check_claim()
        return make_shard(plan, self.source, self.store, expected_sha256=self.known_sha256.get(plan.name))

    def finish(self, reports: Iterable[ShardReport]) -> Manifest:
        """All shards' reports, in any order -> index, quarantine, card and, last, the manifest.

        Raises InputError if no clip was good; the quarantine is written all the same, for its reasons. Likewise where
        another build has begun in the folder: its shards and these must not mix.
        """
        self._check_claim()
        done = sorted(reports, key=lambda report: report.name)
        if [report.name for report in done] != sorted(plan.name for plan in self.plans):
            raise ValueError("finish needs one report of every planned shard")
        index = pa.concat_tables([INDEX_SCHEMA.empty_table(), *(report.index for report in done)]).combine_chunks()
        rejections = [*self.listed_rejections, *(rejection for report in done for rejection in report.rejections)]
        files = {report.name: file_facts(report.sha256, report.bytes, report.index.num_rows) for report in done}
        if index.column("rejected").null_count == 0:
            self.store.remove(CLAIM)
        manifest = write_corpus(
            self.store,
            index,
            rejections,
            files=files,
            config=self.config,
            plan_digest=self.plan_digest,
            about=self.about,
            before_manifest=self._check_claim,
        )
        self.store.remove(CLAIM)
        return manifest

    def _check_claim(self) -> None:
        if not self.store.exists(CLAIM) or self.store.read(CLAIM) != self.claim.encode():
            raise InputError(
                "another build was started in this folder while this one ran: let it end, then run this one again",
                source=self.store.location,
            )


def build_here(
    source: Source | VideoSource, output: str, *, target_bytes: int = DEFAULT_SHARD_BYTES, rebuild: bool = False
) -> Manifest:
    """Builds a whole corpus in this process, without a cluster. Videos are captured first."""
    if isinstance(source, VideoSource):
        source = capture_here(source, output)
    build = Build.prepare(source, output, target_bytes=target_bytes, rebuild=rebuild)
    return build.finish(build.make(plan) for plan in build.plans)


def write_corpus(
    store: Store,
    index: pa.Table,
    rejections: Sequence[Rejection],
    *,
    files: Mapping[str, Mapping[str, Any]],
    config: dict[str, Any],
    plan_digest: str,
    about: str = "",
    before_manifest: Callable[[], None] = lambda: None,
) -> Manifest:
    """What makes written shards (`files`: `file_facts` by name) a corpus: index, quarantine, card and, last, the
    manifest.

    InputError if no clip was good; the quarantine is written all the same, for its reasons.
    """
    known = {name: dict(facts) for name, facts in files.items()}
    for name, table in ((INDEX, index), (QUARANTINE, _quarantine_table(rejections))):
        content = _parquet_bytes(table)
        store.write(name, content)
        known[name] = file_facts(hashlib.sha256(content).hexdigest(), len(content), table.num_rows)
    reasons = [rejection.reason for rejection in rejections]
    if index.column("rejected").null_count == 0:
        raise _all_turned_away(rejections, store, str(config["source"]))
    manifest = make_manifest(index, reasons, config=config, plan_digest=plan_digest, files=known)
    card = dataset_card(manifest, about=about).encode()
    store.write(CARD, card)
    known[CARD] = file_facts(hashlib.sha256(card).hexdigest(), len(card), 0)
    manifest = replace(manifest, files=known)
    # Tasks of an attempt that failed may have lived on, and died while they wrote.
    _remove_leftovers(store, keep=files)
    before_manifest()
    store.write(MANIFEST, manifest.to_json())
    return manifest


def _all_turned_away(rejections: Sequence[Rejection], store: Store, source: str) -> InputError:
    count = Counter(rejection.reason for rejection in rejections)
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(count.items()))
    first = rejections[0]
    return InputError(
        f"no clip is left of {counted(len(rejections), 'item')} ({reasons}), the first ({first.item_id}) because: "
        f"{first.text}; see {store.path(QUARANTINE)}",
        source=source,
    )


def _known_digests(store: Store, config: dict[str, Any], plan_digest: str) -> dict[str, str]:
    """Digests of the shards of a finished corpus that this build would repeat; empty where there is none."""
    if not store.exists(MANIFEST):
        return {}
    old = Manifest.from_json(store.read(MANIFEST), source=store.location)
    was, now = _flat(old.config), _flat(config)
    changed = [
        f"{key} was {was.get(key)!r}, is {now.get(key)!r}" for key in sorted(was | now) if was.get(key) != now.get(key)
    ]
    if not changed and old.plan_digest != plan_digest:
        changed = ["the source's files changed"]
    if changed:
        raise InputError(
            f"holds a corpus of another build ({'; '.join(changed)}): choose another folder or ask for a rebuild",
            source=store.location,
        )
    return {name: old.files[name]["sha256"] for name in old.shards}


def _flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in config.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


def _remove_leftovers(store: Store, keep: Iterable[str]) -> None:
    """Shards that this build will not write, and what a killed attempt left half written."""
    kept = set(keep)
    for folder in ("", FOLDER, *SPLITS):
        for name in store.names(folder):
            if is_half_written(name) or (folder in SPLITS and name.endswith(".parquet") and name not in kept):
                store.remove(name)


def file_facts(sha256: str, size: int, rows: int) -> dict[str, Any]:
    return {"sha256": sha256, "bytes": size, "rows": rows}


def _quarantine_table(rejections: Iterable[Rejection]) -> pa.Table:
    rows = [
        {
            "item_id": r.item_id,
            "source": r.source,
            "reason": r.reason,
            "text": r.text,
            "numbers": [{"name": name, "value": value} for name, value in sorted(r.numbers.items())],
            "times_s": r.times_s,
        }
        for r in sorted(rejections, key=lambda r: (r.source, r.item_id, r.reason))
    ]
    return pa.Table.from_pylist(rows, schema=QUARANTINE_SCHEMA)


def _parquet_bytes(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
