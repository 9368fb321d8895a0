"""Live sessions without Ray: frames, controls in mid-stream, loss, resumption, limits, and clients of every kind."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from serve_app.api import build_api
from serve_app.config import ServeConfig
from serve_app.live import streams
from tests.serve_app.conftest import LIMITS, LocalModel
from tests.serve_app.live.clients import HELLO, Client, listening, talking
from tests.serve_app.recordings import voice

Talk = Callable[[str], Coroutine[Any, Any, None]]
SOUND = voice(9, seed=3)


def run(model: LocalModel, talk: Talk, config: ServeConfig = LIMITS) -> None:
    async def whole() -> None:
        async with listening(build_api(config, {"default": model})) as url:
            await talk(url)

    asyncio.run(whole())


async def spoken(url: str, samples: np.ndarray, hello: dict[str, Any] | None = None, chunk: int = 1_600) -> Client:
    async with talking(url, hello) as client:
        await client.sound(samples, chunk)
        await client.say({"type": "end"})
        await client.listen()
    return client


@pytest.mark.parametrize("lose", [False, True])
def test_frames_are_those_of_the_whole_recording(animator: Animator, lose: bool) -> None:
    """Also when every step finds that the stream has been lost."""
    controls = Controls(emotion="happy", intensity=1.5, seed=4)
    expected = animator.animate(SOUND, controls)

    async def talk(url: str) -> None:
        client = await spoken(url, SOUND, {**HELLO, "controls": controls.to_dict()}, chunk=7_001)
        np.testing.assert_allclose(client.weights(), expected.weights, atol=1e-5)
        end = client.said[-1]
        assert end["type"] == "end"
        assert end["frames"] == expected.frames
        assert end["resume"] is None
        assert client.code == 1000
        if not lose:
            assert end["heard"] == pytest.approx(expected.meta["heard"], abs=1e-4)
        assert client.heard[-1] == len(SOUND)

    run(LocalModel(animator, lose=lose), talk)


def test_sessions_side_by_side_share_nothing(animator: Animator) -> None:
    cases = [(voice(1 + i / 3, seed=i), Controls(emotion=("sad", "angry", None)[i % 3], seed=i)) for i in range(6)]
    config = replace(LIMITS, live_lanes=2, scale_streams=4)

    async def talk(url: str) -> None:
        asks = (spoken(url, sound, {**HELLO, "controls": controls.to_dict()}) for sound, controls in cases)
        for client, (sound, controls) in zip(await asyncio.gather(*asks), cases, strict=True):
            np.testing.assert_allclose(client.weights(), animator.animate(sound, controls).weights, atol=1e-5)

    run(LocalModel(animator), talk, config)


@pytest.mark.parametrize(
    ("encoding", "rate", "tolerance"), [("pcm16", 16_000, 1e-3), ("float32", 48_000, 0.05), ("pcm16", 44_100, 0.05)]
)
def test_other_encodings_and_rates(animator: Animator, encoding: str, rate: int, tolerance: float) -> None:
    from scipy.signal import resample_poly

    sound = voice(2)
    expected = animator.animate(sound).weights
    sent = np.clip(resample_poly(sound, rate // 100, 160), -1, 1)
    data = (sent * 32_767).astype("<i2") if encoding == "pcm16" else sent.astype("<f4")

    async def talk(url: str) -> None:
        hello = {"type": "hello", "audio": {"encoding": encoding, "rate": rate}}  # answered in JSON
        async with talking(url, hello) as client:
            for start in range(0, len(data), 4_410):
                await client.socket.send(data[start : start + 4_410].tobytes())
            await client.say({"type": "end"})
            await client.listen()
        assert client.weights().shape == expected.shape
        assert np.abs(client.weights() - expected).mean() < tolerance
        assert client.heard[-1] == len(data)

    run(LocalModel(animator), talk)


def test_opus_packets(animator: Animator) -> None:
    import av

    sound = voice(1)
    coder = av.CodecContext.create("libopus", "w")
    coder.sample_rate, coder.layout, coder.format = 48_000, "mono", "s16"
    pcm = (np.repeat(sound, 3) * 32_767).astype(np.int16)
    packets = []
    for start in range(0, len(pcm), 960):
        frame = av.AudioFrame.from_ndarray(pcm[None, start : start + 960], format="s16", layout="mono")
        frame.sample_rate, frame.pts = 48_000, start
        packets += [bytes(packet) for packet in coder.encode(frame)]

    async def talk(url: str) -> None:
        async with talking(url, {"type": "hello", "audio": {"encoding": "opus", "rate": 48_000}}) as client:
            for packet in packets:
                await client.socket.send(packet)
            await client.say({"type": "end"})
            await client.listen()
        assert client.said[-1]["frames"] >= 30
        assert len(client.weights()) == client.said[-1]["frames"]

    run(LocalModel(animator), talk)


@pytest.mark.parametrize("lose", [False, True])
def test_controls_change_from_the_frame_that_is_told(animator: Animator, lose: bool) -> None:
    async def talk(url: str) -> None:
        async with talking(url, {**HELLO, "controls": {"emotion": "happy", "blinks_per_minute": 0}}) as client:
            await client.sound(SOUND[:48_000])
            await client.listen(until=80)
            await client.say({"type": "controls", "controls": {"emotion": "angry", "blinks_per_minute": 0}})
            await client.sound(SOUND[48_000:96_000])
            await client.say({"type": "end"})
            await client.listen()
        (told,) = (message for message in client.said if message["type"] == "controls")
        frame = told["from_frame"]
        happy = animator.animate(SOUND[:96_000], Controls(emotion="happy", blinks_per_minute=0)).weights
        angry = animator.animate(SOUND[:96_000], Controls(emotion="angry", blinks_per_minute=0)).weights
        assert 80 <= frame <= 96
        settled = frame + 2  # smoothing reaches two frames over the border
        before = frame - (10 if lose else 2)  # a stream built anew asks for the new ones in all that is still to come
        np.testing.assert_allclose(client.weights()[:before], happy[:before], atol=1e-5)
        got = client.weights()[settled:]
        assert np.abs(got - angry[settled:]).mean() < 0.2 * np.abs(got - happy[settled:]).mean()
        if not lose:
            stream = animator.stream(Controls(emotion="happy", blinks_per_minute=0))
            earlier = stream.push(SOUND[:48_000])
            stream.controls = Controls(emotion="angry", blinks_per_minute=0)
            pieces = [earlier.weights, stream.push(SOUND[48_000:96_000]).weights, stream.flush().weights]
            np.testing.assert_allclose(client.weights(), np.concatenate(pieces), atol=1e-5)

    run(LocalModel(animator, lose=lose), talk)


@pytest.mark.parametrize("rate", [16_000, 48_000])
@pytest.mark.parametrize("received", [0, 1, 37, 240])
def test_a_lost_connection_is_resumed(animator: Animator, received: int, rate: int) -> None:
    """The client has `received` frames, sends again from where it is told, and gets every other frame once."""
    sound = SOUND if rate == 16_000 else np.repeat(SOUND, 3)
    hello = {**HELLO, "audio": {"encoding": "float32", "rate": rate}}

    async def talk(url: str) -> None:
        whole = await spoken(url, sound, hello)
        async with talking(url, hello) as client:
            await client.sound(sound[: len(sound) // 2])
            await client.listen(until=20)
            client.socket.transport.abort()  # without a word
        token = client.ready["resume"]
        again = {**hello, "resume": token, "received_frames": received}
        async with talking(url, again) as client:
            assert client.ready["session"] == token
            start = client.ready["next_sample"]
            assert 0 <= start <= len(sound) * received / len(whole.frames) + rate / 2
            assert start == 0 or received == 240  # only what is needed is sent again
            await client.sound(sound[start:])
            await client.say({"type": "end"})
            await client.listen()
        tolerance = 1e-5 if rate == 16_000 else 1e-4
        np.testing.assert_allclose(client.weights(received), whole.weights()[received:], atol=tolerance)

    run(LocalModel(animator), talk)


def test_who_comes_back_takes_the_session_from_the_old_connection(animator: Animator) -> None:
    async def talk(url: str) -> None:
        async with talking(url) as old, talking(url, {**HELLO, "resume": old.ready["resume"]}) as new:
            await old.listen()
            assert old.problem["type"].endswith("superseded")
            assert old.code == 1008
            await new.sound(SOUND[:16_000])
            await new.listen(until=20)

    run(LocalModel(animator), talk)


@pytest.mark.parametrize(
    ("hello", "named"),
    [
        ("no json", "JSON"),
        ("[1]", "object"),
        ("[" * 50_000, "JSON"),
        (b"\x00\x00", "hello"),
        ({"type": "end"}, "hello"),
        ({"type": "hello"}, "audio"),
        ({"type": "hello", "audio": {"rate": "fast"}}, "rate"),
        ({"type": "hello", "audio": {"encoding": "mp3", "rate": 16_000}}, "mp3"),
        ({"type": "hello", "audio": {"encoding": "pcm16", "rate": 10}}, "rate"),
        ({"type": "hello", "audio": {"encoding": "opus", "rate": 16_000}}, "48000"),
        ({**HELLO, "format": "xml"}, "format"),
        ({**HELLO, "speed": 2}, "speed"),
        ({**HELLO, "controls": {"intensty": 2}}, "intensty"),
        ({**HELLO, "controls": {"emotion": "bored"}}, "bored"),
        ({**HELLO, "controls": [1]}, "object"),
        ({**HELLO, "resume": "x"}, "token"),
        ({**HELLO, "received_frames": 3}, "resume"),
        ({**HELLO, "resume": "0" * 32, "received_frames": 10**12}, "received_frames"),
        ({**HELLO, "resume": "0" * 32, "received_frames": -1}, "received_frames"),
    ],
)
def test_broken_greetings_are_told_what_is_wrong(animator: Animator, hello: Any, named: str) -> None:
    async def talk(url: str) -> None:
        async with connect(url) as socket:
            await socket.send(json.dumps(hello) if isinstance(hello, dict) else hello)
            client = Client(socket)
            await client.listen()
        assert named in client.problem["detail"]
        assert client.problem["instance"].startswith("/v1/live#")
        assert client.code == 1008

    run(LocalModel(animator), talk)


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (b"\x00" * 3, "float32"),
        (np.full(10, np.nan, "<f4").tobytes(), "finite"),
        (bytes(LIMITS.live_max_chunk_bytes + 4), "chunk"),
        ('{"type": "sing"}', "type"),
        ('{"type": "end", "now": true}', "now"),
        ('{"type": "controls", "controls": {"smoothing": 0}}', "smoothing"),
        ('{"type": "controls", "controls": {"emotion_from": "/etc/passwd"}}', "emotion_from"),
        ('{"type": "controls", "controls": "{}"}', "object"),
        ('{"type": "controls", "controls": {"emotion": "bored"}}', "bored"),
        ('{"type": "controls"}', "object"),
    ],
)
def test_broken_messages_end_the_session(animator: Animator, message: str | bytes, named: str) -> None:
    model = LocalModel(animator)

    async def talk(url: str) -> None:
        async with talking(url) as client:
            await client.sound(SOUND[:8_000])
            await client.listen(until=5)
            await client.socket.send(message)
            await client.sound(SOUND[8_000:9_600])
            await client.listen()
            assert named in client.problem["detail"]
            assert client.code == 1008

    run(model, talk)


def test_limits(animator: Animator) -> None:
    config = replace(LIMITS, live_sessions=1, live_idle_s=0.3, live_max_ahead_s=2.0)

    async def talk(url: str) -> None:
        async with talking(url) as client:
            assert client.ready["limits"]["idle_s"] == 0.3
            async with connect(url) as socket:
                other = Client(socket)
                await other.listen()
                assert other.problem["type"].endswith("overloaded")
                assert other.code == 1013
            await client.listen()
            assert client.problem["type"].endswith("idle")
        async with talking(url) as client:  # the place is free again
            await client.sound(voice(3.5))
            await client.listen()
            assert client.problem["type"].endswith("too-fast")

    run(LocalModel(animator), talk, config)


def test_a_session_has_a_longest_time(animator: Animator) -> None:
    async def talk(url: str) -> None:
        async with talking(url) as client:
            sent = 0
            while client.code is None:
                with suppress(ConnectionClosed):
                    await client.sound(SOUND[:1_600])
                sent += 3
                await client.listen(until=sent - 6)
        assert client.problem["type"].endswith("recording-too-long")

    run(LocalModel(animator), talk, replace(LIMITS, live_max_session_s=0.5, live_max_ahead_s=600))


def test_clients_that_leave_leave_nothing_behind(animator: Animator) -> None:
    model = LocalModel(animator)
    config = replace(LIMITS, live_sessions=2)

    async def talk(url: str) -> None:
        for _ in range(6):
            async with talking(url) as client:
                await client.sound(SOUND[:16_000])
                await client.listen(until=3)
                client.socket.transport.abort()
        while True:  # the places are free as soon as the service has noticed
            try:
                client = await spoken(url, SOUND[:8_000])
            except AssertionError:
                continue
            break
        while len(model.streams):
            await asyncio.sleep(0)

    run(model, talk, config)


def test_a_stream_is_forgotten_behind_the_step_that_is_on_its_way(animator: Animator) -> None:
    """The other way round the step would build it anew, and nobody would ever ask for it."""
    calls: list[str] = []

    class Slow(LocalModel):
        gate = asyncio.Event()

        async def step(self, lane: str, asks: Any) -> Any:
            calls.append("asked")
            await self.gate.wait()
            answers = await super().step(lane, asks)
            calls.append("answered")
            return answers

        async def forget(self, lane: str, stream: str) -> None:
            await super().forget(lane, stream)
            calls.append("forgotten")

    model = Slow(animator)

    async def talk(url: str) -> None:
        async with talking(url) as client:
            await client.sound(SOUND[:1_600])
            while not calls:
                await asyncio.sleep(0)
            client.socket.transport.abort()
        while True:  # the only place is free as soon as the service has noticed
            with suppress(AssertionError, ConnectionClosed):
                async with talking(url):
                    break
        model.gate.set()
        while calls.count("forgotten") < 2:
            await asyncio.sleep(0)
        assert calls == ["asked", "answered", "forgotten", "forgotten"]
        assert not len(model.streams)

    run(model, talk, replace(LIMITS, live_sessions=1))


def test_streams_that_rest_are_forgotten(animator: Animator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an ingress that was lost, or that were asked for elsewhere since; none is needed to go on."""
    now = 100.0
    monkeypatch.setattr(streams, "monotonic", lambda: now)
    model = LocalModel(animator)

    async def talk(url: str) -> None:
        nonlocal now
        async with talking(url) as client:
            await client.sound(SOUND[:16_000])
            await client.listen(until=20)
            for later, left in ((59, 1), (2, 0)):
                now += later
                await model.streams.in_use()
                assert len(model.streams) == left
            await client.sound(SOUND[16_000:32_000])
            await client.say({"type": "end"})
            await client.listen()
        np.testing.assert_allclose(client.weights(), animator.animate(SOUND[:32_000]).weights, atol=1e-5)

    run(model, talk)


