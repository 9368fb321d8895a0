"""Speech -> the head: it nods on accented vowels, sways while it speaks and is carried as the emotion says.

Heads move with the accents of a voice (Graf et al. 2002; Munhall et al. 2004). Each accent pushes the nose down, and
the neck brings it back: the head follows its voice and never leads it, so that a network with little future can know.
Every voice nods and sways in its own measure. Drift and the sway's phase are of one clip alone: no sound tells them.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.expression import presence
from emotalk.corpus.synthetic.visemes import is_vowel
from emotalk.head import rotation

BEAT_S = 0.13  # from the push to the lowest place
NOD_DEG = (3.0, 7.0)  # of the strongest accent, by voice
SWAY_DEG, SWAY_PERIOD_S = (0.6, 1.6), (1.6, 3.2)
DRIFT_DEG, DRIFT_S = 0.5, 1.0
NECK_MM = np.array([0.0, 100.0, 40.0])  # from where the skull turns to the middle of the head

# (nods as a multiple of a neutral voice's, yaw and pitch in degrees) at full strength; a sad head hangs.
CARRIAGE = {
    "neutral": (1.0, 0.0, 0.0), "calm": (0.6, 0.0, -1.0), "happy": (1.3, 0.0, -3.0), "sad": (0.4, 0.0, 7.0),
    "angry": (1.7, 0.0, 4.0), "fearful": (0.7, 4.0, -2.0), "disgust": (0.9, -6.0, 1.0), "surprised": (1.2, 0.0, -5.0),
}  # fmt: skip
_STRENGTH = (0.6, 1.0)  # by level


def nod(
    phones: Sequence[Phone],
    accent: np.ndarray,
    times_s: np.ndarray,
    emotion: str,
    level: int,
    *,
    voice: np.random.Generator,
    clip: np.random.Generator,
) -> np.ndarray:
    """The head at `times_s` (frames,) of speech, (frames, 6) float32 as `Clip.head`.

    accent: (frames,) in [0, 1], 0.5 where the voice is as strong as in its mean. voice, clip: what is drawn once for a
    voice, and for a clip.
    """
    nod_deg, sway_deg, period_s = (voice.uniform(*span) for span in (NOD_DEG, SWAY_DEG, SWAY_PERIOD_S))
    here = presence(times_s, (phones[0].start_s, phones[-1].end_s))
    lively, yaw, pitch = CARRIAGE[emotion]
    strength = _STRENGTH[level]

    turn = DRIFT_DEG * _drift(times_s, clip)
    phase = 2 * np.pi * (times_s / period_s + clip.uniform())
    turn[:, 0] += here * (strength * yaw + sway_deg * np.sin(phase))
    turn[:, 1] += here * strength * pitch + nod_deg * lively**strength * _beats(phones, accent, times_s)
    turn[:, 2] += here * sway_deg / 2 * np.cos(phase)
    turn = np.radians(turn)
    return np.hstack([turn, rotation(turn).apply(NECK_MM) - NECK_MM]).astype(np.float32)


def _beats(phones: Sequence[Phone], accent: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """(frames,) pushes of the vowels that are stronger than the mean; 1 is the lowest place of the strongest."""
    out = np.zeros(len(times_s))
    for vowel in (phone for phone in phones if is_vowel(phone.name)):
        middle_s = (vowel.start_s + vowel.end_s) / 2
        push = 2 * max(0.0, float(np.interp(middle_s, times_s, accent)) - 0.5)
        since = np.maximum(times_s - vowel.start_s, 0) / BEAT_S
        out += push * (since * np.exp(1 - since)) ** 2
    return out


def _drift(times_s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(frames, 3) slow noise with a standard deviation of about 1."""
    step_s = 1 / 30 if len(times_s) < 2 else float(times_s[1] - times_s[0])
    width = DRIFT_S / step_s
    noise = gaussian_filter1d(rng.standard_normal((len(times_s) + int(8 * width), 3)), width, axis=0)
    return np.asarray(noise[int(4 * width) :][: len(times_s)] * np.sqrt(2 * np.sqrt(np.pi) * width))
