"""Builds a corpus: python -m jobs.build_corpus etf3d 3D-ETF --output corpus

Every clip of the source ends in a shard or, with the reason, in quarantine.parquet. An interrupted build goes on where
it stopped. The bytes depend on the source and the options alone, not on the number of workers.
"""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, cast

import tyro

from emotalk import command_line
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.build import Build
from emotalk.corpus.capturing import plan_capture
from emotalk.corpus.manifest import QUARANTINE, Counts, Manifest
from emotalk.corpus.shards import ShardReport
from emotalk.corpus.sources import SOURCES, Source
from emotalk.corpus.takes import VideoSource
from emotalk.errors import InputError
from emotalk.files import absolute, read_source
from emotalk.timing import counted, length
from jobs.capture import capture_videos
from jobs.cluster import start_ray
from jobs.fan_out import on_tasks
from jobs.progress import Progress, ProgressCallback, progress_line

MAX_ABOUT_BYTES = 64 * 2**10

if TYPE_CHECKING:
    AnySource = Source | VideoSource
else:
    _COMMANDS = [
        Annotated[kind, tyro.conf.subcommand(name.replace("_", "-")), tyro.conf.PositionalRequiredArgs]
        for name, kind in SOURCES.items()
    ]
    AnySource = reduce(or_, _COMMANDS)


@dataclass(frozen=True, kw_only=True)
class BuildConfig:
    """Builds a corpus of Parquet shards, an index and a manifest from a source of clips."""

    source: AnySource
    output: str
    """Folder or URI of the corpus; made if it is missing."""
    shard_mib: float = 64.0
    """Size of a shard in MiB, about. One task makes one shard."""
    workers: int | None = None
    """Shards made, and videos captured, at a time; as many as the cluster has CPUs for, if not given."""
    about: str | None = None
    """A text in Markdown about the recordings (rights, consent), put into the corpus's card."""
    rebuild: bool = False
    """Make everything again, and replace a corpus of other options or data. Needed too where files were edited without
    a change of size."""

    def __post_init__(self) -> None:
        if self.shard_mib <= 0:
            raise InputError(f"shard size must be positive, not {self.shard_mib} MiB")
        if self.workers is not None and self.workers < 1:
            raise InputError(f"at least one worker is needed, not {self.workers}")


def build_corpus(config: BuildConfig, progress: ProgressCallback | None = None) -> Manifest:
    """Builds, continues or checks the corpus; `progress` hears of every finished video and shard.

    Raises InputError for a source without clips, for an output that holds another corpus and where no clip is good;
    ShardError, which names the shard, for any failure that is not one clip's fault. Either way no manifest is left.
    """
    # Spelt out: tasks stand in other folders than the one the command was given in.
    chosen, output = config.source, absolute(config.output)
    if hasattr(chosen, "root"):
        chosen = replace(cast(Any, chosen), root=absolute(chosen.root))
    about = _text(config.about) if config.about else ""
    source: Source
    with ExitStack() as session:
        if isinstance(chosen, VideoSource):
            plan = plan_capture(chosen)  # what is missing is said before Ray starts
            session.enter_context(start_ray())
            source = capture_videos(plan, output, config.workers, progress)
        else:
            source = chosen
        target_bytes = round(config.shard_mib * 2**20)
        build = Build.prepare(source, output, target_bytes=target_bytes, rebuild=config.rebuild, about=about)
        session.enter_context(start_ray())
        planned_s = sum(item.seconds for plan in build.plans for item in plan.items)
        reports: list[ShardReport] = []
        clips, rejected, audio_s = 0, len(build.listed_rejections), 0.0
        started = time.monotonic()
        numbers = range(len(build.plans))
        # A shard's number goes out, its report comes back; the clips never leave the task that writes the shard.
        for _, report in on_tasks(lambda number: build.make(build.plans[number]), numbers, workers=config.workers):
            reports.append(report)
            clips += report.index.num_rows
            rejected += len(report.rejections)
            audio_s += sum(report.index.column("samples").to_pylist()) / SAMPLE_RATE
            if progress is not None:
                progress(Progress(clips, rejected, audio_s, planned_s, time.monotonic() - started))
    return build.finish(reports)


def _text(path: str) -> str:
    try:
        return read_source(path, max_bytes=MAX_ABOUT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not a text in UTF-8", source=path) from error


Options = tyro.conf.CascadeSubcommandArgs[tyro.conf.OmitArgPrefixes[tyro.conf.OmitSubcommandPrefixes[BuildConfig]]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the command line (or `arguments`) and builds."""
    config: BuildConfig = command_line.parse(Options, prog="python -m jobs.build_corpus", args=arguments)
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: BuildConfig) -> int:
    with progress_line("building the corpus") as progress:
        manifest = build_corpus(config, progress)
    total = manifest.total
    print(f"{config.output}: {_amount(total)}, {counted(total.squares, 'square')}")
    for split, counts in manifest.splits.items():
        print(f"  {split}: {_amount(counts)}")
    if manifest.rejections:
        reasons = ", ".join(f"{count} {reason}" for reason, count in manifest.rejections.items())
        print(f"  turned away: {reasons} (see {QUARANTINE})")
    return 0


def _amount(counts: Counts) -> str:
    return f"{counted(counts.clips, 'clip')}, {length(counts.hours)}, {counted(counts.speakers, 'speaker')}"


if __name__ == "__main__":
    main()
