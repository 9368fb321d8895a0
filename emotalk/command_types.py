"""How options of this package's own types are read from the command line: their text is `emotalk.controls.text`'s."""

from collections.abc import Callable, Mapping
from typing import Any, get_args, get_origin

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from emotalk.controls import text
from emotalk.controls.track import Track
from emotalk.errors import InputError

NONE = "None"  # as tyro writes it
REGISTRY = ConstructorRegistry()


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
