"""The neural voice says when it says what, and the vocoder changes what it is asked to change, nothing else."""

from itertools import pairwise

import numpy as np
import pytest

from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.synthetic import piper
from emotalk.corpus.synthetic.corpus import CorpusConfig, make, plan
from emotalk.corpus.synthetic.vocoder import put_together, take_apart
from emotalk.rigs import procedural_head

pytestmark = pytest.mark.skipif(not piper.available(), reason="needs the extra voices")
TEXT = "Sam sees six mossy pumpkins."


@pytest.fixture(scope="module")
def spoken() -> piper.Speech:
    return piper.speak(TEXT)


def band_energy(samples: np.ndarray, low_hz: float) -> np.ndarray:
    """Energy above a frequency, in 10 ms."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    power = np.abs(np.fft.rfft(frames * np.hanning(160))) ** 2
    return power[:, round(low_hz / 100) :].sum(1)


def test_the_same_text_gives_the_same_bytes(spoken: piper.Speech) -> None:
    piper.speak("Something else in between.")
    again = piper.speak(TEXT)
    assert np.array_equal(again.samples, spoken.samples)
    assert again.phones == spoken.phones


def test_sounds_are_in_order_and_where_they_are_heard(spoken: piper.Speech) -> None:
    assert "".join(p.name for p in spoken.phones).startswith("sæmsiːzsɪks".replace("ː", ""))
    assert all(a.end_s <= b.start_s + 1e-6 for a, b in pairwise(spoken.phones))
    assert spoken.phones[-1].end_s <= len(spoken.samples) / SAMPLE_RATE
    hiss = band_energy(spoken.samples, 4_000)
    times_s = (np.arange(len(hiss)) + 0.5) / 100
    during = np.zeros(len(hiss), bool)
    for phone in spoken.phones:
        during |= (phone.name == "s") & (times_s >= phone.start_s) & (times_s < phone.end_s)
    assert hiss[during].mean() > 20 * hiss[~during].mean()


def test_a_pace_changes_the_length_and_a_pitch_does_not(spoken: piper.Speech) -> None:
    parts = take_apart(spoken.samples)
    plain, fast, high = (put_together(parts, **how) for how in ({}, {"rate": 1.25}, {"pitch_st": 7.0}))
    assert len(fast) == pytest.approx(len(plain) / 1.25, abs=200)
    assert len(high) == len(plain)
    voiced = parts.f0 > 0
    raised = take_apart(high).f0[: len(voiced)]
    both = voiced[: len(raised)] & (raised > 0)
    ratio = np.median(raised[both] / parts.f0[: len(raised)][both])
    assert ratio == pytest.approx(2 ** (7 / 12), rel=0.03)


def test_a_longer_tract_lowers_formants_not_pitch(spoken: piper.Speech) -> None:
    parts = take_apart(spoken.samples)
    long, short = (take_apart(put_together(parts, tract=tract)) for tract in (1.15, 0.85))
    bins = np.arange(parts.envelope.shape[1])
    loud = slice(20, min(len(long.f0), len(short.f0)) - 20)
    voiced = (long.f0[loud] > 0) & (short.f0[loud] > 0)

    def centroid(part: np.ndarray) -> float:
        mean = part[loud][voiced][:, :250].mean(0)
        return float((mean * bins[:250]).sum() / mean.sum())

    assert centroid(short.envelope) > 1.1 * centroid(long.envelope)
    assert np.median(short.f0[loud][voiced] / long.f0[loud][voiced]) == pytest.approx(1, abs=0.03)


@pytest.mark.usefixtures("speech")
def test_its_clips_close_their_lips_in_every_delivery() -> None:
    config = CorpusConfig(cast="wide", validation_voices=0, test_voices=0)
    first = next(u for u in plan(config) if u.voice.engine == "piper" and "b" in u.sentence.text)
    said = [u for u in plan(config) if u.voice == first.voice and u.sentence == first.sentence]
    assert len(said) >= 7
    clips = [make(u) for u in said[:3]]
    names = [[phone.name for phone in clip.phones or ()] for clip in clips]
    assert names[0] == names[1] == names[2]
    for clip in clips:
        gap_mm = procedural_head().gap_mm(clip.weights)
        for phone in clip.phones or ():
            if phone.name in "pbm":
                frames = slice(max(0, int(phone.start_s * 30) - 1), int(phone.end_s * 30) + 2)
                assert gap_mm[frames].min() < 1
