"""Recordings by URI, answers line by line, and many recordings in one request. Without Ray."""

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from serve_app.api import build_api
from serve_app.problems import OVERLOADED, Problem
from tests.serve_app.conftest import LIMITS, Ask, LocalModel, asking, check_problem
from tests.serve_app.recordings import voice, wav
from tests.serve_app.test_uris import media  # noqa: F401

PATH, BATCH = "/v1/animations", "/v1/animations/batch"


@pytest.fixture(scope="module")
def ask_uri(animator: Animator, media: str) -> Ask:  # noqa: F811
    config = replace(LIMITS, uri_prefixes=(media,), uri_private=True, max_batch_items=20)
    return asking(build_api(config, {"default": LocalModel(animator)}))


def lines(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.text.splitlines()]


def test_a_recording_by_uri(ask_uri: Ask, animator: Animator, media: str) -> None:  # noqa: F811
    answer = ask_uri("POST", PATH, json={"uri": f"{media}/a.wav", "controls": {"emotion": "sad"}}).json()
    expected = animator.animate(voice(0.5), Controls(emotion="sad"))
    np.testing.assert_array_equal(np.array(answer["weights"], np.float32), expected.weights)
    assert answer["meta"]["source_sha256"] == hashlib.sha256(wav(0.5)).hexdigest()


def test_the_emotion_of_another_recording(ask_uri: Ask, animator: Animator, media: str) -> None:  # noqa: F811
    """As a second file, or by URI; alone, line by line and in batches."""
    expected = animator.animate(voice(0.5), emotion_from=animator.hear(voice(2, seed=9))).weights
    by_file = {"files": {"audio": wav(0.5), "emotion_audio": wav(2, seed=9)}}
    answer = np.array(ask_uri("POST", PATH, **by_file).json()["weights"], np.float32)
    np.testing.assert_array_equal(answer, expected)
    by_uri = {"uri": f"{media}/a.wav", "emotion_uri": f"{media}/a.wav"}
    (line,) = lines(ask_uri("POST", BATCH, json={"items": [by_uri]}))
    same = animator.animate(voice(0.5), emotion_from=animator.hear(voice(0.5))).weights
    np.testing.assert_array_equal(np.array(line["animation"]["weights"], np.float32), same)
    refused = ask_uri("POST", PATH, json={**by_uri, "emotion_uri": "file:///etc/passwd"})
    check_problem(refused, 400, "bad-uri")
    sent = {"files": {"audio": wav(0.5)}, "data": {"controls": '{"emotion_from": "/etc/passwd"}'}}
    assert "emotion_audio" in check_problem(ask_uri("POST", PATH, **sent), 400, "bad-controls")["detail"]


@pytest.mark.parametrize(
    ("body", "slug", "named"),
    [
        ({"uri": "file:///etc/passwd"}, "bad-uri", "prefixes"),
        ({"uri": "/etc/passwd"}, "bad-uri", "prefixes"),
        ({"uri": "MEDIA/away"}, "bad-uri", "redirects"),
        ({"uri": 3}, "bad-uri", "text"),
        ({"controls": {}}, "bad-request", "uri"),
        ({"uri": "MEDIA/a.wav", "speed": 1}, "bad-request", "speed"),
        ({"uri": "MEDIA/a.wav", "controls": []}, "bad-controls", "object"),
        ([], "bad-request", "object"),
    ],
)
def test_uris_that_are_refused(ask_uri: Ask, media: str, body: Any, slug: str, named: str) -> None:  # noqa: F811
    text = json.dumps(body).replace("MEDIA", media)
    response = ask_uri("POST", PATH, content=text, headers={"content-type": "application/json"})
    assert named in check_problem(response, 400, slug)["detail"]


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"uri": ' + "9" * 5000 + "}"])
def test_broken_json(ask_uri: Ask, text: str) -> None:
    response = ask_uri("POST", PATH, content=text, headers={"content-type": "application/json"})
    check_problem(response, 400, "bad-request")


