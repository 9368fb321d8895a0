"""Dubs a shelf of recordings: python -m jobs.dub shelf/ --output faces/ --model model/

Every recording becomes one animation per format, or a row with the reason in OUTPUT/report.parquet and
report.html. A rerun does only what
is missing or was made by something else (other bytes, model, controls); a run that was interrupted goes on where it
stopped. Exit code: 0 when every recording is animated, 1 when some failed, 2 for what cannot be started.
"""

import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated

import tyro
from rich.console import Console

from emotalk import command_line
from emotalk.controls import Controls
from emotalk.dubbing.completion import OutputFolder, Recipe
from emotalk.dubbing.dub import Dubbing
from emotalk.dubbing.listing import list_recordings
from emotalk.dubbing.recording import DEFAULT_THREADS
from emotalk.dubbing.report import FAILED, IGNORED, PAGE, Report, ReportWriter, Row
from emotalk.errors import InputError
from emotalk.files import absolute
from emotalk.formats import format_named, rate_of, suffix_named
from emotalk.inference.animator import Animator
from emotalk.model.store import default_model, load_model, model_digest
from jobs.cluster import start_ray
from jobs.dub_board import Heard, start_board
from jobs.dub_metrics import DubMetrics, check_export, exported
from jobs.dub_worker import DubWorker
from jobs.pool import Pool, check_gpus
from jobs.progress import Progress, ProgressCallback, progress_line
from jobs.watch import watched

LOG_WIDTH = 160  # of the table, where the output is no terminal


@dataclass(frozen=True, kw_only=True)
class DubConfig:
    """Dubs recordings: files, folders, globs or URIs become one animation per recording and format."""

    inputs: tyro.conf.Positional[tuple[str, ...]]
    """Recordings: files, folders with all below them, globs, or URIs of these such as s3://bucket/shelf."""
    output: str
    """Folder or URI of the animations; made if it is missing. They are called as the recordings are."""
    model: str | None = None
    """Model directory or URI. Default: $EMOTALK_MODEL, else the one that comes with this package."""
    formats: tuple[str, ...] = ("npz", "csv")
    """Kinds of files to write, by name or suffix, see `emotalk formats`; csv is Live Link Face."""
    fps: str | None = None
    """Frames per second of the files: 24, 29.97, 60, 30000/1001 … Default: 30, as the network has them.
    npy and parquet have 30 in any case."""
    controls: Annotated[Controls, tyro.conf.arg(name="")] = field(default_factory=Controls)
    workers: int | None = None
    """Recordings worked on at a time. Default: as many as the cluster has GPUs or CPUs for. More than that lets an
    autoscaling cluster grow."""
    threads: int = DEFAULT_THREADS
    """CPU threads of a worker. The last bits of a result depend on it."""
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

    def __post_init__(self) -> None:
        if not self.inputs:
            raise InputError("no recordings given")
        if not self.formats:
            raise InputError("at least one format is needed")
        _suffixes(self.formats)
        if self.fps is not None:
            rate_of(self.fps)
        if (self.workers is not None and self.workers < 1) or self.threads < 1:
            raise InputError("workers and threads must be at least 1")
        check_gpus(self.gpus)
        if self.price_per_hour is not None and not 0 <= self.price_per_hour < math.inf:
            raise InputError(f"price_per_hour must be a number that is not negative, not {self.price_per_hour}")
        check_export(self.metrics_port, self.push_gateway)


