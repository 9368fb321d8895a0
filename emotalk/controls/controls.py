"""What the user asks for: one typed object, the same on the command line, in jobs and over HTTP."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from emotalk.errors import InputError

MAX_STYLE = 2**31 - 1  # any integer beyond these is a mistake, and no array could hold it
SEEDS = (-(2**63), 2**63 - 1)


@dataclass(frozen=True, kw_only=True)
class Controls:
    """How a face should speak."""

    emotion: str | None = None
    """A label of the model (see its `config.emotions`); None: the emotion that is heard."""
    intensity: float = 1.0
    """How strongly the emotion shows: 0 neutral, 1 as heard or as the label, up to 3."""
    level: float | None = None
    """The trained level from 0 (normal) to 1 (strong); None: half of both."""
    style: int | None = None
    """Index of a training speaker; None: no style (the model's default)."""
    smoothing: bool = True
    """Savitzky-Golay smoothing (window 5, order 2) over time."""
    silence_gate: bool = True
    """The mouth rests while the recording is silent."""
    blinks_per_minute: float = 15.0
    """0 for none."""
    seed: int = 0
    """Chooses when the blinks come."""
    tail_s: float = 0.5
    """Seconds appended behind the recording, in which the face comes to rest."""

    def __post_init__(self) -> None:
        _within("intensity", self.intensity, 0, 3)
        _within("level", self.level, 0, 1)
        _within("blinks_per_minute", self.blinks_per_minute, 0, 60)
        _within("tail_s", self.tail_s, 0, 10)
        if self.style is not None:
            _whole("style", self.style, 0, MAX_STYLE)
        _whole("seed", self.seed, *SEEDS)
        if self.emotion is not None and not isinstance(self.emotion, str):
            raise InputError(f"emotion must be a label, not {_shown(self.emotion)}")
        for name in ("smoothing", "silence_gate"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} must be true or false, not {_shown(getattr(self, name))}")

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Controls":
        """The inverse of `to_dict`; missing keys take their defaults, unknown ones are an InputError."""
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(data) - set(known))
        if unknown:
            raise InputError(f"unknown controls: {', '.join(unknown)}; known are {', '.join(known)}")
        return cls(**data)


def _within(name: str, value: object, low: float, high: float) -> None:
    if value is None and name == "level":
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise InputError(f"{name} must be a number, not {_shown(value)}")
    if not low <= value <= high:
        raise InputError(f"{name} must lie between {low} and {high}, not {_shown(value)}")


def _whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name} must be a whole number, not {_shown(value)}")
    if not low <= value <= high:
        raise InputError(f"{name} must lie between {low} and {high}, not {_shown(value)}")


def _shown(value: object) -> str:
    """A value in a message, which stays one line: Python refuses to write integers of thousands of digits at all."""
    if isinstance(value, int) and value.bit_length() > 64:
        return f"an integer of {value.bit_length()} bits"
    if value is not None and not isinstance(value, int | float | str):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
