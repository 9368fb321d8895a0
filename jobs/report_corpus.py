"""Shows what is in a corpus: python -m jobs.report_corpus corpus --output report

Writes index.html, one page that needs nothing beside it, and report.json with all numbers. The bytes depend on the
corpus and its location alone, not on the number of workers.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import tyro

from emotalk import command_line
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.report.page import report_page
from emotalk.corpus.report.report import CorpusReport, make_report
from emotalk.corpus.report.sums import CorpusSums, sums_of_shard
from emotalk.errors import InputError
from emotalk.files import absolute, atomic_write
from emotalk.timing import counted, length
from jobs.cluster import start_ray
from jobs.fan_out import on_tasks
from jobs.progress import Progress, ProgressCallback, progress_line

PAGE, NUMBERS = "index.html", "report.json"


@dataclass(frozen=True, kw_only=True)
class ReportCorpusConfig:
    """Shows what is in a corpus: amounts, labels, coefficients, recordings, what was turned away, and samples."""

    corpus: tyro.conf.Positional[str]
    """Folder or URI of a finished corpus."""
    output: str
    """Folder or URI for index.html and report.json; made if it is missing."""
    workers: int | None = None
    """Shards read at a time; as many as the cluster has CPUs for, if not given."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise InputError(f"at least one worker is needed, not {self.workers}")


def report_corpus(config: ReportCorpusConfig, progress: ProgressCallback | None = None) -> CorpusReport:
    """Reads every clip once, writes page and JSON, returns the report; `progress` hears of every shard.

    Raises InputError for what is no finished corpus. A clip that cannot be read is named in the report.
    """
    corpus = Corpus.open(absolute(config.corpus))
    seconds = corpus.index.group_by("shard").aggregate([("samples", "sum")]).to_pydict()
    audio_s = {name: n / SAMPLE_RATE for name, n in zip(seconds["shard"], seconds["samples_sum"], strict=True)}
    planned_s, done_s = sum(audio_s.values()), 0.0
    sums = CorpusSums()
    with start_ray():
        started = time.monotonic()
        shards = list(corpus.manifest.shards)
        # In the order of completion: sums are integers, adding them up in any order is the same.
        for number, of_shard in on_tasks(partial(sums_of_shard, corpus), shards, workers=config.workers):
            sums = sums + of_shard
            done_s += audio_s.get(shards[number], 0.0)
            if progress is not None:
                progress(Progress(sums.clips, len(sums.unreadable), done_s, planned_s, time.monotonic() - started))
    report = make_report(corpus, sums)
    page = report_page(report, corpus.read(report.samples))
    corpus.check_unchanged()
    output = absolute(config.output)
    for name, text in ((NUMBERS, report.to_json()), (PAGE, page)):
        with atomic_write(f"{output}/{name}") as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    return report


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the command line (or `arguments`) and reports."""
    config: ReportCorpusConfig = command_line.parse(
        ReportCorpusConfig, prog="python -m jobs.report_corpus", args=arguments
    )
    sys.exit(command_line.run(lambda: _main(config)))


def _main(config: ReportCorpusConfig) -> int:
    with progress_line("reading the corpus") as progress:
        report = report_corpus(config, progress)
    total = report.total
    print(
        f"{counted(total.clips, 'clip')}, {length(total.hours)}, {counted(total.speakers, 'speaker')}: "
        f"see {config.output}/{PAGE}"
    )
    return 1 if report.unreadable else 0


if __name__ == "__main__":
    main()
