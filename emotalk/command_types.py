"""How options of this package's own types are read from the command line: their text is `emotalk.controls.text`'s."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from typing import Any, get_args, get_origin

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from emotalk.controls import Controls, MixTrack, Segment, Track, text
from emotalk.controls.mix import HEARD, NO_STYLE
from emotalk.controls.presets import load_preset, load_yaml, with_presets
from emotalk.errors import InputError

NONE = "None"  # as tyro writes it
PRESET = "--preset"
REGISTRY = ConstructorRegistry()
_STARTING: ContextVar[Controls | None] = ContextVar("starting", default=None)


def starting_controls() -> Controls:
    """The default of a command's controls: those of its preset, so that its options change them."""
    return _STARTING.get() or Controls()


def with_preset(controls: Controls, preset: str | None) -> Controls:
    """The controls of a command's options, made in Python with a preset; the command line has begun with it already.

    InputError where there are both: which of them should hold can't be told.
    """
    if preset is None or _STARTING.get() is not None:
        return controls
    if controls != Controls():
        raise InputError("a preset and controls: give one of them, such as load_preset(…).controls.but(intensity=2)")
    return load_preset(preset).controls


@contextmanager
def preset_in(args: Sequence[str]) -> Iterator[None]:
    """While the options `args` are read, `starting_controls` are those of the preset that they name."""
    named = [after for word, after in pairwise(args) if word == PRESET]
    named += [word.removeprefix(f"{PRESET}=") for word in args if word.startswith(f"{PRESET}=")]
    token = _STARTING.set(load_preset(named[-1]).controls if named else None)
    try:
        yield
    finally:
        _STARTING.reset(token)


@REGISTRY.primitive_rule
def _number(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """float | Track, with or without None."""
    kinds = get_args(info.type)
    if Track not in kinds:
        return None
    return _spec(text.NUMBER, text.number_of, text.number_text, optional=type(None) in kinds)


@REGISTRY.primitive_rule
def _numbers(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Mapping[str, float | Track]."""
    if get_origin(info.type) not in (Mapping, dict) or not any(Track in get_args(part) for part in get_args(info.type)):
        return None
    return _spec(text.NUMBERS, text.numbers_of, text.numbers_text)


@REGISTRY.primitive_rule
def _mix(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """An emotion or a style: a name, a mix, a track of these, or None."""
    kinds = get_args(info.type)
    if MixTrack not in kinds:
        return None
    one, nothing = ("LABEL", HEARD) if str in kinds else ("INDEX", NO_STYLE)
    metavar = f"{nothing}|{one}|{one}=WEIGHT,…|S:MIX;…"
    read, write = partial(text.mix_of, nothing=nothing), partial(text.mix_text, nothing=nothing)
    return _spec(metavar, lambda word: read(nothing if word == NONE else word), write)


@REGISTRY.primitive_rule
def _segments(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """tuple[Segment, ...]: JSON, or a file."""
    if Segment not in get_args(info.type):
        return None
    return _spec("JSON|FILE", _segments_of, lambda segments: json.dumps([each.to_json() for each in segments]))


def _segments_of(word: str) -> tuple[Segment, ...]:
    data = text.json_of(word) if word.lstrip().startswith("[") else load_yaml(word)
    return Controls.from_dict(with_presets({"segments": data})).segments


def _spec(
    metavar: str, read: Callable[[str], Any], write: Callable[[Any], str], *, optional: bool = False
) -> PrimitiveConstructorSpec[Any]:
    def from_text(words: list[str]) -> Any:
        if optional and words[0] == NONE:
            return None
        try:
            return read(words[0])
        except InputError as error:
            raise ValueError(error.reason) from error  # which tyro tells with the option's name

    return PrimitiveConstructorSpec(
        nargs=1,
        metavar=f"{NONE}|{metavar}" if optional else metavar,
        instance_from_str=from_text,
        is_instance=lambda value: True,
        str_from_instance=lambda value: [NONE if value is None else write(value)],
    )
