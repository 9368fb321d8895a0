"""What the user asks for: one typed object, the same on the command line, in jobs and over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emotalk.controls.checks import plain_within, shown, true_or_false, whole_within
from emotalk.controls.codec import from_json, to_json
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
        plain_within("intensity", self.intensity, 0, 3)
        if self.level is not None:
            plain_within("level", self.level, 0, 1)
        plain_within("blinks_per_minute", self.blinks_per_minute, 0, 60)
        plain_within("tail_s", self.tail_s, 0, 10)
        if self.style is not None:
            whole_within("style", self.style, 0, MAX_STYLE)
        whole_within("seed", self.seed, *SEEDS)
        if self.emotion is not None and not isinstance(self.emotion, str):
            raise InputError(f"emotion must be a label, not {shown(self.emotion)}")
        true_or_false("smoothing", self.smoothing)
        true_or_false("silence_gate", self.silence_gate)

    def to_dict(self) -> dict[str, Any]:
        """The canonical JSON form: the same controls give the same, plain values stay plain."""
        known: dict[str, Any] = to_json(self)
        return known

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Controls":
        """The inverse of `to_dict`; missing keys take their defaults, unknown ones are an InputError."""
        return from_json(cls, data, "controls")
