"""Who says what in which emotions: the casts of the synthetic corpus.

The demo's cast is small, espeak's alone: every voice says each of its sentences in all emotions at both levels. The
wide one is for a model that is to hold on voices it never met: more voices, a neural one among them, far more
sentences, each at one level only, and readings of several clauses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from emotalk.corpus.synthetic import prose, sentences, voices
from emotalk.corpus.synthetic.sentences import Sentence
from emotalk.corpus.synthetic.voices import Voice
from emotalk.labels import EMOTIONS, LEVELS

Name = Literal["demo", "wide"]
Delivery = tuple[str, int]  # emotion and level
DELIVERIES: tuple[Delivery, ...] = tuple(
    (e, level) for e in EMOTIONS for level in range(len(LEVELS)) if not (e == "neutral" and level)
)
WIDE_SENTENCES = {"espeak": 30, "piper": 30}  # per voice
WIDE_READINGS = {"espeak": 4, "piper": 24}
READING_CLAUSES = 3


@dataclass(frozen=True)
class Line:
    """A sentence and how a voice says it: the same words in every emotion of `deliveries`."""

    sentence: Sentence
    deliveries: tuple[Delivery, ...] = DELIVERIES


@dataclass(frozen=True)
class Role:
    """One voice and its lines, in their order."""

    voice: Voice
    lines: tuple[Line, ...]


@cache
def roles(cast: Name) -> Mapping[str, tuple[Role, ...]]:
    """The roles of each split. Voices and sentences of a split appear in no other."""
    return {
        "train": _demo_training() if cast == "demo" else _wide_training(),
        "validation": tuple(Role(v, _lines(sentences.VALIDATION)) for v in voices.VALIDATION),
        "test": tuple(Role(v, _lines(sentences.TEST)) for v in voices.TEST),
    }


def _demo_training() -> tuple[Role, ...]:
    count = len(voices.TRAIN)
    return tuple(Role(v, _lines(sentences.TRAIN[number::count])) for number, v in enumerate(voices.TRAIN))


def _wide_training() -> tuple[Role, ...]:
    out = []
    for number, voice in enumerate(voices.TRAIN + voices.MORE + voices.NEURAL):
        said = prose.sentences(WIDE_SENTENCES[voice.engine], seed=2 * number + 1000)
        read = prose.sentences(WIDE_READINGS[voice.engine], seed=2 * number + 1001, clauses=READING_CLAUSES)
        lines = [
            # One level each: as many clips are twice as many sentences.
            Line(Sentence(f"{voice.name}-{i:03d}", text), tuple(d for d in DELIVERIES if d[1] == i % len(LEVELS)))
            for i, text in enumerate(said, start=1)
        ]
        lines += [
            Line(Sentence(f"{voice.name}-reading{i:03d}", text), (("neutral", 0),))
            for i, text in enumerate(read, start=1)
        ]
        out.append(Role(voice, tuple(lines)))
    return tuple(out)


def _lines(texts: tuple[Sentence, ...]) -> tuple[Line, ...]:
    return tuple(Line(text) for text in texts)
