"""The service on Ray: the same bytes as the Animator, alone, side by side, under overload and when a replica dies."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from emotalk.controls import Controls
from emotalk.dubbing.recording import animate_recording, fetched
from emotalk.inference.animator import Animator
from serve_app.app import NAME, build
from serve_app.config import ServeConfig
from tests.serve_app.conftest import check_problem
from tests.serve_app.recordings import voice, wav

pytestmark = pytest.mark.cluster

CONFIG = ServeConfig(
    max_audio_s=90,
    max_body_bytes=4 * 2**20,
    max_requests=40,
    max_queued=16,
    max_ongoing=8,
    max_batch_windows=4,
    min_replicas=2,
    max_replicas=2,
)
PATH = "/v1/animations"


@pytest.fixture(scope="module")
def url(ray_session: None, model_dir: Path, free_port: int) -> Iterator[str]:
    from ray import serve

    serve.start(http_options={"host": "127.0.0.1", "port": free_port})
    serve.run(build(replace(CONFIG, model=str(model_dir))), name=NAME)
    yield f"http://127.0.0.1:{free_port}"
    serve.shutdown()


def post(url: str, audio: bytes, controls: str = "{}", **request: Any) -> httpx.Response:
    return httpx.post(
        url + PATH, files={"audio": ("a.wav", audio)}, data={"controls": controls}, timeout=120, **request
    )


def dubbed(animator: Animator, audio: bytes, controls: Controls, target: Path) -> bytes:
    """What the command line and the dubbing job make of a recording: digests of model and recording included."""
    recording = target.with_name("recording.wav")
    recording.write_bytes(audio)
    with fetched(recording) as source:
        animate_recording(animator, source, [target], controls)
    return target.read_bytes()


@pytest.mark.parametrize("name", ["csv", "npz"])
def test_answers_are_what_the_command_line_makes(url: str, animator: Animator, tmp_path: Path, name: str) -> None:
    expected = dubbed(animator, wav(4), Controls(emotion="sad"), tmp_path / f"face.{name}")
    response = post(url, wav(4), '{"emotion": "sad"}', params={"format": name})
    assert response.content == expected


def test_sixteen_at_once_get_what_each_gets_alone(url: str, animator: Animator, tmp_path: Path) -> None:
    """Different lengths (one of two windows) and controls, so that batches mix them."""
    emotions = (None, "happy", "angry", "neutral")
    cases = [
        (
            0.1 + 70 * (i == 5) + 0.4 * i,
            i,
            Controls(emotion=emotions[i % 4], intensity=1 + i % 3 / 2, style=i % 3, seed=i),
        )
        for i in range(16)
    ]

    def request(case: tuple[float, int, Controls]) -> bytes:
        seconds, seed, controls = case
        response = post(url, wav(seconds, seed), json.dumps(controls.to_dict()), params={"format": "npz"})
        assert response.status_code == 200, response.text
        return response.content

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(request, cases))
    for i, (seconds, seed, controls) in enumerate(cases):
        assert answers[i] == dubbed(animator, wav(seconds, seed), controls, tmp_path / "a.npz"), cases[i]


def test_errors_pass_through_the_proxy_as_problems(url: str) -> None:
    check_problem(post(url, b"no audio"), 400, "bad-audio")
    check_problem(post(url, wav(0.2), '{"emotion": "bored"}'), 400, "bad-controls")  # only the model knows
    check_problem(post(url, wav(91)), 413, "recording-too-long")
    check_problem(post(url, bytes(CONFIG.max_body_bytes)), 413, "body-too-large")
    check_problem(httpx.get(url + "/nothing"), 404, "not-found")
    assert httpx.get(url + "/healthz").status_code == 200


def test_overload_is_answered_429_and_nothing_else_breaks(url: str) -> None:
    """60 at once: 40 are let in, of which 2 · 8 are worked on and 8 may wait. Which limit is met first varies."""
    audio = wav(30)
    with ThreadPoolExecutor(60) as pool:
        responses = list(pool.map(lambda _: post(url, audio), range(60)))
    assert {response.status_code for response in responses} == {200, 429}
    for response in responses:
        if response.status_code == 429:
            check_problem(response, 429, "overloaded")
            assert int(response.headers["retry-after"]) > 0


def test_clients_that_leave_free_their_places(url: str) -> None:
    address = httpx.URL(url)
    kind = "Content-Type: multipart/form-data; boundary=b"
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n{kind}\r\n\r\n--b"
    clients = []
    # Until all places are taken; a client that comes while an answer is made may find none, and another takes its own.
    while post(url, wav(0.1)).status_code != 429:
        clients.append(socket.create_connection((address.host, address.port)))
        clients[-1].sendall(head.encode())
    for client in clients:
        client.close()
    while post(url, wav(0.1)).status_code != 200:
        pass


def test_a_dying_replica_costs_no_answer(url: str, animator: Animator) -> None:
    expected = animator.animate(voice(20)).weights
    with ThreadPoolExecutor(16) as pool:
        requests = [pool.submit(post, url, wav(20)) for _ in range(16)]
        next(as_completed(requests))  # the others are queued or in work by now
        os.kill(replica_pids()[0], signal.SIGKILL)
        responses = [request.result() for request in requests]
    for response in responses:
        assert response.status_code == 200, response.text
        assert np.array_equal(np.array(response.json()["weights"], np.float32), expected)


def replica_pids() -> list[int]:
    from ray.serve.context import _get_global_client

    details = _get_global_client().get_serve_details()
    replicas = details["applications"][NAME]["deployments"]["AnimatorModel"]["replicas"]
    return [replica["pid"] for replica in replicas]
