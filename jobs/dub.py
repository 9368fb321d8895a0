"""Dubs a shelf of recordings: python -m jobs.dub shelf/ --output faces/ --model model/

Every recording (or chapter) becomes one animation per format, or a row with the reason in OUTPUT/report.parquet and
report.html. A rerun does only what is missing or was made by something else (other bytes, model, controls); a run that
was interrupted goes on where it stopped. docs/dubbing.md tells what lies in OUTPUT. Exit code: 0 when every recording
is animated, 1 when some failed, 2 for what cannot be started, 3 when more failed than `--max-failed` allows and the run
stopped.
"""

import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Annotated

import tyro
from rich.console import Console

from emotalk import command_line
from emotalk.command_types import starting_controls
from emotalk.controls import Controls
from emotalk.dubbing.budget import Budget
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.deciding import Decisions
from emotalk.dubbing.estimate import Estimate
from emotalk.dubbing.lease import Lease, leased
from emotalk.dubbing.ledger import MANY_SEGMENTS, Ledger
from emotalk.dubbing.listing import Listing, list_recordings
from emotalk.dubbing.parts import PART_WINDOWS
from emotalk.dubbing.plan import Dubbing, Plan, uri_of
from emotalk.dubbing.recording import DEFAULT_THREADS
from emotalk.dubbing.report import FAILED, IGNORED, LEFT, PAGE, Report, ReportWriter, Row
from emotalk.dubbing.strands import portions_of, strands_of
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import absolute
from emotalk.formats import format_named, rate_of, suffix_named
from emotalk.inference.animator import Animator
from emotalk.model.config import Precision
from emotalk.model.store import default_model, load_model, model_digest
from jobs.cluster import start_ray
from jobs.dub_board import Heard, start_board
from jobs.dub_metrics import DubMetrics, check_export, exported
from jobs.dub_worker import DubWork, DubWorker
from jobs.pool import Pool, check_gpus
from jobs.progress import Progress, ProgressCallback, progress_line
from jobs.watch import watched

LOG_WIDTH = 160  # of the table, where the output is no terminal
STOPPED_EARLY = 3


@dataclass(frozen=True, kw_only=True)
class DubConfig:
    """Dubs recordings: files, folders, globs or URIs become one animation per recording and format."""

    inputs: tyro.conf.Positional[tuple[str, ...]]
    """Recordings: files, folders with all below them, globs, or URIs of these such as s3://bucket/shelf. Or one
    manifest: a .csv, .jsonl or .parquet with the columns uri, output, controls, controls.<name>."""
    output: str
    """Folder or URI of the animations; made if it is missing. They are called as the recordings are."""
    model: str | None = None
    """Model directory or URI. Default: $EMOTALK_MODEL, else the one that comes with this package."""
    formats: tuple[str, ...] = ("npz", "csv")
    """Kinds of files to write, by name or suffix, see `emotalk formats`; csv is Live Link Face."""
    fps: str | None = None
    """Frames per second of the files: 24, 29.97, 60, 30000/1001 … Default: 30, as the network has them.
    npy and parquet have 30 in any case."""
    controls: Annotated[Controls, tyro.conf.arg(name="")] = field(default_factory=starting_controls)
    preset: str | None = None
    """A character: a YAML file of controls, or its name in the folder $EMOTALK_PRESETS. Other options change it."""
    workers: int | None = None
    """Recordings worked on at a time. Default: as many as the cluster has GPUs or CPUs for. More than that lets an
    autoscaling cluster grow."""
    threads: int = DEFAULT_THREADS
    """CPU threads of a worker. The last bits of a result depend on it."""
    precision: Precision = "float32"
    """int8 makes the transformers of base and official faster on a CPU, bfloat16 is for GPUs; see docs/speed.md."""
    gpus: float | None = None
    """GPUs of a worker; 0.5 lets two share one. Default: 1 where the cluster has GPUs, else 0."""
    price_per_hour: float | None = None
    """What one worker costs per hour, in any currency: its CPUs and its share of a GPU. For the costs in the report."""
    metrics_port: int | None = None
    """Port of a page of metrics for Prometheus while the job runs; 0 for any free one. Default: no page."""
    metrics_host: str = "127.0.0.1"
    """Address that the page listens at; 0.0.0.0 lets other machines read it."""
    push_gateway: str | None = None
    """Address of a Prometheus push gateway, such as http://127.0.0.1:9091, that gets the metrics every 10 s."""

    chapters: bool = False
    """One animation for each chapter of an audiobook's file, in a folder that is called as the file is."""
    part_minutes: int = PART_WINDOWS
    """Longer recordings are kept in parts of so many minutes while they are worked on: what a kill costs at most."""
    stalled_s: float = 600.0
    """Seconds without any progress after which a recording is given up and its worker replaced."""
    max_failed: str = "50%"
    """Stops when more recordings than this fail: a number, or a share of those decided (20 of them at least)."""
    verify: bool = False
    """Reads every finished output and looks at every remote recording of a manifest, instead of trusting names, sizes
    and the manifest."""
    dry_run: bool = False
    """Prints what would be done, and about how long it takes; writes nothing and loads no model."""

    def __post_init__(self) -> None:
        if not self.inputs:
            raise InputError("no recordings given")
        if not self.formats:
            raise InputError("at least one format is needed")
        _suffixes(self.formats)
        if self.fps is not None:
            rate_of(self.fps)
        if (self.workers is not None and self.workers < 1) or self.threads < 1 or self.part_minutes < 1:
            raise InputError("workers, threads and part_minutes must be at least 1")
        if not self.stalled_s > 0:
            raise InputError(f"stalled_s must be positive, not {self.stalled_s}")
        check_gpus(self.gpus)
        if self.price_per_hour is not None and not 0 <= self.price_per_hour < math.inf:
            raise InputError(f"price_per_hour must be a number that is not negative, not {self.price_per_hour}")
        check_export(self.metrics_port, self.push_gateway)
        Budget(self.max_failed)


