"""The HTTP interface without Ray: formats, and every error as a problem document."""

import asyncio
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
from serve_app.answers import SERVED, to_json
from serve_app.api import build_api
from tests.audio.recordings import silent_video
from tests.serve_app.conftest import LIMITS, Ask, LocalModel, asking, check_problem
from tests.serve_app.recordings import long_silence, voice, wav

PATH = "/v1/animations"
CONTROLS = {"emotion": "happy", "intensity": 1.5, "style": 2, "seed": 7}


def form(audio: bytes, controls: object = None) -> dict[str, Any]:
    fields = {} if controls is None else {"data": {"controls": json.dumps(controls)}}
    return {"files": {"audio": ("speech.wav", audio, "audio/wav")}, **fields}


def of_source(animation: Animation, audio: bytes) -> Animation:
    return replace(animation, meta={**animation.meta, "source_sha256": hashlib.sha256(audio).hexdigest()})


def test_json_holds_the_animation_without_loss(ask: Ask, animator: Animator) -> None:
    expected = of_source(animator.animate(voice(2), Controls.from_dict(CONTROLS)), wav(2))
    answer = ask("POST", PATH, **form(wav(2), CONTROLS)).json()
    got = Animation(
        weights=np.array(answer["weights"], np.float32),
        names=answer["names"],
        emotion=np.array(answer["emotion"], np.float32),
        emotion_names=answer["emotion_names"],
        meta=answer["meta"],
    )
    assert got.equals(expected)
    assert answer["head"] is None  # of a model that says nothing of it
    assert answer["fps"] == [30, 1]


@pytest.mark.parametrize("name", [known.name for known in SERVED])
def test_files_are_what_save_writes(ask: Ask, animator: Animator, name: str, tmp_path: Any) -> None:
    of_source(animator.animate(voice(1)), wav(1)).save(tmp_path / "face", format=name)
    response = ask("POST", f"{PATH}?format={name}", **form(wav(1)))
    assert response.content == (tmp_path / "face").read_bytes()


def test_the_registrys_formats_are_served() -> None:
    assert {"csv", "npz", "npy", "glb", "parquet", "arkit", "a2f", "emotion"} <= {known.name for known in SERVED}


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/x-npz, application/json;q=0.5", "application/x-npz"),
        ("application/json;q=0, */*;q=0.1", "text/csv; charset=utf-8"),
        ("text/*, application/json;q=0.9", "text/csv; charset=utf-8"),
        ("*/*", "application/json"),
    ],
)
def test_accept_chooses_the_format(ask: Ask, accept: str, media_type: str) -> None:
    response = ask("POST", PATH, headers={"accept": accept}, **form(wav(0.2)))
    assert response.headers["content-type"] == media_type
    assert response.headers["vary"] == "Accept"


def test_format_wins_over_accept(ask: Ask) -> None:
    response = ask("POST", f"{PATH}?format=npz", headers={"accept": "text/csv"}, **form(wav(0.2)))
    assert response.headers["content-type"] == "application/x-npz"


def test_controls_may_come_as_a_file(ask: Ask) -> None:
    files = {"audio": ("a.wav", wav(0.2)), "controls": ("controls.json", b'{"seed": 3}', "application/json")}
    assert ask("POST", PATH, files=files).json()["meta"]["controls"]["seed"] == 3


