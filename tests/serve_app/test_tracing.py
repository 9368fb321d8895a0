"""Traces of requests in this process; tests/serve_app/test_service.py has those that reach a replica."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from serve_app.api import build_api
from serve_app.config import ServeConfig
from tests.serve_app.collector import Collector, collecting
from tests.serve_app.conftest import LIMITS, Ask, LocalModel, asking
from tests.serve_app.recordings import wav

PATH = "/v1/animations"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


@pytest.fixture(scope="module")
def ask_traced(animator: Animator, collector: Collector) -> Ask:
    return asking(build_api(replace(LIMITS, traces=collector.url), {"default": LocalModel(animator)}))


def test_a_request_goes_on_with_its_clients_trace(ask_traced: Ask, collector: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x-request-id": "mine"}
    assert ask_traced("POST", PATH, files={"audio": wav(0.3)}, headers=headers).status_code == 200
    spans = collector.spans(TRACE, {f"POST {PATH}", "decode", "write"})
    whole = spans[f"POST {PATH}"]
    assert whole.parent == PARENT
    assert whole.part == "emotalk-ingress"
    assert whole.attributes["emotalk.request_id"] == "mine"
    assert whole.attributes["http.response.status_code"] == 200
    assert spans["decode"].parent == spans["write"].parent == whole.id
    assert whole.start_ns <= spans["decode"].start_ns <= spans["decode"].end_ns <= spans["write"].start_ns
    assert spans["write"].end_ns <= whole.end_ns
    assert spans["write"].attributes["format"] == "json"


@pytest.mark.parametrize("given", ["", "00-1-2-3", f"00-{'0' * 32}-{PARENT}-01", "ÿ"])
def test_a_broken_trace_is_none(ask_traced: Ask, given: str) -> None:
    headers = {"traceparent": given.encode("latin-1")}
    assert ask_traced("GET", "/v1/limits", headers=headers).status_code == 200


def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    line = (
        "import sys, serve_app.guard as guard; from serve_app.config import ServeConfig; "
        "guard.Guard(None, ServeConfig()); sys.exit(any('opentelemetry.exporter' in name for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", line], check=True, timeout=60)


@pytest.mark.parametrize("url", ["collector:4318", "grpc://collector:4317", "http://"])
def test_what_is_no_collector_is_named(url: str) -> None:
    with pytest.raises(InputError, match="collector"):
        ServeConfig(traces=url)


def test_the_extra_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    with pytest.raises(InputError, match=r"pip install 'emotalk\[tracing\]'"):
        ServeConfig(traces="http://collector:4318")
