"""What the user asks for: one typed object, the same on the command line, in jobs and over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emotalk.controls.checks import number_within, plain_within, shown, whole_within
from emotalk.controls.codec import from_json, to_json
from emotalk.controls.shaping import Shaping
from emotalk.controls.track import Number
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
    smoothing: Number = 1.0
    """Savitzky-Golay smoothing over time: 0 none, 1 all of it."""
    silence_gate: Number = 1.0
    """How far the mouth rests while the recording is silent: 0 not at all, 1 quite."""
    blinks_per_minute: Number = 15.0
    """0 for none, up to 60."""
    seed: int = 0
    """Chooses when the eyes blink, where they look, how the head sways."""
    tail_s: float = 0.5
    """Seconds appended behind the recording, in which the face comes to rest."""
    shaping: Shaping = field(default_factory=Shaping)
    """How the face moves besides what the network says of it."""

    def __post_init__(self) -> None:
        plain_within("intensity", self.intensity, 0, 3)
        if self.level is not None:
            plain_within("level", self.level, 0, 1)
        number_within("smoothing", self.smoothing, 0, 1)
        number_within("silence_gate", self.silence_gate, 0, 1)
        number_within("blinks_per_minute", self.blinks_per_minute, 0, 60)
        plain_within("tail_s", self.tail_s, 0, 10)
        if self.style is not None:
            whole_within("style", self.style, 0, MAX_STYLE)
        whole_within("seed", self.seed, *SEEDS)
        if self.emotion is not None and not isinstance(self.emotion, str):
            raise InputError(f"emotion must be a label, not {shown(self.emotion)}")
        if not isinstance(self.shaping, Shaping):
            raise InputError(f"shaping must be an object, not {shown(self.shaping)}")

    def to_dict(self) -> dict[str, Any]:
        """The canonical JSON form: the same controls give the same, plain values stay plain."""
        known: dict[str, Any] = to_json(self)
        return known

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Controls":
        """The inverse of `to_dict`; missing keys take their defaults, unknown ones are an InputError."""
        return from_json(cls, data, "controls")
