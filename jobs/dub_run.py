"""A dubbing run on a cluster: what is left to do goes out to workers, what became of it into the report.

Where a run stands at any moment is in its output folder; this is only what one process knows of it while it lasts.
"""

import os
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from emotalk.dubbing.budget import Budget
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.deciding import Decisions
from emotalk.dubbing.estimate import Estimate
from emotalk.dubbing.lease import Lease, leased
from emotalk.dubbing.ledger import MANY_SEGMENTS, Ledger
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.plan import Dubbing, Plan, uri_of
from emotalk.dubbing.progress import ProgressFile, RunProgress
from emotalk.dubbing.report import (
    ALREADY_DONE,
    ANIMATED,
    FAILED,
    IGNORED,
    LEFT,
    PAGE,
    Report,
    ReportWriter,
    Row,
    Totals,
)
from emotalk.dubbing.strands import portions_of, strands_of
from emotalk.errors import EmoTalkError, InputError
from emotalk.files import absolute
from emotalk.formats import format_for, rate_of
from emotalk.formats.options import loaded, try_out
from emotalk.model.store import default_model, load_model, model_digest
from jobs.cluster import start_ray
from jobs.dub_config import DubConfig
from jobs.dub_metrics import DubMetrics, exported
from jobs.pool import Pool
from jobs.progress import Progress, ProgressCallback
from jobs.watch import watched
from jobs.work_board import Heard, start_board


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
    shelf = _Shelf(config)
    plan = shelf.plan()
    location, recipe = plan.dubbing.folder.location, plan.dubbing.recipe
    metrics = DubMetrics(output=location, model=shelf.model, model_sha256=recipe.model)
    shown = exported(
        metrics, host=config.metrics_host, port=config.metrics_port, gateway=config.push_gateway, run=location
    )
    # The outer one, so that who reads that the run is finished finds its report.
    with shown as address, ProgressFile(location, config.run) as file:
        if address is not None:
            print(f"metrics: {address}", file=sys.stderr)
        with ReportWriter(location, price_per_hour=config.price_per_hour) as report:
            run = _Run(config, plan, report, metrics, file, progress)
            if plan.items:
                from emotalk.inference.animator import Animator

                # Here, because what is wrong with the model or its controls is wrong for every recording.
                Animator(load_model(shelf.model), device="cpu").direct(recipe.controls)
                options = _format_options(config, plan)
                with start_ray():
                    room = Pool.of(sys.maxsize, workers=config.workers, threads=config.threads, gpus=config.gpus)
                    with leased(location, plan.dubbing.generation) as lease:
                        plan = shelf.plan_again(plan, lease)
                        plan = replace(plan, dubbing=replace(plan.dubbing, options=options))
                        run = _Run(config, plan, report, metrics, file, progress)
                        run.work(shelf.model, lease, room)
            run.add_others(shelf.listing.ignored)
            report.totals.elapsed_s = time.monotonic() - started
        file.tell(_ended(report.totals, run.stopped))
    if run.stopped is not None:
        raise StoppedEarlyError(report.report, run.stopped)
    return report.report


def dry_run(config: DubConfig) -> Estimate:
    """What `dub` would do. Raises InputError for inputs that do not exist."""
    return Estimate.of(_Shelf(config).plan(), config.workers or os.cpu_count() or 1)


def _format_options(config: DubConfig, plan: Plan) -> dict[str, Any]:
    """Loaded, for workers that have none of the files. InputError for what no animation could be written with."""
    given = config.options.given()
    for suffix in plan.suffixes:
        missing = [name for name in format_for(f"a{suffix}").required if name not in given]
        if missing and suffix not in config.suffixes:
            raise InputError(
                f"holds {suffix} of an earlier run, which is kept up to date: give {', '.join(missing)} again, "
                "or choose another output",
                source=plan.dubbing.folder.location,
            )
    options = loaded(given)
    try_out(plan.suffixes, options, None if config.fps is None else rate_of(config.fps))
    return options


class _Shelf:
    """What the options ask for, found: the recordings and the model."""

    def __init__(self, config: DubConfig) -> None:
        self._config = config
        self.model = absolute(config.model or default_model())
        self.listing = list_recordings(config.inputs, output=config.output)

    def plan(self, generation: int = 1) -> Plan:
        """What is left to do. generation: of this run, where the ledger knows no later one."""
        config, folder = self._config, OutputFolder(absolute(self._config.output))
        ledger = Ledger.read(folder.location)
        controls = config.controls
        if controls.emotion_from is not None:  # the workers have other working directories
            controls = replace(controls, emotion_from=absolute(controls.emotion_from))
        fps = None if config.fps is None else str(rate_of(config.fps))
        recipe = Recipe.of(model_digest(self.model), controls, fps, config.precision, config.options.given())
        generation = max(ledger.generation + 1, generation)
        dubbing = Dubbing(folder, recipe, config.suffixes, generation, config.part_minutes)
        return Plan.of(self.listing, dubbing, ledger, chapters=config.chapters, verify=config.verify)

    def plan_again(self, before: Plan, lease: Lease) -> Plan:
        """With the lease: `before`, unless another run has written since. What killed runs left is tidied up."""
        location = lease.location
        ledger = Ledger.read(location)
        if set(before.ledger.segments) == set(ledger.segments):
            generation = max(ledger.generation + 1, lease.generation)
            plan = replace(before, dubbing=replace(before.dubbing, generation=generation))
        else:
            plan = self.plan(lease.generation)
        if len(ledger.segments) > MANY_SEGMENTS:
            ledger.compact(location)
        plan.tidy()
        return plan


