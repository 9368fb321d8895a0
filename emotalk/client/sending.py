"""What a request sends: in memory, so that it can be sent again."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import httpx

from emotalk.controls import Controls
from emotalk.files import local_path

Audio = str | os.PathLike[str] | bytes | IO[bytes]
File = tuple[str, tuple[str, bytes]]  # the field, the file's name and content


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A body of JSON, or a form of files, fields and controls; without any of these nothing is sent."""

    method: str | None = None
    json: Mapping[str, Any] | None = None
    files: Sequence[File] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    controls: Controls | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def request(self, http: httpx.AsyncClient, path: str, query: Mapping[str, str]) -> httpx.Request:
        """By default POST for what has a body, GET for what has none."""
        body: dict[str, Any] = {}
        if self.json is not None:
            body["json"] = self.json
        elif self.files:
            controls = {"controls": json.dumps(self.controls.to_dict())} if self.controls else {}
            body |= {"files": self.files, "data": {**self.fields, **controls}}
        method = self.method or ("POST" if body else "GET")
        return http.build_request(method, path, params=query, headers=self.headers, **body)


def recording(audio: Audio | None, uri: str | None, controls: Controls | None) -> Sent:
    """One recording, as a file or by URI, and how its face should speak."""
    if (audio is None) == (uri is None):
        raise ValueError("give either audio or a uri")
    if uri is not None:
        return Sent(json={"uri": uri, **in_json(controls)})
    assert audio is not None
    return Sent(files=[("audio", ("audio", content_of(audio)))], controls=controls)


def in_json(controls: Controls | None) -> dict[str, Any]:
    """Controls as a part of a body of JSON."""
    return {"controls": controls.to_dict()} if controls else {}


def content_of(audio: Audio) -> bytes:
    if isinstance(audio, bytes):
        return audio
    if isinstance(audio, str | os.PathLike):
        return Path(local_path(audio)).read_bytes()
    return audio.read()


def named(model: str | None) -> dict[str, str]:
    """The model as a part of a query."""
    return {} if model is None else {"model": model}
