"""The multipart form of a request: its recording and its controls, or a Problem that says what is wrong with them."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from emotalk.audio import load_audio
from emotalk.controls import Controls
from emotalk.errors import InputError, TooLongError
from serve_app.problems import BAD_AUDIO, BAD_CONTROLS, BAD_REQUEST, MEDIA_TYPE, TOO_LONG, Problem

MAX_CONTROLS_BYTES = 64 * 2**10
FIELDS = ("audio", "controls", "emotion_from")


@dataclass(frozen=True)
class Upload:
    """A received form. `audio` and `emotion_from` are files on this machine, spooled to disk when large, gone when the
    request ends."""

    audio: BinaryIO
    controls: Controls
    emotion_from: BinaryIO | None = None


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[Upload]:
    """Reads the form; its files are closed and removed however the block ends, a client that goes away included."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise Problem(MEDIA_TYPE, f"send multipart/form-data with the file in the field audio, not {kind or 'nothing'}")
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise Problem(MEDIA_TYPE, f"bodies with Content-Encoding: {coding} are not read")
    async with request.form(max_files=3, max_fields=3, max_part_size=MAX_CONTROLS_BYTES) as form:
        if unknown := sorted(set(form) - set(FIELDS)):
            raise Problem(BAD_REQUEST, f"unknown fields: {', '.join(unknown)}; known are {', '.join(FIELDS)}")
        if twice := [name for name in FIELDS if len(form.getlist(name)) > 1]:
            raise Problem(BAD_REQUEST, f"given twice: {', '.join(twice)}")
        audio = form.get("audio")
        if not isinstance(audio, UploadFile):
            raise Problem(BAD_REQUEST, "no file in the field audio")
        other = form.get("emotion_from")
        if other is not None and not isinstance(other, UploadFile):
            raise Problem(BAD_REQUEST, "the field emotion_from must be a file")
        yield Upload(audio.file, await _controls(form), None if other is None else other.file)


async def _controls(form: FormData) -> Controls:
    given = form.get("controls")
    if isinstance(given, UploadFile):  # curl's -F controls=@controls.json
        text: str | bytes = await given.read(MAX_CONTROLS_BYTES + 1)
        if len(text) > MAX_CONTROLS_BYTES:
            raise Problem(BAD_CONTROLS, f"more than {MAX_CONTROLS_BYTES} bytes")
    else:
        text = given or "{}"
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem(BAD_CONTROLS, f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Problem(BAD_CONTROLS, "controls must be a JSON object")
    try:
        controls = Controls.from_dict(data)
        if controls.emotion_from is not None:  # a file or address of whose choice?
            raise InputError("emotion_from is not read from anywhere: send the recording in the field emotion_from")
        return controls
    except InputError as error:
        raise Problem(BAD_CONTROLS, error.reason) from error


def decode(audio: BinaryIO, max_audio_s: float) -> tuple[np.ndarray, str]:
    """-> (n,) float32 16 kHz mono, and the SHA-256 of the bytes. Blocks: runs in a thread.

    A Problem for anything but usable sound.
    """
    try:
        samples = load_audio(audio, max_duration_s=max_audio_s)
        audio.seek(0)
        return samples, hashlib.file_digest(audio, "sha256").hexdigest()  # type: ignore[arg-type]
    except TooLongError as error:
        raise Problem(TOO_LONG, error.reason, max_audio_s=max_audio_s) from error
    except InputError as error:
        raise Problem(BAD_AUDIO, error.reason) from error
