"""Shards: the plan that says which clip goes where, and the writing of one shard.

The plan is a pure function of the item list, and a shard's bytes are a pure function of its plan and its clips: not of
the number of workers, the order of work or an earlier attempt.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import pyarrow as pa
import pyarrow.parquet as pq

from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import RejectedError, Rejection, check_clip, rejection_of
from emotalk.corpus.schema import CLIP_SCHEMA, HEARD, INDEX_SCHEMA, LABEL_COLUMNS, SCHEMA_VERSION, clips_to_table
from emotalk.corpus.sources.base import Item, Source
from emotalk.corpus.splits import SPLITS
from emotalk.corpus.store import Store
from emotalk.errors import EmoTalkError, InputError
from emotalk.labels import EMOTIONS

BYTES_PER_S = 24_000  # of a clip in a shard: FLAC at half of 32,000, coefficients 30 * 52 * 4 before zstd
ROW_GROUP_ROWS = 64
ROW_GROUP_BYTES = 16 * 2**20  # long clips: a reader of one clip should not fetch much more than it needs
# Rises when the same items would make other bytes: gates, order, writer options.
BUILD_VERSION = 1
_KEY, _REJECTIONS = b"emotalk.shard_key", b"emotalk.rejections"


class ShardError(EmoTalkError):
    """Work on a shard failed for a reason that is not the fault of one clip. Names the shard and the item."""


@dataclass(frozen=True)
class ShardPlan:
    """One file: its name and the items of each row group. A row group has one speaker and one level."""

    name: str
    key: str
    split: str
    groups: tuple[tuple[Item, ...], ...]

    @property
    def items(self) -> tuple[Item, ...]:
        return tuple(item for group in self.groups for item in group)


@dataclass(frozen=True)
class ShardReport:
    """One written shard: its rows of the index, and what was turned away."""

    name: str
    sha256: str
    bytes: int
    index: pa.Table
    rejections: tuple[Rejection, ...]


def item_order(item: Item) -> tuple[object, ...]:
    """The order of rows in a corpus; unlabelled before labelled."""
    emotion = -1 if item.emotion is None else EMOTIONS.index(item.emotion)
    level = -1 if item.level is None else item.level
    return (item.split, item.speaker, level, item.statement, emotion, item.repetition, item.item_id)


def plan_shards(items: Iterable[Item], *, source: Source, target_bytes: int) -> list[ShardPlan]:
    """Items in any order -> shards of about `target_bytes`, none across splits.

    Items of one speaker and level stay in one row group up to 64 rows, and row groups stay whole. Raises InputError
    for an unknown split and for two items of one name.
    """
    ordered = sorted(items, key=item_order)
    for item in ordered:
        if item.split not in SPLITS:
            raise InputError(f"unknown split {item.split!r}: use one of {', '.join(SPLITS)}", source=item.item_id)
    twice = [name for name, count in Counter(item.item_id for item in ordered).items() if count > 1]
    if twice:
        raise InputError(f"several items of one name: {', '.join(twice[:5])}", source=source.name)
    plans: list[ShardPlan] = []
    for split in sorted(SPLITS):
        for number, groups in enumerate(_pack(_row_groups(i for i in ordered if i.split == split), target_bytes)):
            name = f"{split}/part-{number:05d}.parquet"
            plans.append(ShardPlan(name, _key(source, groups), split, groups))
    return plans


def _row_groups(items: Iterable[Item]) -> Iterator[tuple[Item, ...]]:
    group: list[Item] = []
    for item in items:
        if group and (
            (item.speaker, item.level) != (group[0].speaker, group[0].level)
            or len(group) == ROW_GROUP_ROWS
            or _estimated_bytes([*group, item]) > ROW_GROUP_BYTES
        ):
            yield tuple(group)
            group = []
        group.append(item)
    if group:
        yield tuple(group)


def _pack(groups: Iterable[tuple[Item, ...]], target_bytes: int) -> Iterator[tuple[tuple[Item, ...], ...]]:
    shard: list[tuple[Item, ...]] = []
    size = 0.0
    for group in groups:
        if shard and size + _estimated_bytes(group) > target_bytes:
            yield tuple(shard)
            shard, size = [], 0.0
        shard.append(group)
        size += _estimated_bytes(group)
    if shard:
        yield tuple(shard)


def _estimated_bytes(items: Sequence[Item]) -> float:
    return sum(item.seconds for item in items) * BYTES_PER_S


def _key(source: Source, groups: Sequence[Sequence[Item]]) -> str:
    """A digest of everything that decides the shard's bytes, as far as a listing can tell."""
    content = {
        "versions": [SCHEMA_VERSION, BUILD_VERSION],
        "source": [source.name, source.settings()],
        "groups": [[[str(part) for part in item_order(item)] + [item.version] for item in group] for group in groups],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def make_shard(plan: ShardPlan, source: Source, store: Store, *, expected_sha256: str | None = None) -> ShardReport:
    """Reads the shard's items, writes its file and reports its rows; a finished file of the same plan is kept.

    expected_sha256: where known, a finished file is kept only if it has this digest.
    A bad clip becomes a rejection. Any other failure raises ShardError, and no file appears.
    """
    try:
        if store.exists(plan.name):
            report = finished_shard(plan, store.read(plan.name))
            if report is not None and expected_sha256 in (None, report.sha256):
                return report
        content = _shard_bytes(plan, source)
        store.write(plan.name, content)
        report = finished_shard(plan, content)
    except ShardError:
        raise
    except Exception as error:
        raise ShardError(f"{plan.name}: {type(error).__name__}: {error}") from error
    assert report is not None
    return report


def _shard_bytes(plan: ShardPlan, source: Source) -> pa.Buffer:
    """The shard's file in memory: about `target_bytes`, and a digest is taken without reading it back."""
    rejections: list[Rejection] = []

    def tables() -> Iterator[pa.Table]:
        for group in plan.groups:
            clips = [clip for item in group if (clip := _read(plan, source, item, rejections)) is not None]
            if clips:
                yield clips_to_table(clips, split=plan.split)

    return shard_content(plan.key, CLIP_SCHEMA, tables(), rejections)


def shard_content(
    key: str, schema: pa.Schema, tables: Iterable[pa.Table], rejections: Sequence[Rejection] = ()
) -> pa.Buffer:
    """A shard's file: each table a row group, and in its footer the key and what was turned away on the way."""
    sink = pa.BufferOutputStream()
    labels = [name for name in LABEL_COLUMNS if CLIP_SCHEMA.field(name).type == pa.string()]
    with pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=labels, write_statistics=labels) as out:
        for table in tables:
            out.write_table(table, row_group_size=table.num_rows)
        as_json = json.dumps([asdict(rejection) for rejection in rejections], sort_keys=True)
        out.add_key_value_metadata({_KEY.decode(): key, _REJECTIONS.decode(): as_json})
    return sink.getvalue()