@pytest.mark.parametrize(
    "audio", [b"", b"no audio at all", wav(1)[:40], silent_video()], ids=["empty", "text", "header", "silent video"]
)
def test_broken_audio(ask: Ask, audio: bytes) -> None:
    check_problem(ask("POST", PATH, **form(audio)), 400, "bad-audio")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"intensty": 1}', "intensty"),
        ('{"intensity": 9}', "intensity"),
        ('{"intensity": NaN}', "intensity"),
        ('{"tail_s": "1"}', "tail_s"),
        ('{"smoothing": true}', "smoothing"),
        ("[1]", "object"),
        ('{"seed": ', "JSON"),
        ('{"seed": ' + "9" * 5000 + "}", "JSON"),
        ("[" * 50_000, "JSON"),
        ('{"emotion": "bored"}', "bored"),
        ('{"style": 3}', "style"),
        *(
            (f'{{"{name}": 1{"0" * 400}}}', name)
            for name in ("intensity", "style", "seed", "tail_s", "blinks_per_minute")
        ),
    ],
)
def test_controls_that_cannot_be_used_are_named(ask: Ask, text: str, named: str) -> None:
    response = ask("POST", PATH, files={"audio": ("a.wav", wav(0.2))}, data={"controls": text})
    assert named in check_problem(response, 400, "bad-controls")["detail"]


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        ({"files": {"voice": ("a.wav", b"x"), "audio": ("a.wav", b"x")}}, "voice"),
        ({"files": [("audio", ("a.wav", b"x")), ("audio", ("b.wav", b"x"))]}, "audio"),
        ({"files": {"controls": ("c.json", b"{}")}}, "audio"),
        ({"data": {"audio": "text"}, "files": {"controls": ("c.json", b"{}")}}, "audio"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, "boundary"),
        ({"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}}, ""),
    ],
)
def test_broken_forms(ask: Ask, request_: dict[str, Any], named: str) -> None:
    assert named in check_problem(ask("POST", PATH, **request_), 400, "bad-request")["detail"]


@pytest.mark.parametrize("where", [{"headers": {"accept": "image/png"}}, {"params": {"format": "bvh"}}])
def test_unknown_formats_are_told_what_there_is(ask: Ask, where: dict[str, Any]) -> None:
    document = check_problem(ask("POST", PATH, **where, **form(wav(0.2))), 406, "not-acceptable")
    assert "text/csv" in document["detail"]


@pytest.mark.parametrize(
    "headers", [{"content-type": "audio/wav"}, {}, {"content-type": "multipart/form-data", "content-encoding": "gzip"}]
)
def test_other_bodies_are_not_supported(ask: Ask, headers: dict[str, str]) -> None:
    check_problem(ask("POST", PATH, content=b"RIFF", headers=headers), 415, "unsupported-media-type")


def test_a_declared_body_over_the_limit_is_not_read(ask: Ask) -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": str(LIMITS.max_body_bytes + 1)}
    document = check_problem(ask("POST", PATH, content=never(), headers=headers), 413, "body-too-large")
    assert document["max_body_bytes"] == LIMITS.max_body_bytes


def test_an_endless_body_is_cut_at_the_limit(ask: Ask) -> None:
    async def endless() -> AsyncIterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\n'
        while True:
            yield bytes(2**16)

    headers = {"content-type": "multipart/form-data; boundary=b"}
    check_problem(ask("POST", PATH, content=endless(), headers=headers), 413, "body-too-large")


@pytest.mark.parametrize("says_its_length", [True, False])
def test_a_small_file_that_is_an_hour_long_is_refused(ask: Ask, says_its_length: bool) -> None:
    audio = long_silence(3600, says_its_length=says_its_length)
    assert len(audio) < 2**20
    document = check_problem(ask("POST", PATH, **form(audio)), 413, "recording-too-long")
    assert document["max_audio_s"] == LIMITS.max_audio_s


def test_a_recording_of_exactly_the_limit_is_taken(ask: Ask) -> None:
    assert ask("POST", PATH, **form(wav(LIMITS.max_audio_s), {"tail_s": 0})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nothing", 404, "not-found"),
        ("GET", PATH, 405, "method-not-allowed"),
        ("DELETE", "/healthz", 405, "method-not-allowed"),
    ],
)
def test_the_frameworks_own_errors_are_problems_too(ask: Ask, method: str, path: str, status: int, slug: str) -> None:
    response = ask(method, path)
    check_problem(response, status, slug)
    assert ("allow" in response.headers) == (status == 405)


@pytest.mark.parametrize("headers", [{"host": "["}, {"host": "a:b:c"}, {"host": ""}, {"origin": "http://["}])
def test_strange_headers_are_no_fault(ask: Ask, headers: dict[str, str]) -> None:
    status, slug = (403, "forbidden") if "origin" in headers else (400, "bad-request")
    check_problem(ask("POST", PATH, json={}, headers=headers), status, slug)
    assert ask("GET", "/healthz", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "slug"),
    [
        (PATH, b'{"\\ud800": 1}', "bad-request"),
        (PATH, b'{"uri": "s3://x/y", "controls": {"emotion": [[1%b, "happy"]]}}' % (b"0" * 400), "bad-controls"),
        (PATH, b'{"uri": "s3://x/y", "controls": {"shaping": {"\\ud800": 1}}}', "bad-controls"),
        (PATH, b'{"uri": "\\ud800"}', "bad-uri"),
        (f"{PATH}/batch", b'{"items": [{"id": "\\ud800", "uri": "s3://x/y"}]}', "bad-request"),
    ],
)
def test_halves_of_characters_and_endless_numbers_are_refused(ask: Ask, path: str, body: bytes, slug: str) -> None:
    check_problem(ask("POST", path, content=body, headers={"content-type": "application/json"}), 400, slug)


