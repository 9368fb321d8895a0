"""What a control may be: checks at construction, whose errors name the control and stay one line."""

from emotalk.controls.track import Number, Track
from emotalk.errors import InputError


def number_within(name: str, value: object, low: float, high: float) -> None:
    """A finite number, or a track whose values all lie within `low`..`high`."""
    if isinstance(value, Track):
        lowest, highest = value.extent
        if not low <= lowest <= highest <= high:
            raise InputError(f"{name} must lie between {low} and {high}, not {lowest:g} to {highest:g}")
        return
    plain_within(name, value, low, high, "a number, or a track of [seconds, number]")


def plain_within(name: str, value: object, low: float, high: float, kind: str = "a number") -> None:
    """A finite number that is one for the whole recording."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise InputError(f"{name} must be {kind}, not {shown(value)}")
    if not low <= value <= high:
        raise InputError(f"{name} must lie between {low} and {high}, not {shown(value)}")


def whole_within(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name} must be a whole number, not {shown(value)}")
    if not low <= value <= high:
        raise InputError(f"{name} must lie between {low} and {high}, not {shown(value)}")


def constant(value: Number | None, wanted: float) -> bool:
    """Whether it is `wanted` all the time."""
    return value is not None and (value.extent == (wanted, wanted) if isinstance(value, Track) else value == wanted)


def shown(value: object) -> str:
    """A value in a message, which stays one line: Python refuses to write integers of thousands of digits at all."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if value is not None and not isinstance(value, int | float | str):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
