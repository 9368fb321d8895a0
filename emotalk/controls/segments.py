"""Another character for a while: what changes from a moment on, and how such segments become plain tracks.

A transition at time t goes in a straight line from what was at t to what will be `fade_s` later; without a fade it is a
step. So controls with segments are controls with tracks, and nothing behind them knows of segments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass, replace
from typing import Any, get_args, get_type_hints

from emotalk.controls.checks import plain_within, shown
from emotalk.controls.codec import to_json
from emotalk.controls.mix import HEARD, NO_STYLE, MixTrack, parts_of
from emotalk.controls.track import Track
from emotalk.errors import InputError

LONGEST_S = 1e7
TIMES = ("start_s", "stop_s", "fade_s")
# What a name stands for that a mapping leaves out.
LEFT_OUT = {"gain": 1.0, "offset": 0.0, "minimum": 0.0, "maximum": 1.0}
NOTHING = {"emotion": HEARD, "style": NO_STYLE}
UNKNOWN_LEVEL = 0.5


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of a recording that is spoken otherwise.

    start_s, stop_s: seconds from the recording's start; without a stop it lasts until the next segment, or the end.
    fade_s: seconds from the start, and from the stop, in which one goes over into the other.
    changes: controls that differ there, as JSON has them.
    """

    start_s: float
    stop_s: float | None = None
    fade_s: float = 0.2
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain_within("start_s", self.start_s, 0, LONGEST_S)
        plain_within("fade_s", self.fade_s, 0, 60)
        if self.stop_s is not None:
            plain_within("stop_s", self.stop_s, 0, LONGEST_S)
            if self.stop_s <= self.start_s:
                raise InputError(f"stop_s must lie behind start_s: {self.stop_s:g} and {self.start_s:g}")
        object.__setattr__(self, "changes", {key: to_json(value) for key, value in self.changes.items()})

    @classmethod
    def of(cls, data: Any) -> "Segment":
        """`{"start_s": 12.5, "stop_s": 15, "emotion": "angry"}`, as JSON and YAML have it."""
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            raise InputError(f"a segment must be an object, not {shown(data)}")
        if "start_s" not in data:
            raise InputError("a segment must have a start_s")
        if "preset" in data:
            raise InputError("a preset can be named here only where a folder of presets is known")
        times = {key: data[key] for key in TIMES if key in data}
        return cls(**times, changes={key: value for key, value in data.items() if key not in TIMES})

    def to_json(self) -> dict[str, Any]:
        """The inverse of `of`."""
        times = {"start_s": self.start_s, "stop_s": self.stop_s, "fade_s": self.fade_s}
        return {key: float(value) for key, value in times.items() if value is not None} | dict(self.changes)


def fixed_fields(cls: type, prefix: str = "") -> list[str]:
    """Names of the controls of a class that are one for the whole recording, with their way: `shaping.upper_window`."""
    fixed = []
    for name, kind in get_type_hints(cls).items():
        if isinstance(kind, type) and is_dataclass(kind):
            fixed += fixed_fields(kind, f"{prefix}{name}.")
        elif not _may_change(kind):
            fixed.append(prefix + name)
    return fixed


def merged(base: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form of a dataclass with some of its keys changed, objects within it key by key."""
    data = dict(to_json(base))
    for name, value in changes.items():
        own = getattr(base, name, None)
        data[name] = merged(own, value) if is_dataclass(own) and isinstance(value, Mapping) else value
    return data


def compiled(base: Any, characters: Sequence[tuple[Segment, Any]]) -> Any:
    """Controls, and segments with the controls that hold in them, in the order of time -> controls with tracks."""
    result = base
    for i, (segment, character) in enumerate(characters):
        result = spliced(result, segment.start_s, segment.fade_s, character)
        following = characters[i + 1][0].start_s if i + 1 < len(characters) else None
        if segment.stop_s is not None and segment.stop_s != following:
            result = spliced(result, segment.stop_s, segment.fade_s, base)
    return result


def spliced(before: Any, at_s: float, fade_s: float, after: Any) -> Any:
    """Controls (or objects within them) that are `before` until `at_s` and `after` from `fade_s` later on.

    What can't change over time is `before`'s.
    """
    changed: dict[str, Any] = {}
    for name, kind in get_type_hints(type(before)).items():
        old, new = getattr(before, name), getattr(after, name)
        if old == new:
            continue
        if isinstance(kind, type) and is_dataclass(kind):
            changed[name] = spliced(old, at_s, fade_s, new)
        elif name in NOTHING:
            changed[name] = _mixes(old, at_s, fade_s, new, NOTHING[name])
        elif name in LEFT_OUT:
            rest = LEFT_OUT[name]
            changed[name] = {
                key: _numbers(old.get(key, rest), at_s, fade_s, new.get(key, rest)) for key in {**old, **new}
            }
        elif _may_change(kind):
            old, new = (UNKNOWN_LEVEL if part is None else part for part in (old, new))
            changed[name] = _numbers(old, at_s, fade_s, new)
    return replace(before, **changed)


def _may_change(kind: Any) -> bool:
    parts = (kind, *get_args(kind))
    return Track in parts or MixTrack in parts or any(Track in get_args(part) for part in parts)


def _numbers(old: Any, at_s: float, fade_s: float, new: Any) -> Any:
    if old == new:
        return old
    before, after = (
        [(at, {"": value}) for at, value in (part.points if isinstance(part, Track) else ((0.0, float(part)),))]
        for part in (old, new)
    )
    return Track(tuple((at, value[""]) for at, value in _joined(before, at_s, fade_s, after)))


def _mixes(old: Any, at_s: float, fade_s: float, new: Any, nothing: str) -> MixTrack:
    before, after = (
        [
            (at, parts_of(value, nothing))
            for at, value in (part.points if isinstance(part, MixTrack) else ((0.0, part),))
        ]
        for part in (old, new)
    )
    return MixTrack(tuple(_joined(before, at_s, fade_s, after)))


_Knots = list[tuple[float, dict[str, float]]]


def _joined(old: _Knots, at_s: float, fade_s: float, new: _Knots) -> _Knots:
    until = at_s + fade_s
    begin = [(at_s, _value(old, at_s, before=True)), (until, _value(new, until, before=False))]
    return [knot for knot in old if knot[0] < at_s] + begin + [knot for knot in new if knot[0] > until]


def _value(knots: _Knots, at_s: float, *, before: bool) -> dict[str, float]:
    """What holds at a time; of a step at that very time what was `before` it, or what is behind."""
    earlier = [knot for knot in knots if (knot[0] < at_s if before else knot[0] <= at_s)]
    later = knots[len(earlier) :]
    if not earlier or not later:
        return (earlier[-1] if earlier else later[0])[1]
    (left, old), (right, new) = earlier[-1], later[0]
    share = (at_s - left) / (right - left) if right > left else 1.0
    return {name: old.get(name, 0.0) * (1 - share) + new.get(name, 0.0) * share for name in {**old, **new}}
