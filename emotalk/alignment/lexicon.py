"""How English words sound: the recogniser's dictionary, and for words that it lacks a synthesiser's opinion."""

from collections.abc import Callable, Sequence

from emotalk.alignment.arpabet import from_ipa
from emotalk.corpus.synthetic import espeak
from emotalk.errors import InputError

Known = Callable[[str], str | None]  # a word -> its sounds, parted by spaces, or None

# English prose has one to ten in a hundred words that the dictionary (134,000 words) lacks; German has six in ten.
MAX_UNKNOWN_SHARE, ENOUGH_WORDS = 0.35, 8
_LANGUAGE = "en-us"
_SIBILANTS, _VOICELESS = {"S", "Z", "SH", "ZH", "CH", "JH"}, {"P", "T", "K", "F", "TH"}


def unknown_words(words: Sequence[str], known: Known) -> list[str]:
    """The different words that have no pronunciation, sorted. InputError where there are so many that this is no
    English."""
    different = sorted(set(words))
    unknown = [word for word in different if pronounced(word, known) is None]
    if len(different) >= ENOUGH_WORDS and len(unknown) > MAX_UNKNOWN_SHARE * len(different):
        some = ", ".join(unknown[:5])
        raise InputError(
            f"{len(unknown)} of {len(different)} different words are not in the English dictionary ({some}, …): "
            "only English can be aligned"
        )
    return unknown


def pronounced(word: str, known: Known) -> str | None:
    """From the dictionary; a possessive follows from its word."""
    sounds = known(word)
    if sounds is None and word.endswith("'s") and (stem := known(word[:-2])) is not None:
        last = stem.split()[-1]
        sounds = f"{stem} {'IH Z' if last in _SIBILANTS else 'S' if last in _VOICELESS else 'Z'}"
    elif sounds is None and word.endswith("s'"):
        sounds = known(word[:-1])
    return sounds


def guessed(word: str) -> str | None:
    """How espeak-ng would say a word, by the names of ARPAbet; None for what it does not say at all."""
    return " ".join(from_ipa(espeak.pronounce(word, _LANGUAGE))) or None
