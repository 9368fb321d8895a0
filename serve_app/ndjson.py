"""An animation as lines of JSON while it is computed: start, frames, …, end; or error, where it could not go on."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from emotalk.animation import Animation
from emotalk.formats.json_text import compact, table_text
from serve_app.backend import ModelCard

MEDIA_TYPE = "application/x-ndjson"
LINE_FRAMES = 30


def start_line(card: ModelCard, model: str) -> str:
    from emotalk.blendshapes import COEFFICIENTS

    return _line(
        {
            "type": "start",
            "fps": 30,
            "names": COEFFICIENTS,
            "emotion_names": card.labels,
            "head": card.head,
            "model": {"name": model, "sha256": card.sha256},
        }
    )


async def frame_lines(pieces: AsyncIterator[Animation], extra: Mapping[str, Any]) -> AsyncIterator[str]:
    """Pieces of an animation -> its lines, up to the end. extra: further keys of `meta`."""
    first, meta = 0, dict(extra)
    async for piece in pieces:
        meta |= piece.meta
        for part in piece.pieces(LINE_FRAMES) if piece.frames else ():
            yield _frames(part, first)
            first += part.frames
    yield _line({"type": "end", "frames": first, "meta": meta})


def error_line(problem: Mapping[str, Any]) -> str:
    return _line({"type": "error", "problem": problem})


def _frames(part: Animation, first: int) -> str:
    emotion = "null" if part.emotion is None else table_text(part.emotion)
    head = "null" if part.head is None else table_text(part.head)
    weights = table_text(part.weights)
    return f'{{"type":"frames","first":{first},"weights":{weights},"emotion":{emotion},"head":{head}}}\n'


def _line(value: Mapping[str, Any]) -> str:
    return compact(value) + "\n"