def dub(config: DubConfig, progress: ProgressCallback | None = None) -> Report:
    """Brings the animations of all recordings up to date and writes OUTPUT/report.parquet and report.html.

    `progress` hears how far it is. What fails is a row of the report, never an exception. Raises InputError for what
    cannot be started: inputs that do not exist, no recordings, no model, controls that the model does not have.
    """
    started = time.monotonic()
    model = absolute(config.model or default_model())
    listing = list_recordings(config.inputs, output=config.output)
    folder = OutputFolder(absolute(config.output))
    recipe = Recipe(model_digest(model), config.controls, None if config.fps is None else str(rate_of(config.fps)))
    dubbing = Dubbing.plan(listing, folder, recipe, _suffixes(config.formats))
    metrics = DubMetrics(output=folder.location, model=model, model_sha256=recipe.model)
    shown = exported(
        metrics, host=config.metrics_host, port=config.metrics_port, gateway=config.push_gateway, run=folder.location
    )
    with shown as address, ReportWriter(folder.location, price_per_hour=config.price_per_hour) as report:
        if address is not None:
            print(f"metrics: {address}", file=sys.stderr)
        metrics.plan(len(dubbing.items) + len(dubbing.rows))
        for row in dubbing.rows:
            report.add(row)
            metrics.row(row)
        for uri in listing.ignored:
            report.add(Row(uri=uri, state=IGNORED))
        if dubbing.items:
            # Here, because what is wrong with the model or its controls is wrong for every recording.
            Animator(load_model(model), device="cpu").check(config.controls)
            with start_ray():
                _run(dubbing, model, config, progress, report, metrics)
        report.totals.elapsed_s = time.monotonic() - started
    return report.report


def _run(
    dubbing: Dubbing,
    model: str,
    config: DubConfig,
    progress: ProgressCallback | None,
    report: ReportWriter,
    metrics: DubMetrics,
) -> None:
    """Dubs the items on the cluster; their rows go into the report in the order of completion."""
    pool = Pool.of(len(dubbing.items), workers=config.workers, threads=config.threads, gpus=config.gpus)
    report.totals.workers, report.totals.gpus = pool.largest, pool.gpus
    metrics.plan(len(dubbing.items) + len(dubbing.rows), pool.largest)
    board = start_board()
    rows: list[Row] = []
    started = time.monotonic()

    def show(heard: Heard) -> None:
        now = _progress(dubbing, heard, rows, time.monotonic() - started)
        metrics.progress(now, min(pool.largest, len(dubbing.items) - len(rows)))
        if progress is not None:
            progress(now)

    make = partial(DubWorker, replace(dubbing, items=(), rows=()), model, config.threads, pool.device, board)
    with watched(board, show):
        # A planned item (a URI and what is known of it) goes out, its row of the report comes back; the animations are
        # written by the actor.
        for row in pool.run(make, list(enumerate(dubbing.items))):
            report.add(row)
            metrics.row(row)
            rows.append(replace(row, emotions=None, warnings=()))


def _progress(dubbing: Dubbing, heard: Heard, rows: Sequence[Row], elapsed_s: float) -> Progress:
    """What is still to come is estimated from the bytes and seconds of the recordings begun so far."""
    all_bytes = sum(item.recording.bytes for item in dubbing.items)
    failed = sum(row.state == FAILED for row in rows)
    return Progress(
        clips=len(rows) - failed,
        rejected=failed,
        audio_s=heard.seconds,
        planned_audio_s=heard.promised_s * all_bytes / heard.bytes if heard.bytes else 0.0,
        elapsed_s=elapsed_s,
        nouns=(f"of {len(dubbing.items)} recordings", "failed"),
    )


def _suffixes(formats: Sequence[str]) -> tuple[str, ...]:
    """`npz`, `.npz`, `arkit` -> `.npz`, `.arkit.json`, each once, in the order given. InputError lists known ones."""
    for name in formats:
        if required := format_named(name).required:
            raise InputError(f"{name} needs the option {', '.join(required)}: use emotalk animate or emotalk convert")
    return tuple(dict.fromkeys(suffix_named(name) for name in formats))


def main() -> None:
    config: DubConfig = command_line.parse(DubConfig, prog="python -m jobs.dub")
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: DubConfig) -> int:
    with progress_line("dubbing") as progress:
        report = dub(config, progress)
    console = Console(highlight=False, width=None if sys.stdout.isatty() else LOG_WIDTH)
    if not report.nothing_to_do:
        console.print(report.table())
    console.print(f"{report.output}: {report.summary()}", soft_wrap=True, markup=False)
    failed, recordings = report.totals.items[FAILED], report.totals.recordings
    if failed and failed == recordings:
        print(f"error: not one of {failed} recordings was animated: {report.shown[0].reason}", file=sys.stderr)
    elif failed:
        print(f"error: {failed} of {recordings} recordings failed, see {PAGE}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    main()
