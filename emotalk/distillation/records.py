"""The record of a labelled portion: its rows of the index, its shards and what was turned away, in one small file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emotalk.corpus.build import file_facts
from emotalk.corpus.gates import Rejection
from emotalk.corpus.schema import HEARD, INDEX_SCHEMA
from emotalk.corpus.shards import ShardReport
from emotalk.corpus.store import Store
from emotalk.remote import reached

FOLDER = "labelled"
_KEY = b"emotalk.labelled"


@dataclass(frozen=True)
class Labelled:
    """What became of a portion. index: its rows. shards: `file_facts` by name."""

    index: pa.Table
    shards: Mapping[str, dict[str, Any]]
    rejections: tuple[Rejection, ...]

    @classmethod
    def of(cls, reports: Sequence[ShardReport], rejections: Sequence[Rejection]) -> "Labelled":
        schema = pa.schema([*INDEX_SCHEMA, HEARD], metadata=INDEX_SCHEMA.metadata)
        index = pa.concat_tables([schema.empty_table(), *(report.index for report in reports)]).combine_chunks()
        shards = {r.name: file_facts(r.sha256, r.bytes, r.index.num_rows) for r in reports}
        return cls(index, shards, tuple(rejections))


def write_record(store: Store, number: int, key: str, labelled: Labelled) -> None:
    told = {"key": key, "shards": labelled.shards, "rejections": [asdict(one) for one in labelled.rejections]}
    sink = pa.BufferOutputStream()
    metadata = {**(labelled.index.schema.metadata or {}), _KEY: json.dumps(told).encode()}
    pq.write_table(labelled.index.replace_schema_metadata(metadata), sink, compression="zstd")
    store.write(_name(number), sink.getvalue())


def read_record(store: Store, number: int, key: str) -> Labelled | None:
    """None where there is none, or one of another key."""
    if not store.exists(_name(number)):
        return None
    table = pq.read_table(pa.BufferReader(store.read(_name(number))))
    metadata = dict(table.schema.metadata)
    told = json.loads(metadata.pop(_KEY))
    if told["key"] != key:
        return None
    rejections = tuple(Rejection(**one) for one in told["rejections"])
    return Labelled(table.replace_schema_metadata(metadata), told["shards"], rejections)


def remove_records(store: Store) -> None:
    """All of them: the index holds what they held."""
    with reached(store.path(FOLDER)) as (fs, folder):
        fs.invalidate_cache()
        if fs.isdir(folder):
            fs.rm(folder, recursive=True)


def _name(number: int) -> str:
    return f"{FOLDER}/{number:05d}.parquet"
