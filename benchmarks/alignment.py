"""How well the words of one recording meet the face of another: python -m benchmarks.alignment --corpus corpus

Prints, for the three ways of `jobs.train --align`, how far the borders of speech sounds are from where they belong in
the pairs that the first epoch of a training plans, and what the reading of a step costs. The corpus must know its
sounds. --epochs trains lite from scratch with each way, in this process, and evaluates all three on the test split.

People don't stretch a sentence evenly when they say it in another mood, as a synthesiser does. --bend 0.4 lets the
pace of every clip wander by up to 40 % between quarters of a second: sound, face and sounds alike.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
import torch
import tyro

from emotalk import command_line
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.build import build_here
from emotalk.corpus.clip import Clip, Phone
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources.base import Item, Listing
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from emotalk.labels import EMOTIONS
from emotalk.metrics.evaluation import CROSS, CROSS_ALIGNED, SELF, Evaluator
from emotalk.metrics.face import face_measures
from emotalk.metrics.plan import plan_evaluation
from emotalk.metrics.report import ModelReport, cross_lines
from emotalk.metrics.totals import Totals
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.rigs import procedural_head
from emotalk.timewarp import even_positions
from emotalk.timing import frames_of
from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import collate
from emotalk.training.examples import Align, Examples, speakers_of
from emotalk.training.learner import Learner, Place, Work
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.plan import PlanConfig, plan_epoch
from emotalk.training.prototypes import measure_prototypes
from emotalk.training.units import crossed_in
from jobs.tables import print_table

WAYS: tuple[Align, ...] = get_args(Align)
FRAME_MS = 1_000 / 30
KNOT_S = 0.25  # between two paces of a bent clip


@dataclass(frozen=True, kw_only=True)
class AlignmentConfig:
    """Measures the three ways of aligning the recordings of a square."""

    corpus: str
    """Folder or URI of a corpus that knows its speech sounds."""
    bend: float = 0.0
    """How far the pace of every clip wanders; 0 leaves the corpus as it is."""
    epochs: int = 0
    """Epochs of training with each way; 0 trains nothing."""
    way: tyro.conf.UseAppendAction[tuple[Align, ...]] = ()
    """Ways to look at, by repeating it; all, if none is given."""
    seed: int = 0
    """Of the training."""

    def __post_init__(self) -> None:
        if not 0 <= self.bend < 1 or self.epochs < 0:
            raise InputError("bend must lie between 0 and 1, epochs must not be negative")


@dataclass(frozen=True)
class Bent:
    """The clips of a corpus with a wandering pace, as a source."""

    corpus: Corpus
    share: float
    name: str = "bent"

    def settings(self) -> dict[str, object]:
        return {"corpus": self.corpus.manifest.digest, "share": self.share}

    def listing(self) -> Listing:
        return Listing([self._item(row) for row in self.corpus.index.to_pylist()], [])

    def read(self, item: Item) -> Clip:
        (clip,) = self.corpus.read([item.item_id])
        return bent(clip, self.share)

    def _item(self, row: dict) -> Item:
        names = ("source", "speaker", "statement", "split", "emotion", "level", "repetition")
        seconds = row["samples"] / SAMPLE_RATE
        labels = {name: row[name] for name in names}
        return Item(item_id=row["clip_id"], seconds=seconds, spec=None, version="1", **labels)


def bent(clip: Clip, share: float) -> Clip:
    """The clip as long as before, at a pace that wanders between 1 - share and 1 + share of its own."""
    rng = np.random.default_rng(list(clip.clip_id.encode()))
    count = max(2, round(clip.duration_s / KNOT_S) + 1)
    here_s = np.linspace(0, clip.duration_s, count)
    there_s = np.concatenate([[0.0], np.cumsum(rng.uniform(1 - share, 1 + share, count - 1))])
    there_s *= clip.duration_s / there_s[-1]
    samples_at = np.interp(np.arange(len(clip.samples)) / SAMPLE_RATE, here_s, there_s) * SAMPLE_RATE
    frames_at = np.interp(np.arange(clip.frames) / 30, here_s, there_s) * 30
    frames = np.arange(clip.frames)
    weights = np.stack([np.interp(frames_at, frames, column) for column in clip.weights.T], 1)
    phones = [
        Phone(p.name, *(float(np.interp(edge, there_s, here_s)) for edge in (p.start_s, p.end_s)))
        for p in clip.phones or ()
    ]
    samples = np.interp(samples_at, np.arange(len(clip.samples)), clip.samples).astype(np.float32)
    return replace(clip, samples=samples, weights=weights.astype(np.float32), phones=tuple(phones) or None, head=None)


def offsets(corpus: Corpus, ways: Sequence[Align]) -> list[Sequence[str]]:
    """The table: where each way hears the borders of sounds, less where they are, and the time of reading."""
    rows: list[Sequence[str]] = [
        ("", "mean offset [ms]", "90 % within [ms]", "beyond a frame", "reading 100 s [ms]"),
    ]
    for way in ways:
        examples = Examples(corpus, "train", EMOTIONS, (), align=way)
        plan = plan_epoch(examples.keys, 0, PlanConfig())
        names = [str(row["clip_id"]) for row in examples.rows]
        clips = {clip.clip_id: clip for clip in corpus.read(names)}
        examples.load(plan.by_step[0])  # row groups are in memory, tables are made
        found, reading_s, seconds = [], 0.0, 0.0
        for step, units in enumerate(plan.by_step):
            started = time.process_time()
            examples.load(units, AugmentConfig(), (0,), step)
            reading_s += time.process_time() - started
            seconds += sum(clips[names[p]].duration_s for unit in units for p in unit)
            plain = examples.load(units)
            for target, content in (pair for unit in units for pair in crossed_in(unit)):
                positions = plain[target].heard_at
                if positions is None:
                    positions = even_positions(len(plain[target].weights), frames_of(len(plain[content].samples)))
                found.append(_offsets_s(clips[names[target]], clips[names[content]], positions))
        far_ms = 1_000 * np.concatenate(found)
        rows.append(
            (
                way,
                f"{far_ms.mean():.1f}",
                f"{np.percentile(far_ms, 90):.1f}",
                f"{np.mean(far_ms > FRAME_MS):.1%}",
                f"{1_000 * reading_s * 100 / seconds:.0f}",
            )
        )
    return rows


def _offsets_s(target: Clip, content: Clip, positions: np.ndarray) -> np.ndarray:
    """(borders,) of a pair's sounds; none where it does not say the same sounds."""
    here, there = target.phones or (), content.phones or ()
    if [p.name for p in here] != [p.name for p in there]:
        return np.zeros(0)
    here_s, there_s = (np.array([edge for p in sounds for edge in (p.start_s, p.end_s)]) for sounds in (here, there))
    return np.abs(np.interp(here_s * 30, np.arange(len(positions)), positions) / 30 - there_s)


