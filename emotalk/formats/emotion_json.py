"""`.emotion.json`: the emotion over time and nothing else, a JSON list of `{"start_s", "end_s", "mix"}`.

```
[{"start_s": 0.0, "end_s": 0.4, "mix": {"neutral": 0.9, "happy": 0.1}},
 {"start_s": 0.4, "end_s": 2.0, "mix": {"happy": 1.0}}]
```

A mix names the share of every emotion that has any. Shares are rounded to thousandths, and frames of equal mixes make
one entry. What is read has no coefficients, and one frame per 1/30 s: each shows the entry that lies over its time, and
no emotion at all (zeros) where there is none.
"""

from collections.abc import Iterable, Iterator
from math import ceil
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from emotalk.animation import Animation
from emotalk.blendshapes import FPS
from emotalk.errors import InputError
from emotalk.formats.format import Format
from emotalk.formats.json_text import compact, load_json

DIGITS = 3
MAX_S = 7 * 24 * 3600  # no recording is longer; a mistaken unit is
_SLACK_S = 1e-6


class Entry(NamedTuple):
    """From start_s to end_s the emotion is `mix`: label -> share."""

    start_s: float
    end_s: float
    mix: dict[str, float]


def write(path: Path, pieces: Iterable[Animation]) -> None:
    """InputError for an animation without an emotion track. Memory is bounded by a piece."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        lead = "["
        for entry in entries_of(pieces):
            out.write(lead + compact(entry._asdict()))
            lead = ",\n"
        out.write("[]\n" if lead == "[" else "]\n")


def entries_of(pieces: Iterable[Animation]) -> Iterator[Entry]:
    """The emotion track of consecutive pieces, equal neighbours as one."""
    open_entry: Entry | None = None
    for labels, shares, start_s, end_s in _frames(pieces):
        mix = {label: share for label, share in zip(labels, shares, strict=True) if share}
        if open_entry is not None and open_entry.mix == mix:
            open_entry = open_entry._replace(end_s=end_s)
            continue
        if open_entry is not None:
            yield open_entry
        open_entry = Entry(start_s, end_s, mix)
    if open_entry is not None:
        yield open_entry


def read(file: IO[bytes], source: str) -> Animation:
    """Coefficients: none. InputError names the entry that does not fit."""
    entries = parse_entries(load_json(file, source), source)
    labels = tuple(dict.fromkeys(label for entry in entries for label in entry.mix))
    frames = ceil((entries[-1].end_s if entries else 0.0) * float(FPS) - _SLACK_S * float(FPS))
    emotion = np.zeros((frames, len(labels)), np.float32)
    times_s = np.arange(frames) / float(FPS) + _SLACK_S
    for entry in entries:
        over = slice(*np.searchsorted(times_s, (entry.start_s, entry.end_s)))
        emotion[over] = [entry.mix.get(label, 0.0) for label in labels]
    return Animation(np.zeros((frames, 0), np.float32), names=(), emotion=emotion, emotion_names=labels)


def parse_entries(document: Any, source: str) -> list[Entry]:
    """The list that JSON holds, checked: ascending, without overlap, shares from 0 to 1."""
    if not isinstance(document, list):
        raise InputError("not an emotion track: it holds no JSON list", source=source)
    out: list[Entry] = []
    for number, item in enumerate(document):
        try:
            start_s, end_s = float(item["start_s"]), float(item["end_s"])
            mix = {str(label): float(share) for label, share in item["mix"].items()}
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(
                f'entry {number} is not {{"start_s": seconds, "end_s": seconds, "mix": {{label: share}}}}',
                source=source,
            ) from error
        if not (0 <= start_s < end_s <= MAX_S):
            raise InputError(f"entry {number} must run from a start to a later end, in seconds", source=source)
        if out and start_s < out[-1].end_s - _SLACK_S:
            raise InputError(f"entry {number} starts before the one before it ends", source=source)
        if not all(0 <= share <= 1 for share in mix.values()):
            raise InputError(f"entry {number}: shares lie between 0 and 1", source=source)
        out.append(Entry(start_s, end_s, mix))
    return out


def _frames(pieces: Iterable[Animation]) -> Iterator[tuple[tuple[str, ...], tuple[float, ...], float, float]]:
    """Labels, rounded shares, start and end of every frame."""
    done, held = 0, None
    for piece in pieces:
        if piece.emotion is None:
            raise InputError("this animation has no emotion track: there is nothing to write")
        scale, divisor = piece.fps.denominator, piece.fps.numerator
        shares = np.round(piece.emotion.astype(np.float64), DIGITS).tolist()
        for k, row in enumerate(shares):
            if piece.times_s is None:
                yield piece.emotion_names, tuple(row), (done + k) * scale / divisor, (done + k + 1) * scale / divisor
                continue
            start_s = float(piece.times_s[k])
            if held is not None and start_s > held[2]:
                yield *held, start_s
            held = (piece.emotion_names, tuple(row), start_s)
        done += piece.frames
        last_s = scale / divisor
    if held is not None:
        yield *held, held[2] + last_s


FORMAT = Format(
    name="emotion",
    title="emotion track",
    suffixes=(".emotion.json",),
    media_type="application/vnd.emotalk.emotion+json",
    write=write,
    read=read,
    weights=False,
    head=False,
    emotion=True,
    meta=False,
    piecewise=True,
)
