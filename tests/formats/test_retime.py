"""Any frame rate out: by time, exact after ten hours, the same however the recording is cut."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.animation import Animation, Track
from emotalk.errors import InputError
from emotalk.formats import rate_of, retimed
from emotalk.formats.pieces import whole
from emotalk.formats.retime import frames_at, positions

NTSC = Fraction(30_000, 1001)
RATES = [rate_of(text) for text in ("23.976", "24", "25", "29.97", "30", "48", "50", "59.94", "60")]
HOURS_10 = 36_000


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("30", Fraction(30)),
        (60, Fraction(60)),
        ("29.97", NTSC),
        (29.97, NTSC),
        ("23.976", Fraction(24_000, 1001)),
        ("23.98", Fraction(24_000, 1001)),
        ("59.94", Fraction(60_000, 1001)),
        ("30000/1001", NTSC),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_rates_are_exact(said: str | float, meant: Fraction) -> None:
    assert rate_of(said) == meant


@pytest.mark.parametrize("said", ["", "fast", "0", "-30", "1001", "30/0", "nan"])
def test_what_is_no_rate_is_refused(said: str) -> None:
    with pytest.raises(InputError, match="fps must be"):
        rate_of(said)


@settings(deadline=None, max_examples=200)
@given(source=st.sampled_from(RATES), wanted=st.sampled_from(RATES), hours=st.integers(0, 10), k=st.integers(0, 5000))
def test_ten_hours_do_not_drift(source: Fraction, wanted: Fraction, hours: int, k: int) -> None:
    """Where a frame lies among the source's, against fractions without end."""
    first = int(hours * 3600 * wanted) + k
    before, share = positions(np.arange(first, first + 7), source, wanted)
    for number in range(7):
        exact = (first + number) / wanted * source
        assert before[number] == exact.numerator // exact.denominator
        assert share[number] == float(exact - before[number])


@pytest.mark.parametrize("wanted", RATES, ids=str)
def test_ten_hours_piece_by_piece(wanted: Fraction) -> None:
    """A saw tooth of 32 frames, ten hours of it: the last frames are where time puts them."""

    def hours() -> Iterator[Animation]:
        for start in range(0, HOURS_10 * 30, 54_000):
            teeth = np.arange(start, start + 54_000) % 32 / np.float32(32)
            yield Animation(teeth[:, None], names=("saw",))

    frames, last = 0, None
    for piece in retimed(hours(), wanted):
        frames += piece.frames
        last = piece if piece.frames else last
    assert frames == frames_at(HOURS_10 * 30, Fraction(30), wanted)
    assert abs(frames / wanted - HOURS_10) <= 1 / wanted
    assert last is not None
    end = min(last.frames, 40)
    for back in range(2, end):
        at = (frames - back) / wanted * 30
        low = int(at)
        one, other = (low % 32) / 32, ((low + 1) % 32) / 32
        assert last.weights[-back, 0] == pytest.approx(one + float(at - low) * (other - one), abs=1e-7)


def talk(frames: int, **more: object) -> Animation:
    rng = np.random.default_rng(frames)
    values = {"head": rng.normal(size=(frames, 6)), "emotion": rng.random((frames, 2)), "emotion_names": ("a", "b")}
    gaze = {"gaze": Track(rng.normal(size=(frames, 2)), ("yaw", "pitch"))}
    return Animation(rng.random((frames, 52), np.float32), tracks=gaze, **(values | more))  # type: ignore[arg-type]


@settings(deadline=None, max_examples=40)
@given(
    frames=st.integers(1, 70),
    wanted=st.sampled_from(RATES),
    cuts=st.lists(st.integers(0, 70), max_size=5),
    irregular=st.booleans(),
)
def test_cuts_change_nothing(frames: int, wanted: Fraction, cuts: list[int], irregular: bool) -> None:
    animation = talk(frames)
    if irregular:
        steps = np.random.default_rng(len(cuts)).choice([0.0 if len(cuts) > 3 else 0.01, 0.02, 1 / 30, 0.1], frames)
        animation = replace(animation, times_s=5 + np.cumsum(steps))
    edges = sorted({0, frames, *(cut for cut in cuts if cut < frames)})
    pieces = [animation.piece(start, stop) for start, stop in pairwise(edges)]
    at_once, in_parts = whole(retimed([animation], wanted)), whole(retimed(pieces, wanted))
    assert in_parts.equals(at_once)
    assert at_once.times_s is None
    assert at_once.fps == wanted
    times_s = animation.time_s() - animation.time_s()[0]
    at_s = np.arange(at_once.frames) / float(wanted)
    if (np.diff(times_s) > 0).all():
        for column in (0, 51):
            line = np.interp(at_s, times_s, animation.weights[:, column])
            np.testing.assert_allclose(at_once.weights[:, column], line, atol=2e-6)
    # A frame is there for every moment of the animation, and none behind it.
    assert (at_once.frames - 1) / wanted < animation.duration_s + 1e-6
    assert at_once.frames / wanted > animation.duration_s - 1e-6


def test_the_same_rate_is_the_same_animation() -> None:
    animation = talk(20)
    assert next(retimed([animation], Fraction(30))) is animation
    there = whole(retimed([animation], Fraction(60)))
    np.testing.assert_array_equal(there.weights[::2], animation.weights)
    assert there.head is not None
    np.testing.assert_array_equal(there.head[::2], animation.head)
    assert whole(retimed([there], Fraction(30))).equals(animation)


def test_a_head_turns_the_shorter_way() -> None:
    head = np.zeros((2, 6))
    head[:, 0] = [np.pi - 0.1, -np.pi + 0.1]
    (piece, *_) = retimed([Animation(np.zeros((2, 52)), head=head)], Fraction(60))
    assert piece.head is not None
    assert abs(abs(piece.head[1, 0]) - np.pi) < 1e-6


def test_no_frames_stay_none() -> None:
    assert whole(retimed([Animation(np.zeros((0, 52)))], Fraction(24))).frames == 0


def test_a_start_time_code_is_the_same_moment(tmp_path: Path) -> None:
    meta = {"timecode_start": "10:00:00:30.000", "timecode_base": 60}
    animation = Animation(np.zeros((60, 52)), meta=meta)
    animation.save(tmp_path / "a.csv", fps=24)
    back = Animation.load(tmp_path / "a.csv")
    assert back.meta["timecode_start"] == "10:00:00:12.000"
    assert (back.fps, back.frames) == (24, 48)
