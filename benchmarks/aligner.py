"""How exact forced alignment is on speech whose times are known, what it makes of wrong texts, and its speed.

    python -m benchmarks.aligner

Sentences of the synthetic corpus, spoken by six voices of espeak-ng, which tells when each sound begins. Seconds are
those of the process, so that other work on the machine does not count.
"""

import platform
import time
from difflib import SequenceMatcher

import numpy as np

from emotalk.alignment import Aligner
from emotalk.alignment.arpabet import from_ipa
from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic import sentences
from emotalk.corpus.synthetic.espeak import EspeakSettings, synthesise
from emotalk.metrics.opening import is_bilabial

VOICES = (("en-us", "m3"), ("en-us", "f1"), ("en-us", "m6"), ("en-us", "f5"), ("en", "m1"), ("en", "f2"))
EACH = 5  # sentences
PAUSE_S = 0.4


def said(text: str, language: str, variant: str) -> tuple[np.ndarray, list[Phone]]:
    """A sentence with pauses around it and a quiet hiss; its sounds by the names of ARPAbet."""
    speech = synthesise(text, EspeakSettings(language=language, variant=variant))
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE), np.float32)
    samples = np.concatenate([pause, 0.5 * speech.samples, pause])
    samples += 1e-3 * np.random.default_rng(0).standard_normal(len(samples), np.float32)
    phones = []
    for phone in speech.phones:
        names = from_ipa(phone.name)
        edges = PAUSE_S + np.linspace(phone.start_s, phone.end_s, len(names) + 1)
        phones += [Phone(name, float(a), float(b)) for name, a, b in zip(names, edges, edges[1:], strict=False)]
    return samples, phones


def main() -> None:
    aligner = Aligner()
    late_ms: list[float] = []
    lips_ms: list[float] = []
    known = sure = words = wrong_sure = wrong_words = 0
    heard_s = took_s = 0.0
    for number, (language, variant) in enumerate(VOICES):
        for sentence in sentences.TRAIN[EACH * number : EACH * (number + 1)]:
            samples, real = said(sentence.text, language, variant)
            began = time.process_time()
            alignment = aligner.align(samples, sentence.text)
            took_s, heard_s = took_s + time.process_time() - began, heard_s + len(samples) / SAMPLE_RATE
            found = alignment.phones
            match = SequenceMatcher(None, [p.name for p in real], [p.name for p in found], autojunk=False)
            for block in match.get_matching_blocks():
                for k in range(block.size):
                    off_ms = 1000 * (found[block.b + k].start_s - real[block.a + k].start_s)
                    late_ms.append(off_ms)
                    if is_bilabial(found[block.b + k].name):
                        lips_ms.append(off_ms)
            known, sure, words = known + len(real), sure + len(alignment.sure), words + alignment.text_words
            wrong = aligner.align(samples, sentences.TRAIN[-1 - number].text)
            wrong_sure, wrong_words = wrong_sure + len(wrong.sure), wrong_words + wrong.text_words
    for what, off in (("all sounds", np.array(late_ms)), ("p, b, m", np.array(lips_ms))):
        print(
            f"{what}: {len(off)} beginnings, late by {np.median(off):.1f} ms (median); off by "
            f"{np.median(abs(off)):.1f} ms (median), {np.percentile(abs(off), 90):.1f} ms (90 %)"
        )
    print(f"{len(late_ms)} of {known} sounds are named alike; {sure} of {words} words are sure")
    print(f"with the text of another sentence {wrong_sure} of {wrong_words} words are sure")
    print(f"{heard_s:.0f} s of speech in {took_s:.1f} s: {took_s / heard_s:.2f} × real time, of one core")
    print(platform.processor() or platform.machine())


if __name__ == "__main__":
    main()
