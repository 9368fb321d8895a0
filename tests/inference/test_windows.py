"""The window plan: complete, in order, and blind to how the samples arrive."""

from collections.abc import Iterator

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emotalk.inference.windows import SAMPLES_PER_STEP, Window, WindowShape, plan_windows
from emotalk.timing import frames_of

shapes = st.builds(
    WindowShape,
    core=st.integers(6, 30),
    before=st.integers(0, 12),
    after=st.integers(0, 12),
    search=st.integers(0, 5),
    fade=st.integers(0, 3),
)
lengths = st.integers(0, 120 * SAMPLES_PER_STEP)


def recording(count: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal(count).astype(np.float32)


def cut(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (samples[i : i + size] for i in range(0, len(samples), size))


def same(one: Window, two: Window) -> bool:
    return np.array_equal(one.samples, two.samples) and one == Window(one.samples, *_places(two))


def _places(window: Window) -> tuple[int, int, int, int, bool]:
    return window.first, window.start, window.stop, window.fade, window.last


@settings(deadline=None, max_examples=60)
@given(count=lengths, shape=shapes)
def test_every_frame_is_contributed_once(count: int, shape: WindowShape) -> None:
    windows = list(plan_windows([recording(count)], shape))
    assert [window.last for window in windows] == [False] * (len(windows) - 1) + [True] * bool(count)
    expected = 0
    for window in windows:
        assert window.start + window.fade == expected, "pieces follow each other, blended ones overlap by the fade"
        assert window.stop > window.start + window.fade
        expected = window.stop
    assert expected == frames_of(count)


@settings(deadline=None, max_examples=60)
@given(count=lengths, shape=shapes)
def test_a_window_holds_its_frames_and_their_context(count: int, shape: WindowShape) -> None:
    samples = recording(count)
    for window in plan_windows([samples], shape):
        assert window.first % 3 == 0
        first = window.first * SAMPLES_PER_STEP // 3
        np.testing.assert_array_equal(window.samples, samples[first : first + len(window.samples)])
        assert window.start - window.first >= min(shape.before * 3, window.start)
        assert window.frames >= min(window.stop + shape.after * 3, frames_of(count)) - window.first
        assert window.frames <= 3 * (shape.longest + shape.fade)


@settings(deadline=None, max_examples=60)
@given(count=lengths, shape=shapes, size=st.integers(1_000, 50_000))
@example(count=65_504, shape=WindowShape(core=6, before=0, after=0, search=2), size=1_000)
def test_the_size_of_the_blocks_changes_nothing(count: int, shape: WindowShape, size: int) -> None:
    whole = list(plan_windows([recording(count)], shape))
    pieces = list(plan_windows(cut(recording(count), size), shape))
    assert len(whole) == len(pieces)
    assert all(map(same, whole, pieces))


def test_borders_prefer_a_pause() -> None:
    samples = recording(60 * SAMPLES_PER_STEP)
    pause = 17
    samples[pause * SAMPLES_PER_STEP - 900 : pause * SAMPLES_PER_STEP + 900] = 0
    shape = WindowShape(core=20, before=4, after=4, search=6)
    first = next(plan_windows([samples], shape))
    assert first.stop == pause * 3


def test_no_more_than_a_window_is_ever_read_ahead() -> None:
    shape = WindowShape(core=10, before=5, after=5)
    read = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal read
        for _ in range(1_000):
            read += SAMPLES_PER_STEP
            yield np.zeros(SAMPLES_PER_STEP, np.float32)

    for number, window in enumerate(plan_windows(blocks(), shape), 1):
        assert len(window.samples) <= shape.longest * SAMPLES_PER_STEP
        assert read <= (number * shape.core + shape.before + shape.after + 2) * SAMPLES_PER_STEP
