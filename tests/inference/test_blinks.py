"""Blinks: when they come, how they look, and that eyes which are closed do not blink."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.blendshapes import INDEX
from emotalk.controls import Controls, Number, Shaping, Track
from emotalk.inference.post import PostProcessor
from emotalk.inference.post.blinks import Blinks
from emotalk.inference.post.rhythm import Pace
from tests.controls.shapings import tracks

EYE, OTHER, WIDE = INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"], INDEX["eyeWideLeft"]
MINUTE = 1_800


def closure(first: int, stop: int, per_minute: Number = 15.0, variety: float = 1.0, seed: int = 0) -> np.ndarray:
    """(stop - first,) of the lids."""
    out = np.zeros(stop - first, np.float32)
    for blink in Blinks(per_minute, variety, seed).near(first, stop):
        begin, end = max(blink.start, first), min(blink.stop, stop)
        assert not out[begin - first : end - first].any()  # no two of them overlap
        out[begin - first : end - first] = blink.closure[begin - blink.start : end - blink.start]
    return out


def starts(track: np.ndarray) -> np.ndarray:
    return np.flatnonzero((track[1:] > 0) & (track[:-1] == 0)) + 1


def face(eyes: np.ndarray, controls: Controls, cut: int = 0) -> np.ndarray:
    """What becomes of (n,) the eyes of an otherwise still face."""
    raw = np.zeros((len(eyes), 52), np.float32)
    raw[:, [EYE, OTHER]] = eyes[:, None]
    loud, post = np.zeros(len(eyes)), PostProcessor(controls)
    return np.concatenate([post.push(raw[:cut], loud[:cut]), post.push(raw[cut:], loud[cut:]), post.flush()])


@settings(deadline=None)
@given(
    first=st.integers(0, 20_000),
    count=st.integers(1, 400),
    seed=st.integers(-(2**63), 2**63 - 1),
    rate=st.sampled_from([3.0, 15.0, 60.0]) | tracks(0, 60),
)
def test_blinks_depend_on_seed_and_time_alone(first: int, count: int, seed: int, rate: Number) -> None:
    whole = closure(max(0, first - 777), first + count, rate, seed=seed)
    np.testing.assert_array_equal(closure(first, first + count, rate, seed=seed), whole[-count:])


@pytest.mark.parametrize(("variety", "least", "most"), [(0.0, 149, 151), (1.0, 140, 165)])
def test_blinks_come_as_often_as_asked(variety: float, least: int, most: int) -> None:
    track = closure(0, 10 * MINUTE, 15.0, variety)
    assert least <= len(starts(track)) <= most
    assert track.max() > 0.99
    # Whatever their depth, every blink is seen.
    assert min(blink.closure.max() for blink in Blinks(15.0, variety, 0).near(0, 10 * MINUTE)) > 0.88


def test_intervals_are_a_clocks_or_skewed_as_peoples() -> None:
    regular, natural = (np.diff(starts(closure(0, 60 * MINUTE, 15.0, variety))) / 30 for variety in (0.0, 1.0))
    assert np.ptp(regular) <= 2 / 30
    assert 0.45 < natural.std() / natural.mean() < 0.9
    assert np.median(natural) < 0.93 * natural.mean()
    assert 0.02 < (natural < 0.6).mean() < 0.1  # double ones


def test_lids_fall_faster_than_they_rise() -> None:
    for blink in Blinks(15.0, 1.0, 3).near(0, 10 * MINUTE):
        lowest = int(blink.closure.argmax())
        assert lowest < len(blink.closure) / 2
        assert 0.2 < len(blink.closure) / 30 < 0.5


def test_the_rate_may_change() -> None:
    rate = Track(((0.0, 0.0), (60.0, 0.0), (60.0, 30.0), (120.0, 30.0), (180.0, 0.0)))
    track = closure(0, 10 * MINUTE, rate)
    first, second, third, rest = (
        len(starts(track[a * MINUTE : b * MINUTE])) for a, b in ((0, 1), (1, 2), (2, 3), (3, 10))
    )
    assert first == rest == 0
    assert 24 <= second <= 37
    assert 9 <= third <= 21


@given(rate=tracks(0, 60), time_s=st.floats(0, 10))
def test_a_pace_tells_when_what_was_due(rate: Track, time_s: float) -> None:
    pace = Pace(rate)
    fine = np.linspace(0, time_s, 20_001)
    middle = (fine[1:] + fine[:-1]) / 2
    assert pace.due(time_s) == pytest.approx(rate.at(30 * middle).mean() * time_s, abs=0.05)
    due = np.array([pace.due(time_s)])
    if due[0] and float(rate.at(np.array([30 * time_s]))[0]) > 0.1:
        assert pace.when(due)[0] == pytest.approx(time_s, abs=1e-3)


def test_other_seeds_blink_at_other_times() -> None:
    assert not np.array_equal(closure(0, 3_000), closure(0, 3_000, seed=1))


def test_both_eyes_close_and_wide_ones_do_too() -> None:
    raw = np.zeros((600, 52), np.float32)
    raw[:, WIDE] = 0.8
    post = PostProcessor(Controls())
    out = np.concatenate([post.push(raw, np.zeros(600)), post.flush()])
    np.testing.assert_array_equal(out[:, EYE], out[:, OTHER])
    shut = out[:, EYE] > 0.95
    assert shut.any()
    assert out[shut, WIDE].max() < 0.05
    assert out[:, INDEX["jawOpen"]].max() == 0


def test_eyes_that_are_closed_do_not_blink() -> None:
    """A blink on closed eyes would show where they open in its middle."""
    controls = Controls(smoothing=0, tail_s=0)
    blink = next(blink for blink in Blinks(15.0, 1.0, 0).near(0, 600) if blink.start > 20)
    eyes = np.zeros(blink.stop + 5, np.float32)
    eyes[blink.start - 10 : blink.start + 2] = 1
    out = face(eyes, controls)
    np.testing.assert_array_equal(out[blink.start - 10 :, EYE], eyes[blink.start - 10 :])
    for cut in range(blink.start - 2, blink.stop + 2):
        np.testing.assert_array_equal(face(eyes, controls, cut), out)
    half = np.full(blink.stop + 5, 0.5, np.float32)
    assert 0.5 <= face(half, controls)[blink.start : blink.stop, EYE].max() < 0.6
    slightly = np.full(blink.stop + 5, 0.2, np.float32)
    assert face(slightly, controls)[blink.start : blink.stop, EYE].max() > 0.88


def test_a_clip_that_ends_in_a_blink_opens_its_eyes_in_the_tail() -> None:
    controls = Controls(smoothing=0, tail_s=0.5)
    count = int(closure(0, 600).argmax()) + 1
    out = face(np.full(count, 0.2, np.float32), controls)
    ease = face(np.full(count, 0.2, np.float32), Controls(smoothing=0, tail_s=0.5, blinks_per_minute=0))
    np.testing.assert_allclose(out[:, EYE], np.maximum(ease[:, EYE], closure(0, len(out))), atol=1e-6)
    assert out[count + 10, EYE] < 0.2


def test_a_limit_holds_for_blinks_too() -> None:
    out = face(np.zeros(900, np.float32), Controls(shaping=Shaping(maximum={"eyeBlink": 0.5})))
    assert out[:, EYE].max() == 0.5
