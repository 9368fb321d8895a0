"""An Animation as the bytes of an answer, in the format that the client asks for."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from emotalk.animation import Animation
from emotalk.formats import FORMATS, format_for
from emotalk.formats.json_text import table_text
from serve_app.problems import NOT_ACCEPTABLE, Problem


@dataclass(frozen=True)
class Answer:
    """One format: its name in `?format=`, its media type in `Accept`, and how an Animation becomes bytes."""

    name: str
    media_type: str
    encode: Callable[[Animation], bytes]


def to_json(animation: Animation) -> bytes:
    """fps as [numerator, denominator]; nine digits hold a float32 without loss."""
    head = {
        "fps": [animation.fps.numerator, animation.fps.denominator],
        "names": animation.names,
        "emotion_names": animation.emotion_names,
        "meta": dict(animation.meta),
    }
    parts = [json.dumps(head, ensure_ascii=False)[:-1], ', "weights": ', table_text(animation.weights)]
    parts += [', "emotion": ', "null" if animation.emotion is None else table_text(animation.emotion)]
    parts += [', "head": ', "null" if animation.head is None else table_text(animation.head), "}"]
    return "".join(parts).encode()


def _file(suffix: str) -> Callable[[Animation], bytes]:
    """The bytes that `Animation.save` writes under this suffix."""

    def encode(animation: Animation) -> bytes:
        with tempfile.TemporaryDirectory(prefix="emotalk-") as folder:
            path = Path(folder) / f"animation{suffix}"
            format_for(path).write(path, [animation])  # `save` would also flush to disk
            return path.read_bytes()

    return encode


JSON = Answer("json", "application/json", to_json)
# Every format of the package that needs no extra and nothing of the client besides its recording; text first, for
# clients that take anything.
SERVED = sorted(
    (known for known in FORMATS if known.extra is None and not known.required),
    key=lambda known: not known.media_type.startswith("text/"),
)
ANSWERS = (JSON, *(Answer(known.name, known.media_type, _file(known.suffix)) for known in SERVED))


def choose(accept: str | None, wanted: str | None) -> Answer:
    """`?format=` wins over Accept; no wish means JSON. A Problem lists what there is."""
    if wanted is not None:
        for answer in ANSWERS:
            if answer.name == wanted:
                return answer
        raise _none_of(f"there is no format {wanted!r}")
    best = preferred(accept, [answer.media_type for answer in ANSWERS])
    if best is None:
        raise _none_of(f"Accept: {accept} names no format that there is")
    return ANSWERS[best]


def preferred(accept: str | None, media_types: Sequence[str]) -> int | None:
    """Which of these an Accept header likes best, the first among equals; None where it takes none of them."""
    ranges = _ranges(accept or "*/*")
    best = max(range(len(media_types)), key=lambda index: _quality(media_types[index], ranges))
    return best if _quality(media_types[best], ranges) else None


def _none_of(reason: str) -> Problem:
    known = ", ".join(f"{answer.name} ({answer.media_type})" for answer in ANSWERS)
    return Problem(NOT_ACCEPTABLE, f"{reason}; there are {known}")


def _ranges(accept: str) -> dict[str, float]:
    """An Accept header -> quality per media range; what is not a number counts as 0."""
    ranges = {}
    for entry in accept.split(","):
        kind, *parameters = (part.strip().lower() for part in entry.split(";"))
        quality = 1.0
        for parameter in parameters:
            if parameter.startswith("q="):
                try:
                    quality = float(parameter[2:])
                except ValueError:
                    quality = 0.0
        ranges[kind] = quality
    return ranges


def _quality(media_type: str, ranges: dict[str, float]) -> float:
    family = media_type.split("/")[0]
    for kind in (media_type, f"{family}/*", "*/*"):  # the most specific range decides
        if kind in ranges:
            return ranges[kind]
    return 0.0
