"""Part files: what the network said of half an hour of a recording, kept until the whole recording is finished.

A part is `PART_WINDOWS` windows of the recording's one window plan. It holds the windows' raw results, before blending
and post-processing, and those steps run over all parts in order when the last one is there. So a recording in parts is
the recording in one pass, bit by bit, whoever made which part.

They lie at OUTPUT/.emotalk/parts/<take>/<key>-<number>[-last].npz: names tell what is there and whether it is all.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from emotalk.corpus.store import Store
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.files import atomic_write, open_source
from emotalk.inference.finish import RawWindow
from emotalk.inference.windows import Window
from emotalk.remote import reached, remove_folder

PARTS = f"{OWN_FOLDER}/parts"
PARTS_VERSION = 2  # of what the files hold: part of their key, so that none is read as another version's
PART_WINDOWS = 30  # of a minute at most
_NO_SAMPLES = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Parts:
    """The part files of one take. location: the output folder. key: of all that decides the raw results."""

    location: str
    name: str
    key: str

    @property
    def folder(self) -> str:
        return f"{PARTS}/{folder_of(self.name)}"

    def there(self) -> "There":
        """What is written: one listing."""
        numbers: set[int] = set()
        last: int | None = None
        for name in Store(self.location).names(self.folder):
            stem = name.rsplit("/", 1)[-1]
            if stem.startswith(f"{self.key}-") and stem.endswith(".npz"):
                number, _, ending = stem[len(self.key) + 1 : -len(".npz")].partition("-")
                numbers.add(int(number))
                if ending == "last":
                    last = int(number)
        return There(frozenset(numbers), last)

    def write(self, number: int, windows: Sequence[RawWindow]) -> None:
        arrays: dict[str, np.ndarray] = {}
        for index, raw in enumerate(windows):
            arrays |= {f"{index}.{name}": value for name, value in _arrays_of(raw).items()}
        with (
            atomic_write(self._path(number, windows[-1].window.last)) as temporary,
            temporary.open("wb") as file,
        ):
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def read(self, there: "There") -> Iterator[RawWindow]:
        """All windows in order, a part at a time in memory."""
        assert there.last is not None
        for number in range(there.last + 1):
            with open_source(self._path(number, number == there.last)) as file, np.load(file) as arrays:
                held = {name: arrays[name] for name in arrays.files}
            count = 1 + max(int(name.split(".")[0]) for name in held)
            for index in range(count):
                start = f"{index}."
                yield _window_of({n[len(start) :]: value for n, value in held.items() if n.startswith(start)})

    def remove(self) -> None:
        """All part files of the take, also those of other keys."""
        remove_folder(Store(self.location).path(self.folder))

    def _path(self, number: int, last: bool) -> str:
        return Store(self.location).path(f"{self.folder}/{self.key}-{number:05d}{'-last' if last else ''}.npz")


@dataclass(frozen=True)
class There:
    """Numbers of the parts that are written; `last`: the recording's last one, where that is among them."""

    numbers: frozenset[int] = frozenset()
    last: int | None = None

    @property
    def complete(self) -> bool:
        return self.last is not None and self.numbers >= set(range(self.last + 1))


def folder_of(name: str) -> str:
    """Of a take, below `PARTS`: names may be as long and odd as files' names are."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def part_folders(location: str) -> list[str]:
    """Folders of part files that are there, below the output folder."""
    store = Store(location)
    with reached(store.path(PARTS)) as (fs, path):
        fs.invalidate_cache()
        if not fs.isdir(path):
            return []
        return [f"{PARTS}/{entry['name'].rstrip('/').rsplit('/', 1)[-1]}" for entry in fs.ls(path, detail=True)]


def _arrays_of(raw: RawWindow) -> dict[str, np.ndarray]:
    """All of a raw window but the sound it was made from, whatever fields it has."""
    numbers = [f.name for f in fields(Window) if f.name != "samples"]
    window = {f"window.{name}": np.asarray(getattr(raw.window, name)) for name in numbers}
    rest = {f.name: getattr(raw, f.name) for f in fields(RawWindow) if f.name != "window"}
    return window | {name: np.asarray(value) for name, value in rest.items() if value is not None}


def _window_of(arrays: Mapping[str, np.ndarray]) -> RawWindow:
    values: dict[str, Any] = {name: value.item() if value.ndim == 0 else value for name, value in arrays.items()}
    start = "window."
    window = {name[len(start) :]: value for name, value in values.items() if name.startswith(start)}
    absent: dict[str, Any] = {f.name: None for f in fields(RawWindow) if f.name != "window" and f.name not in values}
    rest = {name: value for name, value in values.items() if not name.startswith(start)}
    return RawWindow(window=Window(samples=_NO_SAMPLES, **window), **rest, **absent)


def without_sound(raw: RawWindow) -> RawWindow:
    """What waits for its part to fill up needs no samples any more."""
    return replace(raw, window=replace(raw.window, samples=_NO_SAMPLES))
