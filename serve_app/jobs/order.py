"""What a client wants dubbed: read from a request, and refused here where it cannot be begun.

Inputs and output lie in stores, under the prefixes that the service allows. What is given to the job, a manifest or
controls, was read here before, so that nothing in it names another place.
"""

import asyncio
import hashlib
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from emotalk.controls import Controls
from emotalk.dubbing.manifest import is_manifest, read_manifest
from emotalk.dubbing.naming import OWN_FOLDER
from emotalk.errors import InputError
from emotalk.files import suffix_of
from serve_app.answers import SERVED
from serve_app.problems import BAD_REQUEST, BAD_URI, BODY_TOO_LARGE, Problem
from serve_app.uploads import (
    JSON,
    MAX_CONTROLS_BYTES,
    body_kind,
    check_fields,
    check_known,
    controls_of,
    json_body,
    text_of,
)
from serve_app.uris import check_uri

FORMATS = tuple(known.name for known in SERVED)
DEFAULT_FORMATS = ("npz", "csv")
MAX_INPUTS = 50  # they stand in one command line
MAX_MANIFEST_BYTES = 16 * 2**20
MANIFESTS = (".csv", ".jsonl")  # texts: what is packed could unfold to anything
FIELDS = ("output", "formats", "controls", "emotion_uri")


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """An uploaded table of recordings, see `emotalk.dubbing.manifest`."""

    suffix: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Order:
    """inputs: URIs of recordings, folders, globs; or a manifest. output: URI of a folder. model: its name."""

    inputs: tuple[str, ...] = ()
    manifest: Manifest | None = None
    output: str
    formats: tuple[str, ...] = DEFAULT_FORMATS
    controls: Controls = field(default_factory=Controls)
    model: str

    @property
    def sha256(self) -> str:
        """The same for the same order alone."""
        said = {
            "inputs": self.inputs,
            "manifest": None if self.manifest is None else hashlib.sha256(self.manifest.content).hexdigest(),
            "output": self.output,
            "formats": self.formats,
            "controls": self.controls.to_dict(),
            "model": self.model,
        }
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class Orders:
    """Reads orders. readable: prefixes of recordings; output: the prefix of what jobs write."""

    def __init__(self, readable: Sequence[str], output: str) -> None:
        self._readable, self._output = readable, output

    async def received(self, request: Request, model: str) -> Order:
        """JSON with inputs, or a form with a manifest."""
        if body_kind(request, "manifest", "inputs") == JSON:
            data = await json_body(request)
            check_known(data, "inputs", *FIELDS)
            return self._order(data, model, inputs=self._inputs(data.get("inputs")))
        names = ("manifest", *FIELDS)
        most = len(FORMATS) + len(FIELDS)
        async with request.form(max_files=2, max_fields=most, max_part_size=MAX_CONTROLS_BYTES) as form:
            check_fields(form, names, several=("formats",))
            file = form.get("manifest")
            if not isinstance(file, UploadFile):
                raise Problem(BAD_REQUEST, "no file in the field manifest")
            data = {"controls": await text_of(form.get("controls")), "output": form.get("output")}
            if "formats" in form:
                data["formats"] = form.getlist("formats")
            if "emotion_uri" in form:
                data["emotion_uri"] = form["emotion_uri"]
            manifest = await _manifest(file)
            order = self._order(data, model, manifest=manifest)
        await asyncio.to_thread(self._check_rows, manifest)
        return order

    def _check_rows(self, manifest: Manifest) -> None:
        """A Problem names the row that cannot be. Takes seconds where there are many."""
        with tempfile.TemporaryDirectory(prefix="emotalk-") as folder:
            file = Path(folder) / f"manifest{manifest.suffix}"
            file.write_bytes(manifest.content)
            try:
                recordings = read_manifest(str(file), with_files=False)
            except InputError as error:
                raise Problem(BAD_REQUEST, f"manifest: {error.reason}") from error
        for recording in recordings:
            other = (recording.controls or {}).get("emotion_from")
            for uri in (recording.uri, *([] if other is None else [other])):
                try:
                    _stored(uri, self._readable, "recordings are read")
                except Problem as problem:
                    raise Problem(BAD_URI, f"manifest, the row of {recording.relative}: {problem.detail}") from problem

    def _order(self, data: dict[str, Any], model: str, **recordings: Any) -> Order:
        controls = controls_of(data.get("controls", {}))
        if (emotion := data.get("emotion_uri")) is not None:
            controls = replace(controls, emotion_from=_stored(emotion, self._readable, "recordings are read"))
        return Order(
            output=self._folder(data.get("output")),
            formats=_formats(data.get("formats", DEFAULT_FORMATS)),
            controls=controls,
            model=model,
            **recordings,
        )

    def _inputs(self, given: Any) -> tuple[str, ...]:
        if not isinstance(given, list) or not 0 < len(given) <= MAX_INPUTS:
            raise Problem(BAD_REQUEST, f"inputs must be a list of 1 to {MAX_INPUTS} URIs; for more send a manifest")
        inputs = tuple(_stored(uri, self._readable, "recordings are read") for uri in given)
        if listed := [uri for uri in inputs if is_manifest(uri)]:
            raise Problem(BAD_URI, f"{listed[0]} would be a manifest: send it in the field manifest of a form")
        return inputs

    def _folder(self, given: Any) -> str:
        where = "animations are written"
        output = _stored(given, (self._output,), where).rstrip("/")
        inside = output[len(self._output.rstrip("/")) + 1 :].split("/")
        if not all(inside) or any(part.startswith(OWN_FOLDER) for part in inside) or set(output) & set("*[]"):
            raise Problem(BAD_URI, f"{where} into folders below {self._output}, each job into one of its own")
        return output


def _stored(given: object, prefixes: Sequence[str], what: str) -> str:
    """The URI of something in a store. A job would follow redirects of http(s), to wherever they lead."""
    uri = check_uri(given, [prefix for prefix in prefixes if not prefix.startswith("http")], what)
    if "?" in uri:
        raise Problem(BAD_URI, "a job's URIs have no ?")
    return uri


def _formats(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not given or not all(isinstance(name, str) for name in given):
        raise Problem(BAD_REQUEST, "formats must be a list of at least one name")
    if unknown := [name for name in given if name not in FORMATS]:
        raise Problem(BAD_REQUEST, f"there is no format {unknown[0]!r}; there are {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(given))


async def _manifest(file: UploadFile) -> Manifest:
    suffix = suffix_of(file.filename or "")
    if suffix not in MANIFESTS:
        raise Problem(BAD_REQUEST, f"a manifest is called NAME{' or NAME'.join(MANIFESTS)}, not {file.filename!r}")
    content = await file.read(MAX_MANIFEST_BYTES + 1)
    if len(content) > MAX_MANIFEST_BYTES:
        raise Problem(BODY_TOO_LARGE, f"the manifest has more than {MAX_MANIFEST_BYTES} bytes")
    return Manifest(suffix=suffix, content=content)
