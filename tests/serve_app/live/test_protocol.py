"""The wire: whatever comes in is understood or refused, whatever goes out can be read back."""

import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.errors import InputError
from serve_app.live.protocol import BINARY_HEAD, frames_message, read_hello, read_message
from serve_app.live.sound import Sound, opus_reader
from serve_app.live.steps import Frames
from serve_app.problems import Problem

KEYS = st.sampled_from(["type", "audio", "format", "controls", "resume", "received_frames", "encoding", "rate", "x"])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["hello", "end", "controls", "pcm16", "binary", "happy", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.dictionaries(KEYS, VALUES, max_size=6).map(json.dumps))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for read in (lambda given: read_hello(given, 1_000), read_message):
        with suppress(Problem):  # any other error is the service's fault
            read(text)  # type: ignore[operator]


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 400), min_size=1, max_size=12),
    rate=st.sampled_from([8_000, 16_000, 44_100, 44_101, 48_000]),
    encoding=st.sampled_from(["pcm16", "float32"]),
)
def test_the_same_samples_come_out_however_they_are_cut(cuts: list[int], rate: int, encoding: str) -> None:
    samples = np.random.default_rng(1).uniform(-0.9, 0.9, sum(cuts)).astype(np.float32)
    data = (samples * 32_767).astype("<i2") if encoding == "pcm16" else samples.astype("<f4")
    whole, pieces = Sound(encoding, rate), Sound(encoding, rate)
    expected = np.concatenate([whole.push(data.tobytes()), whole.flush()])
    parts = np.split(data, np.cumsum(cuts)[:-1])
    got = np.concatenate([*(pieces.push(part.tobytes()) for part in parts), pieces.flush()])
    np.testing.assert_allclose(got, expected, atol=1e-6)
    assert pieces.heard == len(samples)
    assert len(got) == -(-len(samples) * 16_000 // rate)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=400), min_size=1, max_size=4))
def test_bytes_that_are_no_opus_are_refused_or_sound(packets: list[bytes]) -> None:
    read = opus_reader()
    for packet in packets:
        try:
            samples = read(packet)
        except InputError:
            continue
        assert samples.ndim == 1
        assert len(samples) <= 48_000 * 0.12 + 960


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("labels", [0, 8])
def test_frames_can_be_read_back(head: bool, labels: int) -> None:
    rng = np.random.default_rng(0)
    frames = Frames(
        first=7,
        entered=20,
        weights=rng.random((3, 52), np.float32),
        emotion=rng.random((3, labels), np.float32),
        head=rng.random((3, 6), np.float32) if head else None,
    )
    message = frames_message(frames, 5_000, binary=True)
    assert isinstance(message, bytes)
    version, flags, count, first, heard = BINARY_HEAD.unpack_from(message)
    assert (version, flags, count, first, heard) == (1, head + 2 * bool(labels), 3, 7, 5_000)
    values = np.frombuffer(message, "<f4", offset=BINARY_HEAD.size)
    parts = [frames.weights, *([frames.head] if frames.head is not None else []), frames.emotion]
    np.testing.assert_array_equal(values, np.concatenate([part.ravel() for part in parts]))
    text = frames_message(frames, 5_000, binary=False)
    data = json.loads(text)
    assert (data["first"], data["heard_samples"], "head" in data) == (7, 5_000, head)
    np.testing.assert_array_equal(np.array(data["weights"], np.float32), frames.weights)
    rest = frames.since(9)
    assert (rest.first, len(rest)) == (9, 1)
    np.testing.assert_array_equal(rest.weights, frames.weights[2:])
