"""One recording of a dubbing run: `Row`, and the columns that it has in a Parquet file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from emotalk.dubbing.emotions import EmotionCurve
from emotalk.dubbing.findings import Finding
from emotalk.errors import InputError

State = Literal["animated", "already done", "failed", "left", "ignored"]
ANIMATED: State = "animated"
ALREADY_DONE: State = "already done"
FAILED: State = "failed"
LEFT: State = "left"  # the run ended before it was its turn
IGNORED: State = "ignored"  # lies in the inputs and is no recording

FailureClass = Literal["recording", "storage", "timeout", "worker died", "fault"]


def failure_of(error: Exception) -> FailureClass:
    """What kind of trouble an exception is: the recording's own, the disk's or network's, or ours."""
    if isinstance(error, InputError):
        return "recording"
    if isinstance(error, TimeoutError):  # an OSError, too
        return "timeout"
    return "storage" if isinstance(error, OSError) else "fault"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One recording. seconds: of sound. reason: why it failed, and of which class the failure is. bytes: of its file.

    emotion, share: the label chosen or heard, its probability; emotions: the same over time. style: which one was used.
    made_on: the kind of device, see `Animator.made_on`. work_s: that a worker spent on it now; speed: seconds of sound
    per second of work, where it was animated now. warnings: what is remarkable about it. sha256: of the recording's
    bytes; outputs and output_sha256: the animations' paths or URIs and digests, the latter where they were written now.
    """

    uri: str
    state: State
    seconds: float | None = None
    outputs: tuple[str, ...] = ()
    reason: str | None = None
    emotion: str | None = None
    share: float | None = None
    style: str | int | None = None
    made_on: str | None = None
    speed: float | None = None
    failure: FailureClass | None = None
    bytes: int | None = None
    work_s: float | None = None
    sha256: str | None = None
    output_sha256: tuple[str, ...] = ()
    emotions: EmotionCurve | None = None
    warnings: tuple[Finding, ...] = ()


_NAME = pa.dictionary(pa.int32(), pa.string())
_OUTPUT = pa.struct([("uri", pa.string()), ("sha256", pa.string())])
_WARNING = pa.struct(
    [
        ("kind", pa.string()),
        ("first_s", pa.float64()),
        ("share", pa.float64()),
        ("value", pa.float64()),
        ("text", pa.string()),
        ("advice", pa.string()),
    ]
)
SCHEMA = pa.schema(
    [
        pa.field("uri", pa.string(), nullable=False),
        pa.field("state", _NAME, nullable=False),
        ("reason", pa.string()),
        ("failure", _NAME),
        ("seconds", pa.float64()),
        ("bytes", pa.int64()),
        ("work_s", pa.float64()),
        ("speed", pa.float64()),
        ("emotion", _NAME),
        ("share", pa.float64()),
        ("emotion_bucket_s", pa.float64()),
        ("emotion_shares", pa.map_(pa.string(), pa.list_(pa.float32()))),
        ("style", pa.string()),
        ("made_on", _NAME),
        ("sha256", pa.string()),
        pa.field("outputs", pa.list_(_OUTPUT), nullable=False),
        pa.field("warnings", pa.list_(_WARNING), nullable=False),
    ]
)
_PLAIN = (
    "uri",
    "state",
    "reason",
    "failure",
    "seconds",
    "bytes",
    "work_s",
    "speed",
    "emotion",
    "share",
    "made_on",
    "sha256",
)


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows -> a table of SCHEMA."""
    return pa.Table.from_pylist([_cells(row) for row in rows], SCHEMA)


def rows_of(table: pa.Table) -> list[Row]:
    """The inverse of `table_of`."""
    return [_row(cells) for cells in table.to_pylist()]


def _cells(row: Row) -> dict[str, Any]:
    digests = [*row.output_sha256, *[None] * (len(row.outputs) - len(row.output_sha256))]
    curve = row.emotions
    return {
        **{name: _valid(getattr(row, name)) for name in _PLAIN},
        "style": None if row.style is None else str(row.style),
        "outputs": [{"uri": _valid(uri), "sha256": digest} for uri, digest in zip(row.outputs, digests, strict=True)],
        "warnings": [{**found.to_dict(), "text": found.text, "advice": found.advice} for found in row.warnings],
        "emotion_bucket_s": None if curve is None else curve.bucket_s,
        "emotion_shares": None if curve is None else list(curve.shares.items()),
    }


def _valid(value: Any) -> Any:
    """A file's name may have bytes that are no UTF-8, which Parquet has no room for: they are escaped."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


def _row(cells: Mapping[str, Any]) -> Row:
    style, shares = cells["style"], cells["emotion_shares"]
    return Row(
        **{name: cells[name] for name in _PLAIN},
        style=int(style) if style is not None and style.isdecimal() else style,
        outputs=tuple(output["uri"] for output in cells["outputs"]),
        output_sha256=tuple(output["sha256"] for output in cells["outputs"] if output["sha256"] is not None),
        warnings=tuple(
            Finding(found["kind"], found["first_s"], found["share"], found["value"]) for found in cells["warnings"]
        ),
        emotions=None
        if shares is None
        else EmotionCurve(cells["emotion_bucket_s"], {label: tuple(values) for label, values in shares}),
    )
