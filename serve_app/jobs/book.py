"""The book of jobs: what was ordered, and how it ended, as small files below the prefix of all outputs.

OUTPUT/.emotalk/jobs/ID.json is a job, ID.end.json how it ended, ID.controls.json and ID.manifest.* what it was given.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from emotalk.corpus.store import Store
from emotalk.dubbing.naming import OWN_FOLDER
from serve_app.jobs.order import Order

FOLDER = f"{OWN_FOLDER}/jobs"
JOB, END, CONTROLS, MANIFEST = ".json", ".end.json", ".controls.json", ".manifest"
ID_BYTES = 10
ID = re.compile(f"[0-9a-f]{{{2 * ID_BYTES}}}")  # nothing else is looked for: other names are of other files


def id_of(key: str | None) -> str:
    """A new job's, or always the same for the same key."""
    return secrets.token_hex(ID_BYTES) if key is None else hashlib.sha256(key.encode()).hexdigest()[: 2 * ID_BYTES]


@dataclass(frozen=True, kw_only=True)
class Job:
    """order: its digest. created, begun: Unix times, of the job and of its latest run. run: number of that run.

    submitted: whether the cluster has taken that run. cancelled: whether somebody wants it no longer.
    """

    id: str
    order: str
    output: str
    inputs: tuple[str, ...]
    manifest: str | None
    formats: tuple[str, ...]
    controls: Mapping[str, Any] = field(default_factory=dict)
    model: str
    created: float
    begun: float
    run: int = 1
    submitted: bool = False
    cancelled: bool = False

    @property
    def run_name(self) -> str:
        """By which the cluster and the output's progress know the latest run."""
        return f"emotalk-{self.id}-{self.run}"


class JobBook:
    """location: the prefix below which all jobs write. Every call reads or writes the store: runs in a thread."""

    def __init__(self, location: str) -> None:
        self._store = Store(location)

    def ids(self) -> list[str]:
        """Of all jobs, in no order; one listing."""
        names = (name.rsplit("/", 1)[1].removesuffix(JOB) for name in self._store.names(FOLDER))
        return [name for name in names if ID.fullmatch(name)]

    def find(self, id: str) -> Job | None:
        data = self._read(id + JOB) if ID.fullmatch(id) else None
        if data is None:
            return None
        return Job(**data | {name: tuple(data[name]) for name in ("inputs", "formats")})

    def write(self, job: Job) -> None:
        self._write(job.id + JOB, json.dumps(asdict(job)).encode())

    def open(self, id: str, order: Order, now: float) -> Job:
        """A new job. What it is to be given is there before it is."""
        manifest = None
        if order.manifest is not None:
            manifest = f"{id}{MANIFEST}{order.manifest.suffix}"
            self._write(manifest, order.manifest.content)
        controls = order.controls.to_dict()
        self._write(id + CONTROLS, json.dumps(controls).encode())
        job = Job(
            id=id,
            order=order.sha256,
            output=order.output,
            inputs=order.inputs,
            manifest=manifest,
            formats=order.formats,
            controls=controls,
            model=order.model,
            created=now,
            begun=now,
        )
        self.write(job)
        return job

    def end(self, id: str) -> dict[str, Any] | None:
        """What was written down of the end of a job."""
        return self._read(id + END)

    def write_end(self, id: str, end: Mapping[str, Any]) -> None:
        self._write(id + END, json.dumps(end).encode())

    def place(self, name: str) -> str:
        """The URI of a file of the book."""
        return self._store.path(f"{FOLDER}/{name}")

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            data: dict[str, Any] = json.loads(self._store.read(f"{FOLDER}/{name}"))
        except FileNotFoundError:
            return None
        return data

    def _write(self, name: str, content: bytes) -> None:
        self._store.write(f"{FOLDER}/{name}", content)
