"""`labels.csv`: what is known of recordings that do not say it by their names.

    stem,speaker,statement,emotion,level,split
    anna/take_3,anna,"Kids are talking by the door",angry,strong,train

Only `stem` is needed: the path below the root, without suffix. UTF-8 (or UTF-16 with a byte order mark), commas or
semicolons. What is left empty follows from the folder.
"""

import csv
import io
from collections import Counter
from dataclasses import dataclass

from emotalk.corpus.sources.folder import read_bounded
from emotalk.corpus.splits import SPLITS, hashed_split
from emotalk.errors import InputError
from emotalk.files import printable
from emotalk.labels import EMOTIONS, LEVELS

LABELS = "labels.csv"
COLUMNS = ("stem", "speaker", "statement", "emotion", "level", "split")
MAX_BYTES = 64 * 2**20
NOBODY = "unknown"  # the speaker of recordings that lie in no folder


@dataclass(frozen=True)
class Row:
    """One recording's labels; None where the table says nothing. `fault`: why the row cannot be used."""

    speaker: str | None = None
    statement: str | None = None
    emotion: str | None = None
    level: int | None = None
    split: str | None = None
    fault: str | None = None


@dataclass(frozen=True)
class Known:
    """A recording's labels after the folder's name has filled in what the table leaves out."""

    speaker: str
    statement: str
    emotion: str | None
    level: int | None
    split: str


def read_labels(root: str) -> dict[str, Row]:
    """The rows of `labels.csv` by stem. InputError for what is no table; a bad row tells so in its `fault`."""
    source = f"{root.rstrip('/')}/{LABELS}"
    content = read_bounded(root, LABELS, max_bytes=MAX_BYTES)
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("not a text in UTF-8: save it as 'CSV UTF-8'", source=source) from error
    header, _, _ = text.partition("\n")
    delimiter = ";" if ";" in header and "," not in header else ","
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise InputError(f"not a table ({error})", source=source) from error
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    names = [name.strip().lower() for name in rows[0]] if rows else []
    unknown = [name[:40] for name in names if name not in COLUMNS]
    if "stem" not in names or unknown or len(set(names)) != len(names):
        wrong = f"unknown: {', '.join(unknown[:5])}" if unknown else f"found: {', '.join(names) or 'none'}"
        raise InputError(f"its columns are stem and some of {', '.join(COLUMNS[1:])} ({wrong})", source=source)
    found = [(row, dict(zip(names, (cell.strip() for cell in row), strict=False))) for row in rows[1:]]
    count = Counter(cells.get("stem", "") for _, cells in found)
    table: dict[str, Row] = {}
    for row, cells in found:
        stem = cells.get("stem", "")
        if count[stem] > 1:
            table[stem] = Row(fault=f"{LABELS} has {count[stem]} rows for it")
        elif len(row) > len(names):
            table[stem] = Row(fault=f"its row in {LABELS} has {len(row)} cells, not {len(names)}")
        else:
            table[stem] = _row(cells)
    return table


def known_of(stem: str, row: Row | None) -> Known:
    """Speaker: the table's, else the first folder, else nobody's. Statement: the table's, else one of its own.

    Split: the table's, else by a hash of the speaker (`splits.hashed_split`); recordings of nobody in particular train.
    """
    row = row or Row()
    folder = stem.split("/")[0] if "/" in stem else None
    speaker = printable(row.speaker or folder or NOBODY)
    split = row.split or ("train" if speaker == NOBODY else hashed_split(speaker))
    return Known(speaker, row.statement or printable(stem), row.emotion, row.level, split)


def _row(cells: dict[str, str]) -> Row:
    given = {name: cells.get(name) or None for name in COLUMNS}
    emotion, split = ((given[name] or "").lower() or None for name in ("emotion", "split"))
    level = (given["level"] or "").lower()
    levels = {name: number for number, name in enumerate(LEVELS)} | {str(number): number for number in range(2)}
    for what, value, allowed in (
        ("emotion", emotion, EMOTIONS),
        ("level", level or None, levels),
        ("split", split, SPLITS),
    ):
        if value is not None and value not in allowed:
            return Row(fault=f"{LABELS}: unknown {what} {value[:40]!r}: use one of {', '.join(allowed)}")
    return Row(given["speaker"], given["statement"], emotion, levels[level] if level else None, split)
