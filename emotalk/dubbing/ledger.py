"""What is done: one line per animation in a few files, which merge in any order to the same answer.

OUTPUT/.emotalk/ledger holds segments of JSON lines. Each worker adds a segment now and then; the driver merges them
into one when a run begins or ends. A line belongs to the run that wrote it (its generation, which counts up). Of two
lines of one name the later generation holds; within one, the line that vouches for more. So no order of files matters,
a file that is read twice changes nothing, and a line of a run that was killed can't come back over a newer one.

Before an output is replaced, a line that no longer vouches for it (its key is empty) is written. So whatever happens in
between, no line ever vouches for a file it did not see written.
"""

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from emotalk.corpus.store import Store
from emotalk.dubbing.findings import Finding
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.files import is_half_written
from emotalk.remote import reached

LEDGER = f"{OWN_FOLDER}/ledger"
RECORD_VERSION = 3
MANY_SEGMENTS = 32  # from here on they are merged when a run begins, too
_NO_KEY = ""


@dataclass(frozen=True, slots=True)
class Output:
    """One written file: the key of what made it, its size and digest, and what it was made on (`Animator.made_on`).

    An empty key: there is or was such a file, and nobody vouches for it.
    """

    key: str
    bytes: int
    sha256: str
    made_on: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of a recording that is an animation of its own. number: from 1 on, of `count`. start_s: where it begins;
    it ends where the next one begins, `end_s` (None: the recording's end)."""

    number: int
    count: int
    start_s: float
    end_s: float | None
    title: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What is known of a dubbed recording. outputs: by suffix. seconds, emotion, share, style: see `Animated`.

    name: of the outputs. recording: the path below the inputs' root, by which a rerun knows it; uri: where it was read
    from. speed: seconds of sound per second of work. warnings: what is remarkable about the sound.
    """

    name: str
    recording: str
    uri: str
    sha256: str
    fingerprint: str | None
    seconds: float
    frames: int
    emotion: str
    share: float
    style: str | int
    speed: float | None = None
    chapter: Chapter | None = None
    warnings: tuple[Finding, ...] = ()
    outputs: Mapping[str, Output] = field(default_factory=dict)

    def vouches_for(self, suffixes: Iterable[str]) -> bool:
        return any(suffix in self.outputs and self.outputs[suffix].key != _NO_KEY for suffix in suffixes)

    def without(self, suffixes: Iterable[str]) -> "Record":
        """The same, vouching no longer for these outputs."""
        gone = set(suffixes)
        outputs = {s: replace(entry, key=_NO_KEY) if s in gone else entry for s, entry in self.outputs.items()}
        return replace(self, outputs=outputs)

    def to_line(self, generation: int) -> bytes:
        data = {"version": RECORD_VERSION, "generation": generation, **asdict(self)}
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_line(cls, line: bytes) -> "Record | None":
        """None for what is not a record of this version: the work is done again then."""
        data = _parsed(line)
        if data is None:
            return None
        try:
            del data["version"], data["generation"]
            outputs = {suffix: Output(**entry) for suffix, entry in data.pop("outputs").items()}
            chapter = data.pop("chapter")
            warnings = tuple(Finding(**found) for found in data.pop("warnings"))
            return cls(
                outputs=outputs, chapter=None if chapter is None else Chapter(**chapter), warnings=warnings, **data
            )
        except (KeyError, TypeError, AttributeError):
            return None


class Ledger:
    """All records of an output folder at one moment, held as the lines they are: half a kilobyte each."""

    def __init__(self, lines: Mapping[str, bytes], generation: int, segments: tuple[str, ...]) -> None:
        self._lines = lines
        self.generation = generation
        self.segments = segments

    @classmethod
    def read(cls, location: str) -> "Ledger":
        """Of an output folder. One listing, and one request per segment where it lies in a store."""
        store = Store(location)
        segments = [name for name in store.names(LEDGER) if not is_half_written(name)]
        lines: dict[str, bytes] = {}
        newest = 0
        for segment, content in _contents(store, segments):
            newest = max(newest, _generation_of(segment))
            for line in content.split(b"\n"):
                data = _parsed(line)
                if data is None:
                    continue
                name = str(data.get("name"))
                newest = max(newest, int(data["generation"]))
                before = lines.get(name)
                if before is None or _rank(data, line) > _rank(_parsed(before) or {}, before):
                    lines[name] = line
        return cls(lines, newest, tuple(segments))

    def get(self, name: str) -> Record | None:
        line = self._lines.get(name)
        return None if line is None else Record.from_line(line)

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Record]:
        records = (Record.from_line(line) for line in self._lines.values())
        return (record for record in records if record is not None)

    def compact(self, location: str) -> None:
        """Makes one segment of those that were read. Killed at any moment it leaves lines twice, and none missing."""
        if len(self.segments) < 2:
            return
        store = Store(location)
        merged = f"{LEDGER}/{self.generation:08d}-{secrets.token_hex(8)}.jsonl"
        store.write(merged, b"\n".join(self._lines.values()) + b"\n")
        for segment in self.segments:
            try:
                store.remove(segment)
            except FileNotFoundError:
                continue
        self.segments = (merged,)


def append(location: str, generation: int, records: Iterable[Record]) -> None:
    """Adds a segment, whole or not at all."""
    lines = [record.to_line(generation) for record in records]
    if lines:
        name = f"{LEDGER}/{generation:08d}-{secrets.token_hex(8)}.jsonl"
        Store(location).write(name, b"\n".join(lines) + b"\n")


def _contents(store: Store, segments: list[str]) -> Iterator[tuple[str, bytes]]:
    """Many at a time where the store is far away. One that has just been merged by another is left out."""
    for first in range(0, len(segments), 256):
        some = segments[first : first + 256]
        with reached(store.path("")) as (fs, root):
            paths = {f"{root.rstrip('/')}/{name}": name for name in some}
            contents: dict[str, bytes] = fs.cat(list(paths), on_error="omit")
        for path, content in contents.items():
            yield paths[path], content


def _generation_of(segment: str) -> int:
    number = segment.rsplit("/", 1)[-1].split("-", 1)[0]
    return int(number) if number.isdigit() else 0


def _parsed(line: bytes) -> dict[str, Any] | None:
    if not line:
        return None
    try:
        data = json.loads(line)
        return data if data["version"] == RECORD_VERSION and data["generation"] >= 0 and data["name"] else None
    except (ValueError, KeyError, TypeError):
        return None


def _rank(data: Mapping[str, Any], line: bytes) -> tuple[int, int, bytes]:
    """By which the better of two lines is chosen; total, so that the order of reading can't matter."""
    outputs = data.get("outputs") or {}
    vouched = sum(1 for entry in outputs.values() if entry.get("key"))
    return int(data.get("generation", -1)), vouched, line