class _Run:
    """The plan's items on the cluster, and one row in report and metrics for everything that the plan knows of."""

    def __init__(
        self,
        config: DubConfig,
        plan: Plan,
        report: ReportWriter,
        metrics: DubMetrics,
        file: ProgressFile,
        progress: ProgressCallback | None,
    ) -> None:
        self._config, self._plan = config, plan
        self._report, self._metrics, self._file, self._progress = report, metrics, file, progress
        self.budget = Budget(config.max_failed)
        for row in plan.failed:
            self.budget.add(failed=row.state == FAILED)
        self._failed_before = self.budget.failed
        self._decisions = Decisions(plan)
        metrics.plan(self._known)

    @property
    def left(self) -> int:
        """How many animations nobody has decided about."""
        return len(self._decisions.left)

    @property
    def stopped(self) -> str | None:
        """Why the run ends before everything is decided; None where everything is."""
        if not self.left:
            return None
        return (
            f"stopped: {self.budget.failed} of {self.budget.decided} recordings failed, more than "
            f"--max-failed {self._config.max_failed} allows; {self.left} were not tried (see {PAGE})"
        )

    def work(self, model: str, lease: Lease, room: Pool) -> None:
        """Has everything dubbed, until it is or the budget is spent. room: for as many workers as could be."""
        from jobs.dub_worker import DubWork, DubWorker

        config, plan = self._config, self._plan
        self._report.totals.workers, self._report.totals.gpus = room.largest, room.gpus
        self._metrics.plan(self._known, room.largest)
        strands = strands_of(plan.items, room.largest, part_windows=config.part_minutes)
        self._decisions = Decisions(plan, strands)
        portions = portions_of(strands, room.largest)
        pool = Pool.of(len(portions), workers=config.workers, threads=config.threads, gpus=config.gpus)
        work = DubWork(
            dubbing=plan.dubbing,
            lease=lease,
            model=model,
            threads=config.threads,
            device=pool.device,
            stalled_s=config.stalled_s,
        )
        self._file.tell(self._so_far())
        board = start_board()
        started, all_bytes = time.monotonic(), sum(strand.bytes for strand in strands)

        def show(heard: Heard) -> None:
            # What is still to come is estimated from the bytes and seconds of the recordings begun so far.
            planned_s = heard.promised_s * all_bytes / heard.bytes if heard.bytes else 0.0
            self._show(heard.seconds, planned_s, time.monotonic() - started, pool.largest)

        with watched(board, show):
            # A portion of strands goes out, its answers come back; parts and animations are written by the actor.
            for answers in pool.run(partial(DubWorker, work, board), portions):
                for number, decided in answers:
                    self._add(self._decisions.add(number, decided))
                if self.budget.spent:
                    break
        Ledger.read(lease.location).compact(lease.location)

    def add_others(self, ignored: Iterable[str]) -> None:
        """Rows of what no worker decided: done before, never begun, no recording at all."""
        plan = self._plan
        for row in chain(plan.failed, plan.done_rows()):
            self._write(row)
        for item in plan.items:
            for take in item.takes:
                if take.name in self._decisions.left:
                    size = item.recording.bytes // len(item.takes)
                    self._write(Row(uri=uri_of(item.recording, take.chapter), state=LEFT, bytes=size))
        for uri in ignored:
            self._report.add(Row(uri=uri, state=IGNORED))

    @property
    def _known(self) -> int:
        return self._plan.takes + len(self._plan.done) + len(self._plan.failed)

    def _add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            self.budget.add(failed=row.state == FAILED)
            self._write(row)

    def _write(self, row: Row) -> None:
        self._report.add(row)
        self._metrics.row(row)

    def _show(self, heard_s: float, planned_s: float, elapsed_s: float, workers: int) -> None:
        failed = self.budget.failed - self._failed_before
        now = Progress(
            clips=self._plan.takes - self.left - failed,
            rejected=failed,
            audio_s=heard_s,
            planned_audio_s=planned_s,
            elapsed_s=elapsed_s,
            nouns=(f"of {self._plan.takes} recordings", "failed"),
        )
        self._metrics.progress(now, min(workers, self.left))
        self._file.tell(
            replace(
                self._so_far(),
                audio_s=now.audio_s,
                planned_audio_s=now.planned_audio_s,
                speed=now.speed,
                left_s=now.left_s,
            )
        )
        if self._progress is not None:
            self._progress(now)

    def _so_far(self) -> RunProgress:
        failed = self.budget.failed
        return RunProgress(recordings=self._known, done=self._known - self.left - failed, failed=failed)


def _ended(totals: Totals, stopped: str | None) -> RunProgress:
    return RunProgress(
        state="finished" if stopped is None else "stopped",
        recordings=totals.recordings,
        done=totals.items[ANIMATED] + totals.items[ALREADY_DONE],
        failed=totals.items[FAILED],
        audio_s=3600 * totals.hours,
        planned_audio_s=3600 * totals.hours,
        speed=totals.speed,
        reason=stopped,
    )
