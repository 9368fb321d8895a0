"""The plan is a full factorial without leaks between splits; every clip is pure, labelled and true."""

import hashlib
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.corpus.clip import Clip
from emotalk.corpus.synthetic.casts import DELIVERIES, Name
from emotalk.corpus.synthetic.corpus import CorpusConfig, Utterance, make, plan
from emotalk.corpus.synthetic.visemes import LEAD_S, is_sealed
from emotalk.errors import InputError

ONE = CorpusConfig(train_voices=1, train_sentences=1, validation_voices=0, test_voices=0)


def test_the_default_plan_is_a_factorial_of_the_promised_size() -> None:
    utterances = plan()
    assert Counter(u.split for u in utterances) == {"train": 4800, "validation": 120, "test": 270}
    assert len({u.clip_id for u in utterances}) == len(utterances)
    cells = Counter((u.voice.name, u.sentence.key) for u in utterances)
    assert set(cells.values()) == {15}
    assert len(DELIVERIES) == 15


@pytest.mark.parametrize("cast", ["demo", "wide"])
def test_no_voice_variant_or_sentence_is_in_two_splits(cast: Name) -> None:
    full = plan(CorpusConfig(cast=cast))
    for seen in ({(u.voice.variant, u.split) for u in full}, {(u.sentence.text, u.split) for u in full}):
        assert max(Counter(what for what, _ in seen).values()) == 1


@pytest.mark.parametrize("wrong", [{"train_voices": 17}, {"test_sentences": 99}, {"validation_voices": -1}])
def test_more_than_there_is_is_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        CorpusConfig(**wrong)


@pytest.fixture(scope="module")
def clips(speech: None) -> list[Clip]:
    """One voice and sentence in every emotion."""
    return [make(utterance) for utterance in plan(ONE)]


def test_a_clip_says_what_it_is(clips: list[Clip]) -> None:
    assert [(clip.emotion, clip.level) for clip in clips] == list(DELIVERIES)
    for clip in clips:
        assert clip.source == "synthetic"
        assert (clip.speaker, clip.statement) == (clips[0].speaker, clips[0].statement)
        assert clip.frames == -(-30 * len(clip.samples) // 16_000)
        assert clip.weights.min() >= 0
        assert clip.weights.max() <= 1
        assert np.abs(clip.samples).max() <= 1
        assert np.count_nonzero(clip.samples) > 0.99 * len(clip.samples)


def test_the_emotions_of_a_sentence_are_time_warps(clips: list[Clip]) -> None:
    assert len({tuple(phone.name for phone in clip.phones or ()) for clip in clips}) == 1
    lead = [(clip.phones or ())[0].start_s / clip.duration_s for clip in clips]
    tail = [1 - (clip.phones or ())[-1].end_s / clip.duration_s for clip in clips]
    assert np.ptp(lead) < 0.01
    assert np.ptp(tail) < 0.04
    assert 0.05 < min(lead) < 0.12


def test_lips_close_in_every_emotion_while_speech_opens_the_mouth(clips: list[Clip]) -> None:
    jaw, close = INDEX["jawOpen"], INDEX["mouthClose"]
    for clip in clips:
        centres = [(p.start_s + p.end_s) / 2 for p in clip.phones or () if is_sealed(p.name)]
        assert centres
        at = clip.weights[[round((centre - LEAD_S) * 30) for centre in centres]]
        assert (at[:, jaw] - at[:, close]).max() < 0.02
        assert at[:, jaw].max() < 0.15
        assert clip.weights[:, jaw].max() > 0.3
        assert clip.weights[0].max() < 0.1


def test_delivery_is_heard_in_rate_and_level(clips: list[Clip]) -> None:
    by = {(clip.emotion, clip.level): clip for clip in clips}
    assert by["sad", 1].duration_s > 1.15 * by["neutral", 0].duration_s > 1.3 * by["fearful", 1].duration_s


def test_making_is_pure_across_order_and_processes(clips: list[Clip]) -> None:
    utterances = plan(ONE)
    again = make(utterances[4])
    assert again.samples.tobytes() == clips[4].samples.tobytes()
    assert again.weights.tobytes() == clips[4].weights.tobytes()
    script = (
        "import hashlib\n"
        "from tests.corpus.synthetic.test_corpus import ONE, make, plan\n"
        "clip = make(plan(ONE)[4])\n"
        "print(hashlib.sha256(clip.samples.tobytes() + clip.weights.tobytes()).hexdigest())"
    )
    root = Path(__file__).resolve().parents[3]
    other = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert other.stdout.strip() == hashlib.sha256(again.samples.tobytes() + again.weights.tobytes()).hexdigest()


def test_an_utterance_is_its_own_whatever_the_plan_around_it(speech: None) -> None:
    utterance = plan(ONE)[0]
    assert replace(utterance, emotion="happy", level=1).clip_id == "synthetic-us-m3-train001-happy-1"
    with pytest.raises(InputError, match="neutral"):
        make(Utterance(utterance.voice, utterance.sentence, "neutral", 1, "train"))
