"""A recording of any length and its text -> words and speech sounds with times, and how far they can be believed.

Stretches of some ten seconds, cut at pauses, are looked for one after the other in a window of the text around the
word that comes next. Sound that the text lacks (an announcement, a cough) fits no window and is passed over; text that
is never heard (a title page, a skipped line) is passed by as soon as a later stretch is found. Every word has a
confidence from how well its sounds fit, compared with the sounds that would have fitted best.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from emotalk.alignment.decoder import Decoder, Heard
from emotalk.alignment.text import spoken_words
from emotalk.audio import SAMPLE_RATE
from emotalk.audio.pauses import piece, power_of
from emotalk.corpus.clip import Phone
from emotalk.errors import InputError

STRETCH_S = 12.0  # what is decoded at once, at most
# Words of text that are searched: behind the one that comes next, before it, and where it is not found nearby.
BACK, AHEAD, FAR_AHEAD = 6, 80, 600
RUN, FAR_RUN = 3, 5  # words in a row that are believed to be the text's
MIN_CONFIDENCE = 0.5  # of words that count
# Fit in nats per 10 ms at which a word is as likely right as wrong, and how fast that changes.
_EVEN_FIT, _FIT_SCALE = -7.0, 0.4
_AROUND_S = 0.6  # a short word is judged with its neighbours
_NOISE_S = 0.3  # speech outside the text that is shorter is the edge of a word, a click or a breath

Read = Callable[[int, int], np.ndarray]  # samples start to stop of a recording, fewer at its end


@dataclass(frozen=True, kw_only=True)
class Word:
    """One word as it is spoken. index: among the words of the text (`text.spoken_words`). confidence: 0 to 1."""

    text: str
    index: int
    start_s: float
    end_s: float
    confidence: float
    phones: tuple[Phone, ...]

    @property
    def is_sure(self) -> bool:
        return self.confidence >= MIN_CONFIDENCE


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """What was found in a recording. Outside words and `doubtful` nobody speaks.

    words: in order. doubtful: spans (start, end) in seconds with speech whose sounds are not known, in order: none of
    the text, or words below `MIN_CONFIDENCE`. text_words: how many the text has.
    """

    words: tuple[Word, ...]
    doubtful: tuple[tuple[float, float], ...]
    text_words: int
    duration_s: float

    @property
    def sure(self) -> tuple[Word, ...]:
        return tuple(word for word in self.words if word.is_sure)

    @property
    def phones(self) -> tuple[Phone, ...]:
        """The sounds of the words that are sure, by ARPAbet name."""
        return tuple(phone for word in self.sure for phone in word.phones)

    @property
    def sure_share(self) -> float:
        """Of the time in which somebody speaks, the share whose sounds are known."""
        sure_s = sum(word.end_s - word.start_s for word in self.sure)
        doubtful_s = sum(end - start for start, end in self.doubtful)
        return sure_s / (sure_s + doubtful_s) if sure_s else 0.0


class Aligner:
    """Aligns one recording after the other with one acoustic model. Needs the extra `align`."""

    def __init__(self) -> None:
        self._decoder = Decoder()

    def align(self, samples: np.ndarray, text: str) -> Alignment:
        """(n,) float32 at 16 kHz and what is said in them. InputError where the text has no words or is no English."""
        return self.align_read(lambda start, stop: samples[start:stop], len(samples), text)

    def align_read(self, read: Read, samples: int, text: str) -> Alignment:
        """The same of a recording of so many samples that is read piece by piece, forwards: memory does not grow with
        its length."""
        words = spoken_words(text)
        if not words:
            raise InputError("the text has no words to align")
        self._decoder.learn(words)
        heard: list[Heard] = []
        at = following = 0
        while at < samples:
            span = read(at, min(at + round(STRETCH_S * SAMPLE_RATE), samples))
            if not len(span):
                break
            # As the first piece of what is left: ends at a pause.
            _, end = piece(0, samples - at, power_of(span), max_s=STRETCH_S)
            found = self._stretch(span[:end], words, following)
            run = [word for word in found if word.place is not None]
            if run:
                assert run[-1].place is not None
                following = run[-1].place + 1
                rest_s = sum(word.end_s - word.start_s for word in found[found.index(run[-1]) + 1 :])
                if rest_s >= _NOISE_S and (stop := int(run[-1].end_s * SAMPLE_RATE)) < end:
                    end = stop  # what follows the run may be the text again, later on
                    found = found[: found.index(run[-1]) + 1]
            heard += [_moved(word, at / SAMPLE_RATE) for word in found]
            at += end
        return _alignment(heard, words, samples / SAMPLE_RATE)

    def _stretch(self, samples: np.ndarray, words: Sequence[str], following: int) -> list[Heard]:
        """What is heard, with places in the whole text; a run that cannot be believed is other speech."""
        found: list[Heard] = []
        for ahead, enough in ((AHEAD, RUN), (FAR_AHEAD, FAR_RUN)):
            low, high = max(following - BACK, 0), min(following + ahead, len(words))
            found = self._decoder.find(samples, words[low:high], expected=following - low)
            found = [h if h.place is None else replace(h, place=h.place + low) for h in found]
            if _is_believed(found, enough, following):
                return found
            if sum(map(_length, found)) < _NOISE_S:
                break  # hardly a sound: no word farther away will be in it
        return [replace(h, place=None, phones=()) for h in found]


def align(samples: np.ndarray, text: str) -> Alignment:
    """(n,) float32 at 16 kHz and what is said in them; see `Aligner`, which many recordings should share."""
    return Aligner().align(samples, text)


def _is_believed(found: Sequence[Heard], enough: int, following: int) -> bool:
    """A run of words that fits on the whole, and has enough words or, where it goes on in the text, little else."""
    run = [word for word in found if word.place is not None]
    if not run:
        return False
    run_s, other_s = sum(map(_length, run)), sum(_length(h) for h in found if h.place is None)
    assert run[0].place is not None
    if len(run) < enough and (run[0].place < following or other_s > 0.5 * run_s):
        return False
    return sum(word.fit * _length(word) for word in run) / run_s > _EVEN_FIT


def _alignment(heard: Sequence[Heard], words: Sequence[str], duration_s: float) -> Alignment:
    said = [word for word in heard if word.place is not None]
    fits = _smoothed(said)
    out = []
    for word, fit in zip(said, fits, strict=True):
        assert word.place is not None
        confidence = 1 / (1 + np.exp(-np.clip((fit - _EVEN_FIT) / _FIT_SCALE, -50, 50)))
        out.append(
            Word(
                text=words[word.place],
                index=word.place,
                start_s=word.start_s,
                end_s=min(word.end_s, duration_s),
                confidence=round(float(confidence), 4),
                phones=word.phones,
            )
        )
    unsure = [(word.start_s, word.end_s) for word in out if not word.is_sure]
    other = [span for span in _joined([(h.start_s, h.end_s) for h in heard if h.place is None]) if _long(span)]
    return Alignment(
        words=tuple(out),
        doubtful=tuple(_joined(sorted(unsure + other))),
        text_words=len(words),
        duration_s=duration_s,
    )


def _smoothed(said: Sequence[Heard]) -> np.ndarray:
    """(words,) the fit of every word with what is near it, by duration."""
    middles = np.array([(word.start_s + word.end_s) / 2 for word in said])
    lengths, fits = np.array([_length(word) for word in said]), np.array([word.fit for word in said])
    first = np.searchsorted(middles, middles - _AROUND_S, "left")
    last = np.searchsorted(middles, middles + _AROUND_S, "right")
    totals = (np.concatenate([[0.0], np.cumsum(track)]) for track in (lengths * fits, lengths))
    weighted, seconds = (total[last] - total[first] for total in totals)
    return np.asarray(weighted / np.maximum(seconds, 1e-9))


def _joined(spans: Sequence[tuple[float, float]], gap_s: float = 0.1) -> list[tuple[float, float]]:
    """Spans in order -> the same with those joined that touch, or nearly."""
    out: list[tuple[float, float]] = []
    for start, end in spans:
        if out and start <= out[-1][1] + gap_s:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _long(span: tuple[float, float]) -> bool:
    return span[1] - span[0] >= _NOISE_S


def _length(heard: Heard) -> float:
    return heard.end_s - heard.start_s


def _moved(heard: Heard, by_s: float) -> Heard:
    phones = tuple(Phone(p.name, p.start_s + by_s, p.end_s + by_s) for p in heard.phones)
    return replace(heard, start_s=heard.start_s + by_s, end_s=heard.end_s + by_s, phones=phones)
