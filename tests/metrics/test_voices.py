"""Comparisons of one speaker's emotions, and borrowed emotions, by hand."""

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.metrics.voices import SIGNS, Voice, borrowed, contrasts, mean_of, voice_of


def face(**values: float) -> np.ndarray:
    weights = np.zeros((20, 52), np.float32)
    for name, value in values.items():
        for column in (name,) if name in INDEX else (name + "Left", name + "Right"):
            weights[:, INDEX[column]] = value
    weights[:, INDEX["jawOpen"]] = np.sin(np.arange(20)) ** 2
    return weights


def test_names_tell_speaker_and_emotion() -> None:
    assert voice_of("Mark_anger.wav") == Voice("Mark", "angry")
    assert voice_of("shelf/Anna_B_joy_44khz.mp3") == Voice("Anna_B", "happy")
    assert voice_of("angry2.wav") == Voice("", "angry")
    assert voice_of("Claire_outofbreath_mandarin.wav") is None


def test_every_sign_is_a_coefficient() -> None:
    for signs in SIGNS.values():
        for sign in signs:
            assert mean_of(face(**{sign: 0.25}), sign) == pytest.approx(0.25)


def test_pairs_of_one_speaker_are_compared_by_the_signs_of_both() -> None:
    faces = [
        ("a_anger", Voice("a", "angry"), face(browDown=0.6, mouthSmile=0.1)),
        ("a_joy", Voice("a", "happy"), face(browDown=0.1, mouthSmile=0.4)),
        ("a_neutral", Voice("a", "neutral"), face(browDown=0.7)),
        ("b_anger", Voice("b", "angry"), face(browDown=0.9)),
    ]
    found = {(c.more, c.less, c.coefficient): c.is_right for c in contrasts(faces)}
    assert found == {
        ("a_anger", "a_joy", "browDown"): True,
        ("a_joy", "a_anger", "mouthSmile"): True,
        ("a_anger", "a_neutral", "browDown"): False,
        ("a_joy", "a_neutral", "mouthSmile"): True,
    }


def test_equal_faces_are_not_right_and_takes_of_one_emotion_are_not_compared() -> None:
    same = face(browDown=0.3)
    faces = [("x", Voice("", "angry"), same), ("y", Voice("", "angry"), same), ("z", Voice("", "sad"), same)]
    assert all(not c.is_right for c in contrasts(faces))
    assert {(c.more, c.less) for c in contrasts(faces)} == {("x", "z"), ("y", "z"), ("z", "x"), ("z", "y")}


def test_a_sign_that_both_emotions_have_decides_nothing() -> None:
    faces = [("s", Voice("a", "sad"), face()), ("f", Voice("a", "fearful"), face())]
    assert {c.coefficient for c in contrasts(faces)} == {"mouthFrown", "eyeWide"}


def test_a_borrowed_emotion_shows_and_the_jaw_stays() -> None:
    (row,) = borrowed("n", face(browDown=0.1), "a", face(browDown=0.5), felt="angry")
    assert row.borrowed_value - row.own_value == pytest.approx(0.4)
    assert row.jaw_correlation == pytest.approx(1)
    assert borrowed("n", face(), "c", face(), felt="calm") == []
