"""A video is cut where another picture begins, and nowhere else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.capture.scenes import ChangeMeter, find_scenes

TIMES_S = 0.5 + np.arange(200) / 25


def scenes(change: np.ndarray) -> list[tuple[float, float]]:
    return [pytest.approx(scene, abs=1e-6) for scene in find_scenes(TIMES_S, change, end_s=8.5)]


def living(seed: int = 0) -> np.ndarray:
    """A talking head and a camera in a hand: no two pictures alike."""
    return np.random.default_rng(seed).uniform(0.002, 0.035, len(TIMES_S))


def test_one_picture_unlike_the_one_before_begins_a_scene() -> None:
    change = living()
    change[[60, 150]] = 0.2
    assert scenes(change) == [(0.5, 2.9), (2.9, 6.5), (6.5, 8.5)]


def test_the_mixed_picture_of_a_converted_video_belongs_to_neither_scene() -> None:
    change = living()
    change[[60, 61]] = 0.12
    assert scenes(change) == [(0.5, 2.9), (2.94, 8.5)]


def test_movement_and_zooms_are_no_cuts() -> None:
    change = living()
    change[40:70] = 0.09  # somebody walks through the picture, or it is zoomed
    assert scenes(change) == [(0.5, 8.5)]


@given(st.lists(st.integers(0, 199), max_size=30), st.integers(0, 9))
def test_scenes_stand_in_order_and_do_not_overlap(places: list[int], seed: int) -> None:
    change = living(seed)
    change[places] = 0.3
    found = find_scenes(TIMES_S, change, end_s=8.5)
    assert (found[0][0], found[-1][1]) == (0.5, 8.5)
    assert all(start < end for start, end in found)
    gaps = [after[0] - before[1] for before, after in pairwise(found)]
    assert all(0 <= gap <= 0.1 * (len(places) + 1) for gap in gaps)


@pytest.mark.parametrize("size", [(48, 64), (700, 700), (1920, 1080), (3, 5)])
def test_change_is_the_mean_difference_in_parts_of_full_scale(size: tuple[int, int]) -> None:
    meter = ChangeMeter()
    grey = np.full((*size, 3), 100, np.uint8)
    assert [meter.push(picture) for picture in (grey, grey, grey + 51)] == pytest.approx([0, 0, 0.2])


def test_real_faces_that_follow_each_other_are_scenes_and_one_that_moves_is_not(shared_data) -> None:
    from emotalk.capture.video import read_frames

    names = ("WDA_KatieHill_000", "latentsync_demo1_hevc", "video_retalking_1_22fps")
    pictures = [frame.rgb for name in names for frame in read_frames(shared_data / f"video/{name}.mp4", end_s=1.0)]
    meter = ChangeMeter()
    change = np.array([meter.push(rgb) for rgb in pictures])
    times_s = np.arange(len(pictures)) / 25
    assert [start for start, _ in find_scenes(times_s, change, end_s=3.0)] == pytest.approx([0, 1.0, 2.0], abs=0.01)
