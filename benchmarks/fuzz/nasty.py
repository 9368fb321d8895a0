"""Bytes and JSON that break what reads them."""

import json
import random
from typing import Any

HUGE = int("1" + "0" * 400)
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, -(2**64), HUGE, 1e308, -1e-308, 0.5, float("nan"), float("inf"), "", "happy",
    "\0",
    "\ud800", "😀", "a" * 300, "happy\n", [], {}, [[]], [{}], [[0, 1], [1, 2]], [[1, 0], [0, 1]], [[0, HUGE]],
    [[HUGE, 0]],
    [[0, "happy"], [1, None]], {"happy": 1}, {"happy": 0}, {"happy": -1}, {"happy": HUGE}, {"\ud800": 1}, {"": 1},
    {"1": 1},
    [["0", "1"]], [[0]], [[0, 1, 2]], {"gain": {"jawOpen": 2}}, {"gain": {"jawOpen": [[0, 1]]}}, {"upper_window": 3.0},
    [{"start_s": 0}], [{"start_s": -1}], [{"start_s": HUGE}], [{"start_s": 0, "stop_s": 0}], [{"intensity": 2}],
)  # fmt: skip
KEYS = (
    "emotion", "blend", "emotion_from", "emotion_fit", "emotion_smoothing_s", "confidence", "intensity", "level",
    "style",
    "smoothing", "silence_gate", "blinks_per_minute", "seed", "tail_s", "shaping", "segments", "uri", "controls",
    "items", "id",
    "emotion_uri", "x", "\ud800", "__class__", "",
)  # fmt: skip
TEXTS = (
    b"", b" ", b"null", b"[]", b"{", b"}", b"{]", b'{"a"}', b"nul", b"\xff\xfe{\0}\0", b"\xef\xbb\xbf{}",
    b'{"uri": }', b"'a'",
    b"[" * 100_000, b'{"a":' * 50_000, b"[" * 900 + b"]" * 900, b"1" * 5000, b'"' + b"a" * 100_000 + b'"', b"{}{}",
    b"\0",
    b'{"uri": "s3://x", "uri": 1}', b'"\xed\xa0\x80"', b"{\"a\": NaN}", b"-", b"1e", b'{"uri": "\\u0000"}', b'"\\',
)  # fmt: skip
PIECES = (
    b"",
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"\r\n",
    b"--",
    b'"',
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"NaN",
)


def damaged(rng: random.Random, data: bytes, most: int = 4) -> bytes:
    """Bytes changed, cut out, doubled, put in or cut off, at up to `most` places."""
    result = bytearray(data)
    for _ in range(rng.randint(1, most)):
        at = rng.randrange(len(result) + 1)
        match rng.randrange(7):
            case 0 | 1 if at < len(result):
                result[at] = rng.randrange(256)
            case 2 if at < len(result):
                result[at] ^= 1 << rng.randrange(8)
            case 3:
                result[at:at] = rng.choice(PIECES)
            case 4:
                del result[at : at + rng.choice((1, 4, 100))]
            case 5:
                result[at:at] = result[at : at + rng.choice((4, 100))]
            case 6 if rng.random() < 0.3:
                del result[at:]
    return bytes(result)


def json_text(rng: random.Random) -> bytes:
    """No JSON, or JSON of the wrong things."""
    if rng.random() < 0.2:
        return rng.choice(TEXTS)
    text = json.dumps({rng.choice(KEYS): _value(rng, 3) for _ in range(rng.randint(1, 4))}).encode()
    return damaged(rng, text) if rng.random() < 0.3 else text


def _value(rng: random.Random, depth: int) -> Any:
    kind = rng.random()
    if depth and kind < 0.15:
        return [_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if depth and kind < 0.3:
        return {rng.choice(KEYS): _value(rng, depth - 1) for _ in range(rng.randint(0, 3))}
    return rng.choice(VALUES)
