"""What is done: a record per recording, keyed by what made it and written last.

The record of `sub/a` lies at OUTPUT/.emotalk/sub/a.json. It names the recording, the digest of its bytes and, per
output file, a key: a digest over everything the file's content depends on. An output counts as done when its key is the
one wanted now and a file of the recorded size is there. Before an output of another key is replaced, its entry leaves
the record; so whatever happens in between, no record ever vouches for a file it did not see written.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from emotalk.controls import Controls
from emotalk.corpus.store import Store
from emotalk.dubbing.emotions import EmotionCurve
from emotalk.dubbing.findings import Finding
from emotalk.formats import find_format, format_for
from emotalk.inference.post import POST_VERSION
from emotalk.inference.windows import PLAN_VERSION
from emotalk.remote import reached

RECORDS = ".emotalk"
RECORD_VERSION = 3


@dataclass(frozen=True)
class Recipe:
    """What makes an animation out of a recording's bytes.

    model: digest of the model directory. fps: the rate of the files, as `30000/1001`; None: the network's own. Formats
        that are made for one rate keep to it.
    """

    model: str
    controls: Controls
    fps: str | None = None

    def key(self, sha256: str, suffix: str) -> str:
        """The completion key of one output: source bytes, model, controls, versions of plan, post and format."""
        # Left out on purpose: the kind of device and the number of threads, on which the last bits depend (1e-6 from
        # one thread to two). Thousands of hours are not made again because another machine goes on with them. Instead
        # each output says what it was made on, the report counts that, and one recording's files are of one making.
        made_by: dict[str, Any] = {
            "source": sha256,
            "model": self.model,
            "controls": self.controls.to_dict(),
            "window_plan": PLAN_VERSION,
            "post": POST_VERSION,
            "format": [suffix, format_for(suffix).version],
        }
        if self.fps is not None and format_for(suffix).only_fps is None:
            made_by["fps"] = self.fps
        return hashlib.sha256(json.dumps(made_by, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Output:
    """One written file: the key of what made it, its size, what it was made on (see `Animator.made_on`), its digest."""

    key: str
    bytes: int
    made_on: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is known of a dubbed recording. outputs: by suffix. seconds, emotion, share, style, emotions, warnings: see
    `Animated`.

    recording: its path below the inputs' root, by which a rerun knows it; uri: where it was read from.
    """

    recording: str
    uri: str
    sha256: str
    fingerprint: str | None
    seconds: float
    frames: int
    emotion: str
    share: float
    style: str | int
    emotions: EmotionCurve | None = None
    warnings: tuple[Finding, ...] = ()
    outputs: Mapping[str, Output] = field(default_factory=dict)

    def to_json(self) -> bytes:
        return (json.dumps({"version": RECORD_VERSION, **asdict(self)}, indent=1, sort_keys=True) + "\n").encode()

    @classmethod
    def from_json(cls, content: bytes) -> "Record | None":
        """None for what is not a record of this version: the work is done again then."""
        try:
            data = json.loads(content)
            if data.pop("version") != RECORD_VERSION:
                return None
            outputs = {suffix: Output(**entry) for suffix, entry in data.pop("outputs").items()}
            emotions, warnings = data.pop("emotions"), data.pop("warnings")
            return cls(
                outputs=outputs,
                emotions=None if emotions is None else EmotionCurve.from_dict(emotions),
                warnings=tuple(Finding(**found) for found in warnings),
                **data,
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            return None

    def without(self, suffixes: Iterable[str]) -> "Record":
        gone = set(suffixes)
        return replace(self, outputs={s: entry for s, entry in self.outputs.items() if s not in gone})


@dataclass(frozen=True)
class OutputFolder:
    """Where animations and their records lie: a local folder or any fsspec URI. Small and picklable."""

    location: str

    @property
    def _store(self) -> Store:
        return Store(self.location)

    def path(self, name: str, suffix: str) -> str:
        """The full path or URI of one output."""
        return self._store.path(name + suffix)

    def records(self) -> dict[str, Record]:
        """All readable records, by the name of the outputs."""
        with reached(self._store.path(RECORDS)) as (fs, root):
            fs.invalidate_cache()
            paths = {path[len(root) :].strip("/").removesuffix(".json"): path for path in _files(fs, root)}
            if not paths:
                return {}
            contents = fs.cat(list(paths.values()), on_error="omit")  # many at a time where the store is far away
        records = {name: Record.from_json(contents[path]) for name, path in paths.items() if path in contents}
        return {name: record for name, record in records.items() if record is not None}

    def sizes(self) -> dict[str, int]:
        """Bytes of every file in the folder, by its path inside."""
        with reached(self._store.path("")) as (fs, root):
            fs.invalidate_cache()
            return {path[len(root.rstrip("/")) :].strip("/"): size for path, size in _files(fs, root).items()}

    def size(self, name: str, suffix: str) -> int | None:
        """Bytes of one output now; None where there is none."""
        with reached(self.path(name, suffix)) as (fs, path):
            fs.invalidate_cache()
            try:
                return int(fs.info(path)["size"])
            except FileNotFoundError:
                return None

    def write_record(self, name: str, record: Record) -> None:
        self._store.write(f"{RECORDS}/{name}.json", record.to_json())

    def forget(self, name: str, record: Record, suffixes: Iterable[str]) -> None:
        """Takes these outputs out of the record before they are replaced."""
        left = record.without(suffixes)
        if len(left.outputs) == len(record.outputs):
            return
        if left.outputs:
            self.write_record(name, left)
        else:
            self._store.remove(f"{RECORDS}/{name}.json")


def current(record: Record | None, recipe: Recipe, sha256: str, sizes: Mapping[str, int | None]) -> set[str]:
    """The suffixes whose output is done: key as wanted now, file there with its recorded size."""
    if record is None:
        return set()
    return {
        suffix
        for suffix, output in record.outputs.items()
        if _known(suffix) and output.key == recipe.key(sha256, suffix) and sizes.get(suffix) == output.bytes
    }


def wanted(record: Record | None, suffixes: Iterable[str], sizes: Mapping[str, int | None]) -> list[str]:
    """The suffixes to be kept up to date: those asked for, and those that earlier runs made and that are still there.

    So no folder ever holds a new npz beside an old CSV.
    """
    earlier = [] if record is None else [s for s in record.outputs if _known(s) and sizes.get(s) is not None]
    return list(dict.fromkeys([*suffixes, *sorted(earlier)]))


def _known(suffix: str) -> bool:
    return find_format(suffix) is not None


def _files(fs: Any, root: str) -> dict[str, int]:
    try:
        entries = fs.find(root, detail=True)
    except FileNotFoundError:
        return {}
    return {path: int(info["size"]) for path, info in entries.items() if info.get("type") == "file"}
