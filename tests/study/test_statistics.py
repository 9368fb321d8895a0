"""Shares, intervals and tests against scipy and against counting by hand."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from emotalk.study.answers import Answer
from emotalk.study.plan import Plan, Shown
from emotalk.study.statistics import preferences, raters, sign_test, wilson

COUNTS = st.integers(0, 400)


@given(COUNTS, COUNTS)
def test_wilson_is_scipys(wins: int, losses: int) -> None:
    low, high = wilson(wins, wins + losses)
    assert 0 <= low <= high <= 1
    if wins + losses:
        expected = binomtest(wins, wins + losses).proportion_ci(0.95, method="wilson")
        assert low == pytest.approx(expected.low, abs=1e-9)
        assert high == pytest.approx(expected.high, abs=1e-9)
        assert low <= wins / (wins + losses) <= high


def test_wilson_of_known_counts() -> None:
    """Seven of ten: (0.7 + z²/20 ± z √(0.021 + z²/400)) / (1 + z²/10) with z = 1.959964."""
    assert wilson(7, 10) == pytest.approx((0.396775, 0.892208), abs=1e-5)
    assert wilson(0, 0) == (0, 1)
    assert wilson(0, 5)[0] == 0
    assert wilson(5, 5)[1] == 1


@given(COUNTS, COUNTS)
def test_the_sign_test_is_scipys(wins: int, losses: int) -> None:
    if wins + losses:
        assert sign_test(wins, losses) == pytest.approx(binomtest(wins, wins + losses).pvalue, rel=1e-9, abs=1e-12)
    else:
        assert sign_test(0, 0) == 1


FILMS = {
    "f1": Shown("p1", "clip", "model", "base"),
    "f2": Shown("p1", "clip", "base", "model"),
    "f3": Shown("p2", "other", "base", "model"),
    "f4": Shown("p2", "other", "model", "base"),
    "c1": Shown("p3", "clip", "model", "model"),
    "c2": Shown("p3", "clip", "model", "model"),
    "t1": Shown("p4", "clip", "truth", "base"),
    "t2": Shown("p4", "clip", "base", "truth"),
}
PLAN = Plan("s", 0, {"truth": "t", "model": "m", "base": "b"}, {f"p{k}": ("", "") for k in range(1, 5)}, FILMS)


def answer(rater: str, film: str, choice: str, question: str = "realism") -> Answer:
    return Answer(rater, FILMS[film].pair, film, question, choice, "2026-01-01T00:00:00.000Z")


def test_votes_go_to_the_system_that_stood_there() -> None:
    answers = [
        answer("a", "f1", "left"),  # model
        answer("b", "f2", "left"),  # base
        answer("c", "f2", "right"),  # model
        answer("a", "f3", "right"),  # model
        answer("b", "f4", "same"),
        answer("a", "c1", "left"),  # a check: no vote
        answer("a", "f1", "right", "emotion"),  # base
        answer("a", "t2", "right"),  # truth
    ]
    found = {(p.first, p.second, p.question): p for p in preferences(PLAN, answers)}
    assert set(found) == {("model", "base", "realism"), ("model", "base", "emotion"), ("truth", "base", "realism")}
    realism = found["model", "base", "realism"]
    assert (realism.wins, realism.ties, realism.losses) == (3, 1, 1)
    assert realism.share == 0.75
    assert realism.interval == wilson(3, 4)
    assert realism.p == 0.625  # 2 · (1 + 4) / 16
    emotion = found["model", "base", "emotion"]
    assert (emotion.wins, emotion.ties, emotion.losses) == (0, 0, 1)
    assert found["truth", "base", "realism"].wins == 1


def test_ties_alone_prefer_nobody() -> None:
    (only,) = preferences(PLAN, [answer(name, "f1", "same") for name in "abc"])
    assert math.isnan(only.share)
    assert (only.ties, only.interval, only.p) == (3, (0, 1), 1)


def test_who_tells_identical_faces_apart_fails() -> None:
    answers = [answer("sure", "c1", "same", q) for q in ("realism", "emotion", "lip sync")]
    answers += [answer("half", "c2", choice, q) for choice, q in (("left", "realism"), ("same", "emotion"))]
    answers += [
        answer("once", "c2", c, q)
        for c, q in zip(["right", "same", "same"], ["realism", "emotion", "lip sync"], strict=True)
    ]
    answers += [answer("unknown", "f1", "left")]
    did = {rater.name: rater for rater in raters(PLAN, answers)}
    assert {name: (rater.checks, rater.missed, rater.failed) for name, rater in did.items()} == {
        "sure": (3, 0, False),
        "half": (2, 1, True),
        "once": (3, 1, False),
        "unknown": (0, 0, False),
    }


def test_sides_do_not_matter() -> None:
    """The same taste, whichever film was shown, gives the same counts."""
    for films in itertools.product(("f1", "f2"), ("f3", "f4")):
        votes = [answer("a", film, "left" if FILMS[film].left == "model" else "right") for film in films]
        (only,) = preferences(PLAN, votes)
        assert (only.wins, only.losses) == (2, 0)