def test_by_default_no_uri_is_read(ask: Ask) -> None:
    response = ask("POST", PATH, json={"uri": "https://media.example/a.wav"})
    assert "uploads only" in check_problem(response, 400, "bad-uri")["detail"]


@pytest.mark.parametrize(
    "wish", [{"headers": {"accept": "application/x-ndjson"}}, {"params": {"format": "ndjson"}}], ids=["accept", "query"]
)
def test_line_by_line_it_is_the_same(ask: Ask, animator: Animator, wish: dict[str, Any]) -> None:
    expected = animator.animate(voice(70), Controls(seed=5))
    start, *frames, end = lines(ask("POST", PATH, files={"audio": wav(70)}, data={"controls": '{"seed": 5}'}, **wish))
    assert start["type"] == "start"
    assert (start["fps"], start["head"], start["model"]["sha256"]) == (30, False, animator.model_digest)
    assert tuple(start["names"]) == expected.names
    assert [line["first"] for line in frames] == list(np.cumsum([0, *(len(line["weights"]) for line in frames)])[:-1])
    weights = np.concatenate([np.array(line["weights"], np.float32) for line in frames])
    emotion = np.concatenate([np.array(line["emotion"], np.float32) for line in frames])
    np.testing.assert_array_equal(weights, expected.weights)
    assert expected.emotion is not None
    np.testing.assert_array_equal(emotion, expected.emotion)
    assert (end["type"], end["frames"]) == ("end", expected.frames)
    assert end["meta"]["heard"] == expected.meta["heard"]
    assert end["meta"]["source_sha256"] == hashlib.sha256(wav(70)).hexdigest()


def test_lines_refuse_with_a_status_and_fail_with_a_line(animator: Animator) -> None:
    class Failing(LocalModel):
        async def pieces(
            self, samples: np.ndarray, controls: Controls, emotion: Any = None
        ) -> AsyncIterator[Animation]:
            yield animator.animate(samples, controls)
            raise RuntimeError("/secret/path")

    headers = {"accept": "application/x-ndjson"}
    sent = {"files": {"audio": wav(0.5)}, "data": {"controls": '{"emotion": "bored"}'}, "headers": headers}
    ask = asking(build_api(LIMITS, {"default": LocalModel(animator)}))
    check_problem(ask("POST", PATH, **sent), 400, "bad-controls")
    ask = asking(build_api(LIMITS, {"default": Failing(animator)}))
    for _ in range(LIMITS.max_requests + 1):  # no place stays taken
        *_, last = lines(ask("POST", PATH, files={"audio": wav(0.5)}, headers=headers))
        assert last["type"] == "error"
        assert last["problem"]["status"] == 500
        assert "secret" not in json.dumps(last)


def test_a_batch_of_uris(ask_uri: Ask, animator: Animator, media: str) -> None:  # noqa: F811
    items = [
        {"id": "fine", "uri": f"{media}/a.wav", "controls": {"emotion": "happy"}},
        {"id": "gone", "uri": f"{media}/none.wav"},
        {"uri": "file:///etc/passwd"},
        {"id": "odd", "uri": f"{media}/a.wav", "controls": {"intensity": 9}},
        {"id": "bored", "uri": f"{media}/a.wav", "controls": {"emotion": "bored"}},
        "nothing",
    ]
    answers = {line["id"]: line for line in lines(ask_uri("POST", BATCH, json={"items": items}))}
    assert {name: line["status"] for name, line in answers.items()} == {
        "fine": 200, "gone": 400, "2": 400, "odd": 400, "bored": 400, "5": 400,
    }  # fmt: skip
    kinds = {name: line["problem"]["type"].rsplit(":")[-1] for name, line in answers.items() if name != "fine"}
    assert kinds == {
        "gone": "bad-uri", "2": "bad-uri", "odd": "bad-controls", "bored": "bad-controls", "5": "bad-request",
    }  # fmt: skip
    expected = animator.animate(voice(0.5), Controls(emotion="happy"))
    weights = np.array(answers["fine"]["animation"]["weights"], np.float32)
    np.testing.assert_array_equal(weights, expected.weights)


