"""Speech sounds -> lips, jaw and tongue.

Each IPA letter has a target face. A phone of several letters (a diphthong, an affricate) glides through them. Targets
meet by dominance functions (Cohen & Massaro 1993): around its centre a sound pulls each part of the mouth with a
strength that falls off in time, and the face is the weighted mean of all pulls. Lips that must meet or hold pull hard;
a schwa takes the shape of its neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.corpus.clip import Phone
from emotalk.errors import InputError

LEAD_S = 0.020  # lips are in place before the sound; more would shut them over the vowel before
_VOWEL_REACH_S, _CONSONANT_REACH_S = 0.055, 0.030  # how far from its core a sound pulls
_SEAL_SHARE = (0.45, 0.72)  # share of the pull on the lips at which they begin to meet, and are pressed together
_SILENCE = "_"


@dataclass(frozen=True)
class Viseme:
    """One mouth. Values are coefficients, the same left and right; `seal` is 1 where the lips must touch.

    hold: how strongly (jaw, lips, tongue) insist on their place; 1 is an ordinary vowel.
    """

    jaw: float = 0.0
    funnel: float = 0.0
    pucker: float = 0.0
    stretch: float = 0.0
    upper_up: float = 0.0
    lower_down: float = 0.0
    press: float = 0.0
    roll_lower: float = 0.0
    roll_upper: float = 0.0
    shrug_lower: float = 0.0
    shrug_upper: float = 0.0
    dimple: float = 0.0
    jaw_forward: float = 0.0
    tongue: float = 0.0
    seal: float = 0.0
    hold: tuple[float, float, float] = (1.0, 1.0, 1.0)
    vowel: bool = False


# Channels of the mouth: field of Viseme -> (coefficients, part of `hold`). `seal` has no coefficient of its own:
# mouthClose follows the jaw while the lips are sealed, see `close_lips`.
_CHANNELS: dict[str, tuple[tuple[str, ...], int]] = {
    "jaw": (("jawOpen",), 0),
    "jaw_forward": (("jawForward",), 0),
    "funnel": (("mouthFunnel",), 1),
    "pucker": (("mouthPucker",), 1),
    "stretch": (("mouthStretchLeft", "mouthStretchRight"), 1),
    "upper_up": (("mouthUpperUpLeft", "mouthUpperUpRight"), 1),
    "lower_down": (("mouthLowerDownLeft", "mouthLowerDownRight"), 1),
    "press": (("mouthPressLeft", "mouthPressRight"), 1),
    "roll_lower": (("mouthRollLower",), 1),
    "roll_upper": (("mouthRollUpper",), 1),
    "shrug_lower": (("mouthShrugLower",), 1),
    "shrug_upper": (("mouthShrugUpper",), 1),
    "dimple": (("mouthDimpleLeft", "mouthDimpleRight"), 1),
    "tongue": (("tongueOut",), 2),
    "seal": ((), 1),
}
_OPENING = tuple(
    INDEX[name] for channel in ("upper_up", "lower_down", "funnel", "tongue") for name in _CHANNELS[channel][0]
)


def _vowel(jaw: float, *, hold: tuple[float, float, float] = (1.0, 1.0, 1.0), **lips: float) -> Viseme:
    return Viseme(jaw=jaw, hold=hold, vowel=True, **lips)  # type: ignore[arg-type]


_WEAK = (0.35, 0.3, 0.5)
_LIPS = (6.0, 5.0, 0.3)
_TEETH = (3.0, 2.5, 0.3)
_TONGUE_TIP = (1.3, 0.7, 1.5)

_BILABIAL = Viseme(jaw=0.02, press=0.35, roll_lower=0.22, roll_upper=0.18, seal=1, hold=_LIPS)
_LABIODENTAL = Viseme(jaw=0.07, roll_lower=0.45, shrug_lower=0.2, upper_up=0.22, hold=_TEETH)
_ALVEOLAR = Viseme(jaw=0.14, lower_down=0.18, upper_up=0.08, stretch=0.08, hold=_TONGUE_TIP)
_SIBILANT = Viseme(jaw=0.07, lower_down=0.28, upper_up=0.16, stretch=0.24, hold=(3.0, 1.6, 1.0))
_POSTALVEOLAR = Viseme(
    jaw=0.11, funnel=0.50, pucker=0.22, lower_down=0.12, upper_up=0.14, jaw_forward=0.12, hold=(3.0, 4.0, 1.0)
)
_VELAR = Viseme(jaw=0.22, lower_down=0.10, upper_up=0.05, hold=(0.9, 0.4, 0.6))
_GLIDE_W = Viseme(jaw=0.10, funnel=0.22, pucker=0.72, hold=(2.0, 5.0, 1.0))
_RHOTIC = Viseme(jaw=0.15, funnel=0.34, pucker=0.20, hold=(1.2, 1.6, 1.0))
_DENTAL = Viseme(jaw=0.17, lower_down=0.22, upper_up=0.12, tongue=0.35, hold=(1.8, 1.2, 4.0))

_TARGETS: dict[str, Viseme] = {
    _SILENCE: Viseme(hold=(1.2, 1.2, 1.0)),
    # Lips together; lower lip under the upper teeth.
    **dict.fromkeys("pbm", _BILABIAL),
    **dict.fromkeys("fv", _LABIODENTAL),
    # Rounded glides.
    "w": _GLIDE_W,
    "ʍ": _GLIDE_W,
    # Tongue behind or between the teeth.
    **dict.fromkeys("tdnɾ", _ALVEOLAR),
    "l": Viseme(jaw=0.24, lower_down=0.18, upper_up=0.10, tongue=0.06, hold=_TONGUE_TIP),
    **dict.fromkeys("θð", _DENTAL),
    **dict.fromkeys("sz", _SIBILANT),
    **dict.fromkeys("ʃʒ", _POSTALVEOLAR),
    **dict.fromkeys("ɹr", _RHOTIC),
    # Back of the tongue, throat.
    **dict.fromkeys("kɡgŋxʔ", _VELAR),
    "h": Viseme(jaw=0.25, lower_down=0.10, hold=_WEAK),
    "j": Viseme(jaw=0.10, stretch=0.22, dimple=0.08, lower_down=0.10, hold=(1.2, 1.0, 1.0)),
    # Open vowels.
    "ɑ": _vowel(0.72, lower_down=0.26, upper_up=0.12),
    "a": _vowel(0.66, lower_down=0.30, upper_up=0.14, stretch=0.06),
    "æ": _vowel(0.60, lower_down=0.32, upper_up=0.18, stretch=0.22),
    "ɐ": _vowel(0.42, lower_down=0.20, upper_up=0.08, hold=(0.7, 0.6, 0.8)),
    "ʌ": _vowel(0.46, lower_down=0.22, upper_up=0.08),
    "ɒ": _vowel(0.62, funnel=0.38, pucker=0.12, lower_down=0.16),
    "ɔ": _vowel(0.54, funnel=0.52, pucker=0.28, lower_down=0.10),
    # Mid and close vowels, spread lips.
    "ɛ": _vowel(0.42, lower_down=0.28, upper_up=0.14, stretch=0.20),
    "e": _vowel(0.34, lower_down=0.24, upper_up=0.12, stretch=0.28, dimple=0.08),
    "ɪ": _vowel(0.24, lower_down=0.20, upper_up=0.10, stretch=0.24, dimple=0.06),
    "i": _vowel(0.17, lower_down=0.22, upper_up=0.12, stretch=0.38, dimple=0.14),
    "ᵻ": _vowel(0.20, lower_down=0.16, upper_up=0.08, stretch=0.12, hold=(0.6, 0.5, 0.8)),
    # Rounded lips.
    "o": _vowel(0.40, funnel=0.45, pucker=0.45, lower_down=0.06, hold=(1.0, 1.4, 1.0)),
    "ʊ": _vowel(0.24, funnel=0.34, pucker=0.48, hold=(1.0, 1.4, 1.0)),
    "u": _vowel(0.15, funnel=0.28, pucker=0.74, hold=(1.1, 1.8, 1.0)),
    "ʉ": _vowel(0.17, funnel=0.26, pucker=0.66, hold=(1.1, 1.6, 1.0)),
    # Neutral vowels.
    # Weak, but not so weak that the lips of a neighbour stay shut on it.
    "ə": _vowel(0.24, lower_down=0.12, upper_up=0.05, hold=(0.7, 0.6, 0.6)),
    "ɜ": _vowel(0.32, funnel=0.18, pucker=0.08, lower_down=0.16, hold=(0.8, 0.7, 0.8)),
    "ɚ": _vowel(0.26, funnel=0.28, pucker=0.14, lower_down=0.12, hold=(0.8, 0.9, 0.8)),
}
_MARKS = "ː:\u032a\u0329ˈˌ"  # length, dental, syllabic and stress marks: the same mouth
_SYNONYMS = {"ʲ": "j"}
SOUNDS = tuple(_TARGETS)  # silence first, then every letter that has a mouth
UNKNOWN_SOUND = -1

# The table as arrays over channels, and which channel each coefficient follows.
_VALUES = {letter: [getattr(target, channel) for channel in _CHANNELS] for letter, target in _TARGETS.items()}
_HOLDS = {letter: [target.hold[part] for _, part in _CHANNELS.values()] for letter, target in _TARGETS.items()}
_COLUMNS = [INDEX[name] for names, _ in _CHANNELS.values() for name in names]
_SOURCES = [i for i, (names, _) in enumerate(_CHANNELS.values()) for _ in names]
_SEAL = list(_CHANNELS).index("seal")


@dataclass(frozen=True)
class Mouth:
    """weights: (frames, 52) float64, the mouth's coefficients, lips not yet sealed. seal: (frames,) in [0, 1]."""

    weights: np.ndarray
    seal: np.ndarray


