"""ARPAbet, the names of English speech sounds in pronouncing dictionaries, and their IPA names.

The one table between both, in two directions: what an aligner found goes to the visemes, which know IPA; what a
synthesiser says of a word that no dictionary has comes back.
"""

from emotalk.corpus.clip import Phone

# The 39 sounds without stress, as CMUdict has them.
IPA: dict[str, str] = {
    "AA": "ɑː", "AE": "æ", "AH": "ʌ", "AO": "ɔː", "AW": "aʊ", "AY": "aɪ", "B": "b", "CH": "tʃ", "D": "d", "DH": "ð",
    "EH": "ɛ", "ER": "ɚ", "EY": "eɪ", "F": "f", "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "iː", "JH": "dʒ", "K": "k",
    "L": "l", "M": "m", "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ",
    "T": "t", "TH": "θ", "UH": "ʊ", "UW": "uː", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
VOWELS = frozenset(["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"])
OPEN_VOWELS = frozenset(["AA", "AE", "AO", "AW", "AY"])  # those for which the jaw must drop

# AH is the vowel of "cut" and the schwa of "about" in one: without stress marks only its length tells.
SCHWA = "ə"
SCHWA_MAX_S = 0.08

# espeak-ng's IPA beyond the table above; the longest name that fits is taken.
_FROM_IPA: dict[str, tuple[str, ...]] = {ipa.replace("ː", ""): (name,) for name, ipa in IPA.items()} | {
    "ə": ("AH",), "ɐ": ("AH",), "ᵻ": ("IH",), "ɜ": ("ER",), "əl": ("AH", "L"), "iə": ("IY", "AH"), "aɪə": ("AY", "AH"),
    "aɪɚ": ("AY", "ER"), "e": ("EY",), "a": ("AE",), "o": ("OW",), "ɒ": ("AA",), "ʉ": ("UW",), "ɾ": ("T",),
    "ʔ": ("T",), "x": ("K",), "r": ("R",), "g": ("G",), "ʍ": ("W",), "ʲ": ("Y",), "ɬ": ("L",), "ɡ": ("G",),
}  # fmt: skip
_LONGEST = max(map(len, _FROM_IPA))
_SILENT_MARKS = "ːˈˌ: \u0303\u0329\u032a\u0361"  # length, stress, nasal, syllabic, dental, tie


def to_ipa(phone: Phone) -> Phone:
    """A sound by its ARPAbet name -> the same by the IPA name that `visemes` knows."""
    short_ah = phone.name == "AH" and phone.end_s - phone.start_s < SCHWA_MAX_S
    return Phone(SCHWA if short_ah else IPA[phone.name], phone.start_s, phone.end_s)


def from_ipa(name: str) -> tuple[str, ...]:
    """The ARPAbet names of an IPA transcription; letters that English does not have are left out."""
    rest = "".join(letter for letter in name if letter not in _SILENT_MARKS)
    found: list[str] = []
    while rest:
        for length in range(min(_LONGEST, len(rest)), 0, -1):
            if rest[:length] in _FROM_IPA:
                found += _FROM_IPA[rest[:length]]
                break
        rest = rest[length:]
    return tuple(found)
