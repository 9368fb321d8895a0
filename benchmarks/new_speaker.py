"""What five minutes of a new speaker do for that speaker, and to all others.

    python -m benchmarks.new_speaker MODEL --corpus CORPUS --work FOLDER

The speaker is a voice of the synthetic corpus's test split, with a face of its own: every coefficient stronger or
weaker by a factor, unlike left and right. `jobs.train --init MODEL` learns so many minutes of it, beside a sample of
the corpus that the model comes from, so that it forgets nobody. Then the lip vertex error of other sentences of the
speaker, and of the corpus's validation and other test voices, before and after; the others as unknown speakers.
"""

import platform
import sys
import time
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import tyro

from emotalk import EmoTalk, command_line
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.build import build_here
from emotalk.corpus.clip import Clip
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.synthetic import prose, voices
from emotalk.corpus.synthetic.casts import DELIVERIES
from emotalk.corpus.synthetic.corpus import Utterance, make
from emotalk.corpus.synthetic.sentences import Sentence
from emotalk.errors import InputError
from emotalk.metrics.face import face_measures
from emotalk.metrics.pair import Pair
from emotalk.rigs import procedural_head
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig
from jobs.train import TrainConfig, train

VOICE = voices.TEST[0]
HELD_OUT, VALIDATION = 60, 15  # clips
MEASURES = face_measures(procedural_head())


@dataclass(frozen=True, kw_only=True)
class Config:
    """Teaches a model a new speaker and prints who gains and who loses."""

    model: Annotated[str, tyro.conf.Positional]
    """Model directory or URI."""
    corpus: str
    """The synthetic corpus that it was trained on."""
    work: str
    """Folder for the speaker's corpus, the sample and the run."""
    minutes: float = 5.0
    """Of the new speaker."""
    rehearsal_minutes: float = 15.0
    """Of the corpus, learnt beside it."""
    manner: float = 0.25
    """Standard deviation of the logarithms of the face's factors."""
    epochs: int = 15
    learning_rate: float = 3e-4


@dataclass(frozen=True, kw_only=True)
class Clips:
    """Clips that are there already, as a source."""

    clips: tuple[tuple[str, Clip], ...]
    """Split and clip."""

    @property
    def name(self) -> str:
        return "clips"

    def settings(self) -> dict[str, object]:
        return {"clips": [clip.clip_id for _, clip in self.clips]}

    def listing(self) -> Listing:
        return Listing([self._item(number) for number in range(len(self.clips))], [])

    def read(self, item: Item) -> Clip:
        assert isinstance(item.spec, int)
        return self.clips[item.spec][1]

    def _item(self, number: int) -> Item:
        split, clip = self.clips[number]
        return Item(
            item_id=clip.clip_id,
            source=clip.source,
            speaker=clip.speaker,
            statement=clip.statement,
            split=split,
            emotion=clip.emotion,
            level=clip.level,
            seconds=clip.duration_s,
            spec=number,
            version="",
        )


def own_face(manner: float) -> np.ndarray:
    """(52,) factors of the coefficients."""
    return np.exp(np.random.default_rng(0).normal(0, manner, 52)).astype(np.float32)


def spoken(split: str, seed: int, factors: np.ndarray, *, minutes: float | None = None, count: int = 0) -> list[Clip]:
    """Sentences of the new speaker in turning emotions: so many minutes, or so many clips."""
    out: list[Clip] = []
    texts = prose.sentences(1_000, seed=seed)
    while (_minutes(out) < minutes) if minutes is not None else (len(out) < count):
        number = len(out)
        emotion, level = DELIVERIES[number % len(DELIVERIES)]
        # Every sentence in every delivery: those are the squares that training reconstructs across.
        said = number // len(DELIVERIES)
        clip = make(Utterance(VOICE, Sentence(f"{split}-{said:03d}", texts[said]), emotion, level, split))
        out.append(replace(clip, weights=(clip.weights * factors).clip(0, 1)))
    return out


