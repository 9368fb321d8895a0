"""How a face moves besides what the network says of it: reach of its parts, smoothness, lids, gaze, the head."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from emotalk.blendshapes import columns_named
from emotalk.controls.checks import number_within, plain_within, shown, whole_within
from emotalk.controls.track import Number
from emotalk.errors import InputError

MAX_WINDOW = 31  # frames: a second of them makes a stream half a second later


@dataclass(frozen=True, kw_only=True)
class Shaping:
    """What a character's face does with every line. Names are coefficients (`jawOpen`), both sides of one
    (`mouthSmile`) or groups: brows, lids, gaze, cheeks, nose, jaw, mouth, upper_face, lower_face."""

    gain: Mapping[str, Number] = field(default_factory=dict)
    """Factors by name, 0 to 10; those that meet in a coefficient multiply."""
    offset: Mapping[str, Number] = field(default_factory=dict)
    """Added by name behind the gain, -1 to 1; those that meet add up."""
    minimum: Mapping[str, Number] = field(default_factory=dict)
    """What a coefficient never falls below, by name, 0 to 1, whatever else happens; the largest counts."""
    maximum: Mapping[str, Number] = field(default_factory=dict)
    """What a coefficient never exceeds, by name, 0 to 1, blinks included; the smallest counts, over any minimum."""
    upper_face: Number = 1.0
    """Strength of brows, eyes, cheeks and nose, 0 to 3."""
    lower_face: Number = 1.0
    """Strength of jaw, mouth and tongue, 0 to 3."""
    lip_close: Number = 0.0
    """Lips that nearly meet do: 0 as they come, 1 shuts openings below 3 mm and narrows those below 6 mm."""
    eyelid: Number = 0.0
    """Lids as they rest: up to 1 more closed, down to -1 wider open."""
    upper_smoothing: Number = 1.0
    """Share of `smoothing` that the upper face and the head get, 0 to 1."""
    lower_smoothing: Number = 1.0
    """Share of `smoothing` that the lower face gets, 0 to 1."""
    upper_window: int = 5
    """Savitzky-Golay window of upper face and head in frames, odd, 3 to 31. A stream waits for half the larger one."""
    lower_window: int = 5
    """The same of the lower face."""
    smoothing_order: int = 2
    """Order of the polynomials that smooth, 0 to 5, below both windows."""
    silence_dbfs: float = -60.0
    """Frames below this loudness are silent, -120 to 0."""
    blink_variety: float = 1.0
    """0: blinks like a clock's, each like the other. 1: like people's, with double ones now and then."""
    gaze: Number = 0.0
    """Small movements of the eyes: 1 as people look at whom they talk to, up to 2; 0 none."""
    sway: Number = 0.0
    """Slow movement of the head, upon that of a model that moves it: 1 as people sit, up to 3; 0 none."""

    def __post_init__(self) -> None:
        for name, low, high in (("gain", 0, 10), ("offset", -1, 1), ("minimum", 0, 1), ("maximum", 0, 1)):
            value = getattr(self, name)
            _numbers_by_name(name, value, low, high)
            object.__setattr__(self, name, dict(value))
        for name, low, high in (
            ("upper_face", 0, 3),
            ("lower_face", 0, 3),
            ("lip_close", 0, 1),
            ("eyelid", -1, 1),
            ("upper_smoothing", 0, 1),
            ("lower_smoothing", 0, 1),
            ("gaze", 0, 2),
            ("sway", 0, 3),
        ):
            number_within(name, getattr(self, name), low, high)
        for name in ("upper_window", "lower_window"):
            whole_within(name, getattr(self, name), 3, MAX_WINDOW)
            if getattr(self, name) % 2 == 0:
                raise InputError(f"{name} must be odd, not {getattr(self, name)}")
        whole_within("smoothing_order", self.smoothing_order, 0, 5)
        if self.smoothing_order >= (narrower := min(self.upper_window, self.lower_window)):
            raise InputError(f"smoothing_order must be below both windows, not {self.smoothing_order} of {narrower}")
        plain_within("silence_dbfs", self.silence_dbfs, -120, 0)
        plain_within("blink_variety", self.blink_variety, 0, 1)


def _numbers_by_name(name: str, value: object, low: float, high: float) -> None:
    if not isinstance(value, Mapping):
        raise InputError(f"{name} must be numbers by name of a coefficient or group, not {shown(value)}")
    for key, number in value.items():
        if not isinstance(key, str):
            raise InputError(f"{name} has names of coefficients or groups, not {shown(key)}")
        try:
            columns_named(key)
        except InputError as error:
            raise InputError(f"{name} has {error.reason}") from error
        number_within(f"{name}.{key}", number, low, high)
