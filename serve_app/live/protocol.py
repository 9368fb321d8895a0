"""What goes over a live session's WebSocket. docs/live.md tells it to those who write clients."""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emotalk.blendshapes import COEFFICIENTS
from emotalk.controls import Controls
from emotalk.formats.json_text import compact, table_text
from serve_app.live.steps import Frames
from serve_app.problems import BAD_REQUEST, Problem
from serve_app.uploads import controls_of

FORMATS = ("json", "binary")
BINARY_VERSION = 1
BINARY_HEAD = struct.Struct("<BBHIQ")  # version, flags, frames, number of the first, samples heard
HAS_HEAD, HAS_EMOTION = 1, 2
MAX_TEXT_BYTES = 64 * 2**10


@dataclass(frozen=True, kw_only=True)
class Hello:
    """How a session begins."""

    encoding: str
    rate: int
    binary: bool = False
    controls: Controls = field(default_factory=Controls)
    resume: str | None = None
    received_frames: int = 0


@dataclass(frozen=True)
class ChangeControls:
    """From the next frame on."""

    controls: Controls


@dataclass(frozen=True)
class End:
    """The recording ends here."""


def read_hello(text: str, max_frames: int) -> Hello:
    """The first message. A Problem says what is wrong with it."""
    data = _object(text)
    if data.get("type") != "hello":
        raise Problem(BAD_REQUEST, 'the first message must be {"type": "hello", …}')
    _known(data, "type", "audio", "format", "controls", "resume", "received_frames")
    audio = data.get("audio")
    if not isinstance(audio, dict):
        raise Problem(BAD_REQUEST, 'hello needs audio: {"encoding": "pcm16", "rate": 16000}')
    _known(audio, "encoding", "rate")
    kind = data.get("format", "json")
    if kind not in FORMATS:
        raise Problem(BAD_REQUEST, f"format must be one of {', '.join(FORMATS)}")
    resume, received = data.get("resume"), data.get("received_frames", 0)
    if resume is not None and not isinstance(resume, str):
        raise Problem(BAD_REQUEST, "resume must be the token that ready gave")
    if isinstance(received, bool) or not isinstance(received, int) or not 0 <= received <= max_frames:
        raise Problem(BAD_REQUEST, f"received_frames must be a number of frames up to {max_frames}")
    if received and resume is None:
        raise Problem(BAD_REQUEST, "received_frames belongs to resume")
    encoding, rate = audio.get("encoding", "pcm16"), audio.get("rate")
    if not isinstance(encoding, str) or isinstance(rate, bool) or not isinstance(rate, int):
        raise Problem(BAD_REQUEST, "audio needs an encoding by name and a rate in Hz")
    return Hello(
        encoding=encoding,
        rate=rate,
        binary=kind == "binary",
        controls=controls_of(_mapping(data.get("controls", {}))),
        resume=resume,
        received_frames=received,
    )


def read_message(text: str) -> ChangeControls | End:
    """Any later text message."""
    data = _object(text)
    kind = data.get("type")
    if kind == "end":
        _known(data, "type")
        return End()
    if kind == "controls":
        _known(data, "type", "controls")
        return ChangeControls(controls_of(_mapping(data.get("controls"))))
    raise Problem(BAD_REQUEST, 'a message must be sound, or have "type": "controls" or "end"')


def frames_message(frames: Frames, heard_samples: int, *, binary: bool) -> str | bytes:
    """Frames for the client; frame k shows the sound at k / 30 s."""
    if binary:
        return _binary(frames, heard_samples)
    head = "" if frames.head is None else f',"head":{table_text(frames.head)}'
    return (
        f'{{"type":"frames","first":{frames.first},"weights":{table_text(frames.weights)},'
        f'"emotion":{table_text(frames.emotion)}{head},"heard_samples":{heard_samples}}}'
    )


def ready_message(
    *, session: str, token: str, emotion_names: tuple[str, ...], head: bool, delay_ms: float, **more: Any
) -> str:
    """`more`: limits, and next_sample where a session goes on."""
    return compact(
        {
            "type": "ready",
            "session": session,
            "resume": token,
            "fps": 30,
            "names": COEFFICIENTS,
            "emotion_names": emotion_names,
            "head": head,
            "delay_ms": delay_ms,
            **more,
        }
    )


def controls_message(from_frame: int) -> str:
    return compact({"type": "controls", "from_frame": from_frame})


def end_message(frames: int, heard: Mapping[str, float] | None) -> str:
    return compact({"type": "end", "frames": frames, "heard": heard, "resume": None})


def error_message(problem: Mapping[str, Any]) -> str:
    return compact({"type": "error", "problem": problem})


def _binary(frames: Frames, heard_samples: int) -> bytes:
    flags = (HAS_HEAD if frames.head is not None else 0) | (HAS_EMOTION if frames.emotion.size else 0)
    parts = [BINARY_HEAD.pack(BINARY_VERSION, flags, len(frames), frames.first, heard_samples), _le(frames.weights)]
    if frames.head is not None:
        parts.append(_le(frames.head))
    if frames.emotion.size:
        parts.append(_le(frames.emotion))
    return b"".join(parts)


def _le(values: np.ndarray) -> bytes:
    return np.ascontiguousarray(values, "<f4").tobytes()


def _object(text: str) -> dict[str, Any]:
    if len(text) > MAX_TEXT_BYTES:
        raise Problem(BAD_REQUEST, f"a text message of more than {MAX_TEXT_BYTES} bytes")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Problem(BAD_REQUEST, f"not JSON: {error}") from error
    if not isinstance(data, dict):
        raise Problem(BAD_REQUEST, "a text message must be a JSON object")
    return data


def _known(data: Mapping[str, Any], *names: str) -> None:
    if unknown := sorted(set(data) - set(names)):
        raise Problem(BAD_REQUEST, f"unknown keys: {', '.join(unknown)}; known are {', '.join(names)}")


def _mapping(data: Any) -> Any:
    """JSON within JSON is no text."""
    return None if isinstance(data, str) else data
