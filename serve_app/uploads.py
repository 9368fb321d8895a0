"""What a request asks for: its recordings, as uploaded files or URIs, and its controls; or a Problem that says what is
wrong with them."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from emotalk.controls import Controls
from emotalk.errors import InputError
from serve_app.problems import BAD_CONTROLS, BAD_REQUEST, BODY_TOO_LARGE, MEDIA_TYPE, Problem

MAX_CONTROLS_BYTES = 64 * 2**10
MAX_JSON_BYTES = 8 * 2**20
HALVES = re.compile("[\ud800-\udfff]")  # of characters: JSON's escapes can say them, no answer can be written with them
FORM, JSON = "multipart/form-data", "application/json"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One recording to animate: `audio` is a file on this machine, spooled to disk when large, gone when the request
    ends; or `uri` says where it lies. `emotion_audio`, `emotion_uri`: another one, whose emotion is shown instead."""

    audio: BinaryIO | None = None
    uri: str | None = None
    emotion_audio: BinaryIO | None = None
    emotion_uri: str | None = None
    controls: Controls = field(default_factory=Controls)


@dataclass(frozen=True, kw_only=True)
class BatchItem:
    """One of many; what is wrong with it is its own answer."""

    id: str
    asked: Asked | Problem


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[Asked]:
    """Reads a form with a file, or JSON with a URI. Files are closed and removed however the block ends, a client that
    goes away included."""
    if body_kind(request) == JSON:
        data = await json_body(request)
        check_known(data, "uri", "controls", "emotion_uri")
        yield _asked(data)
        return
    async with request.form(max_files=3, max_fields=2, max_part_size=MAX_CONTROLS_BYTES) as form:
        check_fields(form, ("audio", "controls", "emotion_audio"), several=())
        audio, other = form.get("audio"), form.get("emotion_audio")
        if not isinstance(audio, UploadFile):
            raise Problem(BAD_REQUEST, "no file in the field audio")
        if other is not None and not isinstance(other, UploadFile):
            raise Problem(BAD_REQUEST, "the field emotion_audio must be a file")
        yield Asked(
            audio=cast(BinaryIO, audio.file),
            controls=controls_of(await text_of(form.get("controls"))),
            emotion_audio=None if other is None else cast(BinaryIO, other.file),
        )


@asynccontextmanager
async def received_batch(request: Request, max_items: int) -> AsyncIterator[list[BatchItem]]:
    """JSON {"items": [{"id", "uri", "controls"}, …]}, or a form with many files named audio and controls for all."""
    if body_kind(request) == JSON:
        data = await json_body(request)
        check_known(data, "items", "format")
        entries = data.get("items")
        if not isinstance(entries, list) or not entries:
            raise Problem(BAD_REQUEST, "items must be a list of at least one object")
        if len(entries) > max_items:
            raise Problem(BODY_TOO_LARGE, f"more than {max_items} items", max_items=max_items)
        items = [_item(i, entry) for i, entry in enumerate(entries)]
        if len({item.id for item in items}) < len(items):
            raise Problem(BAD_REQUEST, "two items have the same id")
        yield items
        return
    async with request.form(max_files=max_items + 1, max_fields=2, max_part_size=MAX_CONTROLS_BYTES) as form:
        check_fields(form, ("audio", "controls"), several=("audio",))
        files = form.getlist("audio")
        if not files or not all(isinstance(file, UploadFile) for file in files):
            raise Problem(BAD_REQUEST, "no files in the field audio")
        controls = controls_of(await text_of(form.get("controls")))
        uploads = [file for file in files if isinstance(file, UploadFile)]
        names = [file.filename or str(i) for i, file in enumerate(uploads)]
        yield [
            BatchItem(
                id=name if names.count(name) == 1 else f"{i}:{name}",
                asked=Asked(audio=cast(BinaryIO, file.file), controls=controls),
            )
            for i, (name, file) in enumerate(zip(names, uploads, strict=True))
        ]


def controls_of(data: Any) -> Controls:
    """Controls from their JSON form, or from its text."""
    if isinstance(data, str | bytes):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise Problem(BAD_CONTROLS, f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Problem(BAD_CONTROLS, "controls must be a JSON object")
    try:
        controls = Controls.from_dict(data)
    except InputError as error:
        raise Problem(BAD_CONTROLS, error.reason) from error
    if controls.emotion_from is not None:  # a file or address of whose choice?
        raise Problem(BAD_CONTROLS, "emotion_from is not read from anywhere: send emotion_audio or emotion_uri")
    return controls


def _asked(data: Mapping[str, Any]) -> Asked:
    if "uri" not in data:
        raise Problem(BAD_REQUEST, "no uri")
    controls = controls_of(data.get("controls", {}))
    return Asked(uri=data["uri"], controls=controls, emotion_uri=data.get("emotion_uri"))


def _item(number: int, entry: Any) -> BatchItem:
    name = entry.get("id", str(number)) if isinstance(entry, dict) else str(number)
    if not isinstance(name, str) or len(name) > 256 or HALVES.search(name):
        raise Problem(BAD_REQUEST, f"the id of item {number} must be a text of at most 256 characters")
    try:
        if not isinstance(entry, dict):
            raise Problem(BAD_REQUEST, "an item must be an object with a uri")
        check_known(entry, "id", "uri", "controls", "emotion_uri")
        return BatchItem(id=name, asked=_asked(entry))
    except Problem as problem:
        return BatchItem(id=name, asked=problem)


def body_kind(request: Request, file: str = "audio", otherwise: str = "a uri") -> str:
    """FORM or JSON; a Problem says what to send instead of anything else."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in (FORM, JSON):
        wanted = f"{FORM} with the file in the field {file}, or {JSON} with {otherwise}"
        raise Problem(MEDIA_TYPE, f"send {wanted}, not {kind or 'nothing'}")
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise Problem(MEDIA_TYPE, f"bodies with Content-Encoding: {coding} are not read")
    return kind


async def json_body(request: Request) -> dict[str, Any]:
    """The object that the body is."""
    body = bytearray()
    async for block in request.stream():
        body += block
        if len(body) > MAX_JSON_BYTES:
            raise Problem(BODY_TOO_LARGE, f"more than {MAX_JSON_BYTES} bytes of JSON")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(BAD_REQUEST, f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Problem(BAD_REQUEST, "the body must be a JSON object")
    return data


def check_known(data: Mapping[str, Any], *names: str) -> None:
    """A Problem for fields of other names."""
    if unknown := sorted(set(data) - set(names)):
        raise Problem(BAD_REQUEST, f"unknown fields: {', '.join(unknown)}; known are {', '.join(names)}")


def check_fields(form: FormData, names: tuple[str, ...], several: tuple[str, ...]) -> None:
    """A Problem for fields of other names, and for two of one name where not `several` may be given."""
    if unknown := sorted(set(form) - set(names)):
        raise Problem(BAD_REQUEST, f"unknown fields: {', '.join(unknown)}; known are {', '.join(names)}")
    if twice := [name for name in names if name not in several and len(form.getlist(name)) > 1]:
        raise Problem(BAD_REQUEST, f"given twice: {', '.join(twice)}")


async def text_of(given: UploadFile | str | None) -> str | bytes:
    """A field, or a file in its place, as curl's -F controls=@controls.json sends it."""
    if not isinstance(given, UploadFile):
        return given or "{}"
    text = await given.read(MAX_CONTROLS_BYTES + 1)
    if len(text) > MAX_CONTROLS_BYTES:
        raise Problem(BAD_CONTROLS, f"more than {MAX_CONTROLS_BYTES} bytes")
    return text
