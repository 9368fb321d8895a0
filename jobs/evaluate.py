"""Evaluates models, and other methods' files, on a split of a corpus.

python -m jobs.evaluate --model runs/lite/model --corpus corpus --output report
python -m jobs.evaluate --predictions faceformer/ --scale 1000 --rig flame.npz --corpus corpus --output report

Compares each method's animations with the real ones, beside simple baselines, with intervals over clips, and writes
report.json, report.md, report.html and clips.csv. Their bytes depend on the methods, corpus and split alone, not on the
number of workers.
"""

import sys
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal

import tyro

import emotalk
from emotalk import command_line
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.corpus import Corpus
from emotalk.errors import InputError
from emotalk.files import absolute, atomic_write
from emotalk.metrics.baselines import Baselines, FitSums
from emotalk.metrics.evaluation import BASELINES, REAL
from emotalk.metrics.face import LIPS, UPPER_FACE, face_measures
from emotalk.metrics.markdown import to_markdown
from emotalk.metrics.naming import distinct_names
from emotalk.metrics.page import to_html
from emotalk.metrics.plan import Unit, plan_evaluation, plan_fit, without
from emotalk.metrics.predictions import Predictions
from emotalk.metrics.report import ON_TERMINAL, Amount, Method, Report, summary_lines
from emotalk.metrics.totals import Totals
from emotalk.model.config import EmoTalkConfig
from emotalk.model.store import default_model, load_config, model_digest
from emotalk.rigs import Rig, procedural_head
from jobs.cluster import start_ray
from jobs.evaluate_worker import Setting, evaluate_units, fit_baselines
from jobs.progress import Progress, ProgressCallback, progress_line
from jobs.tables import print_table

