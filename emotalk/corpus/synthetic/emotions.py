"""How an emotion sounds: the prosody espeak is asked for, and the shaping of its signal.

The emotions lie well apart in rate × pitch range × relative pitch × tilt and in tremor, breath and creak, so that they
can be told on voices whose base pitch is unknown. Loudness differs too, as in real speech, but never alone: whoever
listens may normalise the level.
"""

from dataclasses import dataclass, fields

import numpy as np

from emotalk.errors import InputError
from emotalk.labels import EMOTIONS, LEVELS

NEUTRAL_RATE_WPM = 180.0
NEUTRAL_RANGE = 40.0  # on espeak's scale: a little flatter than its default, which is lively
STRENGTH = (0.75, 1.0)  # how far from neutral each level goes


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One way of saying something; the defaults are neutral.

    rate: relative to `NEUTRAL_RATE_WPM`. pitch_st: semitones. pitch_range: relative to neutral speech.
    gain_db: level. tilt_db: spectral tilt in dB per octave, positive is brighter.
    tremor: depth of a 6 to 9 Hz modulation of amplitude and pitch. breath: noise relative to the speech.
    creak: depth of a slow, irregular pulsing of the voice. punch: exponent of the amplitude envelope: above 1 accents
    stand out and syllables are clipped, below 1 speech is even.
    """

    rate: float = 1.0
    pitch_st: float = 0.0
    pitch_range: float = 1.0
    gain_db: float = 0.0
    tilt_db: float = 0.0
    tremor: float = 0.0
    breath: float = 0.0
    creak: float = 0.0
    punch: float = 1.0


# At full strength. Directions follow the literature on vocal expression (Banse & Scherer 1996; Juslin & Laukka 2003).
_FULL = {
    "neutral": Delivery(),
    "calm": Delivery(rate=0.80, pitch_st=-1.0, pitch_range=0.6, gain_db=-3, tilt_db=-2.5, breath=0.10, punch=0.8),
    "happy": Delivery(rate=1.14, pitch_st=4.0, pitch_range=1.6, gain_db=2, tilt_db=2.0),
    "sad": Delivery(rate=0.74, pitch_st=-3.0, pitch_range=0.2, gain_db=-5, tilt_db=-4.5, tremor=0.15, punch=0.85),
    "angry": Delivery(rate=1.25, pitch_st=0.5, pitch_range=1.5, gain_db=5, tilt_db=4.5, punch=1.7),
    "fearful": Delivery(rate=1.38, pitch_st=5.5, pitch_range=0.4, gain_db=-1, tilt_db=0.5, tremor=0.75, breath=0.06),
    "disgust": Delivery(rate=0.82, pitch_st=-3.5, pitch_range=1.2, gain_db=-1, creak=0.95, punch=1.2),
    "surprised": Delivery(rate=0.88, pitch_st=6.5, pitch_range=1.95, gain_db=2, breath=0.12, punch=1.25),
}
# The final punctuation, which sets espeak's tune: surprise rises like a question.
_TUNE = {"happy": "!", "angry": "!", "surprised": "?"}

# Standard deviations from one utterance to the next. Ratios vary in their logarithm.
_JITTER = {"rate": 0.025, "pitch_st": 0.5, "pitch_range": 0.05, "gain_db": 2.0, "tilt_db": 0.4}
_RATIOS = ("rate", "pitch_range", "punch")


def check(emotion: str, level: int) -> None:
    """InputError unless `emotion` exists at `level`; neutral speech has one level only."""
    if emotion not in EMOTIONS:
        raise InputError(f"unknown emotion {emotion!r}: one of {', '.join(EMOTIONS)}")
    if level not in range(len(LEVELS)) or (emotion == "neutral" and level):
        raise InputError(f"{emotion} has no level {level}")


def delivery(emotion: str, level: int, rng: np.random.Generator | None = None) -> Delivery:
    """The delivery of an emotion at a level; with `rng`, one utterance's small variation of it."""
    check(emotion, level)
    full, neutral = _FULL[emotion], Delivery()
    values: dict[str, float] = {}
    for field in fields(Delivery):
        start, end = getattr(neutral, field.name), getattr(full, field.name)
        jitter = rng.normal() * _JITTER[field.name] if rng is not None and field.name in _JITTER else 0.0
        if field.name in _RATIOS:
            values[field.name] = start * (end / start) ** STRENGTH[level] * float(np.exp(jitter))
        else:
            values[field.name] = start + STRENGTH[level] * (end - start) + jitter
    return Delivery(**values)


def tune(emotion: str) -> str:
    """The punctuation to end a sentence with."""
    return _TUNE.get(emotion, ".")