def test_a_model_that_fails_is_the_services_fault(animator: Animator) -> None:
    class Failing(LocalModel):
        async def step(self, lane: str, asks: Any) -> Any:
            raise RuntimeError("/secret/path")

    async def talk(url: str) -> None:
        async with talking(url) as client:
            await client.sound(SOUND[:3_200])
            await client.listen()
        assert client.problem["type"].endswith("internal")
        assert "secret" not in str(client.said)
        assert client.code == 1011

    run(Failing(animator), talk)


def test_unknown_models_and_strange_pages(animator: Animator) -> None:
    async def talk(url: str) -> None:
        async with connect(f"{url}?model=other") as socket:
            client = Client(socket)
            await client.listen()
        assert client.problem["type"].endswith("unknown-model")
        with pytest.raises(InvalidStatus):
            async with connect(url, origin="https://evil.example"):
                pass
        async with talking(url, origin="https://studio.example"):  # type: ignore[arg-type]
            pass

    run(LocalModel(animator), talk, replace(LIMITS, cors=("https://studio.example",)))


def test_a_client_that_does_not_read_is_not_waited_for_by_others(animator: Animator) -> None:
    async def talk(url: str) -> None:
        async with connect(url, max_queue=1) as deaf:
            await deaf.send(json.dumps({**HELLO, "format": "json"}))
            for start in range(0, len(SOUND), 1_600):
                await deaf.send(SOUND[start : start + 1_600].tobytes())
            client = await spoken(url, SOUND[:16_000])
            assert client.said[-1]["type"] == "end"
            deaf.transport.abort()

    run(LocalModel(animator), talk)
