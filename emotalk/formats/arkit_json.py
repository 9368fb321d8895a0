"""`.arkit.json`: the coefficients under ARKit's names as JSON, one line per frame, with everything else that is known.

```
{"format": "arkit", "version": 1, "fps": 29.97002997002997, "rate": [30000, 1001], "regular": true,
 "names": ["browDownLeft", …], "emotion_names": ["neutral", …], "head_columns": ["yaw", …, "z"],
 "track_columns": {"left_eye": […]},
 "frames": [
  {"time": 0.0, "weights": [0.1, …], "head": [0.0, …], "emotion": [0.9, …], "tracks": {"left_eye": […]}},
  …],
 "frame_count": 31, "meta": {…}}
```

`time` is in seconds; `head` in radians and mm, see `emotalk.animation`. What an animation does not have is left out.

Read besides: weights by name (`"weights": {"jawOpen": 0.3}`, where a missing name is 0), frames that are such lists or
objects themselves, `fps` as `[numerator, denominator]` or inside `metadata`, and tables: `"weights": [[…], …]` beside
`names`, as this project's service answers. Names compare without case and in any order.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import numpy as np

from emotalk.animation import HEAD_COLUMNS, Animation, Track
from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.formats.format import Format
from emotalk.formats.json_text import (
    BLOCK_ROWS,
    compact,
    fps_number,
    fps_of,
    load_json,
    matrix_of,
    names_in_order,
    object_of,
    row_texts,
    texts_of,
)

VERSION = 1
_NOT_IT = "an animation as ARKit JSON (see docs/formats.md)"


def write(path: Path, pieces: Iterable[Animation]) -> None:
    """Everything an animation holds, without loss. Memory is bounded by a piece."""
    with path.open("w", encoding="utf-8", newline="\n") as out:
        meta: dict[str, Any] = {}
        done = 0
        for number, piece in enumerate(pieces):
            if not number:
                out.write(_opening(piece))
            meta.update(piece.meta)
            for start in range(0, piece.frames, BLOCK_ROWS):
                block = piece.piece(start, start + BLOCK_ROWS)
                lines = list(_frames(block, done))
                out.write((",\n" if done else "\n") + ",\n".join(lines))
                done += len(lines)
        out.write(f'],\n"frame_count":{done},"meta":{compact(meta)}}}\n')


def read(file: IO[bytes], source: str) -> Animation:
    """InputError for what is no JSON, no such document, and for the frame that does not fit."""
    document = object_of(load_json(file, source), _NOT_IT, source)
    if "facsNames" in document:
        raise InputError("this is Audio2Face's JSON: name it .a2f.json, or read it as a2f", source=source)
    metadata = document.get("metadata")
    stated = metadata.get("fps", 30) if isinstance(metadata, dict) else 30
    rate = document.get("rate", document.get("fps", stated))
    fps = fps_of(rate, "fps", source)
    try:
        if "frames" not in document and "weights" in document:
            return _of_tables(document, fps, source)
        return _of_frames(document, fps, source)
    except InputError as error:
        raise InputError(error.reason, source=source) from error


def _opening(piece: Animation) -> str:
    head = {"format": "arkit", "version": VERSION}
    parts = [compact(head)[:-1], f'"fps":{fps_number(piece.fps)}']
    parts.append(f'"rate":[{piece.fps.numerator},{piece.fps.denominator}]')
    parts.append(f'"regular":{"true" if piece.times_s is None else "false"}')
    parts.append(f'"names":{compact(list(piece.names))}')
    if piece.emotion is not None:
        parts.append(f'"emotion_names":{compact(list(piece.emotion_names))}')
    if piece.head is not None:
        parts.append(f'"head_columns":{compact(list(HEAD_COLUMNS))}')
    if piece.tracks:
        columns = {name: list(track.columns) for name, track in sorted(piece.tracks.items())}
        parts.append(f'"track_columns":{compact(columns)}')
    return ",\n".join([*parts, '"frames":['])


def _frames(block: Animation, first: int) -> Iterable[str]:
    """One JSON object per frame; `first` is the number of the block's first frame."""
    if block.times_s is None:
        # Each from its own number: a sum of steps would drift, and other pieces would give other digits.
        scale, divisor = block.fps.denominator, block.fps.numerator
        times = [(first + k) * scale / divisor for k in range(block.frames)]
    else:
        times = block.times_s.tolist()
    columns = [[f'{{"time":{time!r},"weights":' for time in times], row_texts(block.weights)]
    if block.head is not None:
        columns += [[',"head":'] * block.frames, row_texts(block.head)]
    if block.emotion is not None:
        columns += [[',"emotion":'] * block.frames, row_texts(block.emotion)]
    for number, (name, track) in enumerate(sorted(block.tracks.items())):
        lead = ("," if number else ',"tracks":{') + compact(name) + ":"
        columns += [[lead] * block.frames, row_texts(track.values)]
    end = "}}" if block.tracks else "}"
    return ("".join(parts) + end for parts in zip(*columns, strict=True))


