"""pocketsphinx, asked one thing: which of these words, in their order, are heard in these seconds, and when.

Its wheel carries an acoustic model of English and a pronouncing dictionary (CMU; BSD). A stretch of at most some
twenty seconds is decoded with a grammar in which any run of words of a window of text may be heard, and before and
after it any speech sounds at all; so sound that the text lacks is not pressed into the text. A second pass places the
states of every sound.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from emotalk.alignment.arpabet import IPA
from emotalk.alignment.lexicon import guessed, pronounced, unknown_words
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic import espeak
from emotalk.errors import MissingExtraError

FRAME_S = 0.01
FRAME_CENTRE_S = 0.0128  # a frame of the recogniser is heard from its time on for 25.6 ms: here is its middle
NATS = 1024 * np.log(1.0001)  # a unit of the recogniser's acoustic scores
_OTHER = "zz-"  # a speech sound that belongs to no word of the text
_OTHER_PROBABILITY = 1e-5  # of any such sound; larger and clear words dissolve into sounds, smaller and noise is a word
_EXPECTED_PROBABILITY = 0.5  # that a run begins at the word that comes next
_NOTHING_PROBABILITY = 1e-3  # that no word of the window is heard
_EXIT_PROBABILITY = 0.1  # that a run ends with a word
_SPEECH = "[SPEECH]"


@dataclass(frozen=True)
class Heard:
    """One word, or speech that is none of the text.

    place: its index in the window; None for other speech. fit: how well the sound fits, in nats per 10 ms below the
    sounds that would fit best; 0 is perfect. phones: by ARPAbet name, in seconds from the stretch's first sample.
    """

    place: int | None
    start_s: float
    end_s: float
    fit: float
    phones: tuple[Phone, ...]


class _Row(NamedTuple):
    """As `Heard`, by the recogniser's own names, silence and noise included."""

    name: str
    start_s: float
    end_s: float
    fit: float
    phones: tuple[Phone, ...]

    @property
    def is_word(self) -> bool:
        return not self.name.startswith(("<", "[", _OTHER))


def available() -> bool:
    """Whether the extra `align` is installed."""
    return espeak.available() and all(find_spec(name) is not None for name in ("pocketsphinx", "num2words"))


