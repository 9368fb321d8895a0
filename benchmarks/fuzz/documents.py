"""Requests that Schemathesis derives from the OpenAPI document: valid ones, at the borders of what is valid, and ones
that break it in one place or another."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

REQUEST = ("method", "url", "headers", "params", "data", "json", "files", "cookies")


def cases(document: Mapping[str, Any], count: int, number: int) -> list[bytes]:
    """About `count` requests as bytes; `number` is the seed. Operations without parameters have one request each."""
    schema = schemathesis.openapi.from_dict(dict(document))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    plain = [operation for operation in operations if not _varies(operation.definition.raw)]
    varied = [operation for operation in operations if operation not in plain]
    made: list[bytes] = []
    for operation in (*plain, *varied):
        # Most of what can be wrong is in bodies.
        share = 1 if operation in plain else max(1, count // (2 * len(varied)) * (2 if operation.body else 1))
        for mode in GenerationMode:
            made += _generated(operation.as_strategy(generation_mode=mode), share, number)
    return made


def _varies(definition: Mapping[str, Any]) -> bool:
    return bool(definition.get("parameters") or definition.get("requestBody"))


def _generated(strategy: Any, count: int, number: int) -> list[bytes]:
    found: list[bytes] = []

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: Any) -> None:
        found.append(_written(case.as_transport_kwargs(base_url="http://127.0.0.1")))

    with suppress(Unsatisfiable):  # nothing can be broken where nothing is asked for
        collect()
    return found


def _written(asked: Mapping[str, Any]) -> bytes:
    request = requests.Request(**{name: asked[name] for name in REQUEST if name in asked}).prepare()
    given: Any = request.body or b""
    body: bytes = given.encode() if isinstance(given, str) else given
    lines = [f"{request.method} {request.path_url} HTTP/1.1", "Host: 127.0.0.1", "Connection: close"]
    headers = {name: value for name, value in request.headers.items() if name.lower() not in ("connection", "host")}
    for name, value in headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        lines.append(f"{name}: {text}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace") + body
