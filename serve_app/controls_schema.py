"""The JSON schema of Controls: what is said of each beside its type; the borders are those that `Controls` checks."""

from dataclasses import is_dataclass
from typing import Any, get_args, get_type_hints

from emotalk.controls import Controls, MixTrack, Segment, Track
from emotalk.controls.codec import to_json
from emotalk.controls.controls import MAX_EMOTION_SMOOTHING_S, MAX_SEGMENTS, MAX_STYLE, SEEDS
from emotalk.controls.shaping import MAX_WINDOW

DESCRIPTIONS: dict[str, tuple[str, tuple[float, float] | None]] = {
    "emotion": (
        "A label of the model, a mix of labels, either over time, or null for the emotion that is heard.",
        None,
    ),
    "blend": ("Between the emotion that is heard, 0, and the one asked for, 1.", (0, 1)),
    "emotion_from": ("Always null here: send the other recording as emotion_audio or emotion_uri.", None),
    "emotion_fit": (
        "The recording emotion_audio is repeated, or stretched to the length of this one.",
        None,
    ),
    "emotion_smoothing_s": ("What is heard is the mean of the last so many seconds.", (0, MAX_EMOTION_SMOOTHING_S)),
    "confidence": ("Where the emotion is heard less surely than this, it fades to neutral. 0: never.", (0, 1)),
    "intensity": ("How strongly the emotion shows: 0 neutral, 1 as heard or as the label.", (0, 3)),
    "level": ("Trained level from 0 (normal) to 1 (strong); null: half of both.", (0, 1)),
    "style": ("Index of a training speaker, a mix of indices, either over time, or null for no style.", None),
    "smoothing": ("Smoothing over time: 0 none, 1 all of it.", (0, 1)),
    "silence_gate": ("How far the mouth rests while the recording is silent.", (0, 1)),
    "blinks_per_minute": ("0 for none.", (0, 60)),
    "seed": ("Chooses when the eyes blink, where they look, how the head sways.", SEEDS),
    "tail_s": ("Seconds appended behind the recording, in which the face comes to rest.", (0, 10)),
    "shaping": ("How the face moves besides what the network says of it.", None),
    "segments": ("Parts that are spoken otherwise, in the order of time.", None),
    "shaping.gain": ("Factors by coefficient, both sides of one, or group.", (0, 10)),
    "shaping.offset": ("Added by name behind the gain.", (-1, 1)),
    "shaping.minimum": ("What a coefficient never falls below, by name.", (0, 1)),
    "shaping.maximum": ("What a coefficient never exceeds, by name.", (0, 1)),
    "shaping.upper_face": ("Strength of brows, eyes, cheeks and nose.", (0, 3)),
    "shaping.lower_face": ("Strength of jaw, mouth and tongue.", (0, 3)),
    "shaping.lip_close": ("Lips that nearly meet do: 0 as they come, 1 most.", (0, 1)),
    "shaping.eyelid": ("Lids as they rest: up to 1 more closed, down to -1 wider open.", (-1, 1)),
    "shaping.upper_smoothing": ("Share of smoothing that the upper face and the head get.", (0, 1)),
    "shaping.lower_smoothing": ("Share of smoothing that the lower face gets.", (0, 1)),
    "shaping.upper_window": ("Smoothing window of upper face and head in frames, odd.", (3, MAX_WINDOW)),
    "shaping.lower_window": ("Smoothing window of the lower face in frames, odd.", (3, MAX_WINDOW)),
    "shaping.smoothing_order": ("Order of the polynomials that smooth, below both windows.", (0, 5)),
    "shaping.silence_dbfs": ("Frames below this loudness are silent.", (-120, 0)),
    "shaping.blink_variety": ("0: blinks like a clock's. 1: like people's.", (0, 1)),
    "shaping.gaze": ("Small movements of the eyes.", (0, 2)),
    "shaping.sway": ("Slow movement of the head.", (0, 3)),
}
EXAMPLE = {
    "emotion": {"happy": 0.7, "surprised": 0.3},
    "intensity": [[0, 1], [2.5, 1.5]],
    "blinks_per_minute": 12,
    "segments": [{"start_s": 12.5, "stop_s": 15, "fade_s": 0.2, "emotion": "angry", "intensity": 2}],
}


def controls_schema() -> dict[str, Any]:
    schema = _object(Controls, "")
    schema["example"] = EXAMPLE
    schema["description"] = (
        "How the face should speak; what is left out takes its default. A number may be a track, "
        "[[seconds, number], …], with straight lines between its points."
    )
    return schema


def _object(cls: type, prefix: str) -> dict[str, Any]:
    kinds = get_type_hints(cls)
    defaults = to_json(cls())
    properties = {name: _property(kind, prefix + name, defaults[name]) for name, kind in kinds.items()}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _property(kind: Any, way: str, default: Any) -> dict[str, Any]:
    description, borders = DESCRIPTIONS[way]
    told = {"description": description, "default": default}
    if isinstance(kind, type) and is_dataclass(kind):
        return {**_object(kind, f"{way}."), **told}
    parts = get_args(kind)
    between = {} if borders is None else {"minimum": borders[0], "maximum": borders[1]}
    if MixTrack in parts:
        return {"anyOf": _mixes(str in parts), **told}
    if Segment in parts:
        return {"type": "array", "maxItems": MAX_SEGMENTS, "items": _segment(), **told}
    if Track in parts:
        nothing = [{"type": "null"}] if type(None) in parts else []
        return {"anyOf": [*_numbers(between), *nothing], **told}
    if any(Track in get_args(part) for part in parts):
        return {"type": "object", "additionalProperties": {"anyOf": _numbers(between)}, **told}
    if way == "emotion_from":
        return {"type": "null", **told}
    if way == "emotion_fit":
        return {"enum": list(parts), **told}
    return {"type": "integer" if kind is int else "number", **between, **told}


def _numbers(between: dict[str, float]) -> list[dict[str, Any]]:
    number = {"type": "number", **between}
    return [number, {"type": "array", **_points([{"type": "number"}, number])}]


def _points(point: list[dict[str, Any]]) -> dict[str, Any]:
    return {"minItems": 1, "items": {"type": "array", "prefixItems": point, "minItems": 2, "maxItems": 2}}


def _mixes(labels: bool) -> list[dict[str, Any]]:
    one = (
        {"type": "string", "examples": ["happy"]} if labels else {"type": "integer", "minimum": 0, "maximum": MAX_STYLE}
    )
    weights = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "number", "minimum": 0}}
    now = [one, weights, {"type": "null"}]
    return [*now, {"type": "array", **_points([{"type": "number"}, {"anyOf": now}])}]


def _segment() -> dict[str, Any]:
    second = {"type": "number", "minimum": 0}
    return {
        "type": "object",
        "required": ["start_s"],
        "description": "Besides its times any control that may change over time.",
        "properties": {"start_s": second, "stop_s": second, "fade_s": {**second, "maximum": 60, "default": 0.2}},
    }
