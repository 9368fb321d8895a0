"""Feeling shows on the face, grows with its level, waits for the voice and never parts sealed lips."""

import numpy as np
import pytest

from emotalk.blendshapes import INDEX, upper_face
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.emotions import delivery
from emotalk.corpus.synthetic.expression import express, pose
from emotalk.corpus.synthetic.visemes import mouth
from emotalk.errors import InputError
from emotalk.labels import EMOTIONS

FELT = [emotion for emotion in EMOTIONS if emotion != "neutral"]
TIMES_S = np.arange(90) / 30
PHONES = tuple(Phone(name, 0.3 + 0.1 * i, 0.4 + 0.1 * i) for i, name in enumerate(["b", "ɑː", "m", "uː"] * 5))
SPEECH_S = (0.3, 2.3)


def shown(emotion: str, level: int) -> np.ndarray:
    return express(mouth(PHONES, 3.0, TIMES_S), emotion, level, TIMES_S, SPEECH_S, np.full(90, 0.5))


@pytest.mark.parametrize("emotion", FELT)
def test_the_strong_level_is_the_same_face_further_from_neutral(emotion: str) -> None:
    normal, strong = pose(emotion, 0), pose(emotion, 1)
    assert np.array_equal(normal > 0, strong > 0)
    assert strong.sum() > 1.3 * normal.sum()
    assert strong.max() <= 1


def test_every_emotion_has_an_upper_face_of_its_own() -> None:
    upper = list(upper_face())
    faces = np.array([pose(emotion, 0)[upper] for emotion in EMOTIONS])
    distance = np.abs(faces[:, None] - faces[None]).sum(-1) + 9 * np.eye(len(EMOTIONS))
    assert distance.min() > 0.2


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_expression_waits_for_the_voice_and_fades_after_it(emotion: str) -> None:
    upper = shown(emotion, 0)[:, list(upper_face())].sum(1)
    quiet = shown("neutral", 0)[:, list(upper_face())].sum(1)
    assert upper[TIMES_S <= 0.3].max() == 0
    assert upper[-1] < 0.05
    if emotion != "neutral":
        assert upper[45] > quiet[45] + 0.2


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_sealed_lips_stay_sealed_in_every_emotion(emotion: str) -> None:
    weights = shown(emotion, int(emotion != "neutral"))
    seal = mouth(PHONES, 3.0, TIMES_S).seal > 0.99
    assert seal.sum() >= 10
    gap = weights[:, INDEX["jawOpen"]] - weights[:, INDEX["mouthClose"]]
    assert gap[seal].max() < 0.02
    assert weights[seal][:, INDEX["jawOpen"]].max() < 0.15
    assert weights[seal][:, [INDEX["mouthUpperUpLeft"], INDEX["mouthLowerDownLeft"]]].max() < 0.02
    assert weights.min() >= 0
    assert weights.max() <= 1


def test_anger_articulates_more_than_sadness() -> None:
    jaw = INDEX["jawOpen"]
    assert shown("angry", 1)[30:, jaw].max() > 1.3 * shown("sad", 1)[30:, jaw].max()


def test_strong_delivery_lies_further_from_neutral() -> None:
    for emotion in FELT:
        normal, strong = delivery(emotion, 0), delivery(emotion, 1)
        assert abs(strong.rate - 1) > abs(normal.rate - 1) > 0
        assert abs(strong.pitch_st) > abs(normal.pitch_st) > 0


@pytest.mark.parametrize(("emotion", "level"), [("neutral", 1), ("happy", 2), ("happy", -1), ("bored", 0)])
def test_combinations_that_do_not_exist_are_refused(emotion: str, level: int) -> None:
    with pytest.raises(InputError, match=emotion):
        pose(emotion, level)
    with pytest.raises(InputError, match=emotion):
        delivery(emotion, level)
