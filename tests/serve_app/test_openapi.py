"""The OpenAPI document says what the service does."""

from dataclasses import fields, replace
from typing import Any

import jsonschema
import pytest

from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from serve_app.answers import ANSWERS
from serve_app.api import build_api
from serve_app.jobs.book import JobBook
from serve_app.jobs.desk import JobDesk
from tests.serve_app.conftest import LIMITS, Ask, LocalModel, asking
from tests.serve_app.jobs.conftest import HandCluster
from tests.serve_app.recordings import wav


@pytest.fixture
def document(animator: Animator) -> dict[str, Any]:
    """Of a service with everything that can be configured. No store and no cluster is asked for it."""
    config = replace(LIMITS, uri_prefixes=("s3://a/shelf",), jobs_output="s3://a/faces")
    desk = JobDesk(config, JobBook("s3://a/faces"), HandCluster(), {})
    ask = asking(build_api(config, {"default": LocalModel(animator)}, desk))
    body: dict[str, Any] = ask("GET", "/openapi.json").json()
    return body


def resolved(node: Any, document: dict[str, Any]) -> Any:
    """The node with every reference into the components replaced by what it points to."""
    if isinstance(node, dict):
        if "$ref" in node:
            target = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            return resolved(target, document)
        return {key: resolved(value, document) for key, value in node.items()}
    return [resolved(item, document) for item in node] if isinstance(node, list) else node


def test_requests_and_answers_are_described(document: dict[str, Any]) -> None:
    create = resolved(document["paths"]["/v1/animations"]["post"], document)
    body = create["requestBody"]["content"]["multipart/form-data"]
    assert body["schema"]["properties"].keys() == {"audio", "controls", "emotion_audio"}
    assert body["schema"]["properties"]["controls"]["properties"].keys() == {f.name for f in fields(Controls)}
    assert create["responses"]["200"]["content"].keys() == {
        *(answer.media_type for answer in ANSWERS),
        "application/x-ndjson",
    }
    assert create["parameters"][0]["schema"]["enum"] == [*(answer.name for answer in ANSWERS), "ndjson"]
    assert {"400", "406", "413", "415", "429", "500", "503"} <= create["responses"].keys()
    assert "422" not in create["responses"]


def test_every_error_is_a_problem_with_an_example(document: dict[str, Any]) -> None:
    problem = document["components"]["schemas"]["Problem"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"], (method, path)
            for status, response in operation["responses"].items():
                assert response["description"]
                if int(status) >= 400:
                    content = response["content"]["application/problem+json"]
                    assert content["examples"]
                    for example in content["examples"].values():
                        jsonschema.validate(example["value"], problem)
                        assert example["value"]["status"] == int(status)


def test_bodies_and_answers_have_examples(document: dict[str, Any]) -> None:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not path.startswith("/v1/jobs"):
                continue
            for told in (operation.get("requestBody"), *operation["responses"].values()):
                for content in resolved((told or {}).get("content", {}), document).values():
                    examples = [content.get("example"), *(one["value"] for one in content.get("examples", {}).values())]
                    assert any(examples) or content["schema"]["format"] == "binary", (method, path)
                    for example in examples:
                        if isinstance(example, dict) and "manifest" not in example:
                            jsonschema.validate(example, content["schema"])


def test_schemas_are_valid_and_hold_for_real_answers(ask: Ask, document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(ask("POST", "/v1/animations", files={"audio": wav(0.3)}).json(), schemas["Animation"])
    jsonschema.validate(ask("GET", "/nothing").json(), schemas["Problem"])
    content = document["paths"]["/v1/animations"]["post"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(content["example"], schemas["Animation"])
    jsonschema.validate(schemas["Controls"]["example"], schemas["Controls"])
    Controls.from_dict(schemas["Controls"]["example"])


def test_the_controls_schema_draws_the_same_borders_as_the_controls(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["Controls"]
    for field in fields(Controls):
        described = schema["properties"][field.name]
        assert described["description"]
        assert described["default"] == Controls().to_dict()[field.name]
        described = {**described, **described.get("anyOf", [{}])[0]}
        for bound, step in (("minimum", -1), ("maximum", 1)):
            if bound in described:
                Controls.from_dict({field.name: described[bound]})
                with pytest.raises(InputError):
                    Controls.from_dict({field.name: described[bound] + step})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"unknown": 1}, schema)
