"""The options of a dubbing run, checked before anything is looked at."""

import math
from dataclasses import InitVar, dataclass, field
from typing import Annotated

import tyro

from emotalk.command_types import starting_controls, with_preset
from emotalk.controls import Controls
from emotalk.dubbing.budget import Budget
from emotalk.dubbing.parts import PART_WINDOWS
from emotalk.dubbing.recording import DEFAULT_THREADS
from emotalk.errors import InputError
from emotalk.format_commands import FormatOptions
from emotalk.formats import format_named, rate_of, suffix_named
from emotalk.formats.options import taken_by
from emotalk.model.config import Precision
from jobs.dub_metrics import check_export
from jobs.pool import check_gpus


@dataclass(frozen=True, kw_only=True)
class DubConfig:
    """Dubs recordings: files, folders, globs or URIs become one animation per recording and format."""

    inputs: tyro.conf.Positional[tuple[str, ...]]
    """Recordings: files, folders with all below them, globs, or URIs of these such as s3://bucket/shelf. Or one
    manifest: a .csv, .jsonl or .parquet with the columns uri, output, preset, controls, controls.<name>."""
    output: str
    """Folder or URI of the animations; made if it is missing. They are called as the recordings are."""
    model: str | None = None
    """Model directory or URI. Default: $EMOTALK_MODEL, else the one that comes with this package."""
    formats: tuple[str, ...] = ("npz", "csv")
    """Kinds of files to write, by name or suffix, see `emotalk formats`; csv is Live Link Face."""
    fps: str | None = None
    """Frames per second of the files: 24, 29.97, 60, 30000/1001 … Default: 30, as the network has them.
    npy and parquet have 30 in any case."""
    options: tyro.conf.OmitArgPrefixes[FormatOptions] = field(default_factory=FormatOptions)
    controls: Annotated[Controls, tyro.conf.arg(name="")] = field(default_factory=starting_controls)
    preset: InitVar[str | None] = None
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
    run: str | None = None
    """A name for this run, which OUTPUT/.emotalk/progress.json repeats: who started it knows it by that."""
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

    def __post_init__(self, preset: str | None) -> None:
        object.__setattr__(self, "controls", with_preset(self.controls, preset))
        if not self.inputs:
            raise InputError("no recordings given")
        if not self.formats:
            raise InputError("at least one format is needed")
        self._check_formats()
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

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Of the files: `npz`, `.npz`, `arkit` -> `.npz`, `.arkit.json`, each once. InputError lists known formats."""
        return tuple(dict.fromkeys(suffix_named(name) for name in self.formats))

    def _check_formats(self) -> None:
        """InputError for a format that nobody knows or that lacks an option, and for an option that none has."""
        given, known = self.options.given(), [format_named(name) for name in self.formats]
        for each in known:
            each.check_writing(taken_by(each, given))
        if unknown := [name for name in given if not any(name in each.write_options for each in known)]:
            raise InputError(f"none of the formats {', '.join(self.formats)} has the option {', '.join(unknown)}")