def _of_frames(document: dict[str, Any], fps: Any, source: str) -> Animation:
    frames = document.get("frames")
    if not isinstance(frames, list):
        raise InputError(f"not {_NOT_IT}: it has no list `frames`", source=source)
    rows = [_weights_of(frame) for frame in frames]
    names = document.get("names")
    if names is None:
        named = [row for row in rows if isinstance(row, dict)]
        names = list(dict.fromkeys(name for row in named for name in row)) if named else list(COEFFICIENTS)
    names = texts_of(names, "names", source)
    table = [[row.get(name, 0.0) for name in names] if isinstance(row, dict) else row for row in rows]
    weights, names = names_in_order(matrix_of(table, len(names), "weights", source), names, source)

    def column(key: str, width: int) -> np.ndarray:
        return matrix_of([frame.get(key) for frame in frames], width, key, source)

    has = frames[0] if frames and isinstance(frames[0], dict) else {}
    emotions = texts_of(document.get("emotion_names", []), "emotion_names", source)
    columns = object_of(document.get("track_columns", {}), "track_columns", source)
    tracks = {}
    for name, titles in columns.items():
        width = len(texts_of(titles, f"track {name}", source))
        values = [object_of(frame.get("tracks"), f"track {name}", source).get(name) for frame in frames]
        tracks[name] = Track(matrix_of(values, width, f"track {name}", source), tuple(titles))
    times = None
    if document.get("regular") is False:
        times = np.array([_time_of(frame, number, source) for number, frame in enumerate(frames)], np.float64)
    return Animation(
        weights=weights,
        names=names,
        fps=fps,
        head=column("head", len(HEAD_COLUMNS)) if "head" in has or "head_columns" in document else None,
        emotion=column("emotion", len(emotions)) if emotions or "emotion_names" in document else None,
        emotion_names=emotions,
        meta=object_of(document.get("meta", {}), "meta", source),
        times_s=times,
        tracks=tracks,
    )


def _weights_of(frame: Any) -> Any:
    """A list or an object of weights, however the frame holds it."""
    if not isinstance(frame, dict):
        return frame
    for key in ("weights", "blendshapes", "blendShapes"):
        if key in frame:
            return frame[key]
    return {name: value for name, value in frame.items() if name not in ("time", "timestamp")}


def _time_of(frame: Any, number: int, source: str) -> float:
    time = frame.get("time") if isinstance(frame, dict) else None
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise InputError(f"frame {number} has no time, in seconds", source=source)
    return float(time)


def _of_tables(document: dict[str, Any], fps: Any, source: str) -> Animation:
    names = texts_of(document.get("names", list(COEFFICIENTS)), "names", source)
    weights, names = names_in_order(matrix_of(document["weights"], len(names), "weights", source), names, source)
    emotions = texts_of(document.get("emotion_names") or [], "emotion_names", source)
    head, emotion = document.get("head"), document.get("emotion")
    return Animation(
        weights=weights,
        names=names,
        fps=fps,
        head=None if head is None else matrix_of(head, len(HEAD_COLUMNS), "head", source),
        emotion=None if emotion is None else matrix_of(emotion, len(emotions), "emotion", source),
        emotion_names=() if emotion is None else emotions,
        meta=object_of(document.get("meta", {}), "meta", source),
    )


FORMAT = Format(
    name="arkit",
    title="ARKit JSON",
    suffixes=(".arkit.json",),
    media_type="application/vnd.emotalk.arkit+json",
    write=write,
    read=read,
    head=True,
    emotion=True,
    meta=True,
    piecewise=True,
)