def _read(plan: ShardPlan, source: Source, item: Item, rejections: list[Rejection]) -> Clip | None:
    try:
        clip = source.read(item)
        check_clip(clip)
    except InputError as error:
        rejections.append(rejection_of(error, item_id=item.item_id, source=item.source))
        if not isinstance(error, RejectedError) or error.clip is None:
            return None
        clip = replace(error.clip, rejected=error.code)
    except Exception as error:
        raise ShardError(f"{plan.name}: {item.item_id}: {type(error).__name__}: {error}") from error
    if clip.clip_id != item.item_id:
        raise ShardError(f"{plan.name}: asked for {item.item_id}, {source.name} read {clip.clip_id}")
    return clip


def finished_shard(plan: ShardPlan, content: bytes | pa.Buffer) -> ShardReport | None:
    """What a file holds, or None if it is not the finished file of this plan."""
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
    except pa.ArrowInvalid:
        return None
    footer = file.metadata.metadata or {}
    if footer.get(_KEY) != plan.key.encode():
        return None
    heard = [HEARD] if HEARD.name in file.schema_arrow.names else []
    columns = [*LABEL_COLUMNS, *(field.name for field in heard)]
    schema = pa.schema([*INDEX_SCHEMA, *heard], metadata=INDEX_SCHEMA.metadata)
    index = [schema.empty_table()]
    for number in range(file.num_row_groups):
        rows = file.read_row_group(number, columns=columns).select(columns)
        place = [
            pa.array([plan.name] * rows.num_rows),
            pa.array([number] * rows.num_rows, pa.int32()),
            pa.array(range(rows.num_rows), pa.int32()),
        ]
        labels = rows.columns[: len(LABEL_COLUMNS)]
        index.append(pa.Table.from_arrays([*labels, *place, *rows.columns[len(labels) :]], schema=schema))
    rejections = tuple(Rejection(**row) for row in json.loads(footer[_REJECTIONS]))
    digest = hashlib.sha256(content).hexdigest()
    return ShardReport(plan.name, digest, len(content), pa.concat_tables(index).combine_chunks(), rejections)
