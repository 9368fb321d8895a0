"""Folders in which a recording and its coefficients, or its text, share a name: what their sources list alike."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from emotalk.corpus.gates import Rejection, rejection_of
from emotalk.corpus.sources.base import Item, Listing
from emotalk.corpus.sources.folder import COEFFICIENTS, Beside, Group, files_below, is_recording, item_id_of, version_of
from emotalk.corpus.sources.labels_csv import LABELS, Row, known_of, read_labels
from emotalk.corpus.sources.recording import THREADS, pieces_of, widest_span_s
from emotalk.errors import InputError


def list_pairs(
    root: str,
    source: str,
    suffixes: Collection[str],
    *,
    max_clip_s: float,
    companions: Collection[str] = (),
    beside: Beside = COEFFICIENTS,
) -> Listing:
    """Every name below the root that has a recording or a file with one of `suffixes`, and what is wrong with it.

    Longer recordings than `max_clip_s` are several items. companions: names of files that are no data. beside: what
    the files with these suffixes are. The spec of an item is a `Piece`. InputError where there is nothing of the kind,
    and for a `labels.csv` that is no table.
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
            groups.setdefault(file.stem, Group()).beside.append(file)
        else:
            text = f"{file.path} is neither a recording nor one of {', '.join(sorted(suffixes))}"
            rejections.append(Rejection(item_id_of(source, file.path), source, "layout", text))
    if not groups:
        raise InputError(f"no recordings with {' or '.join(sorted(suffixes))} files here", source=root)
    table = read_labels(root) if has_labels else {}
    good: list[tuple[str, Group, Row | None]] = []
    for stem, group in sorted(groups.items()):
        row = table.get(stem)
        fault = group.fault(beside)
        if fault is None and row is not None and row.fault is not None:
            fault = ("label", row.fault)
        if fault is not None:
            rejections.append(Rejection(item_id_of(source, stem), source, *fault))
            continue
        good.append((stem, group, row))
    items: list[Item] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for found in pool.map(lambda each: _items(root, source, *each, max_clip_s=max_clip_s), good):
            if isinstance(found, Rejection):
                rejections.append(found)
            else:
                items += found
    for stem in sorted(table.keys() - groups.keys()):
        text = f"{LABELS} has a row for {stem!r}, of which there is no file"
        rejections.append(Rejection(item_id_of(source, stem or "no-stem"), source, "missing_audio", text))
    return Listing(items, rejections)


def _items(
    root: str, source: str, stem: str, group: Group, row: Row | None, *, max_clip_s: float
) -> list[Item] | Rejection:
    """The clips of one recording, or why there are none."""
    (audio,), (other,) = group.recordings, group.beside
    recording, known = item_id_of(source, stem), known_of(stem, row)
    try:
        pieces = pieces_of(root, audio.path, other.path, max_s=max_clip_s)
    except InputError as error:
        return rejection_of(error, item_id=recording, source=source)
    items = []
    for piece in pieces:
        start_s, end_s = widest_span_s(piece, max_s=max_clip_s)
        item_id = recording + piece.suffix
        items.append(
            Item(
                item_id=item_id,
                source=source,
                speaker=known.speaker,
                # Two who say the same long text pause at different places.
                statement=known.statement if len(pieces) == 1 else item_id,
                emotion=known.emotion,
                level=known.level,
                split=known.split,
                seconds=end_s - start_s,
                spec=piece,
                version=f"{version_of(audio, other)}:{piece.declared_samples}",
            )
        )
    return items
