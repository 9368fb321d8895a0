"""One table between ARPAbet and IPA."""

import pytest

from emotalk.alignment.arpabet import IPA, OPEN_VOWELS, VOWELS, from_ipa, to_ipa
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.visemes import is_sealed, is_vowel
from emotalk.metrics.opening import is_bilabial


@pytest.mark.parametrize("name", sorted(IPA))
def test_every_sound_has_a_mouth_of_its_kind_and_comes_back(name: str) -> None:
    long = to_ipa(Phone(name, 1.0, 1.2))
    assert (long.start_s, long.end_s) == (1.0, 1.2)
    assert from_ipa(long.name) == (name,)
    assert is_vowel(long.name) == (name in VOWELS)
    assert is_sealed(long.name) == is_bilabial(name) == is_bilabial(long.name) == (name in ("P", "B", "M"))


def test_a_short_ah_is_a_schwa() -> None:
    assert [to_ipa(Phone("AH", 0, end_s)).name for end_s in (0.05, 0.12)] == ["ə", "ʌ"]
    assert from_ipa("ə") == ("AH",)


def test_what_espeak_writes_is_read() -> None:
    assert from_ipa("ˈwɔːɾɚ") == ("W", "AO", "T", "ER")
    assert from_ipa("ɐbˈʌv") == ("AH", "B", "AH", "V")
    assert from_ipa("t\u0361ʃ n\u0329ʘ") == ("CH", "N")  # what English does not have is left out


def test_open_vowels_are_vowels() -> None:
    assert OPEN_VOWELS < VOWELS
