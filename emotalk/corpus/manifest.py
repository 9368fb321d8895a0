"""The manifest: what a corpus holds, written last. A folder without one is not a corpus.

It has no times and no paths in it, so that the same data and options give the same bytes anywhere.
"""

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, astuple, dataclass
from math import comb
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.schema import SCHEMA_VERSION
from emotalk.corpus.splits import SPLITS
from emotalk.errors import InputError

MANIFEST = "manifest.json"
INDEX = "index.parquet"
QUARANTINE = "quarantine.parquet"
CARD = "README.md"
_SHARD = re.compile(rf"({'|'.join(SPLITS)})/part-\d{{5,}}\.parquet")

QUARANTINE_SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False, metadata={"description": "what was turned away"}),
        pa.field("source", pa.string(), nullable=False, metadata={"description": "as in a clip's row"}),
        pa.field("reason", pa.string(), nullable=False, metadata={"description": "code to count by"}),
        pa.field("text", pa.string(), nullable=False, metadata={"description": "what was wrong, to read"}),
        pa.field(
            "numbers",
            pa.list_(pa.struct([("name", pa.string()), ("value", pa.float64())])),
            nullable=False,
            metadata={"description": "the measurements behind the reason"},
        ),
        pa.field(
            "times_s",
            pa.list_(pa.float64()),
            metadata={
                "description": "when the failing frames are, in seconds of the video: 64 at most; null: no frames"
            },
        ),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How much of something a corpus holds. `squares` are the training's: see `count_squares`."""

    clips: int
    hours: float
    frames: int
    speakers: int
    squares: int


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything about a corpus that one wants to know before opening its shards.

    config: source, its settings and the shard size: what the bytes follow from, together with `plan_digest`.
    plan_digest: SHA-256 over the item list as it was planned.
    splits / speakers / emotions / levels: counts by name; unlabelled clips under "none".
    rejections: number of quarantined items by reason code.
    files: {"sha256", "bytes", "rows"} by name, for the shards, the index, the quarantine and the card.
    """

    schema_version: int = SCHEMA_VERSION
    config: dict[str, Any]
    plan_digest: str
    total: Counts
    splits: dict[str, Counts]
    speakers: dict[str, int]
    emotions: dict[str, int]
    levels: dict[str, int]
    rejections: dict[str, int]
    repeated_recordings: int
    files: dict[str, dict[str, Any]]

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes, *, source: object) -> "Manifest":
        """Raises InputError for anything but a manifest of this schema version."""
        try:
            fields = json.loads(content)
            version = fields["schema_version"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{MANIFEST} is damaged ({error!r}): rebuild the corpus", source=source) from error
        if version != SCHEMA_VERSION:
            raise InputError(
                f"the corpus has schema version {version}, this program reads {SCHEMA_VERSION}: rebuild it",
                source=source,
            )
        try:
            fields["total"] = Counts(**fields["total"])
            fields["splits"] = {name: Counts(**counts) for name, counts in fields["splits"].items()}
            manifest = cls(**fields)
            for counts in (manifest.total, *manifest.splits.values()):
                if not all(isinstance(value, int | float) for value in astuple(counts)):
                    raise TypeError(f"{counts} are no counts")
            if not isinstance(manifest.config, dict) or not {INDEX, QUARANTINE} <= manifest.files.keys():
                raise TypeError("config or files are not what they should be")
            strange = next((name for name in manifest.shards if not _SHARD.fullmatch(name)), None)
            if strange is not None:
                raise TypeError(f"{strange!r} is no shard's name")
            return manifest
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{MANIFEST} is damaged ({error!r}): rebuild the corpus", source=source) from error

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, and so of the whole corpus: it holds that of every file."""
        return hashlib.sha256(self.to_json()).hexdigest()

    @property
    def shards(self) -> list[str]:
        return [name for name in self.files if name not in (INDEX, QUARANTINE, CARD)]


def make_manifest(
    index: pa.Table,
    reasons: Iterable[str],
    *,
    config: dict[str, Any],
    plan_digest: str,
    files: dict[str, dict[str, Any]],
) -> Manifest:
    """Counts an index table and the reason codes of the quarantine. Clips kept though rejected do not count."""
    index = index.filter(pc.is_null(index.column("rejected")))
    rows = index.select(["split", "speaker", "emotion", "level", "statement", "frames", "samples"]).to_pylist()
    digests = index.column("audio_digest")
    return Manifest(
        config=config,
        plan_digest=plan_digest,
        total=_count(rows),
        splits={split: _count([row for row in rows if row["split"] == split]) for split in SPLITS},
        speakers=_tally(rows, "speaker"),
        emotions=_tally(rows, "emotion"),
        levels=_tally(rows, "level"),
        rejections=dict(sorted(Counter(reasons).items())),
        repeated_recordings=len(digests) - len(digests.unique()),
        files=files,
    )


def count_squares(rows: Iterable[dict[str, Any]]) -> int:
    """Choices of speaker, level, two statements and two emotions for which all four clips exist, takes not counted.

    Rows need speaker, level, statement and emotion; unlabelled ones are in no square.
    """
    emotions: dict[tuple[str, int], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        if row["emotion"] is not None and row["level"] is not None:
            emotions[row["speaker"], row["level"]][row["statement"]].add(row["emotion"])
    total = 0
    for by_statement in emotions.values():
        said: Sequence[set[str]] = list(by_statement.values())
        total += sum(comb(len(a & b), 2) for i, a in enumerate(said) for b in said[i + 1 :])
    return total


def _count(rows: Sequence[dict[str, Any]]) -> Counts:
    return Counts(
        clips=len(rows),
        hours=round(sum(row["samples"] for row in rows) / SAMPLE_RATE / 3600, 6),
        frames=sum(row["frames"] for row in rows),
        speakers=len({row["speaker"] for row in rows}),
        squares=count_squares(rows),
    )


def _tally(rows: Iterable[dict[str, Any]], column: str) -> dict[str, int]:
    return dict(sorted(Counter("none" if row[column] is None else str(row[column]) for row in rows).items()))
