"""A manifest: a table of recordings (CSV, JSON lines or Parquet), each with an output name and controls of its own.

Columns: `uri` (required; a relative one is below the manifest's folder), `output` (name without suffix), `preset` (a
name, or a file), `controls` (a JSON object) and `controls.<name>` (one control each), `bytes` and `fingerprint` (what
is known of the object, so that nobody need look). Of these the later ones change what the earlier ones say, and what a
row leaves open is as the job's options say. Every error names the file and the line.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from emotalk.controls import Controls
from emotalk.controls.checks import shown
from emotalk.controls.presets import SUFFIXES, Preset, layered, load_preset, with_presets
from emotalk.dubbing.listing import UNSEEN, Recording, below_common_root, local_recording
from emotalk.dubbing.naming import OWN_FOLDER, RUNS_OWN, folded
from emotalk.errors import InputError
from emotalk.files import PathOrUri, absolute, is_uri, open_source, suffix_of

MANIFEST_SUFFIXES = (".csv", ".jsonl", ".ndjson", ".parquet")
COLUMNS = ("uri", "output", "preset", "controls", "bytes", "fingerprint")
BATCH_ROWS = 4_096
MAX_NAME_BYTES = 240  # file systems take 255, suffixes included
Presets = Callable[[str], Preset]
_CONTROL = "controls."


def is_manifest(given: PathOrUri) -> bool:
    return suffix_of(given) in MANIFEST_SUFFIXES


def read_manifest(manifest: str, *, with_files: bool = True) -> list[Recording]:
    """Its recordings, in its order. with_files: whether rows may name presets; without them no other file is read."""
    presets = cache(load_preset) if with_files else None  # a few characters speak thousands of rows
    rows = [_Row(place, data, manifest, presets) for place, data in _rows(manifest)]
    if not rows:
        raise InputError("names no recordings", source=manifest)
    relatives = below_common_root([row.uri for row in rows])
    seen: dict[str, str] = {}
    recordings = []
    for row, relative in zip(rows, relatives, strict=True):
        called = row.output or relative
        if called in seen:
            what = "output" if row.output else "recording"
            hint = "" if row.output else "; give each an output"
            raise InputError(f"{row.place}: the same {what} as in {seen[called]}: {called}{hint}", source=manifest)
        seen[called] = row.place
        recordings.append(row.recording(called))
    return recordings


class _Row:
    """One line, checked."""

    __slots__ = ("bytes", "controls", "fingerprint", "output", "place", "uri")

    def __init__(self, place: str, data: Mapping[str, Any], manifest: str, presets: Presets | None) -> None:
        self.place = place
        try:
            unknown = [name for name in data if name not in COLUMNS and not name.startswith(_CONTROL)]
            if unknown:
                raise InputError(f"unknown columns {', '.join(unknown)}; known are {', '.join(COLUMNS)}, controls.*")
            uri = data.get("uri")
            if not isinstance(uri, str) or not uri.strip():
                raise InputError("no uri")
            self.uri = _beside(manifest, uri.strip())
            self.output = _output(data.get("output"))
            self.controls = _controls(data, manifest, presets) or None
            self.bytes = _bytes(data.get("bytes"))
            given = data.get("fingerprint")
            self.fingerprint = None if given in (None, "") else str(given)
        except (InputError, ValueError) as error:
            reason = str(error)  # which names a preset's file
            raise InputError(f"{place}: {reason}", source=manifest) from error

    def recording(self, relative: str) -> Recording:
        if not is_uri(self.uri):
            return local_recording(self.uri, relative, self.output, self.controls)
        fingerprint = self.fingerprint or UNSEEN
        return Recording(self.uri, relative, self.bytes, fingerprint, self.output, self.controls)


def _rows(manifest: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Where each row stands (`line 7`) and what it says, empty cells left out."""
    kind = suffix_of(manifest)
    with open_source(manifest) as file:
        if kind == ".parquet":
            yield from _parquet(file, manifest)
            return
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        try:
            yield from _csv(text, manifest) if kind == ".csv" else _json_lines(text, manifest)
        except UnicodeDecodeError as error:
            raise InputError("is not UTF-8 text", source=manifest) from error