REPORT_JSON, REPORT_PAGE, REPORT_HTML, CLIPS = "report.json", "report.md", "report.html", "clips.csv"


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Compares animations of models, or of other methods, with the real ones, beside simple baselines."""

    corpus: str
    """Folder or URI of a finished corpus."""
    output: str
    """Folder or URI for the report (JSON, Markdown, HTML) and clips.csv; made if it is missing."""
    model: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Model directory or URI; several by repeating it. $EMOTALK_MODEL or the package's, if there is none."""
    predictions: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """Folder or URI of another method's output, <clip_id>.npy, .npz or .csv; several by repeating it."""
    name: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """What to call the predictions, in their order; as their folders, if not given."""
    fps: tyro.conf.UseAppendAction[tuple[float, ...]] = ()
    """Frames per second of predictions that do not tell, which are .npy files: one for all, or one per folder; 30, if
    not given."""
    scale: tyro.conf.UseAppendAction[tuple[float, ...]] = ()
    """Millimetres per unit of predicted vertices, 1000 where they are metres: one for all, or one per folder; 1, if not
    given."""
    rig: str | None = None
    """Rig (.npz, path or URI) whose millimetres are measured; this project's own head, if not given."""
    split: Literal["train", "validation", "test"] = "test"
    """What is evaluated. Baselines are always fitted on the training split."""
    workers: int | None = None
    """Processes that hold the models; one per GPU or, without any, per two CPUs, if not given."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"at least one worker is needed, not {self.workers}")
        if self.name and len(self.name) != len(self.predictions):
            raise InputError(f"{len(self.name)} names for {len(self.predictions)} folders of predictions")
        for option, values in (("fps", self.fps), ("scale", self.scale)):
            if len(values) > 1 and len(values) != len(self.predictions):
                raise InputError(f"{len(values)} values of {option} for {len(self.predictions)} folders of predictions")


def evaluate(config: EvaluateConfig, progress: ProgressCallback | None = None) -> Report:
    """Evaluates, writes the report and returns it; `progress` hears of every finished row group.

    Raises InputError for what is no model, corpus, rig or folder of predictions, and for a split without clips.
    """
    models = _models(config)
    corpus = Corpus.open(absolute(config.corpus))
    rig = Rig.load(config.rig) if config.rig else procedural_head()
    units, fit_units = plan_evaluation(corpus, config.split), plan_fit(corpus)
    clip_ids = [task.clip_id for unit in units for task in unit.tasks]
    predictions = _predictions(config, clip_ids, list(models))
    missing = {other.name: other.missing(clip_ids) for other in predictions}
    units = without(units, [clip_id for names in missing.values() for clip_id in names])
    if not units:
        raise InputError("no clip has a file of every method", source=corpus.location)
    moved = any(network.head_pose for _, network, _ in models.values())
    measures = face_measures(rig, head=moved and corpus.knows("head", config.split))
    advance = _Advance(corpus, [*fit_units, *units], progress)
    with start_ray():
        fit = FitSums.zero()
        for sums in fit_baselines(corpus, fit_units, config.workers):
            fit += sums
            advance(sums.clips, sums.samples, len(sums.failed))
        baselines = Baselines.fit(fit) if fit.frames else None
        directories = {name: directory for name, (directory, _, _) in models.items()}
        setting = Setting(directories, predictions, corpus, baselines, measures, rig)
        labels = {name: network.emotions for name, (_, network, _) in models.items()}
        totals = Totals(measures, [*models, *missing], labels)
        for done in evaluate_units(setting, units, config.workers):
            totals.add(done)
            advance(len(done.clips), sum(clip.samples for clip in done.clips), len(done.failed))
    corpus.check_unchanged()
    if not totals.compared:
        reason = next(iter(totals.failed.values()))
        raise InputError(f"no clip of the split {config.split!r} could be read: {reason}", source=corpus.location)
    about = {
        name: {"directory": directory, "digest": digest, "preset": network.preset, "emotions": network.emotions}
        for name, (directory, network, digest) in models.items()
    } | {other.name: {"location": other.location, "fps": other.fps, "scale": other.scale} for other in predictions}
    report = Report(
        version=emotalk.__version__,
        corpus={
            "location": config.corpus,
            "digest": corpus.manifest.digest,
            "source": corpus.manifest.config.get("source"),
        },
        split=config.split,
        evaluated=_amount(len(totals.compared), totals.frames, totals.samples),
        fitted_on=_amount(fit.clips, fit.frames, fit.samples) if baselines is not None else None,
        rig=_describe(rig),
        quantities=measures.quantities,
        methods={
            name: Method(
                about=about[name],
                differences=totals.differences(name),
                worst=tuple((clip.clip_id, clip.lve_mm) for clip in totals.worst[name]),
                missing=missing.get(name, ()),
                model=totals.model(name) if name in models else None,
            )
            for name in about
        },
        faces=totals.faces(),
        counts=totals.counts,
        failed=dict(fit.failed) | totals.failed,
    )
    for file, text in (
        (CLIPS, totals.clips_csv()),
        (REPORT_HTML, to_html(report, totals, rig)),
        (REPORT_PAGE, to_markdown(report)),
        (REPORT_JSON, report.to_json()),
    ):
        with atomic_write(f"{config.output.rstrip('/')}/{file}") as path:
            path.write_text(text, encoding="utf-8")
    return report


def _models(config: EvaluateConfig) -> dict[str, tuple[str, EmoTalkConfig, str]]:
    """Name -> directory as given, its config and its digest."""
    given = config.model or (() if config.predictions else (default_model(),))
    names = ["model"] if len(given) == 1 else distinct_names(given)
    return {
        name: (absolute(directory), load_config(absolute(directory)), model_digest(absolute(directory)))
        for name, directory in zip(names, given, strict=True)
    }


def _predictions(config: EvaluateConfig, clip_ids: Sequence[str], taken: Sequence[str]) -> tuple[Predictions, ...]:
    names = list(config.name) or distinct_names(config.predictions)
    twice = [name for name in names if [*taken, *BASELINES, REAL, *names].count(name) > 1]
    if twice:
        raise InputError(f"the name {twice[0]!r} is used already; give others with --name")
    rates, scales = _of_each(config.fps, 30.0, names), _of_each(config.scale, 1.0, names)
    return tuple(
        Predictions.open(absolute(place), clip_ids, name=name, fps=fps, scale=scale)
        for place, name, fps, scale in zip(config.predictions, names, rates, scales, strict=True)
    )


def _of_each(values: Sequence[float], default: float, names: Sequence[str]) -> Sequence[float]:
    """One value per name: as given, or the one for all."""
    return values if len(values) == len(names) else [*values, default][:1] * len(names)


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


def _amount(clips: int, frames: int, samples: int) -> Amount:
    return Amount(clips=clips, frames=frames, hours=round(samples / SAMPLE_RATE / 3600, 6))


def _describe(rig: Rig) -> dict[str, Any]:
    vertices = {name: len(rig.region(*regions)) for name, regions in (("LVE", LIPS), ("EVE", UPPER_FACE))}
    return {"name": rig.name, "vertices": len(rig.neutral), "vertices_of": vertices}


def main() -> None:
    config: EvaluateConfig = command_line.parse(EvaluateConfig, prog="python -m jobs.evaluate")
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: EvaluateConfig) -> int:
    with progress_line("evaluating") as progress:
        report = evaluate(config, progress)
    print("\n".join(report.heading()))
    print_summary(report)
    print(f"report: {config.output.rstrip('/')}/{REPORT_HTML}, {REPORT_PAGE}, {REPORT_JSON} and {CLIPS}")
    return 0


def print_summary(report: Report, file: IO[str] | None = None) -> None:
    """The numbers that matter most, on a terminal."""
    print(f"{report.evaluated.clips} clips of {report.split} on the mesh {report.rig['name']}; ± over clips", file=file)
    print_table(report.terminal_table(), file)
    for name, method in report.methods.items():
        if method.model is None:
            continue
        if method.model.exchanges:
            print(f"{name}: words of one clip, emotion of another, {method.model.targets} targets", file=file)
            print_table(report.table(method.model.exchanges, ON_TERMINAL, intervals=True), file)
        for line in summary_lines(method.model):
            print(textwrap.fill(line, 78, subsequent_indent="  "), file=file)


if __name__ == "__main__":
    main()
