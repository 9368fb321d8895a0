"""Dubs a shelf of recordings: python -m jobs.dub shelf/ --output faces/ --model model/

Every recording (or chapter) becomes one animation per format, or a row with the reason in OUTPUT/report.parquet and
report.html. A rerun does only what is missing or was made by something else (other bytes, model, controls); a run that
was interrupted goes on where it stopped. docs/dubbing.md tells what lies in OUTPUT. Exit code: 0 when every recording
is animated, 1 when some failed, 2 for what cannot be started, 3 when more failed than `--max-failed` allows and the run
stopped.
"""

import sys

from rich.console import Console

from emotalk import command_line
from emotalk.dubbing.report import FAILED, PAGE
from jobs.dub_config import DubConfig
from jobs.dub_run import StoppedEarlyError, dry_run, dub
from jobs.progress import progress_line

LOG_WIDTH = 160  # of the table, where the output is no terminal
STOPPED_EARLY = 3


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
