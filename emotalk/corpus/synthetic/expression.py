"""Emotion -> the rest of the face: brows, eyes, cheeks, nose and mouth corners, laid over the speaking mouth."""

from dataclasses import dataclass, field

import numpy as np

from emotalk.blendshapes import INDEX, upper_face
from emotalk.corpus.synthetic.emotions import check
from emotalk.corpus.synthetic.visemes import Mouth, close_lips

ONSET_S, RELEASE_S = 0.45, 0.5  # a listener needs to hear some speech before the emotion can show
_STRENGTH = (0.6, 1.0)  # of the full expression, by level
_ACCENT = 0.25  # how much an accented vowel moves the upper face, as a share of the expression


@dataclass(frozen=True)
class Expression:
    """pose: coefficients at full strength; a name without Left/Right stands for both.

    articulation: scales jaw and lips while speaking. jaw_drop: extra jawOpen while speaking.
    """

    pose: dict[str, float] = field(default_factory=dict)
    articulation: float = 1.0
    jaw_drop: float = 0.0


EXPRESSIONS: dict[str, Expression] = {
    "neutral": Expression({"browInnerUp": 0.03}),
    "calm": Expression({"mouthSmile": 0.16, "eyeSquint": 0.08, "eyeBlink": 0.12, "browInnerUp": 0.06}, 0.88),
    "happy": Expression(
        {"mouthSmile": 0.65, "cheekSquint": 0.55, "eyeSquint": 0.35, "mouthDimple": 0.2, "browOuterUp": 0.22}, 1.15
    ),
    "sad": Expression(
        {"browInnerUp": 0.70, "mouthFrown": 0.55, "browDown": 0.10, "eyeBlink": 0.22, "mouthShrugLower": 0.2}, 0.72
    ),
    "angry": Expression(
        {"browDown": 0.85, "eyeSquint": 0.42, "noseSneer": 0.35, "mouthPress": 0.15, "mouthFrown": 0.22,
         "jawForward": 0.12, "mouthLowerDown": 0.10}, 1.25,
    ),
    "fearful": Expression(
        {"browInnerUp": 0.75, "browOuterUp": 0.25, "eyeWide": 0.70, "mouthStretch": 0.40, "mouthFrown": 0.12}, 1.0
    ),
    "disgust": Expression(
        {"noseSneer": 0.80, "browDown": 0.45, "cheekSquint": 0.30, "eyeSquint": 0.25, "mouthUpperUp": 0.28,
         "mouthFrown": 0.30}, 0.9,
    ),
    "surprised": Expression(
        {"browInnerUp": 0.65, "browOuterUp": 0.75, "eyeWide": 0.55}, 1.15, jaw_drop=0.10
    ),
}  # fmt: skip

_SPEAKING = tuple(i for name, i in INDEX.items() if name.startswith(("jaw", "mouth")))
_CORNERS = tuple(INDEX[name + side] for name in ("mouthSmile", "mouthStretch") for side in ("Left", "Right"))
_UPPER = np.array(upper_face())


def pose(emotion: str, level: int) -> np.ndarray:
    """(52,) the expression alone, at its height."""
    check(emotion, level)
    out = np.zeros(len(INDEX))
    for name, value in EXPRESSIONS[emotion].pose.items():
        for column in (name,) if name in INDEX else (name + "Left", name + "Right"):
            out[INDEX[column]] = value * _STRENGTH[level]
    return out


def presence(times_s: np.ndarray, speech_s: tuple[float, float]) -> np.ndarray:
    """(frames,) in [0, 1]: the expression rises from the first sound on and fades after the last."""
    begin, end = speech_s
    ramp = np.minimum((times_s - begin) / ONSET_S, 1 - (times_s - end) / RELEASE_S).clip(0, 1)
    return np.asarray(ramp * ramp * (3 - 2 * ramp))


def express(
    spoken: Mouth, emotion: str, level: int, times_s: np.ndarray, speech_s: tuple[float, float], accent: np.ndarray
) -> np.ndarray:
    """The whole face, (frames, 52) float32 in [0, 1].

    spoken: the mouth at `times_s` (frames,). speech_s: first and last sound. accent: (frames,) in [0, 1], how strongly
    the voice accents. Lips that the speech seals stay sealed.
    """
    expression, here = EXPRESSIONS[emotion], presence(times_s, speech_s)
    strength = here * _STRENGTH[level]
    amplitude = (1 + (expression.articulation - 1) * strength) * (0.94 + 0.12 * accent)
    weights = spoken.weights.copy()
    weights[:, _SPEAKING] *= amplitude[:, None]
    weights[:, INDEX["jawOpen"]] += expression.jaw_drop * strength

    shown = here[:, None] * pose(emotion, level)
    shown[:, _UPPER] *= (1 - _ACCENT / 2 + _ACCENT * accent)[:, None]
    # Rounded lips leave less room for wide corners.
    shown[:, _CORNERS] *= (1 - 0.6 * weights[:, INDEX["mouthPucker"]].clip(0, 1))[:, None]
    weights += shown
    weights[:, [INDEX["browOuterUpLeft"], INDEX["browOuterUpRight"]]] += 0.06 * (accent * here)[:, None]
    return np.asarray(close_lips(weights, spoken.seal).clip(0, 1), np.float32)
