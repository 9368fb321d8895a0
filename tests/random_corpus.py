"""A small corpus of random clips, in which louder noise opens the jaw: for tests of what reads a finished corpus."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from emotalk.blendshapes import INDEX
from emotalk.corpus.build import build_here
from emotalk.corpus.clip import Clip, Phone
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources import Item
from emotalk.corpus.sources.base import Listing


@dataclass(frozen=True)
class Labels:
    """What is known of one clip to be made."""

    split: str
    speaker: str
    statement: str
    emotion: str | None
    level: int | None = 0

    @property
    def name(self) -> str:
        return "-".join(str(part) for part in (self.speaker, self.level, self.statement, self.emotion))


def squares(split: str, speakers: Sequence[str], emotions: Sequence[str] = ("happy", "sad", "angry")) -> list[Labels]:
    """Two statements with every emotion of every speaker."""
    return [Labels(split, s, words, e) for s in speakers for words in ("doors", "dogs") for e in emotions]


def random_clip(labels: Labels, *, head: bool = False) -> Clip:
    """0.6 to 1.4 s of noise in bursts; the jaw follows its loudness, the other coefficients wander. No sounds known.

    head: it nods with the loudness, seen by a camera somewhere.
    """
    rng = np.random.default_rng(list(labels.name.encode()))
    frames = int(rng.integers(18, 42))
    loudness = 0.5 + 0.5 * np.sin(np.arange(frames) * rng.uniform(0.3, 0.9) + rng.uniform(0, 6))
    samples = rng.normal(0, 0.1, frames * 1_600 // 3) * np.interp(
        np.arange(frames * 1_600 // 3), np.arange(frames) * 1_600 / 3, loudness
    )
    weights = 0.3 + 0.2 * np.sin(0.3 * np.arange(frames)[:, None] + rng.uniform(0, 6, 52))
    weights[:, INDEX["jawOpen"]] = 0.1 + 0.6 * loudness
    pose = np.full((frames, 6), rng.uniform(-0.2, 0.2))
    pose[:, 1] += 0.1 * loudness
    return Clip(
        clip_id=labels.name,
        source="random",
        speaker=labels.speaker,
        statement=labels.statement,
        samples=samples.clip(-1, 1).astype(np.float32),
        weights=weights.astype(np.float32),
        emotion=labels.emotion,
        level=labels.level,
        head=pose.astype(np.float32) if head else None,
    )


def random_phones(labels: Labels) -> tuple[Phone, ...]:
    """The letters of the statement as speech sounds, spread over the middle of the clip at random."""
    rng = np.random.default_rng(list(labels.name.encode()))
    shares = np.cumsum([0.0, *rng.uniform(0.5, 1.5, len(labels.statement))])
    edges = (0.1 + 0.8 * shares / shares[-1]) * random_clip(labels).duration_s
    return tuple(Phone(*phone) for phone in zip(labels.statement, edges[:-1].tolist(), edges[1:].tolist(), strict=True))


@dataclass(frozen=True)
class RandomClips:
    """The clips as a source. phones: of which statements the speech sounds are known."""

    clips: tuple[Labels, ...]
    name: str = "random"
    phones: tuple[str, ...] = ()
    heads: bool = False

    def settings(self) -> dict[str, object]:
        return {}

    def listing(self) -> Listing:
        return Listing([self._item(labels) for labels in self.clips], [])

    def read(self, item: Item) -> Clip:
        assert isinstance(item.spec, Labels)
        known = item.spec.statement in self.phones
        clip = random_clip(item.spec, head=self.heads)
        return replace(clip, phones=random_phones(item.spec) if known else None)

    def _item(self, labels: Labels) -> Item:
        return Item(
            item_id=labels.name,
            source=self.name,
            speaker=labels.speaker,
            statement=labels.statement,
            split=labels.split,
            seconds=1.0,
            spec=labels,
            version="1",
            emotion=labels.emotion,
            level=labels.level,
        )


def random_corpus(folder: Path, clips: Sequence[Labels], phones: Sequence[str] = (), *, heads: bool = False) -> Corpus:
    """Written under `folder`; the speech sounds of the statements `phones` are known."""
    build_here(RandomClips(tuple(clips), phones=tuple(phones), heads=heads), str(folder))
    return Corpus.open(folder)
