"""A service with jobs over a real store; the cluster is one that a test moves by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import count

import pytest
from starlette.types import ASGIApp

from emotalk.dubbing.progress import ProgressFile, RunProgress
from emotalk.dubbing.report import ANIMATED, FAILED, ReportWriter, Row
from emotalk.inference.animator import Animator
from serve_app.api import build_api
from serve_app.config import ServeConfig
from serve_app.jobs.book import JobBook
from serve_app.jobs.desk import JobDesk
from serve_app.jobs.runner import ClusterError, Run
from tests.s3 import S3Server
from tests.serve_app.conftest import LIMITS, Ask, LocalModel, asking

BUCKETS = count()


class HandCluster:
    """`Runner` whose runs are as a test says. away: it does not answer."""

    def __init__(self) -> None:
        self.commands: dict[str, list[str]] = {}
        self.runs: dict[str, Run] = {}
        self.away = False

    def submit(self, name: str, command: Sequence[str]) -> None:
        self._answer()
        self.commands.setdefault(name, list(command))
        self.runs.setdefault(name, Run("waiting"))

    def look(self, name: str) -> Run | None:
        self._answer()
        return self.runs.get(name)

    def stop(self, name: str) -> None:
        self._answer()

    def now(self, state: Run) -> None:
        """All runs are so."""
        self.runs = dict.fromkeys(self.runs, state)

    def _answer(self) -> None:
        if self.away:
            raise ClusterError("it is away")


@dataclass
class Service:
    app: ASGIApp
    ask: Ask
    cluster: HandCluster
    bucket: str
    config: ServeConfig

    @property
    def output(self) -> str:
        return f"{self.bucket}/faces/whale"

    @property
    def order(self) -> dict[str, object]:
        return {"inputs": [f"{self.bucket}/shelf"], "output": self.output}

    @property
    def run(self) -> str:
        """The name of the latest run."""
        return list(self.cluster.commands)[-1]

    def dub(self, *rows: Row, state: str = "finished") -> None:
        """What the latest run would write to its output."""
        if not rows:
            rows = (Row(uri="s3://a", state=ANIMATED, seconds=7200.0), Row(uri="s3://b", state=FAILED, reason="silent"))
        failed = sum(row.state == FAILED for row in rows)
        counts = {"recordings": len(rows), "done": len(rows) - failed, "failed": failed}
        with ProgressFile(self.output, self.run) as file:
            if state != "running":
                with ReportWriter(self.output) as report:
                    for row in rows:
                        report.add(row)
            file.tell(
                RunProgress(state=state, audio_s=3600.0, planned_audio_s=7200.0, speed=60.0, left_s=60.0, **counts)
            )


@pytest.fixture
def served(s3_server: S3Server, animator: Animator) -> Callable[..., Service]:
    """A service with jobs; `again` starts it anew over the same store, with another cluster."""

    def serve(again: Service | None = None, **settings: object) -> Service:
        bucket = s3_server.make_bucket(f"jobs{next(BUCKETS)}") if again is None else again.bucket
        config = replace(
            LIMITS, uri_prefixes=(f"{bucket}/shelf", "https://a.example"), jobs_output=f"{bucket}/faces", **settings
        )
        cluster = HandCluster()
        desk = JobDesk(config, JobBook(f"{bucket}/faces"), cluster, {"default": "/models/lite"})
        app = build_api(config, {"default": LocalModel(animator)}, desk)
        return Service(app, asking(app), cluster, bucket, config)

    return serve


@pytest.fixture
def service(served: Callable[..., Service]) -> Service:
    return served()
