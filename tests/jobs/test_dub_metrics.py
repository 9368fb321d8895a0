"""Metrics of a dubbing run, read as Prometheus reads them: over HTTP, through a push gateway, by Prometheus itself."""

import json
import math
import shutil
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from emotalk.dubbing.findings import Finding
from emotalk.dubbing.report import ALREADY_DONE, ANIMATED, FAILED, IGNORED, Row
from emotalk.errors import InputError
from jobs.dub_config import DubConfig
from jobs.dub_metrics import DubMetrics, exported
from jobs.progress import Progress
from tests.programs import answered, fetched, free_port, running


def samples_of(text: str) -> dict[str, float]:
    """`name{label=value}` -> number."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@pytest.fixture
def metrics() -> DubMetrics:
    """Of a run that is half through."""
    metrics = DubMetrics(output="/faces", model="/model")
    metrics.plan(5, workers=2)
    for row in (
        Row(uri="a.wav", state=ALREADY_DONE),
        Row(uri="b.wav", state=ANIMATED, warnings=(Finding("music", 0, 1), Finding("quiet", 0, 1, -50))),
        Row(uri="c.wav", state=FAILED, failure="storage", reason="no space"),
        Row(uri="d.wav", state=FAILED, reason="?"),
        Row(uri="notes.txt", state=IGNORED),
    ):
        metrics.row(row)
    metrics.progress(progress(1_800, 3_600, 30), in_flight=1)
    return metrics


def progress(audio_s: float, planned_s: float, elapsed_s: float) -> Progress:
    return Progress(clips=0, rejected=0, audio_s=audio_s, planned_audio_s=planned_s, elapsed_s=elapsed_s)


EXPECTED = {
    "emotalk_dub_items_total{state=animated}": 1,
    "emotalk_dub_items_total{state=already done}": 1,
    "emotalk_dub_items_total{state=failed}": 2,
    "emotalk_dub_items_total{state=left}": 0,
    "emotalk_dub_items_planned": 5,
    "emotalk_dub_failures_total{reason=storage}": 1,
    "emotalk_dub_failures_total{reason=fault}": 1,
    "emotalk_dub_failures_total{reason=worker died}": 0,
    "emotalk_dub_warnings_total{kind=music}": 1,
    "emotalk_dub_warnings_total{kind=clipped}": 0,
    "emotalk_dub_audio_seconds_total": 1_800,
    "emotalk_dub_audio_planned_seconds": 3_600,
    "emotalk_dub_speed_ratio": 60,
    "emotalk_dub_seconds_left": 30,
    "emotalk_dub_parts_in_flight": 1,
    "emotalk_dub_workers": 2,
    "emotalk_dub_run_info{model=/model,output=/faces}": 1,
}


def test_a_scrape_sees_the_run(metrics: DubMetrics) -> None:
    with exported(metrics, host="127.0.0.1", port=0, gateway=None, run="/faces") as address:
        assert address is not None
        found = samples_of(fetched(address))
        assert {name: found[name] for name in EXPECTED} == EXPECTED
        assert 0 <= time.time() - found["emotalk_dub_last_progress_timestamp_seconds"] < 100
        assert "items_total{state=ignored}" not in found
    with pytest.raises(urllib.error.URLError):
        fetched(address)


def test_counters_never_fall_and_what_is_unknown_is_no_number() -> None:
    metrics = DubMetrics()
    with exported(metrics, host="127.0.0.1", port=0, gateway=None, run="") as address:
        assert address is not None
        assert math.isnan(samples_of(fetched(address))["emotalk_dub_seconds_left"])
        for audio_s in (100, 20, 90, 130):  # a board that was started again begins at nothing
            metrics.progress(progress(audio_s, 0, 10), in_flight=1)
            assert samples_of(fetched(address))["emotalk_dub_audio_seconds_total"] == max(audio_s, 100)
        assert math.isnan(samples_of(fetched(address))["emotalk_dub_seconds_left"])


def test_a_port_that_is_taken_is_an_input_error(metrics: DubMetrics) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        shown = exported(metrics, host="127.0.0.1", port=taken.getsockname()[1], gateway=None, run="")
        with pytest.raises(InputError, match="choose another port"), shown:
            pass


@pytest.mark.parametrize(
    "change",
    [
        {"push_gateway": "127.0.0.1:9091"},
        {"push_gateway": "ftp://host"},
        {"price_per_hour": -1.0},
        {"metrics_port": 70_000},
    ],
)
def test_options_that_cannot_be_are_refused(change: dict) -> None:
    with pytest.raises(InputError):
        DubConfig(inputs=("a.wav",), output="out", **change)


@contextmanager
def receiver() -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """An HTTP server that takes what is pushed -> its address and (method, path, text) of every request."""
    taken: list[tuple[str, str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            taken.append((self.command, self.path, self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_last_state_is_pushed_at_the_end(metrics: DubMetrics) -> None:
    with receiver() as (url, taken), exported(metrics, host="", port=None, gateway=url, run="/faces") as address:
        assert address is None
        metrics.row(Row(uri="e.wav", state=ANIMATED))
    method, path, text = taken[-1]
    assert method == "PUT"
    assert path.startswith("/metrics/job/emotalk_dub/run/")
    assert samples_of(text)["emotalk_dub_items_total{state=animated}"] == 2


def test_a_gateway_that_is_not_there_costs_a_line(metrics: DubMetrics, capsys: pytest.CaptureFixture[str]) -> None:
    with exported(metrics, host="", port=None, gateway="http://127.0.0.1:1", run=""):
        pass
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "http://127.0.0.1:1 does not take metrics" in said[0]


def test_a_real_push_gateway_takes_them(metrics: DubMetrics, tmp_path: Path) -> None:
    program = shutil.which("prometheus-pushgateway") or shutil.which("pushgateway")
    if program is None:
        pytest.skip("no prometheus-pushgateway is installed")
    url = f"http://127.0.0.1:{free_port()}"
    with running([program, f"--web.listen-address={url.removeprefix('http://')}"], tmp_path):
        answered(f"{url}/-/ready", "")
        for _ in range(2):  # a rerun replaces its own group
            with exported(metrics, host="", port=None, gateway=url, run="/faces"):
                pass
        text = fetched(f"{url}/metrics")
    lines = [line for line in text.splitlines() if line.startswith("emotalk_dub_audio_seconds_total")]
    assert len(lines) == 1
    assert 'job="emotalk_dub"' in lines[0]
    assert lines[0].endswith(" 1800")


def test_a_real_prometheus_reads_them(metrics: DubMetrics, tmp_path: Path) -> None:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus is installed")
    url = f"http://127.0.0.1:{free_port()}"
    with exported(metrics, host="127.0.0.1", port=0, gateway=None, run="") as address:
        assert address is not None
        target = address.removeprefix("http://").removesuffix("/metrics")
        job = {"job_name": "dub", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
        (tmp_path / "prometheus.yml").write_text(json.dumps({"scrape_configs": [job]}))
        listen = f"--web.listen-address={url.removeprefix('http://')}"
        with running([program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", listen], tmp_path):
            query = f"{url}/api/v1/query?query="
            found = json.loads(answered(f"{query}emotalk_dub_items_total", '"failed"'))["data"]["result"]
            states = {one["metric"]["state"]: float(one["value"][1]) for one in found}
            assert states == {"animated": 1, "already done": 1, "failed": 2, "left": 0}
            speed = json.loads(answered(f"{query}emotalk_dub_speed_ratio", '"value"'))["data"]["result"]
            assert [float(one["value"][1]) for one in speed] == [60]
