"""Writes a run's report while its rows come in: memory does not grow with their number."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq
from rich.markup import escape
from rich.table import Table

from emotalk.dubbing.listing import natural
from emotalk.dubbing.report.page import report_page
from emotalk.dubbing.report.row import FAILED, IGNORED, SCHEMA, Row, State, rows_of, table_of
from emotalk.dubbing.report.shown import Shown, common_start
from emotalk.dubbing.report.totals import Totals
from emotalk.files import atomic_write, open_source, printable
from emotalk.timing import clock

REPORT, PAGE = "report.parquet", "report.html"
TOTALS_KEY = b"emotalk.totals"  # in the file's own metadata: JSON
ROWS_TOGETHER = 500  # of a row group: curves of 200 buckets and 8 labels are 25 MB as Python objects
TABLE_ROWS = 40  # more than a screen is read in the page


@dataclass(frozen=True, kw_only=True)
class Report:
    """One finished run. output: the folder of the report. shown: rows worth a look, failures and warnings first."""

    totals: Totals
    output: str
    shown: tuple[Row, ...]

    def read_rows(self) -> Iterator[Row]:
        """Every row, as the run gave them; so many at a time in memory as a row group has."""
        with open_source(f"{self.output}/{REPORT}") as file:
            for batch in pq.ParquetFile(file).iter_batches(ROWS_TOGETHER):
                yield from rows_of(pa.Table.from_batches([batch]))

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows but those of files that are no recordings, in the order of their URIs: of small runs."""
        return tuple(
            sorted((row for row in self.read_rows() if row.state != IGNORED), key=lambda row: natural(row.uri))
        )

    def rows_of(self, state: State) -> list[Row]:
        return [row for row in self.rows if row.state == state]

    @property
    def nothing_to_do(self) -> bool:
        return self.totals.nothing_to_do

    def summary(self) -> str:
        return self.totals.summary()

    def table(self) -> Table:
        """What people look at; failures first, then warnings, then as many of the others as a screen holds."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, justify in (("recording", "left"), ("length", "right"), ("state", "left"), ("", "left")):
            table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
        shown = self.shown[:TABLE_ROWS]
        start = common_start([row.uri for row in shown])
        for row in shown:
            length = "" if row.seconds is None else clock(row.seconds)
            state = f"[red]{row.state}[/red]" if row.state == FAILED else row.state
            table.add_row(
                escape(printable(row.uri[start:])), length, state, escape(printable(", ".join(_remarks(row))))
            )
        if len(shown) < self.totals.recordings:
            table.add_row(f"… and {self.totals.recordings - len(shown)} more in {PAGE} and {REPORT}", "", "", "")
        return table


class ReportWriter:
    """Rows in, and at the end of the block OUTPUT/report.parquet and OUTPUT/report.html, each whole or not at all.

    Set what `totals` cannot know of rows (`elapsed_s`, `workers`, `gpus`) before the block ends. After an error in the
    block nothing is written.
    """

    def __init__(self, output: str, *, price_per_hour: float | None = None) -> None:
        self.output = output
        self.totals = Totals(price_per_hour=price_per_hour)
        self._shown = Shown()
        self._waiting: list[Row] = []
        # Nameless: a run that is killed leaves nothing behind.
        self._spool = tempfile.TemporaryFile(prefix="emotalk-")  # noqa: SIM115 - closed by the block's end
        self._parquet = pq.ParquetWriter(self._spool, SCHEMA, compression="zstd")

    def add(self, row: Row) -> None:
        self.totals.add(row)
        self._shown.add(row)
        self._waiting.append(row)
        if len(self._waiting) == ROWS_TOGETHER:
            self._flush()

    def __enter__(self) -> "ReportWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._publish()
        finally:
            self._parquet.close()
            self._spool.close()

    @property
    def report(self) -> Report:
        """What the block has written."""
        return Report(totals=self.totals, output=self.output, shown=tuple(one.row for one in self._shown))

    def _flush(self) -> None:
        if self._waiting:
            self._parquet.write_table(table_of(self._waiting))
            self._waiting = []

    def _publish(self) -> None:
        self._flush()
        totals = json.dumps(self.totals.to_dict(), ensure_ascii=False)
        self._parquet.add_key_value_metadata({TOTALS_KEY.decode(): totals})
        self._parquet.close()
        with atomic_write(f"{self.output}/{REPORT}") as temporary, temporary.open("wb") as file:
            self._spool.seek(0)
            shutil.copyfileobj(self._spool, file, 1 << 20)
        with atomic_write(f"{self.output}/{PAGE}") as temporary:
            temporary.write_text(report_page(self.totals, self._shown, self.output), encoding="utf-8")


def _remarks(row: Row) -> Iterator[str]:
    if row.reason is not None:
        yield row.reason
    if row.emotion is not None:
        yield row.emotion if row.share is None else f"{row.emotion} {row.share:.0%}"
    if row.speed is not None:
        yield f"{row.speed:.0f} × real time"
    for found in row.warnings:
        yield found.text