@pytest.mark.parametrize("kind", ["csv", "npz"])
def test_a_batch_of_files(ask_uri: Ask, kind: str) -> None:
    files = [("audio", (f"{seed}.wav", wav(0.4, seed))) for seed in range(3)] + [("audio", ("bad.wav", b"no sound"))]
    response = ask_uri("POST", f"{BATCH}?format={kind}", files=files, data={"controls": '{"seed": 3}'})
    answers = {line["id"]: line for line in lines(response)}
    assert {name: line["status"] for name, line in answers.items()} == {
        "0.wav": 200, "1.wav": 200, "2.wav": 200, "bad.wav": 400,
    }  # fmt: skip
    alone = ask_uri("POST", f"{PATH}?format={kind}", files={"audio": wav(0.4, 1)}, data={"controls": '{"seed": 3}'})
    text = answers["1.wav"]["animation"]
    assert (base64.b64decode(text) if kind == "npz" else text.encode()) == alone.content


@pytest.mark.parametrize(
    ("body", "status", "slug"),
    [
        ({"items": []}, 400, "bad-request"),
        ({"items": [{"uri": "a"}] * 21}, 413, "body-too-large"),
        ({"items": [{"id": "a", "uri": "x"}, {"id": "a", "uri": "y"}]}, 400, "bad-request"),
        ({"items": [{"id": 5, "uri": "x"}]}, 400, "bad-request"),
        ({"item": []}, 400, "bad-request"),
    ],
)
def test_broken_batches(ask_uri: Ask, body: Any, status: int, slug: str) -> None:
    check_problem(ask_uri("POST", BATCH, json=body), status, slug)


def test_a_batch_waits_for_a_busy_model(animator: Animator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serve_app.animations.BATCH_RETRY_S", 0.0)
    refused = 0

    class Busy(LocalModel):
        async def animate(
            self, samples: np.ndarray, controls: Controls, emotion: Any = None, *, background: bool = False
        ) -> Animation:
            nonlocal refused
            assert background
            refused += 1
            if refused < 5:
                raise Problem(OVERLOADED, "the model's queue is full")
            return await super().animate(samples, controls, emotion)

    ask = asking(build_api(LIMITS, {"default": Busy(animator)}))
    assert lines(ask("POST", BATCH, files={"audio": wav(0.3)}))[0]["status"] == 200


def test_a_client_that_leaves_a_batch_ends_it(animator: Animator) -> None:
    """Items that wait are given up, and the batch's place is free."""
    started: asyncio.Event
    cancelled = 0

    class Slow(LocalModel):
        async def animate(
            self, samples: np.ndarray, controls: Controls, emotion: Any = None, *, background: bool = False
        ) -> Animation:
            nonlocal cancelled
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
                raise
            raise AssertionError("not reached")

    app = build_api(replace(LIMITS, max_batches=1), {"default": Slow(animator)})

    async def run() -> None:
        nonlocal started
        started = asyncio.Event()
        gone = asyncio.Event()
        body = b"".join(_form([wav(0.2, seed) for seed in range(3)]))
        messages = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Any:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None: ...

        for _ in range(2):
            messages[:] = [{"type": "http.request", "body": body, "more_body": False}]
            started.clear()
            gone.clear()
            task = asyncio.create_task(app(_scope(), receive, send))
            await started.wait()
            gone.set()
            await task

    asyncio.run(run())
    assert cancelled >= 2  # at least one of each round


def _form(recordings: list[bytes]) -> list[bytes]:
    parts = []
    for i, data in enumerate(recordings):
        parts.append(f'--b\r\nContent-Disposition: form-data; name="audio"; filename="{i}.wav"\r\n\r\n'.encode())
        parts += [data, b"\r\n"]
    return [*parts, b"--b--\r\n"]


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": BATCH,
        "raw_path": BATCH.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"content-type", b"multipart/form-data; boundary=b"), (b"host", b"service")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
    }
