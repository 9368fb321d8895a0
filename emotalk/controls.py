"""What the user asks for: one typed object, the same on the command line, in jobs and over HTTP."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from emotalk.errors import InputError


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
        for name, kinds in (("style", int), ("seed", int), ("emotion", str)):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, kinds) or isinstance(value, bool)):
                raise InputError(f"{name} must be of type {kinds.__name__}, not {value!r}")
        for name in ("smoothing", "silence_gate"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} must be true or false, not {getattr(self, name)!r}")
        if self.style is not None and self.style < 0:
            raise InputError(f"style must not be negative: {self.style}")

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
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name} must be a number, not {value!r}")
    if not low <= value <= high:
        raise InputError(f"{name} must lie between {low} and {high}, not {value}")
