"""Controls as JSON and back: objects within objects, numbers that are tracks. What is left out takes its default."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from emotalk.controls.checks import shown
from emotalk.controls.mix import MixTrack
from emotalk.controls.track import Track
from emotalk.errors import InputError

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """A control, or an object of them, as JSON has it. Plain values stay plain; a track is a list of its points.

    Equal ones give the same text: what may be a fraction is written as one, 1 as 1.0.
    """
    if hasattr(value, "to_json"):
        return value.to_json()
    if is_dataclass(value):
        kinds = _kinds(type(value))  # type: ignore[arg-type]
        return {name: to_json(_fraction(kind, getattr(value, name))) for name, kind in kinds.items()}
    if isinstance(value, Mapping):
        return {key: to_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(part) for part in value]
    return value


def from_json(cls: type[T], data: Mapping[str, Any], what: str) -> T:
    """The inverse of `to_json` for a dataclass; `what` names its keys in messages. Unknown ones are an InputError."""
    known = [f.name for f in fields(cls)]  # type: ignore[arg-type]
    if unknown := sorted(str(key) for key in set(data) - set(known)):
        raise InputError(f"unknown {what}: {', '.join(unknown)}; known are {', '.join(known)}")
    kinds = _kinds(cls)  # type: ignore[arg-type]
    return cls(**{name: _read(kinds[name], value, name) for name, value in data.items()})


@cache
def _kinds(cls: type) -> dict[str, Any]:
    """The fields of a dataclass in their order, and their types."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}


def _fraction(kind: Any, value: Any) -> Any:
    if isinstance(value, Mapping):
        inner = next((part for part in get_args(kind) if float in get_args(part)), None)
        return value if inner is None else {name: _fraction(inner, part) for name, part in value.items()}
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole and float in (kind, *get_args(kind)) else value


def _read(kind: Any, value: Any, name: str) -> Any:
    """A value of a field; what cannot be read is left to the field's own check."""
    parts = (kind, *get_args(kind))
    if isinstance(kind, type) and is_dataclass(kind):
        if isinstance(value, kind):
            return value
        if not isinstance(value, Mapping):
            raise InputError(f"{name} must be an object, not {shown(value)}")
        try:
            return from_json(kind, value, f"keys of {name}")
        except InputError as error:
            reason = error.reason if error.reason.startswith("unknown ") else f"{name}.{error.reason}"
            raise InputError(reason) from error
    if isinstance(value, Mapping) and any(Track in get_args(part) for part in get_args(kind)):
        number = next(part for part in get_args(kind) if Track in get_args(part))
        return {key: _read(number, part, f"{name}.{key}") for key, part in value.items()}
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return value
    if Track in parts or MixTrack in parts:
        try:
            return Track.of(value) if Track in parts else MixTrack.of(value)
        except InputError as error:
            raise InputError(f"{name} must be a plain value or a track: {error.reason}") from error
    return value
