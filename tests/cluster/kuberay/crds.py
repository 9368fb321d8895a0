"""Kubernetes' custom resource definitions as JSON schemas in which no key may be unknown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

# Kubernetes itself says what stands here; a definition leaves it open.
OBJECT_META = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", "maxLength": 253},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
KEPT = ("required", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "format")
WHOLE = {"int32": 2**31, "int64": 2**63}  # the API server refuses numbers beyond these


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """-> JSON schema for an openAPIV3Schema: what the API server prunes or refuses is an error.

    Objects with properties know no others, unless they say so; `x-kubernetes-int-or-string`, `nullable`, the size of
    whole numbers, and items that must differ in their keys (kept as `x-kubernetes-list-map-keys`) are understood.
    """
    result: dict[str, Any] = {key: schema[key] for key in KEPT if key in schema}
    if schema.get("x-kubernetes-int-or-string"):
        return result | {"type": ["integer", "string"]}
    if "type" in schema:
        result["type"] = [schema["type"], "null"] if schema.get("nullable") else schema["type"]
    if schema.get("format") in WHOLE:
        border = WHOLE[schema["format"]]
        result |= {"minimum": schema.get("minimum", -border), "maximum": schema.get("maximum", border - 1)}
    for kind in ("anyOf", "oneOf", "allOf"):
        if kind in schema:
            result[kind] = schema[kind]
    if "items" in schema:
        result["items"] = closed(schema["items"])
        if "x-kubernetes-list-map-keys" in schema:
            result["x-kubernetes-list-map-keys"] = schema["x-kubernetes-list-map-keys"]
    if "properties" in schema:
        result["properties"] = {name: closed(part) for name, part in schema["properties"].items()}
        if not schema.get("x-kubernetes-preserve-unknown-fields"):
            result["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = closed(schema["additionalProperties"])
    return result


def _items_differ(_: Any, keys: list[str], items: Any, schema: dict[str, Any]) -> Iterator[jsonschema.ValidationError]:
    defaults = {name: part.get("default") for name, part in schema["items"].get("properties", {}).items()}
    seen = [tuple(item.get(key, defaults.get(key)) for key in keys) for item in items]
    for twice in {identity for identity in seen if seen.count(identity) > 1}:
        yield jsonschema.ValidationError(f"two items have the same {', '.join(keys)}: {twice}")


Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"x-kubernetes-list-map-keys": _items_differ})


def validator_of(definition: dict[str, Any], version: str) -> Any:
    """For resources of `version` of a custom resource definition."""
    (served,) = [entry for entry in definition["spec"]["versions"] if entry["name"] == version and entry["served"]]
    schema = closed(served["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = OBJECT_META
    return Validator(schema)


def load_definition(path: Path) -> dict[str, Any]:
    """One of a file; with the fast parser, these files have a megabyte."""
    return yaml.load(path.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
