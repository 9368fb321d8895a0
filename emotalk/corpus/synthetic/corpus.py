"""The factorial plan of the synthetic corpus, and the maker of its clips.

Every voice says each of its sentences in neutral and in seven emotions at two levels. Voices and sentences of a split
appear in no other split.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import FPS
from emotalk.corpus.clip import Clip, Phone
from emotalk.corpus.splits import SPLITS
from emotalk.corpus.synthetic import emotions, sentences, voices
from emotalk.corpus.synthetic.espeak import EspeakSettings, synthesise
from emotalk.corpus.synthetic.expression import express
from emotalk.corpus.synthetic.sentences import Sentence
from emotalk.corpus.synthetic.shaping import noise_floor, shape
from emotalk.corpus.synthetic.visemes import is_vowel, mouth
from emotalk.corpus.synthetic.voices import Voice
from emotalk.errors import InputError
from emotalk.labels import EMOTIONS, LEVELS
from emotalk.timing import frames_of

VOICES = {"train": voices.TRAIN, "validation": voices.VALIDATION, "test": voices.TEST}
DELIVERIES = tuple((e, level) for e in EMOTIONS for level in range(len(LEVELS)) if not (e == "neutral" and level))
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
    """How many voices of each split, and sentences of each voice; the first ones are taken. Fewer make less.

    Every training voice has sentences of its own, so a corpus of 16 voices × 20 has 320 different ones: with few, a
    network learns sentences by heart instead of sounds. The voices of another split share its sentences.
    """

    train_voices: int = len(voices.TRAIN)
    train_sentences: int = 20
    validation_voices: int = len(voices.VALIDATION)
    validation_sentences: int = 4
    test_voices: int = len(voices.TEST)
    test_sentences: int = 6

    def __post_init__(self) -> None:
        for split in SPLITS:
            speakers = VOICES[split]
            for what, most in (("voices", len(speakers)), ("sentences", len(sentences_of(split, speakers[0])))):
                count = getattr(self, f"{split}_{what}")
                if not 0 <= count <= most:
                    raise InputError(f"{split}_{what} must be 0..{most}, not {count}")


def sentences_of(split: str, voice: Voice) -> tuple[Sentence, ...]:
    """What a voice of a split can say."""
    if split == "train":
        return sentences.TRAIN[voices.TRAIN.index(voice) :: len(voices.TRAIN)]
    return sentences.VALIDATION if split == "validation" else sentences.TEST


def plan(config: CorpusConfig | None = None) -> list[Utterance]:
    """Every utterance of the corpus, in a fixed order: split, voice, sentence, emotion, level."""
    config = config or CorpusConfig()
    out = []
    for split in SPLITS:
        for voice in VOICES[split][: getattr(config, f"{split}_voices")]:
            for sentence in sentences_of(split, voice)[: getattr(config, f"{split}_sentences")]:
                out += [Utterance(voice, sentence, emotion, level, split) for emotion, level in DELIVERIES]
    return out


def make(utterance: Utterance) -> Clip:
    """Speak and animate one utterance. Pure: equal utterances give equal bytes, in any order and process."""
    voice, sentence = utterance.voice, utterance.sentence
    rng = _rng(utterance.clip_id)
    how = emotions.delivery(utterance.emotion, utterance.level, rng)
    settings = EspeakSettings(
        language=voice.language,
        variant=voice.variant,
        rate_wpm=round(emotions.NEUTRAL_RATE_WPM * how.rate),
        pitch=_espeak_pitch(voice.espeak_pitch_st + how.pitch_st),
        pitch_range=round(np.clip(emotions.NEUTRAL_RANGE * how.pitch_range, 0, 99)),
        tract=voice.tract,
    )
    spoken = synthesise(sentence.text + emotions.tune(utterance.emotion), settings)
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
        phones=phones,
    )


def animate(samples: np.ndarray, phones: tuple[Phone, ...], emotion: str, level: int) -> np.ndarray:
    """The face that belongs to speech with known sounds: (ceil(30 n / 16000), 52) float32 in [0, 1]."""
    if not phones:
        raise InputError("speech without speech sounds cannot be animated")
    times_s = np.arange(frames_of(len(samples))) / float(FPS)
    spoken = mouth(phones, len(samples) / SAMPLE_RATE, times_s)
    accent = _accent(samples, phones, times_s)
    return express(spoken, emotion, level, times_s, (phones[0].start_s, phones[-1].end_s), accent)


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
