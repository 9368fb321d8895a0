"""Dubs a shelf of recordings: python -m jobs.dub shelf/ --output faces/ --model model/

Every recording (or chapter) becomes one animation per format, or a row with the reason in OUTPUT/report.json. A rerun
does only what is missing or was made by something else (other bytes, model, controls); a run that was interrupted goes
on where it stopped. docs/dubbing.md tells what lies in OUTPUT. Exit code: 0 when every recording is animated, 1 when
some failed, 2 for what cannot be started, 3 when more failed than `--max-failed` allows and the run stopped.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
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
from emotalk.dubbing.listing import Listing, list_recordings, natural
from emotalk.dubbing.parts import PART_WINDOWS
from emotalk.dubbing.plan import Dubbing, Plan
from emotalk.dubbing.recording import DEFAULT_THREADS
from emotalk.dubbing.report import FAILED, REPORT, Report, Row
from emotalk.dubbing.strands import portions_of, strands_of
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import absolute
from emotalk.formats import format_named, rate_of, suffix_named
from emotalk.inference.animator import Animator
from emotalk.model.store import default_model, load_model, model_digest
from jobs.cluster import start_ray
from jobs.dub_board import Heard, start_board
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
    gpus: float | None = None
    """GPUs of a worker; 0.5 lets two share one. Default: 1 where the cluster has GPUs, else 0."""

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
        Budget(self.max_failed)


class StoppedEarlyError(EmoTalkError):
    """More recordings failed than the error budget allows. report: of what was decided."""

    def __init__(self, report: Report, message: str) -> None:
        super().__init__(message)
        self.report = report


def dub(config: DubConfig, progress: ProgressCallback | None = None) -> Report:
    """Brings the animations of all recordings up to date and writes OUTPUT/report.json; `progress` hears about it.

    What fails is a row of the report, never an exception. Raises InputError for what cannot be started: inputs that do
    not exist, no recordings, no model, controls that the model does not have, an output into which another run writes;
    and StoppedEarlyError.
    """
    started = time.monotonic()
    model = absolute(config.model or default_model())
    listing = list_recordings(config.inputs, output=config.output)
    plan = _plan(config, listing, model)
    budget = Budget(config.max_failed)
    left = plan.takes
    rows: list[Row] = []
    if plan.items:
        # Here, because what is wrong with the model or its controls is wrong for every recording.
        Animator(load_model(model), device="cpu").direct(plan.dubbing.recipe.controls)
        with start_ray():
            pool = Pool.of(sys.maxsize, workers=config.workers, threads=config.threads, gpus=config.gpus)
            with leased(plan.dubbing.folder.location, plan.dubbing.generation) as lease:
                plan = _plan(config, listing, model, lease, plan)
                plan.tidy()
                left = plan.takes
                rows = _run(plan, pool.largest, model, config, lease, budget, progress)
                Ledger.read(lease.location).compact(lease.location)
    report = Report(
        rows=tuple(sorted([*plan.done_rows(), *plan.failed, *rows], key=lambda row: natural(row.uri))),
        ignored=listing.ignored,
        output=plan.dubbing.folder.location,
        elapsed_s=time.monotonic() - started,
    )
    report.save(f"{report.output}/{REPORT}")
    if len(rows) < left:
        raise StoppedEarlyError(
            report,
            f"stopped: {budget.failed} of {budget.decided} recordings failed, more than "
            f"--max-failed {config.max_failed} allows; {left - len(rows)} were not tried (see {REPORT})",
        )
    return report


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
        recipe = Recipe.of(model_digest(model), controls, None if config.fps is None else str(rate_of(config.fps)))
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
) -> list[Row]:
    """Dubs the plan's items on the cluster -> their rows, as they come; fewer where the budget is spent."""
    strands = strands_of(plan.items, workers, part_windows=config.part_minutes)
    portions = portions_of(strands, workers)
    decisions = Decisions(plan, strands)
    pool = Pool.of(len(portions), workers=config.workers, threads=config.threads, gpus=config.gpus)
    board = start_board()
    rows: list[Row] = []
    started = time.monotonic()
    all_bytes = sum(strand.bytes for strand in strands)

    def show(heard: Heard) -> None:
        if progress is not None:
            failed = sum(row.state == FAILED for row in rows)
            progress(
                Progress(
                    clips=len(rows) - failed,
                    rejected=failed,
                    audio_s=heard.seconds,
                    # What is still to come is estimated from the bytes and seconds of the recordings begun so far.
                    planned_audio_s=heard.promised_s * all_bytes / heard.bytes if heard.bytes else 0.0,
                    elapsed_s=time.monotonic() - started,
                    nouns=(f"of {plan.takes} recordings", "failed"),
                )
            )

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
                    rows.append(row)
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
    failed = report.rows_of(FAILED)
    if stopped is not None:
        print(f"error: {stopped}", file=sys.stderr)
        return STOPPED_EARLY
    if failed and len(failed) == len(report.rows):
        print(f"error: not one of {len(failed)} recordings was animated: {failed[0].reason}", file=sys.stderr)
    elif failed:
        print(f"error: {len(failed)} of {len(report.rows)} recordings failed, see {REPORT}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    main()
