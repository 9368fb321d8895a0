"""Evaluates a model: python -m jobs.evaluate --model runs/lite/model --corpus corpus --output report

Compares the model's animations of a split with the real ones, beside simple baselines, and writes report.json and
report.md. Their bytes depend on model, corpus and split alone, not on the number of workers.
"""

import hashlib
import pickle
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import ray
import torch
from ray.data import ActorPoolStrategy, Dataset, TaskPoolStrategy

import emotalk
from emotalk import command_line
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.corpus import Corpus
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import absolute, atomic_write
from emotalk.inference.animator import Animator
from emotalk.labels import EMOTIONS
from emotalk.metrics.baselines import Baselines, FitSums
from emotalk.metrics.emotions import EmotionCounts
from emotalk.metrics.evaluation import EXCHANGES, SUBJECTS, EvaluationSums, Evaluator, fit_units
from emotalk.metrics.face import LIPS, UPPER_FACE, face_measures
from emotalk.metrics.measures import Measures
from emotalk.metrics.plan import Unit, plan_evaluation, plan_fit
from emotalk.metrics.report import ON_TERMINAL, Amount, Report
from emotalk.model.network import EmoTalk
from emotalk.model.store import default_model, load_config, model_digest
from emotalk.rigs import Rig, procedural_head
from jobs.cluster import start_ray
from jobs.progress import Progress, ProgressCallback, progress_line
from jobs.tables import print_table

REPORT_JSON, REPORT_PAGE = "report.json", "report.md"
FIT_TASKS = 16


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Compares a model's animations with the real ones, beside simple baselines."""

    corpus: str
    """Folder or URI of a finished corpus."""
    output: str
    """Folder or URI for report.json and report.md; made if it is missing."""
    model: str | None = None
    """Model directory or URI; $EMOTALK_MODEL or the demo's, if not given."""
    split: Literal["train", "validation", "test"] = "test"
    """What is evaluated. Baselines are always fitted on the training split."""
    workers: int | None = None
    """Processes that hold the model; one per GPU or, without any, per two CPUs, if not given."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"at least one worker is needed, not {self.workers}")


def evaluate(config: EvaluateConfig, progress: ProgressCallback | None = None) -> Report:
    """Evaluates, writes the report and returns it; `progress` hears of every finished row group.

    Raises InputError for what is no model, no corpus, or a corpus without clips in the split.
    """
    directory = absolute(config.model or default_model())
    network, digest = load_config(directory), model_digest(directory)
    corpus = Corpus.open(absolute(config.corpus))
    units, fit_units = plan_evaluation(corpus, config.split), plan_fit(corpus)
    rig = procedural_head()
    measures = face_measures(rig)
    advance = _Advance(corpus, [*fit_units, *units], progress)
    with start_ray():
        fit = FitSums.zero()
        for sums in _fit(corpus, fit_units, config.workers):
            fit += sums
            advance(sums.clips, sums.samples, len(sums.failed))
        baselines = Baselines.fit(fit) if fit.frames else None
        total = EvaluationSums()
        for done in _evaluate(Setting(directory, corpus, baselines, measures), units, config.workers):
            total += done
            advance(done.clips, done.samples, len(done.failed))
    if not total.clips:
        raise InputError(
            f"no clip of the split {config.split!r} could be read: {total.failed[0][1]}", source=corpus.location
        )
    report = Report(
        version=emotalk.__version__,
        model={
            "directory": config.model or default_model(),
            "digest": digest,
            "preset": network.preset,
            "emotions": network.emotions,
        },
        corpus={
            "location": config.corpus,
            "digest": hashlib.sha256(corpus.manifest.to_json()).hexdigest(),
            "source": corpus.manifest.config.get("source"),
        },
        split=config.split,
        evaluated=_amount(total),
        fitted_on=_amount(fit) if baselines is not None else None,
        rig=_describe(rig),
        quantities=measures.quantities,
        faces={name: measures.values(total.faces[name]) for name in SUBJECTS if name in total.faces},
        exchanges={name: measures.values(total.exchanges[name]) for name in EXCHANGES if name in total.exchanges},
        counts=total.counts,
        emotion=EmotionCounts(EMOTIONS, network.emotions).accuracy(total.emotions),
        failed=dict(fit.failed + total.failed),
    )
    _write(report, config.output)
    return report


@dataclass(frozen=True)
class Setting:
    """What every worker needs: small, as the model is read where it works."""

    model: str
    corpus: Corpus
    baselines: Baselines | None
    measures: Measures

    def evaluator(self) -> Evaluator:
        # One thread, however many workers share the machine: sums in another order would be other numbers.
        torch.set_num_threads(1)
        return Evaluator(Animator(EmoTalk.from_pretrained(self.model)), self.baselines, self.measures, self.corpus)


class EvaluateUnits:
    """Holds a model in a process and evaluates units with it."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._evaluator: Evaluator | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        return _answer(batch, self._evaluate)

    def _evaluate(self, unit: Unit) -> EvaluationSums:
        # Here and not in the constructor, whose errors reach the user as a dead actor.
        if self._evaluator is None:
            self._evaluator = self._setting.evaluator()
        return self._evaluator.evaluate(unit)


