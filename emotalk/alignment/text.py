"""Written English -> the words that are spoken: numbers, money, abbreviations and signs in full, no punctuation."""

import re
import unicodedata
from collections.abc import Iterator

from emotalk.errors import MissingExtraError

ABBREVIATIONS = {
    "mr": "mister", "mrs": "misses", "ms": "miz", "dr": "doctor", "prof": "professor", "st": "saint", "rev": "reverend",
    "hon": "honorable", "capt": "captain", "col": "colonel", "gen": "general", "lt": "lieutenant", "sgt": "sergeant",
    "jr": "junior", "sr": "senior", "esq": "esquire", "etc": "et cetera", "vs": "versus", "viz": "namely",
    "vol": "volume", "no": "number", "nos": "numbers", "chap": "chapter", "messrs": "messers", "mme": "madam",
    "approx": "approximately", "dept": "department", "govt": "government",
}  # fmt: skip
# These are words too: only their full stop tells, and what follows it.
_ALSO_WORDS = {"no", "col", "gen", "st", "ms"}
_SIGNS = {"&": "and", "%": "percent", "+": "plus", "=": "equals", "@": "at", "°": "degrees", "§": "section"}
_MONEY = {"$": ("dollar", "dollars", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
          "€": ("euro", "euros", "cent", "cents")}  # fmt: skip
_ROMAN_AFTER = {"chapter", "book", "part", "volume", "vol", "section", "act", "scene", "sonnet", "canto", "letter"}
_ROMAN = re.compile(r"(?=[ivxlc])(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})", re.IGNORECASE)
_LABEL = re.compile(r"^[\w./-]*\d[\w./-]*\|", re.MULTILINE)  # "f000012|…" of fragment files: a name, not spoken
_TOKEN = re.compile(
    r"(?P<money>[$£€]\s?\d[\d,]*(?:\.\d+)?)"
    r"|(?P<time>\b\d{1,2}:\d{2}\b)"
    r"|(?P<ordinal>\b\d[\d,]*(?:st|nd|rd|th)\b)"
    r"|(?P<decade>\b\d{2,4}'?s\b)"
    r"|(?P<number>\d[\d,]*(?:\.\d+)?)"
    r"|(?P<initials>\b(?:[A-Za-z]\.){2,})"
    r"|(?P<word>[A-Za-z]+(?:'[A-Za-z]+)*'?)(?P<stop>\.?)"
    r"|(?P<sign>[&%+=@°§])",
    re.IGNORECASE,
)


def spoken_words(text: str) -> list[str]:
    """A text -> its words in the order and the way they are read aloud, in lower case, letters and apostrophes only.

    Years are read in pairs ("eighteen eleven"), other numbers as they are; letters with accents lose them. Lines of
    "name|text" lose the name. Signs and scripts that English has no words for are dropped.
    """
    words: list[str] = []
    for match in _TOKEN.finditer(_plain(_LABEL.sub("", text))):
        words += re.findall(r"[a-z]+(?:'[a-z]+)*'?", _spoken(match, words[-1] if words else "").lower())
    return [word.strip("'") if word.strip("'") not in ("s", "t") else word for word in words]


def _spoken(match: re.Match[str], before: str) -> str:
    kind, token = str(match.lastgroup), match.group()
    if kind == "stop" or kind == "word":
        return _word(match.group("word"), bool(match.group("stop")), before)
    if kind == "sign":
        return _SIGNS[token]
    if kind == "initials":
        return " ".join(token.replace(".", " ").split())
    if kind == "time":
        hour, minute = map(int, token.split(":"))
        rest = "" if not minute else f"oh {_cardinal(minute)}" if minute < 10 else _cardinal(minute)
        return f"{_cardinal(hour)} {rest}" if rest else f"{_cardinal(hour)} o'clock"
    if kind == "ordinal":
        return _number(int(_digits(token[:-2])), "ordinal")
    if kind == "decade":
        return _decade(int(_digits(token.lower().rstrip("s").rstrip("'"))))
    if kind == "money":
        return _money(token)
    return _figure(token)


def _word(word: str, stopped: bool, before: str) -> str:
    lower = word.lower()
    if lower in ABBREVIATIONS and (lower not in _ALSO_WORDS or (stopped and word[0].isupper())):
        return ABBREVIATIONS[lower]
    # "Chapter IV" and "I" as a heading's number; elsewhere "I" is who speaks.
    if before in _ROMAN_AFTER and (value := _roman(word)):
        return _cardinal(value)
    if len(word) > 1 and word.isupper() and (value := _roman(word)):
        return _cardinal(value)
    return word


def _figure(token: str) -> str:
    whole, _, fraction = token.rstrip(",.").partition(".")
    plain = "," not in whole
    value = int(_digits(whole))
    if fraction:
        return f"{_cardinal(value)} point {' '.join(_cardinal(int(digit)) for digit in fraction)}"
    if plain and len(whole) > 1 and whole.startswith("0"):
        return " ".join(_cardinal(int(digit)) for digit in whole)
    if plain and (1100 <= value < 2000 or 2010 <= value < 2100):
        return _number(value, "year")
    return _cardinal(value)


def _decade(value: int) -> str:
    """1920s -> "nineteen twenties"."""
    said = _number(value, "year" if value >= 1100 else "cardinal")
    return said[:-1] + "ies" if said.endswith("y") else said + "s"


def _money(token: str) -> str:
    one, many, small_one, small_many = _MONEY[token[0]]
    whole, _, fraction = token[1:].strip().partition(".")
    value = int(_digits(whole))
    said = f"{_cardinal(value)} {one if value == 1 else many}"
    if len(fraction) == 2 and int(fraction):
        small = int(fraction)
        return f"{said} and {_cardinal(small)} {small_one if small == 1 else small_many}"
    return said


def _roman(word: str) -> int | None:
    """1 to 99, or None for what is no Roman numeral."""
    if not _ROMAN.fullmatch(word):
        return None
    values = [{"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}[letter] for letter in word.lower()]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def _digits(token: str) -> str:
    return token.replace(",", "")


def _cardinal(value: int) -> str:
    return _number(value, "cardinal")


def _number(value: int, kind: str) -> str:
    if len(str(value)) > 15:  # nobody reads these as one number
        return " ".join(_number(int(digit), "cardinal") for digit in str(value))
    try:
        from num2words import num2words
    except ImportError as error:
        raise MissingExtraError("Alignment", "align") from error
    return str(num2words(value, to=kind)).replace("-", " ").replace(",", "")


def _plain(text: str) -> str:
    """ASCII letters and one kind of apostrophe; dashes part words."""
    text = text.replace("’", "'").replace("‘", "'").replace("ʼ", "'").replace("æ", "ae").replace("œ", "oe")
    return "".join(_letters(unicodedata.normalize("NFKD", text)))


def _letters(text: str) -> Iterator[str]:
    for letter in text:
        if not unicodedata.combining(letter):
            yield " " if letter in "-–—_" else letter
