"""Alignment of speech whose times are known, with texts that fit, lack something or have too much."""

from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest

from emotalk.alignment import Aligner, Alignment, storage
from emotalk.audio import SAMPLE_RATE, load_audio
from emotalk.corpus.clip import Phone
from emotalk.errors import InputError
from tests.alignment.spoken import SENTENCES, say

READINGS = "speech/audiobook"
AUSTEN = f"{READINGS}/sense_and_sensibility_01_austen_64kb-08"


def onsets_off_s(found: tuple[Phone, ...], real: list[Phone]) -> np.ndarray:
    """By how much the beginnings of the sounds are late, of those that both say in the same order."""
    match = SequenceMatcher(None, [p.name for p in real], [p.name for p in found], autojunk=False)
    pairs = [(real[b.a + k], found[b.b + k]) for b in match.get_matching_blocks() for k in range(b.size)]
    return np.array([mine.start_s - theirs.start_s for theirs, mine in pairs])


def said(alignment: Alignment) -> str:
    return " ".join(word.text for word in alignment.sure)


def test_sounds_begin_when_espeak_says(aligner: Aligner) -> None:
    samples, real = say(*SENTENCES)
    alignment = aligner.align(samples, ". ".join(SENTENCES))
    assert said(alignment) == " ".join(SENTENCES).lower()
    assert alignment.sure_share == 1
    off_s = onsets_off_s(alignment.phones, real)
    assert len(off_s) > 0.75 * len(real)  # a dictionary and espeak differ over some vowels
    assert abs(np.median(off_s)) < 0.010
    assert np.median(np.abs(off_s)) < 0.015
    assert np.percentile(np.abs(off_s), 90) < 0.060
    ends = [phone.end_s for phone in alignment.phones]
    assert all(a <= b + 1e-9 for a, b in zip(ends, [p.start_s for p in alignment.phones][1:], strict=False))


def test_sound_that_the_text_lacks_is_doubtful_and_spoils_nothing(aligner: Aligner) -> None:
    (first, second), other = SENTENCES[:2], "This is a recording for everyone who likes to listen"
    samples, _ = say(other, first, second)
    alignment = aligner.align(samples, f"{first}. {second}.")
    assert said(alignment).endswith(f"{first} {second}".lower().split(" ", 1)[1])
    spoken, _ = say(other)
    end_s = len(spoken) / SAMPLE_RATE - 0.5
    doubtful_s = sum(min(b, end_s) - a for a, b in alignment.doubtful if a < end_s)
    assert doubtful_s > 0.6 * (end_s - 0.6)
    assert not [word for word in alignment.sure if word.start_s < end_s - 0.5]


def test_text_that_nobody_says_is_passed_by(aligner: Aligner) -> None:
    samples, real = say(SENTENCES[0], SENTENCES[2])
    title = "The Book of Many Sentences, by a writer. Printed in London, 1811. "
    alignment = aligner.align(samples, title + ". ".join(SENTENCES))
    assert said(alignment) == f"{SENTENCES[0]} {SENTENCES[2]}".lower()
    assert np.median(np.abs(onsets_off_s(alignment.phones, real))) < 0.015


def test_a_wrong_text_leaves_nothing_that_is_sure(aligner: Aligner) -> None:
    samples, _ = say(SENTENCES[0])
    alignment = aligner.align(samples, "Nobody ever thought that such strange yellow animals could sing")
    assert len(alignment.sure) <= 1
    assert alignment.sure_share < 0.15
    assert alignment.doubtful


def test_what_was_heard_before_changes_nothing_and_reading_in_pieces_neither(aligner: Aligner) -> None:
    samples, _ = say(SENTENCES[0], SENTENCES[1])
    text = f"{SENTENCES[0]}. Xyzzyish. {SENTENCES[1]}"
    first = aligner.align(samples, text)
    other, _ = say(SENTENCES[2], variant="f1")
    aligner.align(other, SENTENCES[2])
    asked: list[int] = []

    def read(start: int, stop: int) -> np.ndarray:
        asked.append(start)
        assert stop - start <= 13 * SAMPLE_RATE
        return samples[start:stop]

    assert aligner.align_read(read, len(samples), text) == first
    assert asked == sorted(asked)


def test_silence_has_no_words(aligner: Aligner) -> None:
    alignment = aligner.align(np.zeros(2 * SAMPLE_RATE, np.float32), SENTENCES[0])
    assert alignment.words == ()
    assert alignment.sure_share == 0


def test_no_words_and_no_english_are_refused(aligner: Aligner) -> None:
    samples = np.zeros(SAMPLE_RATE, np.float32)
    with pytest.raises(InputError, match="no words"):
        aligner.align(samples, " … 漢字")
    german = "Wunderlichen und seltsamen Vaganten, namens Melchior, auch welcher Gestalt er nämlich gekommen"
    for _ in range(2):  # refusing teaches nothing
        with pytest.raises(InputError, match="only English can be aligned"):
            aligner.align(samples, german)


def test_a_kept_alignment_is_the_same_and_made_once(aligner: Aligner, tmp_path: Path) -> None:
    samples, _ = say(SENTENCES[0])
    first = storage.kept(str(tmp_path), samples, SENTENCES[0], aligner)
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text().replace('"farmers"', '"pharmas"'))
    again = storage.kept(str(tmp_path), samples, SENTENCES[0], aligner)
    assert [word.text for word in again.words[:2]] == ["both", "pharmas"]
    assert again.phones == first.phones
    assert again.doubtful == first.doubtful
    assert storage.from_json(storage.to_json(first)) == first
    assert storage.kept(None, samples, SENTENCES[0], aligner) == first
    storage.kept(str(tmp_path), samples, SENTENCES[1], aligner)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.slow
def test_real_readings_are_aligned(shared_data: Path, aligner: Aligner) -> None:
    for name in ("70", "80", "90"):
        text = (shared_data / f"{AUSTEN}{name}.txt").read_text()
        alignment = aligner.align(load_audio(shared_data / f"{AUSTEN}{name}.wav"), text)
        assert len(alignment.sure) >= len(text.split()) - 1
        assert alignment.sure_share > 0.97
    wrong = aligner.align(load_audio(shared_data / f"{AUSTEN}80.wav"), (shared_data / f"{AUSTEN}90.txt").read_text())
    assert wrong.sure_share < 0.2


@pytest.mark.slow
def test_a_sonnet_is_aligned_and_german_refused(shared_data: Path, aligner: Aligner) -> None:
    folder = shared_data / READINGS
    sonnet = (folder / "shakespeare_sonnet_1.txt").read_text(encoding="utf-8")
    alignment = aligner.align(load_audio(folder / "shakespeare_sonnet_1.mp3"), sonnet)
    assert len(alignment.sure) > 95
    assert alignment.sure_share > 0.85
    with pytest.raises(InputError, match="only English"):
        aligner.align(
            load_audio(folder / "german_reading.mp3"), (folder / "german_reading.txt").read_text(encoding="utf-8")
        )
