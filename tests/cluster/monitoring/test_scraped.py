"""A real Prometheus, with the configuration and the rules of this repository sped up, beside a real Ray: a dubbing run,
a training board and the service are scraped; every panel shows something; faults are seen, and their end."""

import asyncio
import json
import math
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import ray
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cluster.monitoring.dashboards import DASHBOARDS
from emotalk.audio import encode_wav
from emotalk.training.watchers import EpochRecord, StepRecord
from jobs.dub_config import DubConfig
from jobs.dub_run import dub
from jobs.progress import Progress, VideoProgress
from jobs.train_board import TrainingBoard
from serve_app.app import NAME, build
from serve_app.config import ServeConfig
from tests.cluster.monitoring.listed import FOLDER, listed
from tests.programs import answered, fetched, free_port, running
from tests.serve_app.live.clients import talking
from tests.small_model import murmur, save_small_model, write_murmur

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]

FASTER = 120  # minutes of the rules are half seconds here
SEEN_WITHIN_S = 120.0
BROKEN = 6
STEP = StepRecord(
    epoch=1,
    step=1,
    steps=10,
    number=1,
    losses={"total": 0.5},
    learning_rate=1e-3,
    audio_s=100.0,
    padding=0.1,
    waited_s=0.1,
    computed_s=1.0,
    gpu_bytes=0,
)


def faster(text: str) -> str:
    """Configuration or rules whose minutes pass in half seconds."""
    text = text.replace("_interval: 15s", "_interval: 1s")
    return re.sub(r"(?<=[\[ ])(\d+)m\b", lambda found: f"{int(found[1]) * 60_000 // FASTER}ms", text)


class Prometheus:
    """One that runs in a folder, and reads the addresses that are written there."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder
        self._started = time.time()

    def list_nodes(self, *addresses: str) -> None:
        """As Ray's head does it."""
        self._write("nodes.json", json.dumps([{"labels": {"job": "ray"}, "targets": addresses}]))

    def list_run(self, port: int) -> None:
        self._write("targets/dub/run.yml", yaml.safe_dump([{"targets": [f"127.0.0.1:{port}"]}]))

    def shown(self, expression: str) -> bool:
        """Whether the expression has had a value that is a number."""
        span = {"query": expression, "start": self._started, "end": time.time(), "step": "1"}
        found = json.loads(fetched(f"{self._url}/api/v1/query_range?{urlencode(span)}"))["data"]["result"]
        return any(not math.isnan(float(value)) for line in found for _, value in line["values"])

    def firing(self) -> set[str]:
        alerts = json.loads(fetched(f"{self._url}/api/v1/alerts"))["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def _write(self, name: str, text: str) -> None:
        new = self._folder / f"{name}.new"
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_text(text)
        new.rename(self._folder / name)


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus is installed")
    (tmp_path / "rules").mkdir()
    for name in ("recording.yml", "alerts.yml"):
        (tmp_path / "rules" / name).write_text(faster((FOLDER / "rules" / name).read_text(encoding="utf-8")))
    config = faster((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    nodes = str(tmp_path / "nodes.json")
    (tmp_path / "prometheus.yml").write_text(config.replace("/tmp/ray/prom_metrics_service_discovery.json", nodes))
    address = f"127.0.0.1:{free_port()}"
    one = Prometheus(f"http://{address}", tmp_path)
    one.list_nodes()
    (tmp_path / "targets" / "dub").mkdir(parents=True)
    command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    with running(command, tmp_path):
        answered(f"http://{address}/-/ready", "")
        yield one


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_small_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def service(ray_session: None, model: str) -> Iterator[str]:
    from ray import serve

    port = free_port()
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(build(ServeConfig(model=model, max_replicas=1)), name=NAME)
    yield f"127.0.0.1:{port}"
    serve.shutdown()


def until(true: Callable[[], bool], what: Callable[[], Any]) -> None:
    """Waits for it, and says how things are if it does not come."""
    end = time.monotonic() + SEEN_WITHIN_S
    while not true():
        assert time.monotonic() < end, what()
        threading.Event().wait(0.2)


def agent() -> str:
    node = ray.nodes()[0]
    return f"{node['NodeManagerAddress']}:{node['MetricsExportPort']}"


def ask(service: str) -> None:
    audio = {"audio": encode_wav(murmur(1.0))}
    assert httpx.post(f"http://{service}/v1/animations", files=audio, timeout=120).status_code == 200


async def _talk(url: str) -> None:
    async with talking(f"ws://{url}/v1/live") as client:
        await client.sound(murmur(1.0))
        await client.say({"type": "end"})
        await client.listen()


def test_panels_show_the_run_and_alerts_see_faults_and_their_end(
    prometheus: Prometheus, service: str, model: str, tmp_path: Path
) -> None:
    shelf = tmp_path / "shelf"
    for number in range(2):
        write_murmur(shelf / f"speech {number}.wav", 1.0, seed=number)
    for number in range(BROKEN):
        (shelf / f"broken {number}.wav").write_bytes(b"RIFF\x00")
    port = free_port()

    # Faults: a node that does not answer, a training that makes no further step, a shelf of damaged recordings.
    board = TrainingBoard.remote("run")
    ray.get(board.stepped.remote(STEP))
    ray.get(board.epoch_done.remote(EpochRecord(epoch=1, epochs=2, number=1, metrics={"validation_total": 0.5})))
    prometheus.list_nodes(agent(), f"127.0.0.1:{free_port()}")
    prometheus.list_run(port)
    ask(service)
    asyncio.run(_talk(service))
    faults, fired = {"NodeSilent", "TrainingStands", "DubbingFails"}, set[str]()

    def have_fired(wanted: set[str]) -> bool:
        fired.update(prometheus.firing())
        return wanted <= fired

    def hold(progress: Progress | VideoProgress) -> None:
        """The page of the metrics is there as long as the run: it ends when it has been seen."""
        if isinstance(progress, Progress) and progress.rejected == BROKEN:
            until(lambda: have_fired({"DubbingFails"}), lambda: fired)

    report = dub(
        DubConfig(
            inputs=(str(shelf),),
            output=str(tmp_path / "faces"),
            model=model,
            workers=1,
            max_failed=str(BROKEN),
            metrics_port=port,
        ),
        hold,
    )
    assert len(report.rows_of("failed")) == BROKEN
    until(lambda: have_fired(faults), lambda: fired)

    ask(service)  # once more: a rate needs a counter that is known already
    panels = [panel for dashboard in DASHBOARDS for panel in dashboard.panels if not panel.gpu]
    empty = {query.expr for panel in panels for query in panel.queries}

    def all_shown() -> bool:
        empty.difference_update([expression for expression in empty if prometheus.shown(expression)])
        return not empty

    until(all_shown, lambda: empty)

    own = listed(ray=False)
    for family in text_string_to_metric_families(fetched(f"http://{agent()}/metrics")):
        name = family.name + "_total" * (family.type == "counter")
        if name.startswith("ray_emotalk_"):
            assert family.type == own[name].type
            assert all(own[name].labels <= set(sample.labels) for sample in family.samples)

    # They are remedied: the node is no longer listed, the training ends; of the shelf nothing new fails.
    prometheus.list_nodes(agent())
    ray.kill(board)
    until(lambda: not faults & prometheus.firing(), prometheus.firing)