class Decoder:
    """Holds the acoustic model, about 60 MB. Not for several threads at once. What it says of a stretch depends on
    nothing it heard before."""

    def __init__(self) -> None:
        if not available():
            raise MissingExtraError("Alignment", "align")
        import pocketsphinx

        # All senones, so that scores are relative to the best of all sounds, not to the best of the words allowed.
        # No search of the lattice: with a grammar of loops it takes forever. Wide beams: other speech is unlikely by
        # the grammar, and what comes after it would be pruned.
        self._sphinx: Any = pocketsphinx.Decoder(
            lm=None, compallsen=True, bestpath=False, beam=1e-80, pbeam=1e-80, wbeam=1e-60, loglevel="FATAL"
        )
        self._taught: set[str] = set()
        self._silent: set[str] = set()
        self._others = [f"{_OTHER}{name.lower()}" for name in IPA]
        self._teach(dict(zip(self._others, IPA, strict=True)))

    def learn(self, words: Sequence[str]) -> None:
        """Makes sure that every word has a pronunciation. InputError where these are not English."""
        unknown = set(unknown_words(words, self._known))
        new: dict[str, str] = {}
        for word in sorted(set(words) - self._silent - self._taught):
            if self._known(word) is None:
                sounds = guessed(word) if word in unknown else pronounced(word, self._known)
                if sounds is None:
                    self._silent.add(word)
                else:
                    new[word] = sounds
        self._teach(new)

    def _known(self, word: str) -> str | None:
        """The dictionary's own pronunciation, whatever was taught since."""
        return None if word in self._taught else self._sphinx.lookup_word(word)

    def _teach(self, sounds: dict[str, str]) -> None:
        for number, (word, names) in enumerate(sounds.items(), start=1):
            self._sphinx.add_word(word, names, number == len(sounds))  # its tables are made anew after the last
        self._taught |= sounds.keys()

    def find(self, samples: np.ndarray, words: Sequence[str], *, expected: int) -> list[Heard]:
        """(n,) samples at 16 kHz, a window of text that was learnt -> what is heard, in order; silence is left out.

        expected: the index of the word that comes next, if nothing is lost. Of the words, one run is heard at most.
        """
        said = [index for index, word in enumerate(words) if word not in self._silent]
        names = [words[index] for index in said]
        begin = min(sum(index < expected for index in said), max(len(names) - 1, 0))
        sphinx = self._sphinx
        sphinx.add_fsg("window", self._grammar(names, begin))
        sphinx.activate_search("window")
        pcm = (np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes()
        self._listen(pcm)
        if sphinx.hyp() is None:
            return []
        sphinx.set_alignment()
        self._listen(pcm)
        rows = self._rows()
        heard = [row.name for row in rows if row.is_word]
        place = _place(names, heard, begin)
        out = []
        for row in rows:
            if row.is_word:
                out.append(Heard(said[place], row.start_s, row.end_s, row.fit, row.phones))
                place += 1
            elif row.name.startswith(_OTHER) or row.name == _SPEECH:
                out.append(Heard(None, row.start_s, row.end_s, row.fit, ()))
        return out

    def _rows(self) -> list["_Row"]:
        """The last stretch's words. Copied while they are walked through: the recogniser's own rows are gone after."""
        rows = []
        for word in self._sphinx.get_alignment():
            phones = tuple(Phone(p.name, _seconds(p.start), _seconds(p.start + p.duration)) for p in word)
            start_s, end_s = _seconds(word.start), _seconds(word.start + word.duration)
            fit = word.score * NATS / max(word.duration, 1)
            rows.append(_Row(word.name.split("(")[0], start_s, end_s, fit, phones))  # "and(2)": a second pronunciation
        return rows

    def _listen(self, pcm: bytes) -> None:
        self._sphinx.reinit_feat()  # else its front end remembers the stretch before
        self._sphinx.start_utt()
        self._sphinx.process_raw(pcm, full_utt=True)
        self._sphinx.end_utt()

    def _grammar(self, names: Sequence[str], begin: int) -> Any:
        """Other sounds, a run of the words, other sounds. Arcs without a word would keep the second pass from working,
        so every word stands in four: to begin a run, to go on, to end it, and alone."""
        count = len(names)
        first, last = 0, count + 1  # states; state i stands between word i - 1 and word i
        each = (1 - _EXPECTED_PROBABILITY) / max(count, 1)
        arcs: list[tuple[Any, ...]] = []
        for i, name in enumerate(names):
            entry = _EXPECTED_PROBABILITY if i == begin else each
            arcs.append((first, last, entry * _EXIT_PROBABILITY, name))
            if i + 1 < count:
                arcs.append((first, i + 1, entry * (1 - _EXIT_PROBABILITY), name))
            if i > 0:
                arcs.append((i, last, _EXIT_PROBABILITY, name))
            if 0 < i < count - 1:
                arcs.append((i, i + 1, 1 - _EXIT_PROBABILITY, name))
        for word in self._others:
            probability = _OTHER_PROBABILITY / len(self._others)
            arcs += [(first, first, probability, word), (last, last, probability, word)]
            arcs.append((first, last, probability * _NOTHING_PROBABILITY, word))
        return self._sphinx.create_fsg("window", first, last, arcs)


def _seconds(frame: int) -> float:
    return frame * FRAME_S + (FRAME_CENTRE_S if frame else 0.0)


def _place(names: Sequence[str], heard: Sequence[str], expected: int) -> int:
    """Where the run of words that was heard begins; of several places the one nearest to what was expected."""
    length = len(heard)
    places = [i for i in range(len(names) - length + 1) if list(names[i : i + length]) == list(heard)]
    return min(places, key=lambda i: (abs(i - expected), i)) if places else 0
