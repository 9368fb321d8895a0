import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.controls import Track
from emotalk.controls.track import number_at
from emotalk.errors import InputError

POINTS = st.lists(st.tuples(st.floats(0, 100), st.floats(-5, 5)), min_size=1, max_size=8).map(
    lambda points: tuple(sorted(points, key=lambda point: point[0]))
)


def test_straight_lines_between_points_and_held_outside() -> None:
    track = Track(((1.0, 0.0), (2.0, 1.0)))
    assert track.at(np.array([0, 30, 45, 60, 90])).tolist() == [0, 0, 0.5, 1, 1]


def test_two_points_of_one_time_are_a_step() -> None:
    track = Track(((0.0, 1.0), (1.0, 1.0), (1.0, 3.0)))
    assert track.at(np.array([0, 29, 30, 31])).tolist() == [1, 1, 3, 3]


@given(POINTS, st.integers(0, 3000), st.integers(1, 50))
def test_a_frame_is_the_same_however_asked_for(points: tuple[tuple[float, float], ...], first: int, count: int) -> None:
    track = Track(points)
    frames = np.arange(first, first + count)
    one_by_one = np.concatenate([track.at(frames[i : i + 1]) for i in range(count)])
    assert np.array_equal(track.at(frames), one_by_one)
    low, high = track.extent
    assert one_by_one.min() >= np.float32(low)
    assert one_by_one.max() <= np.float32(high)


@given(POINTS)
def test_json_and_back(points: tuple[tuple[float, float], ...]) -> None:
    assert Track.of(Track(points).to_json()) == Track(points)


@pytest.mark.parametrize(
    "points", [[], "abc", [[1]], [[0, True]], [[0, "x"]], [[1, 0], [0, 0]], [[0, float("nan")]], 3, {"0": 1}]
)
def test_what_is_no_track(points: object) -> None:
    with pytest.raises(InputError, match="track"):
        Track.of(points)


def test_numbers_are_constant_tracks() -> None:
    assert number_at(0.5, np.arange(3)).tolist() == [0.5] * 3