class StoppedEarlyError(EmoTalkError):
    """More recordings failed than the error budget allows. report: of what was decided."""

    def __init__(self, report: Report, message: str) -> None:
        super().__init__(message)
        self.report = report


def dub(config: DubConfig, progress: ProgressCallback | None = None) -> Report:
    """Brings the animations of all recordings up to date and writes OUTPUT/report.parquet and report.html.

    `progress` hears how far it is. What fails is a row of the report, never an exception. Raises InputError for what
    cannot be started: inputs that do not exist, no recordings, no model, controls that the model does not have, an
    output into which another run writes; and StoppedEarlyError.
    """
    started = time.monotonic()
    model = absolute(config.model or default_model())
    listing = list_recordings(config.inputs, output=config.output)
    plan = _plan(config, listing, model)
    location = plan.dubbing.folder.location
    budget = Budget(config.max_failed)
    left = plan.takes
    rows: list[Row] = []
    metrics = DubMetrics(output=location, model=model, model_sha256=plan.dubbing.recipe.model)
    shown = exported(
        metrics, host=config.metrics_host, port=config.metrics_port, gateway=config.push_gateway, run=location
    )
    with shown as address, ReportWriter(location, price_per_hour=config.price_per_hour) as report:
        if address is not None:
            print(f"metrics: {address}", file=sys.stderr)
        metrics.plan(left + len(plan.done) + len(plan.failed))
        if plan.items:
            # Here, because what is wrong with the model or its controls is wrong for every recording.
            Animator(load_model(model), device="cpu").direct(plan.dubbing.recipe.controls)
            with start_ray():
                pool = Pool.of(sys.maxsize, workers=config.workers, threads=config.threads, gpus=config.gpus)
                report.totals.workers, report.totals.gpus = pool.largest, pool.gpus
                with leased(location, plan.dubbing.generation) as lease:
                    plan = _plan(config, listing, model, lease, plan)
                    plan.tidy()
                    left = plan.takes
                    metrics.plan(left + len(plan.done) + len(plan.failed), pool.largest)
                    rows = _run(plan, pool.largest, model, config, lease, budget, progress, report, metrics)
                    Ledger.read(lease.location).compact(lease.location)
        _add_others(plan, listing, rows, report, metrics)
        report.totals.elapsed_s = time.monotonic() - started
    if len(rows) < left:
        raise StoppedEarlyError(
            report.report,
            f"stopped: {budget.failed} of {budget.decided} recordings failed, more than "
            f"--max-failed {config.max_failed} allows; {left - len(rows)} were not tried (see {PAGE})",
        )
    return report.report


