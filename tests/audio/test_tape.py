"""A tape gives back what was recorded, by number, whatever was forgotten meanwhile."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.audio.tape import Tape

SOUND = np.arange(60_000, dtype=np.float32)


@given(
    start=st.integers(0, 1_000),
    steps=st.lists(st.tuples(st.integers(0, 6_000), st.integers(-10, 8_000)), max_size=8),
)
def test_what_is_kept_is_what_was_recorded(start: int, steps: list[tuple[int, int]]) -> None:
    """Each step: so many samples come, and all but so many are forgotten."""
    tape, stop, first = Tape(start), start, start
    for count, kept in steps:
        tape.append(SOUND[stop : stop + count])
        stop += count
        tape.forget(stop - kept)
        first = min(max(first, stop - kept), stop)
        assert (tape.start, tape.stop) == (first, stop)
        np.testing.assert_array_equal(tape.read(first, stop), SOUND[first:stop])
        middle = (first + stop) // 2
        np.testing.assert_array_equal(tape.read(middle, stop), SOUND[middle:stop])


def test_what_was_read_stays_as_it_is() -> None:
    tape = Tape()
    tape.append(SOUND[:100])
    read = tape.read(0, 100)
    for start in range(100, 60_000, 100):
        tape.forget(start)
        tape.append(SOUND[start : start + 100])
    np.testing.assert_array_equal(read, SOUND[:100])


def test_what_is_not_kept_cannot_be_read() -> None:
    tape = Tape()
    tape.append(SOUND[:100])
    tape.forget(50)
    for start, stop in ((49, 60), (60, 101), (70, 60)):
        with pytest.raises(IndexError, match="50 to 100"):
            tape.read(start, stop)
