"""Long recordings are cut where nobody speaks, into pieces whose number the length alone tells."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.audio.pauses import (
    GRID,
    cut_at_pauses,
    deciding_span,
    piece,
    piece_count,
    power_of,
    stream_pieces,
    widest_span,
)

RATE = 16_000


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def cut(samples: np.ndarray, max_s: float = 20.0) -> list[tuple[int, int]]:
    return cut_at_pauses(len(samples), power_of(samples), max_s=max_s)


def test_a_short_recording_is_one_piece() -> None:
    assert cut(noise(20)) == [(0, 20 * RATE)]
    assert piece_count(20 * RATE) == 1
    assert piece_count(20 * RATE + 1) == 2


def test_borders_stand_in_the_pauses() -> None:
    samples = noise(50)
    for at in (14.1, 31.6):  # the places are 15 and 30 s, give or take 2
        samples[round((at - 0.2) * RATE) : round((at + 0.2) * RATE)] *= 0.01
    borders = [start / RATE for start, _ in cut(samples)[1:]]
    assert borders == [14.1, 31.6, *borders[2:]]


def test_of_equal_silences_the_nearest_place_is_taken() -> None:
    assert [start for start, _ in cut(np.zeros(40 * RATE, np.float32))] == [0, 15 * RATE, 30 * RATE]


@settings(deadline=None, max_examples=60)
@given(seconds=st.floats(0.1, 200), max_s=st.floats(3, 40), seed=st.integers(0, 9))
def test_pieces_cover_everything_once_and_none_is_too_long(seconds: float, max_s: float, seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)
    pieces = cut(samples, max_s)
    assert len(pieces) == piece_count(len(samples), max_s=max_s)
    assert [start for start, _ in pieces] == [0, *(end for _, end in pieces[:-1])]
    assert pieces[-1][1] == len(samples)
    assert all(0 < end - start <= max_s * RATE for start, end in pieces)
    assert all(start % GRID == 0 for start, _ in pieces)
    for number, (start, end) in enumerate(pieces):
        low, high = widest_span(number, len(samples), max_s=max_s)
        assert low <= start
        assert end <= high
        # One piece is found from its own part of the sound alone.
        first, last = deciding_span(number, len(samples), max_s=max_s)
        heard = power_of(samples[first:last], first=first)
        assert piece(number, len(samples), heard, max_s=max_s) == (start, end)


@settings(deadline=None, max_examples=60)
@given(
    seconds=st.one_of(st.floats(0.1, 90), st.sampled_from([0, 3, 2.2 + 0.4, 2.2 * 2 + 0.4, 20, 15 + 2.8, 30 + 2.8])),
    max_s=st.sampled_from([3.0, 7.77, 20.0]),
    more=st.integers(-1, 1),
    block=st.integers(1_000, 400_000),
)
def test_a_stream_is_cut_as_the_whole_is(seconds: float, max_s: float, more: int, block: int) -> None:
    samples = np.random.default_rng(5).normal(0, 0.1, max(0, round(seconds * RATE) + more)).astype(np.float32)
    blocks = (samples[start : start + block] for start in range(0, len(samples), block))
    pieces = list(stream_pieces(blocks, max_s=max_s))
    expected = [samples[start:end] for start, end in cut(samples, max_s)] if len(samples) else []
    assert [len(one) for one in pieces] == [len(one) for one in expected]
    assert all((one == other).all() for one, other in zip(pieces, expected, strict=True))


def test_a_stream_is_never_held_whole() -> None:
    read = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal read
        for _ in range(60):
            read += 1
            yield noise(10)

    given_s = 0.0
    for one in stream_pieces(blocks()):
        given_s += len(one) / RATE
        assert read * 10 - given_s < 40
    assert given_s == 600
