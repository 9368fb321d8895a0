"""Lips close and open where the sounds say so."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.blendshapes import INDEX
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.casts import Role, roles
from emotalk.corpus.synthetic.espeak import EspeakSettings, pronounce, synthesise
from emotalk.corpus.synthetic.piper import LANGUAGE
from emotalk.corpus.synthetic.visemes import LEAD_S, close_lips, letters, mouth
from emotalk.errors import InputError
from emotalk.rigs import procedural_head

NAMES = (
    "p",
    "b",
    "m",
    "f",
    "v",
    "w",
    "s",
    "ʃ",
    "tʃ",
    "t",
    "l",
    "ɹ",
    "k",
    "h",
    "ð",
    "ə",
    "ɑː",
    "æ",
    "iː",
    "uː",
    "aɪ",
    "oʊ",
)

HEAD = procedural_head()


def word(*names: str, start_s: float = 0.3, each_s: float = 0.1) -> tuple[Phone, ...]:
    return tuple(Phone(name, start_s + i * each_s, start_s + (i + 1) * each_s) for i, name in enumerate(names))


def face(phones: tuple[Phone, ...], times_s: np.ndarray, duration_s: float = 3.0) -> dict[str, np.ndarray]:
    """Coefficients by name, as seen when the sounds of `times_s` are heard."""
    spoken = mouth(phones, duration_s, times_s - LEAD_S)
    weights = close_lips(spoken.weights, spoken.seal)
    return {name: weights[:, i] for name, i in INDEX.items()}


def at_centres(phones: tuple[Phone, ...]) -> dict[str, np.ndarray]:
    return face(phones, np.array([(phone.start_s + phone.end_s) / 2 for phone in phones]))


def test_vowels_open_the_jaw_in_the_order_of_their_height() -> None:
    jaw = at_centres(word("t", "ɑː", "t", "ɛ", "t", "iː", each_s=0.14))["jawOpen"]
    assert 0.5 < jaw[1] < 0.8
    assert jaw[1] > jaw[3] > jaw[5]


def test_rounded_and_spread_lips() -> None:
    shown = at_centres(word("t", "uː", "t", "iː", "ʃ", "w", each_s=0.14))
    assert shown["mouthPucker"][1] > 0.5 > 0.1 > shown["mouthPucker"][3]
    assert shown["mouthStretchLeft"][3] > 0.2 > shown["mouthStretchLeft"][1]
    assert shown["mouthFunnel"][4] > 0.35
    assert shown["mouthPucker"][5] > 0.5


def test_f_puts_the_lower_lip_under_the_teeth_without_sealing() -> None:
    shown = at_centres(word("ɑː", "f", "ɑː"))
    assert shown["mouthRollLower"][1] > 0.35
    assert shown["mouthUpperUpLeft"][1] > 0.15
    assert shown["mouthClose"][1] < 0.02


def test_a_diphthong_glides() -> None:
    phones = word("t", "aɪ", "t", each_s=0.2)
    shown = face(phones, np.array([0.55, 0.65]))
    assert shown["jawOpen"][0] > shown["jawOpen"][1] + 0.15
    assert letters("tʃ") == ("t", "ʃ")
    assert letters("ɔːɹ") == ("ɔ", "ɹ")


def test_silence_is_a_closed_neutral_mouth() -> None:
    spoken = mouth(word("ɑː", "p", "ɑː"), 3.0, np.array([0.0, 0.05, 1.5, 2.9]))
    assert np.abs(spoken.weights).max() < 0.01


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=12), st.floats(0.045, 0.15))
def test_any_word_stays_in_range_symmetric_and_sealed_on_bilabials(names: list[str], each_s: float) -> None:
    phones = word(*names, each_s=each_s)
    shown = face(phones, np.linspace(0, 3, 180))
    for name, track in shown.items():
        assert track.min() >= 0
        assert track.max() <= 1
        if name.endswith("Left"):
            assert np.array_equal(track, shown[name.removesuffix("Left") + "Right"])
    middles = at_centres(phones)
    gaps_mm = HEAD.gap_mm(np.stack(list(middles.values()), axis=1).astype(np.float32))
    for i, name in enumerate(names):
        if name in "pbm":
            assert middles["jawOpen"][i] < 0.15
            assert gaps_mm[i] < 1


def test_a_frame_rate_of_30_catches_every_closure() -> None:
    for shift in np.linspace(0, 1 / 30, 7):
        phones = word("ɑː", "b", "ɑː", start_s=0.3 + float(shift), each_s=0.06)
        spoken = mouth(phones, 1.0, np.arange(30) / 30)
        assert spoken.seal.max() > 0.97


def test_unknown_sounds_are_named() -> None:
    with pytest.raises(InputError, match="ǃ"):
        mouth((Phone("ǃ", 0.1, 0.2),), 1.0, np.zeros(1))


@pytest.mark.usefixtures("speech")
@pytest.mark.parametrize(
    "role",
    [role for cast in ("demo", "wide") for parts in roles(cast).values() for role in parts],
    ids=lambda role: role.voice.name,
)
def test_every_sound_of_every_voice_has_a_viseme(role: Role) -> None:
    voice, text = role.voice, ". ".join(line.sentence.text for line in role.lines)
    if voice.engine == "piper":
        names = "".join(c for c in pronounce(text, LANGUAGE) if c.isalpha() and c not in "ˈˌː")
    else:
        settings = EspeakSettings(language=voice.language, variant=voice.variant, rate_wpm=400)  # fast is quick to make
        names = [phone.name for phone in synthesise(text, settings).phones]
    for name in names:
        assert letters(name)
