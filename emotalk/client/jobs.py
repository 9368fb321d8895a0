"""Dubbing jobs of a service: `client.jobs`. What waits and tries again is the client's."""

import asyncio
import json
import os
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from emotalk.client.sending import Sent, in_json, named
from emotalk.controls import Controls
from emotalk.files import local_path

PATH = "/v1/jobs"
ACTIVE = ("queued", "running", "cancelling")

T = TypeVar("T")


@dataclass(frozen=True)
class Job:
    """What the service says of a job, see its /docs. state: `queued`, `running`, `cancelling`, `succeeded`, `failed`,
    `cancelled`, or `interrupted`: its run was lost; `submit` with the same key goes on. total: recordings, None until
    they are counted. errors: URI and reason of recordings that failed, once it is over."""

    id: str
    state: str
    output: str
    reason: str | None
    total: int | None
    done: int
    failed: int
    hours: float | None
    hours_done: float
    speed: float | None
    time_left_s: float | None
    errors: tuple[tuple[str, str], ...]
    has_report: bool

    @property
    def is_over(self) -> bool:
        """Nothing of it runs, or waits to."""
        return self.state not in ACTIVE

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Job":
        items, hours = data["items"], data["hours"]
        return cls(
            id=data["id"],
            state=data["state"],
            output=data["output"],
            reason=data["reason"],
            total=items["total"],
            done=items["done"],
            failed=items["failed"],
            hours=hours["total"],
            hours_done=hours["done"],
            speed=data["speed"],
            time_left_s=data["time_left_s"],
            errors=tuple((error["uri"], error["reason"]) for error in data["errors"]),
            has_report=data["report"] is not None,
        )


class Asking(Protocol):
    """A request that is repeated until it has a good answer -> the answer's bytes."""

    def __call__(self, path: str, sent: Sent, query: Mapping[str, str]) -> Awaitable[bytes]: ...


class Waiting(Protocol):
    """Has something done on an event loop, and waits for it."""

    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


class AsyncJobs:
    """Jobs of one service."""

    def __init__(self, ask: Asking) -> None:
        self._ask = ask

    async def submit(
        self,
        output: str,
        inputs: Sequence[str] = (),
        *,
        manifest: str | os.PathLike[str] | None = None,
        formats: Sequence[str] = (),
        controls: Controls | None = None,
        emotion_uri: str | None = None,
        model: str | None = None,
        key: str | None = None,
    ) -> Job:
        """Has recordings dubbed: of `inputs` (URIs of recordings, folders, patterns) or of a manifest, a local .csv or
        .jsonl. output: URI of a folder.

        key: a name of one's own for this order; sent again, later or elsewhere, it is the same job. Without one it gets
        one here, so that a repeated request begins nothing twice.
        """
        if (manifest is None) == (not inputs):
            raise ValueError("give either inputs or a manifest")
        data: dict[str, Any] = {"output": output}
        if formats:
            data["formats"] = list(formats)
        if emotion_uri is not None:
            data["emotion_uri"] = emotion_uri
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        if manifest is None:
            sent = Sent(json={**data, "inputs": list(inputs), **in_json(controls)}, headers=headers)
        else:
            path = Path(local_path(manifest))
            file = ("manifest", (path.name, path.read_bytes()))
            sent = Sent(files=[file], fields=data, controls=controls, headers=headers)
        return Job.of(json.loads(await self._ask(PATH, sent, named(model))))

    async def list(self) -> list[Job]:
        """The latest first."""
        return [Job.of(data) for data in json.loads(await self._ask(PATH, Sent(), {}))["jobs"]]

    async def get(self, id: str) -> Job:
        return Job.of(json.loads(await self._ask(f"{PATH}/{id}", Sent(), {})))

    async def wait(self, id: str, *, every_s: float = 2.0, until: Callable[[Job], bool] = lambda job: False) -> Job:
        """The job when it is over, or `until` says so, which is asked about it every so many seconds."""
        while True:
            job = await self.get(id)
            if until(job) or job.is_over:
                return job
            await asyncio.sleep(every_s)

    async def cancel(self, id: str) -> Job:
        """What is finished stays."""
        return Job.of(json.loads(await self._ask(f"{PATH}/{id}", Sent(method="DELETE"), {})))

    async def report(self, id: str, format: str = "html") -> bytes:
        """A page for people (html) or a table (parquet) of what became of every recording."""
        return await self._ask(f"{PATH}/{id}/report", Sent(), {"format": format})


class Jobs:
    """As `AsyncJobs`, for programs without an event loop."""

    def __init__(self, jobs: AsyncJobs, wait: Waiting) -> None:
        self._jobs, self._wait = jobs, wait

    def submit(
        self,
        output: str,
        inputs: Sequence[str] = (),
        *,
        manifest: str | os.PathLike[str] | None = None,
        formats: Sequence[str] = (),
        controls: Controls | None = None,
        emotion_uri: str | None = None,
        model: str | None = None,
        key: str | None = None,
    ) -> Job:
        return self._wait(
            self._jobs.submit(
                output,
                inputs,
                manifest=manifest,
                formats=formats,
                controls=controls,
                emotion_uri=emotion_uri,
                model=model,
                key=key,
            )
        )

    def list(self) -> list[Job]:
        return self._wait(self._jobs.list())

    def get(self, id: str) -> Job:
        return self._wait(self._jobs.get(id))

    def wait(self, id: str, *, every_s: float = 2.0, until: Callable[[Job], bool] = lambda job: False) -> Job:
        return self._wait(self._jobs.wait(id, every_s=every_s, until=until))

    def cancel(self, id: str) -> Job:
        return self._wait(self._jobs.cancel(id))

    def report(self, id: str, format: str = "html") -> bytes:
        return self._wait(self._jobs.report(id, format))
