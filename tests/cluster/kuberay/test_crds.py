"""The closed schema itself: what a definition means to Kubernetes it must mean here."""

from typing import Any

import pytest

from tests.cluster.kuberay.crds import Validator, closed, validator_of

WORKERS = {
    "type": "object",
    "required": ["groups"],
    "properties": {
        "groups": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "count": {"type": "integer", "format": "int32", "minimum": 0},
                    "port": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    "maybe": {"type": "string", "nullable": True},
                },
            },
        }
    },
}


def valid(group: dict[str, Any]) -> bool:
    return bool(Validator(closed(WORKERS)).is_valid({"groups": [group]}))


@pytest.mark.parametrize(
    "group",
    [
        {"name": "a", "count": 3},
        {"port": 8000},
        {"port": "http"},
        {"labels": {"any": "text"}},
        {"anything": {"goes": [1]}},
        {"maybe": None},
    ],
    ids=str,
)
def test_what_kubernetes_takes_is_valid(group: dict[str, Any]) -> None:
    assert valid(group)


@pytest.mark.parametrize(
    "group",
    [
        {"names": "a"},
        {"count": "3"},
        {"count": -1},
        {"count": 2**31},
        {"port": 1.5},
        {"labels": {"number": 1}},
        {"name": None},
    ],
    ids=str,
)
def test_what_kubernetes_drops_or_refuses_is_not(group: dict[str, Any]) -> None:
    assert not valid(group)


def test_items_with_the_same_key_are_refused() -> None:
    validator = Validator(closed(WORKERS))
    assert validator.is_valid({"groups": [{"name": "a"}, {"name": "b"}]})
    assert not validator.is_valid({"groups": [{"name": "a"}, {"name": "a"}]})


def test_a_resource_is_checked_by_its_own_version() -> None:
    def version(name: str, *, served: bool) -> dict[str, Any]:
        properties = {"metadata": {"type": "object"}, "spec": WORKERS}
        schema = {"type": "object", "properties": properties}
        return {"name": name, "served": served, "schema": {"openAPIV3Schema": schema}}

    definition = {"spec": {"versions": [version("v1", served=True), version("v1alpha1", served=False)]}}
    validator = validator_of(definition, "v1")
    assert validator.is_valid({"metadata": {"name": "one"}, "spec": {"groups": []}})
    assert not validator.is_valid({"metadata": {"name": "one", "label": {}}, "spec": {"groups": []}})
    with pytest.raises(ValueError, match="not enough values"):
        validator_of(definition, "v1alpha1")