def _add_others(
    plan: Plan, listing: Listing, decided: Sequence[Row], report: ReportWriter, metrics: DubMetrics
) -> None:
    """Rows of what no worker decided: done before, never begun, no recording at all."""
    for row in chain(plan.failed, plan.done_rows()):
        report.add(row)
        metrics.row(row)
    known = {row.uri for row in decided}
    for item in plan.items:
        for take in item.takes:
            if (uri := uri_of(item.recording, take.chapter)) not in known:
                row = Row(uri=uri, state=LEFT, bytes=item.recording.bytes // len(item.takes))
                report.add(row)
                metrics.row(row)
    for uri in listing.ignored:
        report.add(Row(uri=uri, state=IGNORED))


def dry_run(config: DubConfig) -> Estimate:
    """What `dub` would do. Raises InputError for inputs that do not exist."""
    model = absolute(config.model or default_model())
    plan = _plan(config, list_recordings(config.inputs, output=config.output), model)
    return Estimate.of(plan, config.workers or os.cpu_count() or 1)


def _plan(
    config: DubConfig, listing: Listing, model: str, lease: Lease | None = None, before: Plan | None = None
) -> Plan:
    """With the lease: `before`, unless another run has written since."""
    folder = OutputFolder(absolute(config.output))
    ledger = Ledger.read(folder.location)
    generation = max(ledger.generation + 1, lease.generation if lease else 1)
    if before is not None and set(before.ledger.segments) == set(ledger.segments):
        plan = replace(before, dubbing=replace(before.dubbing, generation=generation))
    else:
        controls = config.controls
        if controls.emotion_from is not None:  # the workers have other working directories
            controls = replace(controls, emotion_from=absolute(controls.emotion_from))
        recipe = Recipe.of(
            model_digest(model), controls, None if config.fps is None else str(rate_of(config.fps)), config.precision
        )
        dubbing = Dubbing(folder, recipe, _suffixes(config.formats), generation, config.part_minutes)
        plan = Plan.of(listing, dubbing, ledger, chapters=config.chapters, verify=config.verify)
    if lease is not None and len(ledger.segments) > MANY_SEGMENTS:
        ledger.compact(folder.location)
    return plan


def _run(
    plan: Plan,
    workers: int,
    model: str,
    config: DubConfig,
    lease: Lease,
    budget: Budget,
    progress: ProgressCallback | None,
    report: ReportWriter,
    metrics: DubMetrics,
) -> list[Row]:
    """Dubs the plan's items on the cluster -> their rows, as they come; fewer where the budget is spent.

    They are in the report and the metrics then; those given back have only what tells them apart.
    """
    strands = strands_of(plan.items, workers, part_windows=config.part_minutes)
    portions = portions_of(strands, workers)
    decisions = Decisions(plan, strands)
    pool = Pool.of(len(portions), workers=config.workers, threads=config.threads, gpus=config.gpus)
    board = start_board()
    rows: list[Row] = []
    started = time.monotonic()
    all_bytes = sum(strand.bytes for strand in strands)

    def show(heard: Heard) -> None:
        failed = sum(row.state == FAILED for row in rows)
        now = Progress(
            clips=len(rows) - failed,
            rejected=failed,
            audio_s=heard.seconds,
            # What is still to come is estimated from the bytes and seconds of the recordings begun so far.
            planned_audio_s=heard.promised_s * all_bytes / heard.bytes if heard.bytes else 0.0,
            elapsed_s=time.monotonic() - started,
            nouns=(f"of {plan.takes} recordings", "failed"),
        )
        metrics.progress(now, min(pool.largest, plan.takes - len(rows)))
        if progress is not None:
            progress(now)

    for row in plan.failed:
        budget.add(failed=row.state == FAILED)
    work = DubWork(
        dubbing=plan.dubbing,
        lease=lease,
        model=model,
        threads=config.threads,
        device=pool.device,
        stalled_s=config.stalled_s,
    )
    with watched(board, show):
        # A portion of strands goes out, its answers come back; parts and animations are written by the actor.
        for answers in pool.run(partial(DubWorker, work, board), portions):
            for number, decided in answers:
                for row in decisions.add(number, decided):
                    budget.add(failed=row.state == FAILED)
                    report.add(row)
                    metrics.row(row)
                    rows.append(Row(uri=row.uri, state=row.state))
            if budget.spent:
                break
    return rows


def _suffixes(formats: Sequence[str]) -> tuple[str, ...]:
    """`npz`, `.npz`, `arkit` -> `.npz`, `.arkit.json`, each once, in the order given. InputError lists known ones."""
    for name in formats:
        if required := format_named(name).required:
            raise InputError(f"{name} needs the option {', '.join(required)}: use emotalk animate or emotalk convert")
    return tuple(dict.fromkeys(suffix_named(name) for name in formats))


def main() -> None:
    config: DubConfig = command_line.parse(DubConfig, prog="python -m jobs.dub")
    sys.exit(command_line.run(lambda: run_command(config)))


def run_command(config: DubConfig) -> int:
    """What the command line does with its options -> the exit code."""
    console = Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
    if config.dry_run:
        for line in dry_run(config).lines():
            console.print(line, soft_wrap=True, markup=False)
        return 0
    stopped: StoppedEarlyError | None = None
    with progress_line("dubbing") as progress:
        try:
            report = dub(config, progress)
        except StoppedEarlyError as error:
            report, stopped = error.report, error
    if not report.nothing_to_do:
        console.print(report.table())
    console.print(f"{report.output}: {report.summary()}", soft_wrap=True, markup=False)
    failed, recordings = report.totals.items[FAILED], report.totals.recordings
    if stopped is not None:
        print(f"error: {stopped}", file=sys.stderr)
        return STOPPED_EARLY
    if failed and failed == recordings:
        print(f"error: not one of {failed} recordings was animated: {report.shown[0].reason}", file=sys.stderr)
    elif failed:
        print(f"error: {failed} of {recordings} recordings failed, see {PAGE}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    main()
