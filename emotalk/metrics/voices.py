"""Emotion on real voices, where no real face is known: whether the faces of one speaker differ the way emotions do.

Recordings of one speaker with different emotions are compared two by two: an angry voice should lower the brows more
than a sad one, a happy one lift the corners of the mouth more. And the emotion of one voice, given to the words of
another, should show while the words stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import PurePath

import numpy as np

from emotalk.blendshapes import INDEX
from emotalk.metrics.measures import number
from emotalk.metrics.moments import correlation, moments

# What shows each emotion most, both sides together (FACS: AU 4; 12; 1 and 15; 5 and 2; 9; 1 and 5).
SIGNS: dict[str, tuple[str, ...]] = {
    "angry": ("browDown",),
    "happy": ("mouthSmile",),
    "sad": ("browInnerUp", "mouthFrown"),
    "surprised": ("browOuterUp", "eyeWide"),
    "disgust": ("noseSneer",),
    "fearful": ("browInnerUp", "eyeWide"),
}
_WORDS = {
    "anger": "angry", "angry": "angry", "joy": "happy", "happy": "happy", "happiness": "happy", "sad": "sad",
    "sadness": "sad", "neutral": "neutral", "calm": "calm", "fear": "fearful", "fearful": "fearful",
    "disgust": "disgust", "surprise": "surprised", "surprised": "surprised",
}  # fmt: skip


@dataclass(frozen=True)
class Voice:
    """What the name of a recording tells; speaker is empty where it names none."""

    speaker: str
    emotion: str


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """One comparison: the mean of a coefficient in two recordings of one speaker. `more` should have more of it."""

    speaker: str
    coefficient: str
    more: str
    less: str
    more_value: float
    less_value: float

    @property
    def is_right(self) -> bool:
        return self.more_value > self.less_value


@dataclass(frozen=True, kw_only=True)
class Borrowed:
    """The words of one recording with the emotion of another: the coefficient's mean with its own emotion and with the
    borrowed one, and the correlation of jawOpen between both faces."""

    words: str
    emotion: str
    coefficient: str
    own_value: float
    borrowed_value: float
    jaw_correlation: float | None


def voice_of(name: str) -> Voice | None:
    """ "Mark_anger.wav" and "angry2.wav" -> who and how; None where the name says no emotion that is known."""
    parts = PurePath(name).stem.split("_")
    for number_of_part, part in enumerate(parts):
        if (emotion := _WORDS.get(part.rstrip("0123456789").lower())) is not None:
            return Voice("_".join(parts[:number_of_part]), emotion)
    return None


def mean_of(weights: np.ndarray, coefficient: str) -> float:
    """(frames, 52) -> the mean over time of a coefficient, or of its two sides."""
    sides = [coefficient] if coefficient in INDEX else [coefficient + "Left", coefficient + "Right"]
    return float(weights[:, [INDEX[side] for side in sides]].mean())


def contrasts(faces: Sequence[tuple[str, Voice, np.ndarray]]) -> list[Contrast]:
    """(name, voice, animation (frames, 52)) of any speakers -> every comparison that two recordings of one allow."""
    return [
        Contrast(
            speaker=voice.speaker,
            coefficient=sign,
            more=name,
            less=other_name,
            more_value=mean_of(weights, sign),
            less_value=mean_of(others, sign),
        )
        for (name, voice, weights), (other_name, other, others) in permutations(faces, 2)
        if voice.speaker == other.speaker and voice.emotion != other.emotion
        for sign in SIGNS.get(voice.emotion, ())
        if sign not in SIGNS.get(other.emotion, ())
    ]


def borrowed(words: str, own: np.ndarray, emotion: str, crossed: np.ndarray, *, felt: str) -> list[Borrowed]:
    """Faces (frames, 52) of one recording's words, with its own emotion and with another's, which is `felt`."""
    jaw = INDEX["jawOpen"]
    r = number(correlation(moments(own[:, jaw], crossed[:, jaw])))
    return [
        Borrowed(
            words=words,
            emotion=emotion,
            coefficient=sign,
            own_value=mean_of(own, sign),
            borrowed_value=mean_of(crossed, sign),
            jaw_correlation=r,
        )
        for sign in SIGNS.get(felt, ())
    ]
