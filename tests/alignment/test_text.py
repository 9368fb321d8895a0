"""Written English as it is read aloud."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.alignment.text import spoken_words

pytest.importorskip("num2words", reason="the extra `align` is not installed")


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Don't—stop, ‘said’ the cat; it’s self-substantial.", "don't stop said the cat it's self substantial"),
        ("Mr. and Mrs. Smith met Dr. No.", "mister and misses smith met doctor number"),
        ("I said no. No! No. 5, St. James's Street", "i said no no number five saint james's street"),
        ("1811 and 2026, 1,811 men", "eighteen eleven and twenty twenty six one thousand eight hundred and eleven men"),
        ("the 21st of May; 3rd", "the twenty first of may third"),
        ("in the 1920s", "in the nineteen twenties"),
        ("$5.50, £1 and 3.14%", "five dollars and fifty cents one pound and three point one four percent"),
        ("at 3:05 or 12:00", "at three oh five or twelve o'clock"),
        ("Agent 007", "agent zero zero seven"),
        ("Chapter IV. I am Louis XIV", "chapter four i am louis fourteen"),
        ("the U.S.A. & café", "the u s a and cafe"),
        ("f000012|From fairest creatures\nf000013|we desire", "from fairest creatures we desire"),
        ("— … 漢字 !", ""),
    ],
)  # fmt: skip
def test_it_is_read_as_people_read_it(written: str, spoken: str) -> None:
    assert " ".join(spoken_words(written)) == spoken


@given(st.text(max_size=200))
def test_any_text_becomes_plain_words(text: str) -> None:
    words = spoken_words(text)
    assert all(word and set(word) <= set("abcdefghijklmnopqrstuvwxyz'") and word != "'" for word in words)


@given(st.integers(0, 10**18))
def test_any_number_is_read(value: int) -> None:
    assert spoken_words(str(value))
