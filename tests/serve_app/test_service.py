"""The service on Ray: the same bytes as the Animator, alone, side by side, under overload and when a replica dies."""

import asyncio
import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import httpx
import numpy as np
import pytest

from benchmarks.serve_fuzz import Tally, attack, leaks, prepared, settled
from benchmarks.serve_kills import KillsBenchmark, storm
from benchmarks.service_watch import at_rest, taken
from emotalk.client import AsyncClient, Backoff
from emotalk.controls import Controls
from emotalk.dubbing.recording import animate_recording, fetched
from emotalk.inference.animator import Animator
from emotalk.model.store import model_digest
from serve_app.app import NAME, build
from serve_app.config import ServeConfig
from tests.serve_app.collector import Collector, collecting
from tests.serve_app.conftest import check_problem
from tests.serve_app.live.clients import HELLO, Client, talking
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
    live_idle_s=300,
)
PATH = "/v1/animations"
SOUND = voice(6, seed=2)


@pytest.fixture(scope="module")
def served(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's directory, to be changed."""
    return Path(shutil.copytree(model_dir, tmp_path_factory.mktemp("served") / "model"))


@pytest.fixture(scope="module")
def url(ray_session: None, served: Path, free_port: int, direct: str, collector: Collector) -> Iterator[str]:
    from ray import serve

    serve.start(http_options={"host": "127.0.0.1", "port": free_port})
    config = replace(CONFIG, model=str(served), listen=direct.removeprefix("http://"), traces=collector.url)
    serve.run(build(config), name=NAME)
    yield f"http://127.0.0.1:{free_port}"
    serve.shutdown()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


@pytest.fixture(scope="module")
def direct() -> Iterator[str]:
    """Where the ingress listens itself, past the proxy. Only who shares the port can have it meanwhile."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


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


def test_malformed_requests_harm_nothing(url: str) -> None:
    """A few hundred of those of benchmarks/serve_fuzz.py, of every kind."""
    host, port = httpx.URL(url).host, httpx.URL(url).port or 80
    malformed, tally = prepared((host, port), documents=60, seed=5), Tally()
    asyncio.run(attack((host, port), malformed, 150, 4, 8, tally))  # what is loaded at first use
    at_rest(within_s=60)
    before = taken()
    asyncio.run(attack((host, port), malformed, 250, 5, 8, tally))
    assert tally.faults == []
    assert {kind for kind, _ in tally.answers} == {*malformed.kinds, "live"}
    work = at_rest(within_s=60)
    assert leaks(before, settled(before), work) == []


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


@pytest.mark.slow
def test_a_live_session_outlives_every_replica(url: str, direct: str, animator: Animator) -> None:
    """One after the other they are killed while it speaks; whichever had its stream, another builds it anew."""
    sound = voice(12, seed=8)
    expected = animator.animate(sound, Controls(emotion="happy")).weights

    async def talk() -> Client:
        async with talking(live_url(direct), {**HELLO, "controls": {"emotion": "happy"}}) as client:
            await client.sound(sound[:64_000])
            await client.listen(until=60)
            while len(replica_pids()) < 2:  # one may be new
                await asyncio.sleep(0.1)
            first, second = replica_pids()
            os.kill(first, signal.SIGKILL)
            await client.sound(sound[64_000:128_000])
            await client.listen(until=180)
            while len(set(replica_pids()) - {first}) < 2:  # the new one is there
                await asyncio.sleep(0.1)
            os.kill(second, signal.SIGKILL)
            await client.sound(sound[128_000:])
            await client.say({"type": "end"})
            await client.listen()
        return client

    client = asyncio.run(talk())
    assert client.said[-1]["type"] == "end", client.said
    np.testing.assert_allclose(client.weights(), expected, atol=1e-5)


def test_sixteen_live_sessions_beside_recordings(url: str, direct: str, animator: Animator) -> None:
    """Half of them through the proxy, half past it."""
    cases = [(voice(2 + i / 8, seed=i), Controls(emotion=("sad", None)[i % 2], seed=i)) for i in range(16)]

    async def talk(place: str, sound: np.ndarray, controls: Controls) -> Client:
        async with talking(live_url(place), {**HELLO, "controls": controls.to_dict()}) as client:
            await client.sound(sound)
            await client.say({"type": "end"})
            await client.listen()
        return client

    async def together() -> list[Client]:
        return await asyncio.gather(*(talk((url, direct)[i % 2], *case) for i, case in enumerate(cases)))

    with ThreadPoolExecutor(2) as pool:
        beside = [pool.submit(post, place, wav(60)) for place in (url, direct)]
        clients = asyncio.run(together())
        assert {request.result().status_code for request in beside} == {200}
    for client, (sound, controls) in zip(clients, cases, strict=True):
        np.testing.assert_allclose(client.weights(), animator.animate(sound, controls).weights, atol=1e-5)


@pytest.mark.slow
def test_a_dying_ingress_is_not_seen_through_the_client(url: str, direct: str, animator: Animator) -> None:
    """Its live session, past the proxy, is resumed; its request, through it, is asked again."""
    sound = voice(10, seed=4)
    patient = Backoff(tries=200, first_s=0.5, longest_s=1)

    async def talk() -> tuple[np.ndarray, int, np.ndarray]:
        async with AsyncExitStack() as stack:
            proxied, past = [await stack.enter_async_context(AsyncClient(at, backoff=patient)) for at in (url, direct)]
            session = await stack.enter_async_context(past.live(Controls(seed=3)))
            await session.send(sound[:64_000])
            pieces = [await anext(aiter(session))]
            asking = asyncio.create_task(proxied.animate(wav(20)))
            os.kill(replica_pids("Ingress")[0], signal.SIGKILL)
            await session.send(sound[64_000:])
            await session.end()
            pieces += [piece async for piece in session]
            assert [piece.first for piece in pieces] == list(
                np.cumsum([0, *(piece.animation.frames for piece in pieces)])[:-1]
            )
            frames = np.concatenate([piece.animation.weights for piece in pieces])
            return frames, session.resumed, (await asking).weights

    live, resumed, asked = asyncio.run(talk())
    assert resumed >= 1
    np.testing.assert_allclose(live, animator.animate(sound, Controls(seed=3)).weights, atol=1e-5)
    np.testing.assert_array_equal(asked, animator.animate(voice(20)).weights)


def test_a_crash_of_a_decoder_kills_no_replica(url: str) -> None:
    """Who decodes a recording is killed; the ingress answers the next."""
    assert post(url, wav(0.5)).status_code == 200
    (ingress,) = replica_pids("Ingress")
    children = [int(pid) for pid in Path(f"/proc/{ingress}/task/{ingress}/children").read_text().split()]
    for child in children:
        if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
            os.kill(child, signal.SIGKILL)
    assert post(url, wav(0.5)).status_code in (200, 400)  # the crash is noticed by the next recording, if not before
    assert post(url, wav(0.5)).status_code == 200
    assert replica_pids("Ingress") == [ingress]


def test_lines_and_batches_pass_through_the_proxy(url: str) -> None:
    response = post(url, wav(70), headers={"accept": "application/x-ndjson"})
    kinds = [json.loads(line)["type"] for line in response.text.splitlines()]
    assert kinds == ["start", *["frames"] * (len(kinds) - 2), "end"]
    files = [("audio", (f"{i}.wav", wav(1, i))) for i in range(6)]
    response = httpx.post(f"{url}{PATH}/batch", files=files, timeout=120)
    assert sorted(json.loads(line)["status"] for line in response.text.splitlines()) == [200] * 6


def test_it_is_ready_and_tells_its_models(url: str, direct: str, animator: Animator) -> None:
    assert httpx.get(f"{url}/readyz", timeout=60).status_code == 200
    (model,) = httpx.get(f"{url}/v1/models", timeout=60).json()["models"]
    assert model["sha256"] == animator.model_digest
    for place in (url, direct):
        response = httpx.get(f"{place}/v1/limits", headers={"x-request-id": "mine"})
        assert response.headers.get_list("x-request-id") == ["mine"]


def test_another_model_is_loaded_without_dropping_a_request(url: str, animator: Animator, served: Path) -> None:
    """Recordings one after the other, and a live session, while the model directory's content is replaced."""
    before = sorted(replica_pids())
    done = threading.Event()
    seen: list[str] = []

    def ask() -> None:
        while not done.is_set():
            response = post(url, wav(1))
            assert response.status_code == 200, response.text
            seen.append(response.json()["meta"]["model_sha256"])

    async def talk() -> Client:
        async with talking(live_url(url)) as client:
            await client.sound(SOUND[:32_000])
            await client.listen(until=30)
            with ThreadPoolExecutor(1) as pool:
                asking = pool.submit(ask)
                while not seen and not asking.done():
                    await asyncio.sleep(0.01)
                config = json.loads((served / "config.json").read_text())
                (served / "config.json").write_text(json.dumps(config, indent=2))  # the same, with another digest
                async with httpx.AsyncClient(timeout=200) as other:
                    response = await other.post(f"{url}/v1/models/default/reload")
                assert response.json()["sha256"] == model_digest(served), response.text
                while seen[-1] == animator.model_digest and not asking.done():
                    await asyncio.sleep(0.01)
                done.set()
                asking.result()
            await client.sound(SOUND[32_000:])
            await client.say({"type": "end"})
            await client.listen()
        return client

    client = asyncio.run(talk())
    assert set(seen) == {animator.model_digest, model_digest(served)}
    assert sorted(replica_pids()) == before  # told, not restarted
    np.testing.assert_allclose(client.weights(), animator.animate(SOUND).weights, atol=1e-5)


def test_a_trace_reaches_into_the_replica(url: str, collector: Collector) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    response = post(url, wav(70), headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01", "x-request-id": "traced"})
    assert response.status_code == 200, response.text
    order = ["decode", "queue", "predict", "finish", "write"]
    spans = collector.spans(trace, {f"POST {PATH}", *order})
    whole = spans[f"POST {PATH}"]
    assert whole.attributes["emotalk.request_id"] == "traced"
    assert {spans[name].parent for name in order} == {whole.id}
    assert {name: spans[name].part for name in order} == {
        name: "emotalk-model" if name in ("queue", "predict", "finish") else "emotalk-ingress" for name in order
    }
    starts = [spans[name].start_ns for name in order]
    assert starts == sorted(starts)


def test_killed_replicas_are_seen_as_documented(url: str) -> None:
    """One of each, while raw clients, the package's own and a live session ask; see benchmarks/serve_kills.py."""
    load = KillsBenchmark(raw=2, clients=1, live=1, pause_s=1.0)
    seen = asyncio.run(storm(url, ["model-default", "Ingress"], load, Random(3)))
    assert seen.failures == []
    assert seen.animations
    assert seen.sessions
    assert {status for _, status in seen.answers} <= {200, 429, 500, 503}


def live_url(url: str) -> str:
    return url.replace("http://", "ws://") + "/v1/live"


def replica_pids(deployment: str = "model-default") -> list[int]:
    from ray.serve.context import _get_global_client

    details = _get_global_client().get_serve_details()
    replicas = details["applications"][NAME]["deployments"][deployment]["replicas"]
    # Serve notices a death some time after it.
    return [
        replica["pid"]
        for replica in replicas
        if replica["state"] == "RUNNING" and Path(f"/proc/{replica['pid']}").exists()
    ]
