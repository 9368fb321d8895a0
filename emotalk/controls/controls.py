"""What the user asks for: one typed object, the same on the command line, in jobs and over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from emotalk.controls.checks import constant, number_within, plain_within, shown, whole_within
from emotalk.controls.codec import from_json, to_json
from emotalk.controls.mix import HEARD, NO_STYLE, Mix, MixTrack, checked, indices_in
from emotalk.controls.segments import Segment, compiled, fixed_fields, merged, spliced
from emotalk.controls.shaping import Shaping
from emotalk.controls.track import Number
from emotalk.errors import InputError

MAX_STYLE = 2**31 - 1  # any integer beyond these is a mistake, and no array could hold it
SEEDS = (-(2**63), 2**63 - 1)
MAX_SEGMENTS = 1_000
MAX_EMOTION_SMOOTHING_S = 1.0
FITS = ("loop", "stretch")


@dataclass(frozen=True, kw_only=True)
class Controls:
    """How a face should speak. What is a `Number` may change over time, and so may `emotion` and `style`."""

    emotion: str | Mix | MixTrack | None = None
    """A label of the model (see its `config.emotions`), or a mix: happy=0.7,sad=0.3. None: what is heard."""
    blend: Number = 1.0
    """Between the emotion that is heard, 0, and the one asked for, 1."""
    emotion_from: str | None = None
    """Another recording, file or URI, whose emotion takes the place of the one that is heard."""
    emotion_fit: Literal["loop", "stretch"] = "loop"
    """The other recording is repeated, or stretched to the length of this one."""
    emotion_smoothing_s: float = 0.0
    """What is heard is the mean of the last so many seconds, up to 1."""
    confidence: Number = 0.0
    """Where the emotion is heard less surely than this, 0 to 1, it fades to neutral. 0: never."""
    intensity: Number = 1.0
    """How strongly the emotion shows: 0 neutral, 1 as heard or as the label, up to 3."""
    level: Number | None = None
    """The trained level from 0 (normal) to 1 (strong); None: half of both."""
    style: int | Mix | MixTrack | None = None
    """Index of a training speaker, or a mix: 0=0.5,3=0.5. None: no style (the model's default)."""
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
    segments: tuple[Segment, ...] = ()
    """Parts that are spoken otherwise, in the order of time."""

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "emotion", checked("emotion", self.emotion, str, HEARD))
        number_within("blend", self.blend, 0, 1)
        if self.emotion_from is not None and not (isinstance(self.emotion_from, str) and self.emotion_from):
            raise InputError(f"emotion_from must be a file or a URI, not {shown(self.emotion_from)}")
        if self.emotion_fit not in FITS:
            raise InputError(f"emotion_fit must be loop or stretch, not {shown(self.emotion_fit)}")
        plain_within("emotion_smoothing_s", self.emotion_smoothing_s, 0, MAX_EMOTION_SMOOTHING_S)
        number_within("confidence", self.confidence, 0, 1)
        number_within("intensity", self.intensity, 0, 3)
        if self.level is not None:
            number_within("level", self.level, 0, 1)
        put(self, "style", checked("style", self.style, int, NO_STYLE))
        for index in indices_in(self.style, NO_STYLE):
            whole_within("style", index, 0, MAX_STYLE)
        number_within("smoothing", self.smoothing, 0, 1)
        number_within("silence_gate", self.silence_gate, 0, 1)
        number_within("blinks_per_minute", self.blinks_per_minute, 0, 60)
        plain_within("tail_s", self.tail_s, 0, 10)
        whole_within("seed", self.seed, *SEEDS)
        if not isinstance(self.shaping, Shaping):
            raise InputError(f"shaping must be an object, not {shown(self.shaping)}")
        put(self, "segments", _segments(self.segments))
        self._characters  # noqa: B018 - what is wrong with a segment is told now

    def to_dict(self) -> dict[str, Any]:
        """The canonical JSON form: the same controls give the same, plain values stay plain."""
        known: dict[str, Any] = to_json(self)
        return known

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Controls":
        """The inverse of `to_dict`; missing keys take their defaults, unknown ones are an InputError."""
        return from_json(cls, data, "controls")

    @cached_property
    def compiled(self) -> "Controls":
        """The same without segments: their changes are tracks. What everything but the user works with."""
        result: Controls = compiled(self.but(segments=()), self._characters) if self.segments else self
        return result

    def from_frame(self, frame: int, later: "Controls") -> "Controls":
        """These until a frame, and `later` from it on; InputError where that would change what can't change."""
        if changed := [name for name in FIXED if _at(self, name) != _at(later, name)]:
            raise InputError(f"{', '.join(changed)} can't be changed within a recording")
        result: Controls = spliced(self.compiled, frame / 30, 0, later.compiled)
        return result

    def but(self, **changes: Any) -> "Controls":
        """The same with these keys changed, as JSON has them."""
        return Controls.from_dict(merged(self, changes))

    @property
    def shows_intensity(self) -> bool:
        """Whether a face without emotion is ever needed."""
        return not constant(self.compiled.intensity, 1)

    @property
    def doubts(self) -> bool:
        """Whether it ever matters how surely the emotion is heard."""
        return not constant(self.compiled.confidence, 0)

    @property
    def listens(self) -> bool:
        """Whether more than one moment of what is heard is ever needed for a frame."""
        return self.emotion_smoothing_s > 0 or self.doubts

    @cached_property
    def _characters(self) -> list[tuple[Segment, "Controls"]]:
        base, characters = None, []
        for i, segment in enumerate(self.segments):
            if i and segment.start_s < (self.segments[i - 1].stop_s or self.segments[i - 1].start_s):
                raise InputError(f"segments[{i}] must not start before the one before it has stopped")
            try:
                base = base or self.but(segments=())
                character = base.but(**segment.changes)
                if fixed := [name for name in FIXED if _at(base, name) != _at(character, name)]:
                    raise InputError(f"{', '.join(fixed)} can't change within a recording")
            except InputError as error:
                raise InputError(f"segments[{i}]: {error.reason}") from error
            characters.append((segment, character))
        return characters


def _segments(given: Any) -> tuple[Segment, ...]:
    if not isinstance(given, list | tuple) or len(given) > MAX_SEGMENTS:
        raise InputError(f"segments must be a list of at most {MAX_SEGMENTS}, not {shown(given)}")
    segments = []
    for i, each in enumerate(given):
        try:
            segments.append(Segment.of(each))
        except InputError as error:
            raise InputError(f"segments[{i}]: {error.reason}") from error
    return tuple(segments)


def _at(controls: Controls, way: str) -> Any:
    """The control at `shaping.upper_window`."""
    value: Any = controls
    for name in way.split("."):
        value = getattr(value, name)
    return value


FIXED = tuple(fixed_fields(Controls))  # controls that are one for the whole recording