def test_what_was_sent_is_not_sent_back_without_end(ask: Ask) -> None:
    response = ask("POST", PATH, json={"a" * 100_000: 1})
    assert len(check_problem(response, 400, "bad-request")["detail"]) < 2000


def test_a_body_that_does_not_come_is_not_waited_for(animator: Animator) -> None:
    ask = asking(build_api(replace(LIMITS, upload_late_s=0.05), {"default": LocalModel(animator)}))

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"content-type": "application/json"}
    check_problem(ask("POST", PATH, content=stalled(), headers=headers), 408, "too-slow")


def test_health(ask: Ask) -> None:
    assert ask("GET", "/healthz").json() == {"status": "ok"}


def test_too_many_requests_and_faults(animator: Animator) -> None:
    """As many as allowed wait inside `animate`; the next is refused; then each fault is a 500 without details."""

    async def run() -> None:
        full, fail = asyncio.Event(), asyncio.Event()
        inside = 0

        class Failing(LocalModel):
            async def animate(
                self, samples: np.ndarray, controls: Controls, emotion: Any = None, *, background: bool = False
            ) -> Animation:
                nonlocal inside
                inside += 1
                if inside == LIMITS.max_requests:
                    full.set()
                await fail.wait()
                raise RuntimeError("/secret/path")

        app = build_api(LIMITS, {"default": Failing(animator)})
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            held = [asyncio.create_task(client.post(PATH, **form(wav(0.1)))) for _ in range(LIMITS.max_requests)]
            await full.wait()
            refused = await client.post(PATH, **form(wav(0.1)))
            check_problem(refused, 429, "overloaded")
            assert int(refused.headers["retry-after"]) > 0
            assert (await client.get("/healthz")).status_code == 200
            fail.set()
            for response in await asyncio.gather(*held):
                check_problem(response, 500, "internal")
                assert "secret" not in response.text
            check_problem(await client.post(PATH, **form(b"x")), 400, "bad-audio")  # the slots are free again

    asyncio.run(run())


def test_json_holds_the_head_of_a_model_that_moves_it() -> None:
    head = np.linspace(-0.3, 12.5, 12, dtype=np.float32).reshape(2, 6)
    answer = json.loads(to_json(Animation(np.zeros((2, 52)), head=head)))
    np.testing.assert_array_equal(np.array(answer["head"], np.float32), head)


@pytest.mark.parametrize("fit", ["loop", "stretch"])
def test_an_emotion_is_taken_from_a_second_recording(ask: Ask, animator: Animator, fit: str) -> None:
    files = {"audio": ("a.wav", wav(2)), "emotion_audio": ("b.wav", wav(1))}
    answer = ask("POST", PATH, files=files, data={"controls": json.dumps({"emotion_fit": fit})}).json()
    expected = animator.animate(
        voice(2), Controls.from_dict({"emotion_fit": fit}), emotion_from=animator.hear(voice(1))
    )
    np.testing.assert_array_equal(np.array(answer["weights"], np.float32), expected.weights)
    assert answer["meta"]["emotion_sha256"] == hashlib.sha256(wav(1)).hexdigest()


def test_no_address_of_a_second_recording_is_followed(ask: Ask) -> None:
    response = ask("POST", PATH, **form(wav(0.2), {"emotion_from": "/etc/hostname"}))
    assert "emotion_audio" in check_problem(response, 400, "bad-controls")["detail"]
    response = ask("POST", PATH, **form(wav(0.2), {"segments": [{"start_s": 0, "preset": "villain"}]}))
    assert "preset" in check_problem(response, 400, "bad-controls")["detail"]
    response = ask("POST", PATH, files={"audio": ("a.wav", wav(0.2))}, data={"emotion_audio": "text"})
    check_problem(response, 400, "bad-request")
