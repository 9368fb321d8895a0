"""A finished corpus: open it by folder or URI, look at its index, read clips."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from os import PathLike, fspath

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from emotalk.corpus.clip import Clip
from emotalk.corpus.manifest import INDEX, MANIFEST, QUARANTINE, QUARANTINE_SCHEMA, Manifest
from emotalk.corpus.schema import CLIP_SCHEMA, HEARD, INDEX_SCHEMA, check_table, row_to_clip, table_to_clips
from emotalk.corpus.store import Store
from emotalk.errors import InputError


class Corpus:
    """Reads a corpus, local or behind a URI such as `s3://bucket/corpus`. Picklable: only the location travels.

    Clips that were kept though a gate rejected them are there only for who asks for them with `with_rejected`.
    """

    def __init__(self, location: str, manifest: Manifest, *, with_rejected: bool = False) -> None:
        self.location = location
        self.manifest = manifest
        self.with_rejected = with_rejected
        self._store = Store(location)
        self._footers: dict[str, pq.FileMetaData] = {}

    @classmethod
    def open(cls, location: str | PathLike[str], *, with_rejected: bool = False) -> "Corpus":
        """Raises InputError if there is no finished corpus, or one of another schema version."""
        store = Store(fspath(location))
        try:
            content = store.read(MANIFEST)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise InputError(
                f"no finished corpus here ({MANIFEST} is missing): build it, or run an interrupted build again",
                source=location,
            ) from error
        return cls(fspath(location), Manifest.from_json(content, source=location), with_rejected=with_rejected)

    @cached_property
    def index(self) -> pa.Table:
        """One row per clip: its labels and lengths, where it lies (shard, row group, row), what a teacher heard."""
        index = self._table(INDEX, INDEX_SCHEMA, optional=HEARD)
        if not set(index.column("shard").unique().to_pylist()) <= set(self.manifest.shards):
            raise InputError(f"{INDEX} names shards that {MANIFEST} does not", source=self.location)
        return index if self.with_rejected else index.filter(pc.is_null(index.column("rejected")))

    @cached_property
    def quarantine(self) -> pa.Table:
        """One row per item that was turned away, with the reason."""
        return self._table(QUARANTINE, QUARANTINE_SCHEMA)

    def check_unchanged(self) -> None:
        """InputError where this is not the corpus any more that was opened: results would be of two."""
        try:
            now: Manifest | None = Corpus.open(self.location).manifest
        except InputError:
            now = None
        if now != self.manifest:
            raise InputError("the corpus was changed while it was read: start again", source=self.location)

    def clip_ids(self, split: str) -> list[str]:
        """The clips of a split, in the corpus's order."""
        ids: list[str] = self.index.filter(pc.equal(self.index.column("split"), split)).column("clip_id").to_pylist()
        return ids

    def read(self, clip_ids: Sequence[str]) -> list[Clip]:
        """Clips by id, in the order asked; each row group is fetched once. Raises InputError for an unknown id."""
        clips: dict[str, Clip] = {}
        by_group: dict[tuple[str, int], list[tuple[int, str]]] = defaultdict(list)
        for clip_id in dict.fromkeys(clip_ids):
            if clip_id not in self._places:
                raise InputError(f"no clip {clip_id!r}", source=self.location)
            shard, row_group, row = self._places[clip_id]
            by_group[shard, row_group].append((row, clip_id))
        for (shard, row_group), rows in by_group.items():
            table = self.read_row_group(shard, row_group)
            clips |= {clip_id: row_to_clip(table, row) for row, clip_id in rows}
        return [clips[clip_id] for clip_id in clip_ids]

    def read_row_group(self, shard: str, row_group: int, columns: Sequence[str] | None = None) -> pa.Table:
        """One row group as a table of `CLIP_SCHEMA` (one speaker and level), or some of its columns."""
        wanted = list(CLIP_SCHEMA.names if columns is None else columns)
        with self._readable(shard):
            with self._store.open_parquet(shard, self._footers.get(shard)) as file:
                self._footers[shard] = file.metadata
                table = file.read_row_group(row_group, columns=wanted).select(wanted)
            check_table(table, CLIP_SCHEMA, source=shard)
        return table

    def _table(self, name: str, schema: pa.Schema, *, optional: pa.Field | None = None) -> pa.Table:
        """A table that the manifest knows, whole. A column more is null where the table has none of its name."""
        content = self._store.read(name)
        with self._readable(name):
            if hashlib.sha256(content).hexdigest() != self.manifest.files[name]["sha256"]:
                raise InputError("it is not the manifest's")
            table = pq.read_table(pa.BufferReader(content))
            if optional is not None:
                schema = schema.append(optional)
                if optional.name not in table.column_names:
                    table = table.append_column(optional, pa.nulls(table.num_rows, optional.type))
            table = table.select(schema.names)
            check_table(table, schema, source=name)
        return table

    @contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        """What a file of the corpus cannot be read for, as an InputError; what the disk or store says passes."""
        try:
            yield
        except (pa.ArrowException, OSError, KeyError, ValueError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = error.reason if isinstance(error, InputError) else " ".join(str(error).split())
            raise InputError(
                f"{name} is damaged, or was changed while it was read ({reason:.200}): build the corpus again",
                source=self.location,
            ) from error

    def clips(self, split: str) -> Iterator[Clip]:
        """Every clip of a split in the corpus's order, one row group in memory at a time."""
        rows = self.index.filter(pc.equal(self.index.column("split"), split))
        places = zip(rows.column("shard").to_pylist(), rows.column("row_group").to_pylist(), strict=True)
        for shard, row_group in dict.fromkeys(places):
            table = self.read_row_group(shard, row_group)
            yield from table_to_clips(
                table if self.with_rejected else table.filter(pc.is_null(table.column("rejected")))
            )

    def knows(self, column: str, split: str) -> bool:
        """Whether any clip of a split has this optional column, as `head` or `phones`. Reads as many row groups as that
        takes."""
        rows = self.index.filter(pc.equal(self.index.column("split"), split))
        places = zip(rows.column("shard").to_pylist(), rows.column("row_group").to_pylist(), strict=True)
        values = (self.read_row_group(*place, (column,)).column(column) for place in dict.fromkeys(places))
        return any(some.null_count < len(some) for some in values)

    @cached_property
    def _places(self) -> dict[str, tuple[str, int, int]]:
        names = ("clip_id", "shard", "row_group", "row")
        columns = [self.index.column(name).to_pylist() for name in names]
        return {clip_id: (shard, group, row) for clip_id, shard, group, row in zip(*columns, strict=True)}

    def __reduce__(self) -> tuple[object, ...]:
        return (_reopen, (self.location, self.manifest, self.with_rejected))


def _reopen(location: str, manifest: Manifest, with_rejected: bool) -> Corpus:
    return Corpus(location, manifest, with_rejected=with_rejected)
