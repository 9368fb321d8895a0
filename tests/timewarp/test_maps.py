"""Stretching and known speech sounds: borders meet, ends meet, and speed changes nothing but the unit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emotalk.corpus.clip import Phone
from emotalk.model.resample import resample_frames
from emotalk.timewarp import TimeMap, even_positions, phone_map


def phones(edges: list[float], names: str = "abcdefgh") -> tuple[Phone, ...]:
    return tuple(Phone(name, start, end) for name, start, end in zip(names, edges, edges[1:], strict=False))


@given(st.integers(1, 90), st.integers(1, 90))
def test_even_positions_are_the_stretching_of_the_network(frames: int, heard: int) -> None:
    ramp = torch.arange(heard, dtype=torch.float64)[None, :, None]
    expected = resample_frames(ramp, torch.tensor([heard]), torch.tensor([frames]))[0, :, 0]
    np.testing.assert_array_equal(even_positions(frames, heard), expected.numpy())


def test_borders_meet_and_what_lies_between_is_linear() -> None:
    found = phone_map(phones([0.2, 0.5, 0.6, 1.0]), 1.2, phones([0.1, 0.7, 0.75, 1.5]), 2.0)
    assert found is not None
    assert found.at(np.array([0, 0.1, 0.2, 0.35, 0.5, 0.6, 1.0, 1.1, 1.2])) == pytest.approx(
        [0, 0.05, 0.1, 0.4, 0.7, 0.75, 1.5, 1.75, 2.0]
    )


def test_pauses_meet_pauses_and_a_missing_pause_leaves_a_step() -> None:
    with_pause = (Phone("a", 0.1, 0.4), Phone("b", 0.6, 0.9))
    without = (Phone("a", 0.1, 0.4), Phone("b", 0.4, 0.9))
    both = phone_map(with_pause, 1.0, with_pause, 1.0)
    assert both is not None
    assert both.at(np.linspace(0, 1, 21)) == pytest.approx(np.linspace(0, 1, 21))
    shorter = phone_map(with_pause, 1.0, without, 1.0)
    assert shorter is not None
    assert shorter.at(np.array([0.3999, 0.5, 0.6, 0.75])) == pytest.approx([0.3999, 0.4, 0.4, 0.65])
    longer = phone_map(without, 1.0, with_pause, 1.0)
    assert longer is not None
    assert longer.at(np.array([0.39, 0.4001, 0.65])) == pytest.approx([0.39, 0.60006, 0.75])


def test_other_sounds_or_none_at_all_have_no_map() -> None:
    known = phones([0, 0.5, 1.0])
    for other in (None, (), phones([0, 0.5, 1.0], "ax"), phones([0, 0.5, 0.8, 1.0])):
        assert phone_map(known, 1.0, other, 1.0) is None
        assert phone_map(other, 1.0, known, 1.0) is None


edges = st.lists(st.floats(0.03, 0.4), min_size=4, max_size=4)


@given(edges, edges, st.floats(0.8, 1.25))
def test_a_faster_pair_is_heard_at_the_same_moments(target: list[float], heard: list[float], speed: float) -> None:
    """The map of the recordings, read at a speed, is the map of the faster recordings."""
    x, y = (np.cumsum([0.1, *durations, 0.2]) for durations in (target, heard))

    def sounds(ends: np.ndarray) -> tuple[Phone, ...]:
        return phones([float(end) for end in ends[:-1]])

    slow = phone_map(sounds(x), x[-1], sounds(y), y[-1])
    fast = phone_map(sounds(x / speed), x[-1] / speed, sounds(y / speed), y[-1] / speed)
    assert slow is not None
    assert fast is not None
    frames, heard_frames = (int(np.ceil(ends[-1] / speed * 30)) for ends in (x, y))
    positions = slow.positions(frames, heard_frames, speed)
    np.testing.assert_allclose(positions, fast.positions(frames, heard_frames), atol=1e-6)
    assert positions[0] == 0
    assert positions.max() <= heard_frames - 1
    assert (np.diff(positions) >= 0).all()


def test_a_recording_is_heard_in_itself_where_it_is() -> None:
    line = TimeMap(np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    assert line.positions(30, 30) == pytest.approx(np.arange(30))
