"""What every source of clips offers: a listing that is cheap, and a reader for one item at a time."""

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import Rejection


@dataclass(frozen=True, kw_only=True)
class Item:
    """One clip that can be read, with what is known before it is read. Small: it travels to the task that reads it.

    source: what `Clip.source` will be.
    spec: what the source needs to read it (paths, an utterance to speak).
    version: changes when what `spec` points at changes, as far as a listing can tell (sizes).
    seconds: about how long it is; only the shard plan depends on it.
    """

    item_id: str
    source: str
    speaker: str
    statement: str
    split: str
    seconds: float
    spec: object
    version: str
    emotion: str | None = None
    level: int | None = None
    repetition: int = 1

    def clip(self, samples: np.ndarray, weights: np.ndarray, head: np.ndarray | None = None) -> Clip:
        """The item's clip: what was known before it was read, and what was read."""
        return Clip(
            clip_id=self.item_id,
            source=self.source,
            speaker=self.speaker,
            statement=self.statement,
            emotion=self.emotion,
            level=self.level,
            repetition=self.repetition,
            samples=samples,
            weights=weights,
            head=head,
        )


class Listing(NamedTuple):
    """What a source holds: items to read, and what the listing alone already turns away."""

    items: list[Item]
    rejections: list[Rejection]


class Source(Protocol):
    """A place clips come from. Implementations are frozen dataclasses: their fields are the user's options."""

    @property
    def name(self) -> str:
        """The source's name in the registry."""
        ...

    def settings(self) -> dict[str, object]:
        """What decides the clips apart from the data itself. Never a location: a moved folder makes the same corpus."""
        ...

    def listing(self) -> Listing:
        """Every item, in any order. Raises InputError if there is nothing here of this source's kind."""
        ...

    def read(self, item: Item) -> Clip:
        """The item's clip, with `clip_id == item.item_id`. Raises InputError when the item itself is bad."""
        ...


@cache
def code_digest(*folders: Path) -> str:
    """Of the code that makes faces: a corpus of an older generator must not be taken for one of this."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
