"""Synthetic heads: they nod where the voice accents, never before it, and each voice in its own way."""

import numpy as np
import pytest

from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.corpus import CorpusConfig, make, plan
from emotalk.corpus.synthetic.nods import BEAT_S, NOD_DEG, nod

TIMES_S = np.arange(90) / 30
ACCENT_S = 1.5
PHONES = (
    Phone("t", 0.3, 0.4),
    Phone("ɑ", 0.4, 0.5),
    Phone("m", 1.4, ACCENT_S),
    Phone("ɑ", ACCENT_S, 1.6),
    Phone("t", 2.2, 2.5),
)


def track(accent: float, emotion: str = "neutral", voice: int = 0, clip: int = 0, level: int = 0) -> np.ndarray:
    """A head whose second vowel has that accent; all else is as in the mean."""
    strength = np.where(np.abs(TIMES_S - 1.55) < 0.1, accent, 0.5)
    generators = {"voice": np.random.default_rng(voice), "clip": np.random.default_rng(clip)}
    return nod(PHONES, strength, TIMES_S, emotion, level, **generators)


def test_an_accent_lowers_the_nose_after_it_began() -> None:
    pushed = np.degrees(track(1.0) - track(0.5))[:, :3]
    assert not pushed[TIMES_S <= ACCENT_S].any()
    lowest = TIMES_S[pushed[:, 1].argmax()]
    assert lowest == pytest.approx(ACCENT_S + BEAT_S, abs=1 / 30)
    assert NOD_DEG[0] * 0.8 < pushed[:, 1].max() <= NOD_DEG[1]
    np.testing.assert_allclose(pushed[:, [0, 2]], 0, atol=1e-5)
    assert pushed[-1, 1] < 0.01


def test_voices_nod_in_their_own_measure_and_emotions_in_theirs() -> None:
    def nodded(**how: int | str) -> float:
        return float((track(1.0, **how) - track(0.5, **how))[:, 1].max())  # type: ignore[arg-type]

    assert len({round(nodded(voice=voice), 4) for voice in range(4)}) == 4
    assert nodded(emotion="angry", level=1) > nodded(emotion="angry") > nodded() > nodded(emotion="sad", level=1)
    assert track(0.5, "sad")[45, 1] > track(0.5)[45, 1] > track(0.5, "surprised")[45, 1]


def test_the_skull_turns_on_its_neck() -> None:
    head = track(1.0)
    moved = head[45:60] - head[0]
    assert moved[moved[:, 1].argmax(), 5] > 3  # a nod of some degrees brings the head forward by millimetres
    assert np.abs(np.diff(head[:, :3], axis=0)).max() < np.radians(4)


def test_clips_carry_their_head_and_making_it_is_pure(speech: None) -> None:
    utterances = plan(CorpusConfig(train_voices=1, train_sentences=1, validation_voices=0, test_voices=0))[:3]
    first, again = ([make(utterance) for utterance in order] for order in (utterances, utterances[::-1]))
    for one, other in zip(first, again[::-1], strict=True):
        assert one.head is not None
        assert other.head is not None
        assert one.head.shape == (one.frames, 6)
        assert one.head.tobytes() == other.head.tobytes()
        assert np.degrees(np.abs(one.head[:, :3])).max() < 25