def _csv(text: Iterable[str], manifest: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(text, strict=True)
    try:
        names = list(reader.fieldnames or ())
        if "uri" not in names:
            raise InputError(f"line 1: no column uri; known are {', '.join(COLUMNS)}, controls.*", source=manifest)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"line 1: columns that are there twice: {', '.join(twice)}", source=manifest)
        for row in reader:
            place = f"line {reader.line_num}"
            if None in row or None in row.values():
                raise InputError(f"{place}: not as many cells as the header has", source=manifest)
            yield place, {name: value for name, value in row.items() if value != ""}
    except csv.Error as error:
        raise InputError(f"line {reader.line_num}: not CSV ({error})", source=manifest) from error


def _json_lines(text: Iterable[str], manifest: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"line {number}: not JSON ({error})", source=manifest) from error
        if not isinstance(row, dict):
            raise InputError(f"line {number}: not a JSON object", source=manifest)
        yield f"line {number}", {name: value for name, value in row.items() if value is not None}


def _parquet(file: Any, manifest: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", {name: value for name, value in row.items() if value is not None}
    except pa.ArrowInvalid as error:
        raise InputError(f"not Parquet ({error})", source=manifest) from error


def _beside(manifest: str, uri: str) -> str:
    """Full paths and URIs as they are, others below the manifest's folder."""
    if is_uri(uri):
        return uri
    if uri.startswith("file://") or Path(uri).is_absolute():
        return absolute(uri)
    folder = manifest.rsplit("/", 1)[0]
    return f"{folder}/{uri}" if is_uri(manifest) else absolute(f"{folder}/{uri}")


def _output(given: Any) -> str | None:
    if given in (None, ""):
        return None
    path = PurePosixPath(str(given))
    if path.is_absolute() or ".." in path.parts or str(path) == "." or path.parts[0].startswith(OWN_FOLDER):
        raise InputError(f"output must be a name below the output folder, not {given!r}")
    if not all(_may_be_a_name(part) for part in path.parts):
        raise InputError(f"output must be a name that a file can have, of {MAX_NAME_BYTES} bytes, not {shown(given)}")
    if folded(str(path)) == RUNS_OWN:
        raise InputError(f"output must not be {given!r}, which is the report of the run")
    return str(path)


def _may_be_a_name(part: str) -> bool:
    try:
        return "\0" not in part and len(os.fsencode(part)) <= MAX_NAME_BYTES
    except UnicodeEncodeError:
        return False


def _bytes(given: Any) -> int:
    try:
        number = float(given or 0)
    except (TypeError, ValueError, OverflowError):
        number = -1.0
    if not number >= 0 or not number.is_integer():
        raise InputError(f"bytes must be a whole number that is not negative, not {shown(given)}")
    return int(number)


def _controls(data: Mapping[str, Any], manifest: str, presets: Presets | None) -> dict[str, Any]:
    """What a row says of its controls; single columns win over the JSON object, and both over the preset."""
    given = data.get("controls")
    whole: Any = given
    if isinstance(given, str):
        try:
            whole = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise InputError(f"controls are not JSON ({error})") from error
    if whole is not None and not isinstance(whole, dict):
        raise InputError("controls must be a JSON object")
    asked = {name: value for name, value in (whole or {}).items() if value is not None}
    for name, value in data.items():
        if name.startswith(_CONTROL) and value is not None:
            asked[name.removeprefix(_CONTROL)] = _value(value)
    if isinstance(take := asked.get("emotion_from"), str):
        asked["emotion_from"] = _beside(manifest, take)
    if presets is not None:
        asked = with_presets(asked)
    if (preset := data.get("preset")) is not None:
        if presets is None:
            raise InputError("presets are not read here")
        place = str(preset)
        changes = dict(presets(_beside(manifest, place) if place.endswith(SUFFIXES) else place).changes)
        if isinstance(take := changes.get("emotion_from"), str):
            changes["emotion_from"] = absolute(take)  # the workers have other working directories
        asked = layered(changes, asked)
    if asked:
        Controls.from_dict(asked)  # refuses what no controls can be
    return asked


def _value(cell: Any) -> Any:
    """A cell of a CSV is text: numbers, true, false and lists are read as JSON, anything else is a word.

    Tables make fractions of the whole numbers of a column in which some are missing: 3.0 is 3.
    """
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except (ValueError, RecursionError):
            return cell
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell
