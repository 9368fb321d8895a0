"""The plan of the synthetic corpus, a cast's lines in all their deliveries, and the maker of its clips."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import FPS
from emotalk.corpus.clip import Clip, Phone
from emotalk.corpus.splits import SPLITS
from emotalk.corpus.synthetic import emotions, piper
from emotalk.corpus.synthetic.casts import Name, roles
from emotalk.corpus.synthetic.emotions import Delivery
from emotalk.corpus.synthetic.espeak import EspeakSettings, Speech, synthesise
from emotalk.corpus.synthetic.expression import express
from emotalk.corpus.synthetic.nods import nod
from emotalk.corpus.synthetic.sentences import Sentence
from emotalk.corpus.synthetic.shaping import noise_floor, shape
from emotalk.corpus.synthetic.visemes import is_vowel, mouth
from emotalk.corpus.synthetic.vocoder import Parts, put_together, take_apart
from emotalk.corpus.synthetic.voices import Voice
from emotalk.errors import InputError
from emotalk.timing import frames_of

_LEAD_SHARE, _TAIL_SHARE = (0.08, 0.12), (0.10, 0.15)  # silence before and after, relative to the speech
_FLOOR_RMS = 3e-4


@dataclass(frozen=True)
class Utterance:
    """One clip to be made: a voice says a sentence in an emotion (level 0 normal, 1 strong)."""

    voice: Voice
    sentence: Sentence
    emotion: str
    level: int
    split: str

    @property
    def clip_id(self) -> str:
        return f"synthetic-{self.voice.name}-{self.sentence.key}-{self.emotion}-{self.level}"


@dataclass(frozen=True, kw_only=True)
class CorpusConfig:
    """Who speaks, and how many of a cast's voices and of each voice's sentences; the first ones are taken."""

    cast: Name = "demo"
    """demo: 16 voices of espeak-ng; wide: 40 of them and a neural voice in 12 throats, for a model that is to hold on
    real voices (needs the extra `voices`)."""
    train_voices: int | None = None
    train_sentences: int | None = None
    validation_voices: int | None = None
    validation_sentences: int | None = None
    test_voices: int | None = None
    test_sentences: int | None = None

    def __post_init__(self) -> None:
        for split, parts in roles(self.cast).items():
            for what, most in (("voices", len(parts)), ("sentences", max(len(part.lines) for part in parts))):
                count = getattr(self, f"{split}_{what}")
                if count is not None and not 0 <= count <= most:
                    raise InputError(f"{split}_{what} must be 0..{most}, not {count}")


def plan(config: CorpusConfig | None = None) -> list[Utterance]:
    """Every utterance of the corpus, in a fixed order: split, voice, sentence, emotion, level."""
    config = config or CorpusConfig()
    out = []
    for split in SPLITS:
        for role in roles(config.cast)[split][: getattr(config, f"{split}_voices")]:
            for line in role.lines[: getattr(config, f"{split}_sentences")]:
                out += [Utterance(role.voice, line.sentence, *how, split) for how in line.deliveries]
    return out


def make(utterance: Utterance) -> Clip:
    """Speak and animate one utterance. Pure: equal utterances give equal bytes, in any order and process."""
    voice, sentence = utterance.voice, utterance.sentence
    rng = _rng(utterance.clip_id)
    how = emotions.delivery(utterance.emotion, utterance.level, rng)
    spoken = _piper(voice, sentence, how) if voice.engine == "piper" else _espeak(utterance, how)
    speech = shape(spoken.samples, how, rng)

    # The same silence, in proportion, for one voice and sentence: the emotions of a sentence stay plain time-warps.
    silence = _rng(f"{voice.name}/{sentence.key}")
    lead = round(len(speech) * silence.uniform(*_LEAD_SHARE))
    tail = round(len(speech) * silence.uniform(*_TAIL_SHARE))
    samples = noise_floor(lead + len(speech) + tail, _FLOOR_RMS, rng)
    samples[lead : lead + len(speech)] += speech
    lead_s = lead / SAMPLE_RATE
    phones = tuple(Phone(p.name, p.start_s + lead_s, p.end_s + lead_s) for p in spoken.phones)
    return Clip(
        clip_id=utterance.clip_id,
        source="synthetic",
        speaker=voice.speaker,
        statement=f"synthetic-{sentence.key}",
        samples=samples.clip(-1, 1),
        weights=animate(samples, phones, utterance.emotion, utterance.level),
        emotion=utterance.emotion,
        level=utterance.level,
        head=_head(utterance, samples, phones),
        phones=phones,
    )


def _espeak(utterance: Utterance, how: Delivery) -> Speech:
    voice = utterance.voice
    settings = EspeakSettings(
        language=voice.language,
        variant=voice.variant,
        rate_wpm=round(emotions.NEUTRAL_RATE_WPM * how.rate),
        pitch=_espeak_pitch(voice.espeak_pitch_st + how.pitch_st),
        pitch_range=round(np.clip(emotions.NEUTRAL_RANGE * how.pitch_range, 0, 99)),
        tract=voice.tract,
    )
    return synthesise(utterance.sentence.text + emotions.tune(utterance.emotion), settings)


def _piper(voice: Voice, sentence: Sentence, how: Delivery) -> Speech:
    parts, phones = _neutral_reading(sentence.text + ".")
    samples = put_together(
        parts, rate=how.rate, pitch_st=voice.pitch_st + how.pitch_st, melody=how.pitch_range, tract=voice.tract
    )
    return Speech(samples, tuple(Phone(p.name, p.start_s / how.rate, p.end_s / how.rate) for p in phones))


@lru_cache(maxsize=4)  # the deliveries of a sentence follow each other
def _neutral_reading(text: str) -> tuple[Parts, tuple[Phone, ...]]:
    spoken = piper.speak(text)
    return take_apart(spoken.samples), spoken.phones


def animate(samples: np.ndarray, phones: tuple[Phone, ...], emotion: str, level: int) -> np.ndarray:
    """The face that belongs to speech with known sounds: (ceil(30 n / 16000), 52) float32 in [0, 1]."""
    if not phones:
        raise InputError("speech without speech sounds cannot be animated")
    times_s = np.arange(frames_of(len(samples))) / float(FPS)
    spoken = mouth(phones, len(samples) / SAMPLE_RATE, times_s)
    accent = _accent(samples, phones, times_s)
    return express(spoken, emotion, level, times_s, (phones[0].start_s, phones[-1].end_s), accent)


def _head(utterance: Utterance, samples: np.ndarray, phones: tuple[Phone, ...]) -> np.ndarray:
    times_s = np.arange(frames_of(len(samples))) / float(FPS)
    voice, clip = (_rng(f"head/{name}") for name in (utterance.voice.name, utterance.clip_id))
    accent = _accent(samples, phones, times_s)
    return nod(phones, accent, times_s, utterance.emotion, utterance.level, voice=voice, clip=clip)


def _accent(samples: np.ndarray, phones: tuple[Phone, ...], times_s: np.ndarray) -> np.ndarray:
    """(frames,) in [0, 1]: energy of the vowels relative to the clip's mean vowel, 0.5 where it is equal."""
    vowels = [phone for phone in phones if is_vowel(phone.name)]
    if not vowels:
        return np.full(len(times_s), 0.5)
    centres, loudness = [], []
    for vowel in vowels:
        first, last = (round(t * SAMPLE_RATE) for t in (vowel.start_s, vowel.end_s))
        centres.append((vowel.start_s + vowel.end_s) / 2)
        loudness.append(float(np.sqrt(np.mean(samples[first : max(last, first + 1)] ** 2))))
    relative = np.array(loudness) / max(float(np.mean(loudness)), 1e-9)
    return np.asarray(np.interp(times_s, centres, (relative - 0.5).clip(0, 1)))


def _espeak_pitch(semitones: float) -> int:
    """Semitones from the voice's own pitch -> espeak's scale, where 50 steps are an octave."""
    return round(np.clip(50 + 50 * semitones / 12, 0, 99))


def _rng(key: str) -> np.random.Generator:
    """A generator that depends on the text alone, the same in every process."""
    return np.random.default_rng(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little"))