def _fit(corpus: Corpus, units: Sequence[Unit], workers: int | None) -> Iterator[FitSums]:
    """Sums of the training clips, in the order of the units."""

    def fit(batch: pa.Table) -> pa.Table:
        return _answer(batch, lambda part: fit_units(corpus, part))

    # A row group holds few of the chosen clips: several make a task worth its start. Never a matter of the workers.
    size = -(-len(units) // FIT_TASKS)
    parts = [tuple(units[start : start + size]) for start in range(0, len(units), size)] if units else []
    # In: some row groups' chosen clips. Out: one row, their normal equations (2 MB); fan-out 1 : 1.
    fitted = _rows(parts).map_batches(
        fit, batch_size=1, batch_format="pyarrow", num_cpus=1, compute=TaskPoolStrategy(size=workers)
    )
    yield from _results(fitted, len(parts))


def _evaluate(setting: Setting, units: Sequence[Unit], workers: int | None) -> Iterator[EvaluationSums]:
    """Sums of the evaluated clips, in the order of the units."""
    resources = ray.cluster_resources()
    gpus = int(resources.get("GPU", 0))
    pool = min(len(units), workers or gpus or max(1, int(resources.get("CPU", 1)) // 2))
    # In: one row group's clips. Out: one row, their sums (some kB); fan-out 1 : 1.
    evaluated = _rows(units).map_batches(
        EvaluateUnits,
        fn_constructor_args=(setting,),
        batch_size=1,
        batch_format="pyarrow",
        num_cpus=1,
        num_gpus=1 if gpus else None,
        compute=ActorPoolStrategy(size=pool),
    )
    yield from _results(evaluated, len(units))


def _rows(work: Sequence[Any]) -> Dataset:
    """Row: number and pickle of a piece of work, small and this package's own. One block per row: each is a task."""
    return ray.data.from_arrow(
        [pa.table({"number": [number], "work": [pickle.dumps(piece)]}) for number, piece in enumerate(work)]
    )


def _answer(batch: pa.Table, do: Callable[[Any], Any]) -> pa.Table:
    """A row of work -> the row of its result, or of the error that the user is meant to read."""
    (number,), (work,) = batch.column("number").to_pylist(), batch.column("work").to_pylist()
    try:
        result = do(pickle.loads(work))
    except (EmoTalkError, OSError) as error:
        # As a row: raised here, it would reach the user under two screens of Ray's own traces.
        result = error
    return pa.table({"number": [number], "result": [pickle.dumps(result)]})


def _results(answers: Dataset, count: int) -> Iterator[Any]:
    """Results in the order of their numbers, as soon as all before them are there: sums depend on the order."""
    if not count:
        return
    waiting: dict[int, Any] = {}
    following = 0
    for row in answers.iter_rows():
        result = pickle.loads(row["result"])
        if isinstance(result, EmoTalkError | OSError):
            raise result
        waiting[row["number"]] = result
        while following in waiting:
            yield waiting.pop(following)
            following += 1


class _Advance:
    """Counts what is done against what was planned."""

    def __init__(self, corpus: Corpus, units: Sequence[Unit], progress: ProgressCallback | None) -> None:
        index = corpus.index
        samples = dict(zip(index.column("clip_id").to_pylist(), index.column("samples").to_pylist(), strict=True))
        self._planned_s = sum(samples[task.clip_id] for unit in units for task in unit.tasks) / SAMPLE_RATE
        self._progress, self._started = progress, time.monotonic()
        self._clips = self._failed = self._samples = 0

    def __call__(self, clips: int, samples: int, failed: int) -> None:
        self._clips, self._samples, self._failed = self._clips + clips, self._samples + samples, self._failed + failed
        if self._progress is not None:
            elapsed_s = time.monotonic() - self._started
            audio_s = self._samples / SAMPLE_RATE
            self._progress(Progress(self._clips, self._failed, audio_s, self._planned_s, elapsed_s))


def _amount(sums: FitSums | EvaluationSums) -> Amount:
    return Amount(clips=sums.clips, frames=sums.frames, hours=round(sums.samples / SAMPLE_RATE / 3600, 6))


def _describe(rig: Rig) -> dict[str, Any]:
    vertices = {name: len(rig.region(*regions)) for name, regions in (("LVE", LIPS), ("EVE", UPPER_FACE))}
    return {"name": rig.name, "vertices": len(rig.neutral), "vertices_of": vertices}


def _write(report: Report, output: str) -> None:
    for name, text in ((REPORT_PAGE, report.to_markdown()), (REPORT_JSON, report.to_json())):
        with atomic_write(f"{output.rstrip('/')}/{name}") as path:
            path.write_text(text, encoding="utf-8")


def main() -> None:
    config: EvaluateConfig = command_line.parse(EvaluateConfig, prog="python -m jobs.evaluate")
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: EvaluateConfig) -> int:
    with progress_line("evaluating") as progress:
        report = evaluate(config, progress)
    print("\n".join(report.heading()))
    print_table(report.table(report.faces, ON_TERMINAL))
    print("\n".join(report.emotion_lines()))
    if report.exchanges:
        print(f"words of one clip, emotion of another, {report.counts[EXCHANGES[0]]} targets:")
        print_table(report.table(report.exchanges, ON_TERMINAL))
    print(f"report: {config.output.rstrip('/')}/{REPORT_PAGE} and {REPORT_JSON}")
    return 0


if __name__ == "__main__":
    main()
