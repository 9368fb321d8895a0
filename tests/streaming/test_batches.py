"""Streams side by side: each is what it would be alone, whoever shares the batch; states have one size for ever."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.streaming import opened
from emotalk import Animation, Animator, Controls, EmoTalk, InputError, default_model
from emotalk.model.mel import HOP_SAMPLES
from emotalk.streaming.live import push_together
from emotalk.streaming.network import StreamingNetwork
from emotalk.streaming.state import StreamState
from tests.streaming.speech import awake_lite, controls, cut, live, same_face, speech

ANIMATOR = Animator(awake_lite())


@settings(max_examples=5, deadline=None)
@given(
    asked=st.lists(controls, min_size=2, max_size=4),
    sizes=st.lists(st.integers(400, 4_000), min_size=5, max_size=5),
)
def test_neighbours_change_nothing(asked: list[Controls], sizes: list[int]) -> None:
    """Of other controls, other chunks, begun at other times: every phase of frames and columns meets another."""
    sounds = [speech(6_000 + 531 * i, i) for i in range(len(asked))]
    streams = [live(ANIMATOR, one) for one in asked]
    chunks = [cut(sound, [size]) for sound, size in zip(sounds, sizes, strict=False)]
    pieces: list[list[Animation]] = [[] for _ in asked]
    for turn in range(max(map(len, chunks)) + len(asked)):
        members = [i for i, own in enumerate(chunks) if i <= turn < i + len(own)]
        if not members:
            continue
        out = push_together([streams[i] for i in members], [chunks[i][turn - i] for i in members])
        for i, piece in zip(members, out, strict=True):
            pieces[i].append(piece)
    for stream, sound, own, one in zip(streams, sounds, pieces, asked, strict=True):
        same_face(ANIMATOR, [*own, stream.flush()], sound, one)


def test_a_step_changes_neither_its_state_nor_its_samples() -> None:
    network = StreamingNetwork(awake_lite())
    asked, state = network.asked(Controls()), network.start()
    for _ in range(12):
        width = int(network.advance(state, 2).max()) * HOP_SAMPLES
        chunk = torch.from_numpy(speech(width))[None]
        kept, sound = {name: value.clone() for name, value in state.buffers.items()}, chunk.clone()
        out, after = network.step(chunk, state, asked, 2)
        again, _ = network.step(chunk, state, asked, 2)
        np.testing.assert_array_equal(out.frames, again.frames)
        assert torch.equal(chunk, sound)
        assert all(torch.equal(state.buffers[name], value) for name, value in kept.items())
        assert after.nbytes == state.nbytes
        assert after.places == state.places
        state = after


def test_a_thousand_states_fit_in_2_gb() -> None:
    assert StreamingNetwork(awake_lite()).start(4).nbytes / 4 * 1_000 < 2e9 / 4


@pytest.mark.slow
def test_a_thousand_open_streams_of_the_packages_model_fit_in_2_gb() -> None:
    animator = Animator(EmoTalk.from_pretrained(default_model()), device="cpu")
    assert 0 < opened(animator, 1_000)["memory_mb"] < 2_000


def test_states_are_stacked_and_split_without_sharing_memory() -> None:
    network = StreamingNetwork(awake_lite())
    one, two = network.start(1), network.start(2).put("next", torch.tensor([4, 5]))
    both = StreamState.stack([one, two])
    assert both.batch == 3
    assert both["next"].tolist() == [network.first_frame, 4, 5]
    parts = both.split()
    memory = {buffer.untyped_storage().data_ptr() for part in parts for buffer in part.buffers.values()}
    assert len(memory) == sum(len(part.buffers) for part in parts)
    assert [int(part["next"]) for part in parts] == both["next"].tolist()


def test_streams_of_two_animators_are_refused() -> None:
    other = live(Animator(awake_lite()), Controls())
    with pytest.raises(InputError, match="different Animators"):
        push_together([live(ANIMATOR, Controls()), other], [speech(10), speech(10)])
