"""What became of every recording: rows for report.json, a table and one summary line for people."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rich.markup import escape
from rich.table import Table

from emotalk.files import PathOrUri, atomic_write
from emotalk.timing import clock

REPORT = "report.json"
TABLE_ROWS = 40  # more than a screen is read in the file

State = Literal["animated", "already done", "failed"]
ANIMATED: State = "animated"
ALREADY_DONE: State = "already done"
FAILED: State = "failed"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One recording. seconds: of sound. reason: why it failed. emotion, share: the label chosen or heard.

    speed: seconds of sound per second of work, where it was animated now. style: which one was used. made_on: the kind
    of device, see `Animator.made_on`.
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


@dataclass(frozen=True, kw_only=True)
class Report:
    """One run of the dubbing job. ignored: files in the inputs that are no recordings. elapsed_s: wall clock."""

    rows: tuple[Row, ...]
    ignored: tuple[str, ...]
    output: str
    elapsed_s: float

    def rows_of(self, state: State) -> list[Row]:
        return [row for row in self.rows if row.state == state]

    @property
    def nothing_to_do(self) -> bool:
        return all(row.state == ALREADY_DONE for row in self.rows)

    @property
    def animated_s(self) -> float:
        """Seconds of sound animated now."""
        return sum(row.seconds or 0.0 for row in self.rows_of(ANIMATED))

    def to_dict(self) -> dict[str, Any]:
        seconds = sum(row.seconds or 0.0 for row in self.rows)
        return {
            "totals": {
                "recordings": len(self.rows),
                "animated": len(self.rows_of(ANIMATED)),
                "already_done": len(self.rows_of(ALREADY_DONE)),
                "failed": len(self.rows_of(FAILED)),
                "ignored": len(self.ignored),
                "hours": seconds / 3600,
                "hours_animated": self.animated_s / 3600,
                "elapsed_s": self.elapsed_s,
                "times_real_time": self.animated_s / self.elapsed_s if self.elapsed_s > 0 else 0.0,
            },
            "recordings": [asdict(row) for row in self.rows],
            "ignored": list(self.ignored),
        }

    def save(self, target: PathOrUri) -> None:
        with atomic_write(target) as temporary:
            temporary.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def summary(self) -> str:
        """One line: what was done, how much, how fast."""
        counts = [(len(self.rows_of(state)), state) for state in (ANIMATED, ALREADY_DONE, FAILED)]
        parts = [f"{count} {state}" for count, state in counts if count]
        if self.ignored:
            parts.append(f"{len(self.ignored)} other files ignored")
        places = Counter(row.made_on for row in self.rows if row.made_on is not None)
        if len(places) > 1:  # their last bits may differ
            parts.append(f"made on {', '.join(f'{place} ({count})' for place, count in sorted(places.items()))}")
        if self.nothing_to_do:
            return f"nothing to do: {', '.join(parts)}"
        if not self.animated_s:
            return ", ".join(parts)
        hours = f"{self.animated_s / 3600:.2f} h of sound in {self.elapsed_s:.0f} s"
        speed = f" ({self.animated_s / self.elapsed_s:.0f} × real time)" if self.elapsed_s > 0 else ""
        return f"{', '.join(parts)}; {hours}{speed}"

    def table(self) -> Table:
        """What people look at; failures first, then as many of the others as a screen holds."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, justify in (("recording", "left"), ("length", "right"), ("state", "left"), ("", "left")):
            table.add_column(name, justify="right" if justify == "right" else "left", overflow="fold")
        start = _common_start([row.uri for row in self.rows])
        shown = sorted(self.rows, key=lambda row: row.state != FAILED)[:TABLE_ROWS]
        for row in shown:
            length = "" if row.seconds is None else clock(row.seconds)
            state = f"[red]{row.state}[/red]" if row.state == FAILED else row.state
            table.add_row(escape(row.uri[start:]), length, state, escape(", ".join(_remarks(row))))
        if len(shown) < len(self.rows):
            table.add_row(f"… and {len(self.rows) - len(shown)} more in {REPORT}", "", "", "")
        return table


def _remarks(row: Row) -> Iterator[str]:
    if row.reason is not None:
        yield row.reason
    if row.emotion is not None:
        yield row.emotion if row.share is None else f"{row.emotion} {row.share:.0%}"
    if row.speed is not None:
        yield f"{row.speed:.0f} × real time"


def _common_start(uris: Sequence[str]) -> int:
    """How many characters of folders all of these share."""
    folders = [uri.split("/")[:-1] for uri in uris]
    common = 0
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        common += len(parts[0]) + 1
    return common
