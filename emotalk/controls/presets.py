"""A preset: a character in a YAML (or JSON) file, with the keys of `Controls`, a name and a description."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from emotalk.controls.controls import Controls
from emotalk.errors import InputError
from emotalk.files import open_source

FOLDER = "EMOTALK_PRESETS"
SUFFIXES = (".yaml", ".yml", ".json")
MAX_BYTES = 2**22
MAX_DEPTH = 50


@dataclass(frozen=True, kw_only=True)
class Preset:
    """changes: the controls that it sets, as JSON has them."""

    name: str
    description: str
    changes: Mapping[str, Any]

    @property
    def controls(self) -> Controls:
        return Controls.from_dict(self.changes)


def load_preset(preset: str) -> Preset:
    """A file or URI, or a name: NAME.yaml in the folder that $EMOTALK_PRESETS names. InputError names the file."""
    return _load(preset, for_segment=False)


def _load(preset: str, *, for_segment: bool) -> Preset:
    place = _place(preset)
    data = load_yaml(place)
    if not isinstance(data, Mapping):
        raise InputError("a preset must be a mapping of controls", source=place)
    told = {key: data.get(key, "") for key in ("name", "description")}
    if not all(isinstance(text, str) for text in told.values()):
        raise InputError("name and description must be texts", source=place)
    changes = {key: value for key, value in data.items() if key not in told}
    try:
        if for_segment and "segments" in changes:
            raise InputError("the preset of a segment has no segments of its own")
        changes = with_presets(changes)
        Controls.from_dict(changes)
    except InputError as error:
        raise InputError(str(error), source=place) from error
    return Preset(name=told["name"] or PurePosixPath(place).stem, description=told["description"], changes=changes)


def with_presets(data: Mapping[str, Any]) -> dict[str, Any]:
    """Controls as JSON has them, the presets that their segments name being put in their places."""
    segments = data.get("segments")
    if not isinstance(segments, list):
        return dict(data)
    return {**data, "segments": [_with_preset(segment) for segment in segments]}


def layered(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Controls as JSON has them, of a preset say, changed by others; `shaping` is changed key by key."""
    data = {**below, **above}
    shapings = below.get("shaping"), above.get("shaping")
    if all(isinstance(shaping, Mapping) for shaping in shapings):
        data["shaping"] = {**below["shaping"], **above["shaping"]}
    return data


def load_yaml(place: str) -> Any:
    """What is in a YAML or JSON file; InputError names it."""
    import yaml

    with open_source(place) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise InputError(f"more than {MAX_BYTES} bytes", source=place)
    try:
        return json.loads(content) if place.endswith(".json") else _yaml_of(content)
    except InputError as error:
        raise InputError(error.reason, source=place) from None
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise InputError(f"is no {'JSON' if place.endswith('.json') else 'YAML'}: {error}", source=place) from error


def _yaml_of(content: bytes) -> Any:
    """What YAML says. InputError where a few bytes would become much: aliases of aliases, thousands of brackets."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is ten times faster, where it was built
    depth = 0
    for event in yaml.parse(content, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            raise InputError(f"*{event.anchor}, line {event.start_mark.line + 1}: write out what it stands for")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise InputError(f"line {event.start_mark.line + 1} is more than {MAX_DEPTH} levels deep")
    return yaml.load(content, Loader=loader)


def _with_preset(segment: Any) -> Any:
    if not isinstance(segment, Mapping) or "preset" not in segment:
        return segment
    rest = {key: value for key, value in segment.items() if key != "preset"}
    if not isinstance(segment["preset"], str):
        raise InputError("preset must be a file or a name")
    return layered(_load(segment["preset"], for_segment=True).changes, rest)


def _place(preset: str) -> str:
    if not preset:
        raise InputError("a preset's name is empty")
    if preset.endswith(SUFFIXES):
        return preset
    folder = os.environ.get(FOLDER)
    if not folder:
        raise InputError(f"a preset's name needs a folder of presets, see ${FOLDER}; a file ends in {SUFFIXES[0]}")
    return f"{folder.rstrip('/')}/{preset}.yaml"
