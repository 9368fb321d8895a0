"""What became of every recording: a row each in report.parquet, a page and a summary for people."""

from emotalk.dubbing.report.row import (
    ALREADY_DONE,
    ANIMATED,
    FAILED,
    IGNORED,
    LEFT,
    FailureClass,
    Row,
    State,
    failure_of,
)
from emotalk.dubbing.report.totals import Totals
from emotalk.dubbing.report.writer import PAGE, REPORT, Report, ReportWriter

__all__ = [
    "ALREADY_DONE",
    "ANIMATED",
    "FAILED",
    "IGNORED",
    "LEFT",
    "PAGE",
    "REPORT",
    "FailureClass",
    "Report",
    "ReportWriter",
    "Row",
    "State",
    "Totals",
    "failure_of",
]