def letters(name: str) -> tuple[str, ...]:
    """A phone's IPA name -> the letters with a target of their own, in order. Unknown letters are an InputError."""
    found = tuple(_SYNONYMS.get(letter, letter) for letter in name if letter not in _MARKS)
    if not found or any(letter not in _TARGETS for letter in found):
        raise InputError(f"no viseme for the speech sound {name!r}")
    return found


def sounds_at(phones: Sequence[Phone], times_s: np.ndarray) -> np.ndarray:
    """(n,) times -> (n,) int64 numbers in `SOUNDS`; silence between phones, UNKNOWN_SOUND in one that has no viseme."""
    out = np.zeros(len(times_s), np.int64)
    for phone in phones:
        try:
            names = letters(phone.name)
        except InputError:
            names = ()
        edges = np.linspace(phone.start_s, phone.end_s, max(len(names), 1) + 1)
        for i, name in enumerate(names or (None,)):
            during = (times_s >= edges[i]) & (times_s < edges[i + 1])
            out[during] = UNKNOWN_SOUND if name is None else SOUNDS.index(name)
    return out


def is_vowel(name: str) -> bool:
    return _TARGETS[letters(name)[0]].vowel


def is_sealed(name: str) -> bool:
    """Whether the lips must touch for this sound (p, b, m)."""
    return any(_TARGETS[letter].seal == 1 for letter in letters(name))


