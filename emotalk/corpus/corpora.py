"""Several corpora as one: what training reads where labelled clips and a teacher's faces are learnt together."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property

import pyarrow as pa

from emotalk.corpus.corpus import Corpus
from emotalk.corpus.manifest import Manifest
from emotalk.errors import InputError


class Corpora:
    """The clips of some corpora, one corpus after the other. Picklable as each of them is."""

    def __init__(self, corpora: Sequence[Corpus]) -> None:
        self._corpora = tuple(corpora)

    @classmethod
    def open(cls, locations: Sequence[str]) -> "Corpora":
        """InputError as `Corpus.open`, and for a corpus that is named twice."""
        corpora = [Corpus.open(location) for location in locations]
        seen: set[str] = set()
        for corpus in corpora:
            if corpus.manifest.digest in seen:
                raise InputError("this corpus is given twice", source=corpus.location)
            seen.add(corpus.manifest.digest)
        return cls(corpora)

    @property
    def location(self) -> str:
        return ", ".join(corpus.location for corpus in self._corpora)

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        return tuple(corpus.manifest for corpus in self._corpora)

    @property
    def digest(self) -> str:
        """Of one corpus its own; of several a digest of theirs."""
        digests = [manifest.digest for manifest in self.manifests]
        return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()

    @property
    def emotions(self) -> set[str]:
        """What clips are labelled with."""
        return {label for manifest in self.manifests for label in manifest.emotions}

    @cached_property
    def index(self) -> pa.Table:
        """Of all corpora; a shard's name begins with its corpus's number."""
        return pa.concat_tables(self._numbered()).combine_chunks()

    def _numbered(self) -> Iterator[pa.Table]:
        for number, corpus in enumerate(self._corpora):
            index = corpus.index
            place = index.schema.get_field_index("shard")
            names = [f"{number}:{name}" for name in index.column(place).to_pylist()]
            yield index.set_column(place, index.schema.field(place), pa.array(names, pa.string()))

    def knows(self, column: str, split: str) -> bool:
        """As `Corpus.knows`, of any of the corpora."""
        return any(corpus.knows(column, split) for corpus in self._corpora)

    def read_row_group(self, shard: str, row_group: int, columns: Sequence[str] | None = None) -> pa.Table:
        """As `Corpus.read_row_group`, for a shard as the index names it."""
        number, _, name = shard.partition(":")
        return self._corpora[int(number)].read_row_group(name, row_group, columns)
