"""Controls as people type them: `1.2`, `0:1,2.5:0` (seconds:value), `jawOpen=1.2,browInnerUp=0:1,2.5:0`.

JSON is understood wherever text is.
"""

import json
from collections.abc import Mapping
from typing import Any

from emotalk.controls.mix import MixTrack
from emotalk.controls.track import Number, Track
from emotalk.errors import InputError

NUMBER = "NUMBER|S:NUMBER,…"
NUMBERS = "NAME=NUMBER,…"


def number_of(text: str) -> Number:
    """`1.2`, `0:1,2.5:0` or `[[0, 1], [2.5, 0]]`. InputError for anything else."""
    text = text.strip()
    if text.startswith("["):
        return Track.of(json_of(text))
    try:
        if ":" not in text:
            return float(text)
        pairs = [point.split(":") for point in text.split(",")]
        return Track(tuple((float(at), float(value)) for at, value in pairs))
    except InputError:
        raise
    except ValueError:
        raise InputError(f"{text!r} is neither a number nor a track of seconds:number") from None


def number_text(number: Number) -> str:
    """The inverse of `number_of`."""
    if isinstance(number, Track):
        return ",".join(f"{at!r}:{value!r}" for at, value in number.points)
    return repr(number)


def numbers_of(text: str) -> dict[str, Number]:
    """`jawOpen=1.2,browInnerUp=0:1,2.5:0`, or a JSON object; nothing: no numbers."""
    text = text.strip()
    if text.startswith("{"):
        data = json_of(text)
        return {key: Track.of(value) if isinstance(value, list) else value for key, value in data.items()}
    named: dict[str, str] = {}
    last = ""
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if equals:
            last = name.strip()
            if not last or last in named:
                raise InputError(f"{last} is given twice" if last else f"{part!r} is not NAME=NUMBER")
            named[last] = value
        elif not last:
            raise InputError(f"{part!r} is not NAME=NUMBER")
        else:  # the next point of a track
            named[last] += f",{part}"
    return {name: number_of(value) for name, value in named.items()}


def numbers_text(numbers: Mapping[str, Number]) -> str:
    """The inverse of `numbers_of`."""
    return ",".join(f"{name}={number_text(number)}" for name, number in numbers.items())


def json_of(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not JSON: {error}") from error


def mix_of(text: str, nothing: str) -> Any:
    """`happy`, `happy=0.7,sad=0.3`, or over time `0:heard;2.5:happy`; a whole number is one. JSON is taken, too."""
    text = text.strip()
    if text.startswith(("[", "{")):
        data = json_of(text)
        return MixTrack.of(data) if isinstance(data, list) else data
    if ";" in text or ":" in text:
        points = [point.partition(":") for point in text.split(";")]
        if any(not is_float(at) for at, _, _ in points):
            raise InputError(f"{text!r} is not SECONDS:MIX;… such as 0:heard;2.5:happy=0.7,sad=0.3")
        return MixTrack(tuple((float(at), mix_of(value, nothing)) for at, _, value in points))
    if "=" not in text:
        return None if text == nothing else int(text) if text.isdecimal() else text
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition("=")
        if not is_float(weight) or name.strip() in mix:
            raise InputError(f"{text!r} is not NAME=WEIGHT,… with each name once")
        mix[name.strip()] = float(weight)
    return mix


def mix_text(value: Any, nothing: str) -> str:
    """The inverse of `mix_of`."""
    if isinstance(value, MixTrack):
        return ";".join(f"{at!r}:{mix_text(part, nothing)}" for at, part in value.points)
    if isinstance(value, Mapping):
        return ",".join(f"{name}={weight!r}" for name, weight in value.items())
    return nothing if value is None else str(value)


def is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