def sample(corpus: Corpus, split: str, minutes: float) -> list[Clip]:
    """Clips of a corpus drawn at random, up to so many minutes."""
    lengths = dict(zip(corpus.index["clip_id"].to_pylist(), corpus.index["samples"].to_pylist(), strict=True))
    drawn = [str(one) for one in np.random.default_rng(0).permutation(corpus.clip_ids(split))]
    fits = np.cumsum([lengths[one] for one in drawn]) <= minutes * 60 * SAMPLE_RATE
    return corpus.read(sorted(one for one, fit in zip(drawn, fits, strict=True) if fit))


def lip_error(model: EmoTalk, clips: list[Clip], style: int | None) -> float:
    """LVE in mm."""
    sums = np.zeros(MEASURES.size)
    for clip in clips:
        face = model.predict(clip.samples, clip.level, style).clip(0, 1)
        sums += MEASURES.sums(Pair(face, clip.weights, samples=clip.samples))
    value = MEASURES.values(sums)["LVE"]
    assert value is not None
    return value


def _minutes(clips: list[Clip]) -> float:
    return sum(len(clip.samples) for clip in clips) / SAMPLE_RATE / 60


def _main(config: Config) -> int:
    work, corpus = Path(config.work), Corpus.open(config.corpus)
    if (work / "run").exists():
        raise InputError("there is a run already: give another folder", source=config.work)
    factors = own_face(config.manner)
    taught = spoken("train", 1, factors, minutes=config.minutes)
    held_out = spoken("test", 2, factors, count=HELD_OUT)
    own = [("train", clip) for clip in taught]
    own += [("validation", clip) for clip in spoken("validation", 3, factors, count=VALIDATION)]
    rehearsed = sample(corpus, "train", config.rehearsal_minutes)
    build_here(Clips(clips=tuple(own)), str(work / "own"))
    build_here(Clips(clips=tuple(("train", clip) for clip in rehearsed)), str(work / "rehearsal"))
    started = time.monotonic()
    model_directory = train(
        TrainConfig(
            corpus=str(work / "own"),
            with_corpus=(str(work / "rehearsal"),) if rehearsed else (),
            output=str(work / "run"),
            init=config.model,
            epochs=config.epochs,
            optimiser=OptimiserConfig(learning_rate=config.learning_rate),
            losses=LossWeights(gap=0.5),
            plan=PlanConfig(seconds_per_step=60),
            align="phones",
        )
    )
    took_s = time.monotonic() - started
    before, after = EmoTalk.from_pretrained(config.model), EmoTalk.from_pretrained(model_directory)
    names = after.config.speakers
    assert names is not None
    style = names.index(VOICE.speaker)
    others: dict[str, list[Clip]] = {}
    for split in ("validation", "test"):
        for clip in corpus.clips(split):
            if clip.speaker != VOICE.speaker:
                others.setdefault(clip.speaker, []).append(clip)
    learnt = f"{_minutes(taught):.1f} min of {VOICE.speaker}, {_minutes(rehearsed):.1f} min of {config.corpus}"
    print(f"{learnt}, trained in {took_s:.0f} s")
    print(f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, {date.today()}")
    print("\n| speaker | LVE before [mm] | after | change |\n|---|---|---|---|")
    rows = [(f"{VOICE.speaker} (new)", held_out, style), *((name, clips, None) for name, clips in others.items())]
    for name, clips, chosen in rows:
        old, new = lip_error(before, clips, None), lip_error(after, clips, chosen)
        print(f"| {name} | {old:.2f} | {new:.2f} | {new / old - 1:+.1%} |", flush=True)
    return 0


def main() -> None:
    config: Config = command_line.parse(Config, prog="python -m benchmarks.new_speaker")
    sys.exit(command_line.run(lambda: _main(config)))


if __name__ == "__main__":
    main()
