"""Folders in which a recording and its coefficients share a name: what sources of such folders list alike."""

from collections.abc import Collection
from pathlib import PurePosixPath
from typing import NamedTuple

from emotalk.corpus.gates import Rejection
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.sources.folder import Group, files_below, is_recording, item_id_of, version_of
from emotalk.corpus.sources.labels_csv import LABELS, Row, known_of, read_labels
from emotalk.errors import InputError


class Pair(NamedTuple):
    """One recording and its coefficients, as paths relative to the root."""

    audio: str
    coefficients: str


def list_pairs(
    root: str,
    source: str,
    suffixes: Collection[str],
    *,
    seconds_per_byte: float,
    companions: Collection[str] = (),
) -> Listing:
    """Every name below the root that has a recording or a file with one of `suffixes`, and what is wrong with it.

    seconds_per_byte: of the coefficients, about; only sizes of shards depend on it. companions: names of files that
    are no data. The spec of an item is a `Pair`. InputError where there is
    nothing of the kind, and for a `labels.csv` that is no table.
    """
    groups: dict[str, Group] = {}
    rejections: list[Rejection] = []
    has_labels = False
    for file in files_below(root):
        if file.path == LABELS:
            has_labels = True
        elif PurePosixPath(file.path).name in companions:
            continue
        elif is_recording(file):
            groups.setdefault(file.stem, Group()).recordings.append(file)
        elif file.suffix in suffixes:
            groups.setdefault(file.stem, Group()).coefficients.append(file)
        else:
            text = f"{file.path} is neither a recording nor one of {', '.join(sorted(suffixes))}"
            rejections.append(Rejection(item_id_of(source, file.path), source, "layout", text))
    if not groups:
        raise InputError(f"no recordings with {' or '.join(sorted(suffixes))} files here", source=root)
    table = read_labels(root) if has_labels else {}
    items: list[Item] = []
    for stem, group in sorted(groups.items()):
        item_id, row = item_id_of(source, stem), table.get(stem)
        fault = group.fault()
        if fault is None and row is not None and row.fault is not None:
            fault = ("label", row.fault)
        if fault is not None:
            rejections.append(Rejection(item_id, source, *fault))
            continue
        items.append(_item(source, stem, item_id, group, row, seconds_per_byte))
    for stem in sorted(table.keys() - groups.keys()):
        text = f"{LABELS} has a row for {stem!r}, of which there is no file"
        rejections.append(Rejection(item_id_of(source, stem or "no-stem"), source, "missing_audio", text))
    return Listing(items, rejections)


def _item(source: str, stem: str, item_id: str, group: Group, row: Row | None, seconds_per_byte: float) -> Item:
    (audio,), (coefficients,) = group.recordings, group.coefficients
    known = known_of(stem, row)
    return Item(
        item_id=item_id,
        source=source,
        speaker=known.speaker,
        statement=known.statement,
        emotion=known.emotion,
        level=known.level,
        split=known.split,
        seconds=coefficients.bytes * seconds_per_byte,
        spec=Pair(audio.path, coefficients.path),
        version=version_of(audio, coefficients),
    )