def mouth(phones: Sequence[Phone], duration_s: float, times_s: np.ndarray) -> Mouth:
    """The mouth at `times_s` (frames,) of speech that lasts `duration_s`; gaps between the phones are silence."""
    segments = _segments(phones, duration_s)
    start, end = (np.array([segment[i] for segment in segments]) for i in (1, 2))
    silent = np.array([letter == _SILENCE for letter, _, _ in segments])
    vowel = np.array([_TARGETS[letter].vowel for letter, _, _ in segments])
    # A sound holds full strength around its middle, silence nearly from end to end.
    middle, half = (start + end) / 2, (end - start) / 2
    core = np.where(
        silent, np.maximum(half - 0.04, 0.3 * half), np.where(vowel, 0.4 * half, np.clip(0.3 * half, 0.010, 0.025))
    )
    reach = np.where(vowel | silent, _VOWEL_REACH_S, _CONSONANT_REACH_S)

    offset = (times_s[:, None] + LEAD_S) - middle  # (frames, segments)
    pull = np.exp(-((np.maximum(np.abs(offset) - core, 0) / reach) ** 1.5))

    hold = np.array([_HOLDS[letter] for letter, _, _ in segments])  # (segments, channels)
    value = np.array([_VALUES[letter] for letter, _, _ in segments])
    tracks = (pull @ (hold * value)) / (pull @ hold + 1e-12)  # (frames, channels)

    weights = np.zeros((len(times_s), len(COEFFICIENTS)))
    weights[:, _COLUMNS] = tracks[:, _SOURCES]
    low, high = _SEAL_SHARE
    share = np.clip((tracks[:, _SEAL] - low) / (high - low), 0, 1)
    seal = share * share * (3 - 2 * share)
    return Mouth(weights, seal)


def close_lips(weights: np.ndarray, seal: np.ndarray) -> np.ndarray:
    """(frames, 52) -> a copy whose lips touch where seal is 1: nothing parts them, mouthClose undoes the jaw."""
    out = weights.copy()
    out[:, _OPENING] *= (1 - seal)[:, None]
    out[:, INDEX["jawOpen"]] = np.minimum(out[:, INDEX["jawOpen"]], 1 - 0.88 * seal)
    out[:, INDEX["mouthClose"]] = seal * out[:, INDEX["jawOpen"]]
    return out


def _segments(phones: Sequence[Phone], duration_s: float) -> list[tuple[str, float, float]]:
    """(letter, start, end) in seconds, covering [0, duration_s]: letters share their phone evenly, gaps are silence."""
    out: list[tuple[str, float, float]] = []
    now = 0.0
    for phone in phones:
        if phone.start_s > now + 1e-3:
            out.append((_SILENCE, now, phone.start_s))
        names = letters(phone.name)
        edges = np.linspace(phone.start_s, phone.end_s, len(names) + 1)
        out += [(name, float(edges[i]), float(edges[i + 1])) for i, name in enumerate(names)]
        now = phone.end_s
    if duration_s > now or not out:
        out.append((_SILENCE, now, max(duration_s, now)))
    return out
