"""Real speech with its text: a recording in any format and a text of the same name, `.txt`.

    ROOT/anna/chapter_1.mp3    ROOT/anna/chapter_1.txt    ROOT/labels.csv, optional

No face is known: the sounds of the text are found in the recording by forced alignment, and the face follows from them
by the rules of the synthetic corpus, without any expression. So a network hears real voices with lips that are right,
and no clip has an emotion or a level, whatever labels.csv says. Only English.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

from emotalk import alignment
from emotalk.alignment import Aligner, Alignment
from emotalk.alignment.arpabet import to_ipa
from emotalk.alignment.decoder import available
from emotalk.audio import SAMPLE_RATE
from emotalk.audio.pauses import MAX_CLIP_S, check_limit
from emotalk.corpus import synthetic
from emotalk.corpus.clip import Clip, Phone
from emotalk.corpus.gates import RejectedError
from emotalk.corpus.sources.base import Item, Listing, code_digest
from emotalk.corpus.sources.folder import inside
from emotalk.corpus.sources.paired import list_pairs
from emotalk.corpus.sources.recording import Piece, Recording, checked_samples, cut_piece
from emotalk.corpus.synthetic.corpus import animate
from emotalk.errors import InputError, MissingExtraError
from emotalk.files import read_source

TEXT = ".txt"
MAX_TEXT_BYTES = 8 * 2**20  # six hours are half a MiB
# Seconds of speech in a clip whose sounds are not known: about a word. Lips would be shut while it is heard.
MAX_DOUBTFUL_S = 0.35
_SHORTEST_PHONE_S = 0.01  # of what a border has left of a sound


@dataclass(frozen=True, kw_only=True)
class Aligned:
    """Folders of English recordings with their texts; the faces are made by rule, without emotion."""

    root: str
    """Folder or URI; the first folder below it names the speaker, unless labels.csv does."""
    max_clip_s: float = MAX_CLIP_S
    """Longest clip in seconds; longer recordings are cut at pauses."""

    def __post_init__(self) -> None:
        check_limit(self.max_clip_s)

    @property
    def name(self) -> str:
        return "aligned"

    def settings(self) -> dict[str, object]:
        rooms = (Path(str(room.__file__)).parent for room in (alignment, synthetic))
        return {"max_clip_s": self.max_clip_s, "generator": code_digest(*rooms)}

    def listing(self) -> Listing:
        if not available():  # here, not once for every clip in the quarantine
            raise MissingExtraError("Aligning speech with its text", "align")
        found = list_pairs(
            str(self.root), "aligned", {TEXT}, max_clip_s=self.max_clip_s, beside=("missing_text", "text")
        )
        return Listing([replace(item, emotion=None, level=None) for item in found.items], found.rejections)

    def read(self, item: Item) -> Clip:
        place = item.spec
        assert isinstance(place, Piece)
        spoken = _opened(str(self.root), place.audio, place.coefficients, item.version)
        checked_samples(spoken.recording, place, max_s=self.max_clip_s)
        aligned = spoken.alignment()
        start, samples = cut_piece(spoken.recording, place, max_s=self.max_clip_s)
        start_s, end_s = start / SAMPLE_RATE, (start + len(samples)) / SAMPLE_RATE
        phones = tuple(to_ipa(phone) for phone in _within(aligned.phones, start_s, end_s))
        _check(aligned, phones, start_s, end_s)
        clip = item.clip(samples, animate(samples, phones, "neutral", 0))
        return replace(clip, phones=phones)


def _within(phones: Sequence[Phone], start_s: float, end_s: float) -> list[Phone]:
    """The sounds of a part of a recording, in seconds from its start; those on a border are cut."""
    cut = [Phone(p.name, max(p.start_s, start_s) - start_s, min(p.end_s, end_s) - start_s) for p in phones]
    return [phone for phone in cut if phone.end_s - phone.start_s >= _SHORTEST_PHONE_S]


def _check(aligned: Alignment, phones: Sequence[Phone], start_s: float, end_s: float) -> None:
    """RejectedError `unaligned` where too much is said that is not known, or nothing that is."""
    doubtful = [(max(a, start_s), min(b, end_s)) for a, b in aligned.doubtful if a < end_s and b > start_s]
    doubtful_s = sum(b - a for a, b in doubtful)
    confidence = [word.confidence for word in aligned.words if start_s <= word.start_s < end_s]
    numbers = {"doubtful_s": doubtful_s, "words": len(confidence)}
    if confidence:
        numbers["mean_confidence"] = sum(confidence) / len(confidence)
    if doubtful_s > MAX_DOUBTFUL_S or not phones:
        text = (
            f"{doubtful_s:.2f} s of its speech do not fit the text, at most {MAX_DOUBTFUL_S:g} s may"
            if doubtful_s > MAX_DOUBTFUL_S
            else "no word of the text is heard"
        )
        raise RejectedError("unaligned", text, times_s=[a for a, _ in doubtful], numbers=numbers)


class _Spoken:
    """A recording and its alignment, made once; what cannot be aligned raises the same RejectedError for every clip."""

    def __init__(self, root: str, audio: str, text: str) -> None:
        self.recording, self._root, self._text = Recording(root, audio), root, text
        self._alignment: Alignment | RejectedError | None = None

    def alignment(self) -> Alignment:
        if self._alignment is None:
            try:
                text = _read_text(self._root, self._text)
                self._alignment = _aligner().align_read(self.recording.read, self.recording.samples(), text)
            except RejectedError as error:
                self._alignment = error
            except InputError as error:
                self._alignment = RejectedError("unaligned", error.reason, source=self._text)
        if isinstance(self._alignment, RejectedError):
            raise self._alignment
        return self._alignment


def _read_text(root: str, path: str) -> str:
    try:
        return read_source(inside(root, path), max_bytes=MAX_TEXT_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RejectedError("unreadable_text", "not a text in UTF-8", source=path) from error
    except InputError as error:
        raise RejectedError("unreadable_text", error.reason, source=path) from error


@cache
def _aligner() -> Aligner:
    return Aligner()


@lru_cache(maxsize=1)
def _opened(root: str, audio: str, text: str, version: str) -> _Spoken:
    """The recording that was read last: its clips follow each other."""
    del version  # only so that another file of the name is read anew
    return _Spoken(root, audio, text)