def trained(corpus: Corpus, way: Align, config: AlignmentConfig) -> tuple[EmoTalk, float]:
    """A lite network after some epochs of 50 s steps, and the share of the time that went into reading."""
    speakers = speakers_of(corpus)
    examples = Examples(corpus, "train", EMOTIONS, speakers, align=way)
    torch.manual_seed(config.seed)
    network = EmoTalk(replace(lite_config(styles=len(speakers)), speakers=speakers))
    learner = Learner(
        network,
        OptimiserConfig(learning_rate=1e-3),
        LossWeights(),
        device=torch.device("cpu"),
        seed=config.seed,
    )
    plans = PlanConfig(seconds_per_step=50, seed=config.seed)
    reading_s, started = 0.0, time.process_time()
    for epoch in range(config.epochs):
        plan = plan_epoch(examples.keys, epoch, plans)
        for step, units in enumerate(plan.by_step):
            before = time.process_time()
            batch = collate(
                units, examples.load(units, AugmentConfig(), (config.seed, epoch), step), network.config.styles
            )
            reading_s += time.process_time() - before
            learner.learn(Work([batch], counted=True), Place(epoch, config.epochs, step, plan.steps))
    share = reading_s / (time.process_time() - started)
    plan = plan_epoch(examples.keys, 0, plans)
    measure_prototypes(network, (collate(units, examples.load(units), network.config.styles) for units in plan.by_step))
    return network.eval(), share


def evaluated(corpus: Corpus, models: dict[str, EmoTalk]) -> dict[str, tuple[ModelReport, float | None]]:
    """What jobs.evaluate says of each on the test split, and its closure recall there."""
    rig = procedural_head()
    measures = face_measures(rig)
    animators = {name: Animator(model) for name, model in models.items()}
    evaluator = Evaluator(animators, (), None, measures, rig, corpus)
    totals = Totals(measures, list(models), {name: model.config.emotions for name, model in models.items()})
    for unit in plan_evaluation(corpus, "test"):
        totals.add(evaluator.evaluate(unit))
    faces = totals.faces()
    return {name: (totals.model(name), faces[name].values["closure recall"]) for name in models}


def _main(config: AlignmentConfig) -> int:
    torch.set_num_threads(1)
    ways = config.way or WAYS
    with tempfile.TemporaryDirectory() as folder:
        corpus = Corpus.open(config.corpus)
        if config.bend:
            build_here(Bent(corpus, config.bend), str(Path(folder) / "bent"))
            corpus = Corpus.open(Path(folder) / "bent")
        print_table(offsets(corpus, ways))
        if config.epochs:
            models: dict[str, EmoTalk] = {}
            for way in ways:
                models[way], share = trained(corpus, way, config)
                print(f"trained with {way}: {share:.1%} of the time went into reading", flush=True)
            _print_models(evaluated(corpus, models))
    return 0


def _print_models(found: dict[str, tuple[ModelReport, float | None]]) -> None:
    columns = [(kind, name) for kind in (CROSS, CROSS_ALIGNED, SELF) for name in ("LVE", "closure recall")]
    rows: list[Sequence[str]] = [("", *(f"{kind}: {name}" for kind, name in columns), "all clips: closure recall")]
    for way, (report, recall) in found.items():
        scores = [report.exchanges[kind].values[name] for kind, name in columns]
        rows.append((way, *("n/a" if value is None else f"{value:.3f}" for value in (*scores, recall))))
    print_table(rows)
    for way, (report, _) in found.items():
        print("\n".join(f"{way}: {line}" for line in cross_lines(report)))


def main() -> None:
    config: AlignmentConfig = command_line.parse(AlignmentConfig, prog="python -m benchmarks.alignment")
    sys.exit(command_line.run(lambda: _main(config)))


if __name__ == "__main__":
    main()
