"""A recording of any length with a face beside it, as clips: cut at pauses, of which one at a time is in memory.

A listing asks how long a recording is, and names its pieces. A reader of pieces in their order decodes the recording
once; whoever begins in the middle decodes what comes before, and forgets it.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from emotalk.audio import SAMPLE_RATE, probe_audio, stream_audio
from emotalk.audio.pauses import deciding_span, piece, piece_count, power_of, widest_span
from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import RejectedError
from emotalk.corpus.sources.base import Item
from emotalk.corpus.sources.face_track import FaceTrack, check_lengths, make_clip
from emotalk.corpus.sources.folder import MAX_FILE_BYTES, inside, read_bounded
from emotalk.errors import InputError

MAX_RECORDING_S = 6 * 3600.0
HEADER_TOLERANCE_S = 0.1
WHOLE_SAMPLES = 60 * SAMPLE_RATE  # what is shorter need not be decoded twice
# Containers whose declared length was counted, or is measured at the end of the file; so is that of plain samples.
COUNTED = {"mov", "mp4", "flac", "matroska", "webm", "aiff", "caf", "ogg"}
ESTIMATE_ERRS_BY = 2.0  # at most, of the others: they guess from the bits of the first second
Parser = Callable[[bytes, str], FaceTrack]
THREADS = 16  # that look at headers: behind a URI each is a round trip


class Piece(NamedTuple):
    """One clip's place: the recording's files, below the root, its length by its header, and which piece of it."""

    audio: str
    coefficients: str
    declared_samples: int
    number: int

    @property
    def suffix(self) -> str:
        """What tells the clips of one recording apart, in their names."""
        return f"-{self.number:03d}"


def pieces_of(root: str, audio: str, coefficients: str, *, max_s: float) -> list[Piece]:
    """The clips that a recording will be cut into. RejectedError `unreadable_audio`."""
    samples = declared_samples(root, audio, max_s=max_s)
    return [Piece(audio, coefficients, samples, number) for number in range(piece_count(samples, max_s=max_s))]


def widest_span_s(place: Piece, *, max_s: float) -> tuple[float, float]:
    """Start and end in seconds that a piece cannot exceed, whatever is heard."""
    start, end = widest_span(place.number, place.declared_samples, max_s=max_s)
    return start / SAMPLE_RATE, end / SAMPLE_RATE


def declared_samples(root: str, path: str, *, max_s: float) -> int:
    """How long a recording is, at 16 kHz: from its header, or counted where that does not say and it matters.

    A recording that is surely no longer than one clip need not be known better. RejectedError `unreadable_audio`.
    """
    try:
        info = probe_audio(inside(root, path))
        counted = info.codec.startswith("pcm_") or not COUNTED.isdisjoint(info.container.split(","))
        seconds = info.duration_s
        if seconds is None or seconds <= 0 or not (counted or ESTIMATE_ERRS_BY * seconds <= max_s):
            blocks = stream_audio(inside(root, path), max_duration_s=MAX_RECORDING_S)
            seconds = sum(len(block) for block in blocks) / SAMPLE_RATE
    except InputError as error:
        raise RejectedError("unreadable_audio", error.reason, source=path) from error
    if seconds > MAX_RECORDING_S:
        text = f"declares {seconds:.0f} s; recordings last up to {MAX_RECORDING_S:.0f} s"
        raise RejectedError("unreadable_audio", text, source=path, seconds=seconds)
    return round(seconds * SAMPLE_RATE)


def read_piece(
    root: str,
    item: Item,
    parse: Parser,
    *,
    max_s: float,
    tolerance_s: float,
    max_bytes: int = MAX_FILE_BYTES,
    offset_s: float = 0.0,
) -> Clip:
    """The clip of an item whose spec is a `Piece`. `parse`: the bytes of its coefficients and their name -> its face.

    Face and recording must end within `tolerance_s` of each other; the face begins `offset_s` after the sound.
    RejectedError with the reason.
    """
    place = item.spec
    assert isinstance(place, Piece)
    taken = _opened(root, place.audio, place.coefficients, item.version, parse, max_bytes)
    samples = checked_samples(taken.recording, place, max_s=max_s)
    track = taken.face()
    check_lengths(track, samples, offset_s=offset_s, tolerance_s=tolerance_s)
    start, sound = cut_piece(taken.recording, place, max_s=max_s)
    return make_clip(item, sound, track, start=start, offset_s=offset_s)


def checked_samples(recording: "Recording", place: Piece, *, max_s: float) -> int:
    """How many samples a recording holds. RejectedError `unreadable_audio` where its header told another length."""
    samples, count = recording.samples(), piece_count(place.declared_samples, max_s=max_s)
    # One clip may be as long as clips are, whatever its header says; of several all borders follow from the header.
    slack = round(HEADER_TOLERANCE_S * SAMPLE_RATE)
    if abs(samples - place.declared_samples) > slack if count > 1 else samples > max_s * SAMPLE_RATE + slack:
        declared_s, real_s = place.declared_samples / SAMPLE_RATE, samples / SAMPLE_RATE
        text = f"its header declares {declared_s:.2f} s, it holds {real_s:.2f} s"
        raise RejectedError("unreadable_audio", text, source=place.audio, declared_s=declared_s, seconds=real_s)
    return samples


def cut_piece(recording: "Recording", place: Piece, *, max_s: float) -> tuple[int, np.ndarray]:
    """A piece's first sample in its recording, and its samples (n,)."""
    last = place.number == piece_count(place.declared_samples, max_s=max_s) - 1
    samples = recording.samples()
    low, high = deciding_span(place.number, place.declared_samples, max_s=max_s)
    heard = recording.read(low, samples if last else high)
    start, end = piece(place.number, place.declared_samples, power_of(heard, first=low), max_s=max_s)
    return start, heard[start - low : (samples if last else end) - low]


class Recording:
    """A recording that is decoded forwards. What lies before the part last asked for is forgotten.

    A recording that is damaged anywhere raises the same RejectedError for every clip.
    """

    def __init__(self, root: str, path: str) -> None:
        self._place, self._name = inside(root, path), path
        self._samples: int | RejectedError | None = None
        self._blocks = self._decode()
        self._held: list[np.ndarray] = []
        self._first = self._last = 0

    def samples(self) -> int:
        """How many there are. Decodes all of them: lost sound is found out by the end of a file alone."""
        if self._samples is None:
            try:
                # What is short enough is kept.
                self._samples = len(self.read(0, WHOLE_SAMPLES)) + self._skip()
            except InputError as error:
                self._samples = RejectedError("unreadable_audio", error.reason, source=self._name)
            if not isinstance(self._samples, RejectedError) and self._samples > WHOLE_SAMPLES:
                self._begin()
        if isinstance(self._samples, RejectedError):
            raise self._samples
        return self._samples

    def read(self, start: int, stop: int) -> np.ndarray:
        """Samples start to stop, or to the recording's end."""
        if start < self._first:
            self._begin()
        while self._last < stop and (block := self._next()) is not None:
            self._held.append(block)
            self._last += len(block)
            while self._first + len(self._held[0]) <= start:
                self._first += len(self._held.pop(0))
                if not self._held:
                    break
        held = np.concatenate(self._held) if self._held else np.zeros(0, np.float32)
        held = held[max(start - self._first, 0) :]
        self._held, self._first = [held], self._last - len(held)
        return held[: stop - self._first].copy()

    def _skip(self) -> int:
        """Decodes what is left, without keeping it -> its samples."""
        samples = 0
        while (block := self._next()) is not None:
            samples += len(block)
        return samples

    def _next(self) -> np.ndarray | None:
        try:
            return next(self._blocks, None)
        except BaseException:
            self._begin()  # a decoder that has failed would tell whoever asks again that it is at the end
            raise

    def _begin(self) -> None:
        self._blocks, self._held, self._first, self._last = self._decode(), [], 0, 0

    def _decode(self) -> Iterator[np.ndarray]:
        return stream_audio(self._place, max_duration_s=MAX_RECORDING_S)


class _Taken:
    """A recording and its face, read once: one that is damaged raises the same RejectedError for every clip."""

    def __init__(self, recording: Recording, read_face: Callable[[], FaceTrack]) -> None:
        self.recording, self._read_face = recording, read_face
        self._face: FaceTrack | RejectedError | None = None

    def face(self) -> FaceTrack:
        if self._face is None:
            try:
                self._face = self._read_face()
            except RejectedError as error:
                self._face = error
        if isinstance(self._face, RejectedError):
            raise self._face
        return self._face


@lru_cache(maxsize=1)
def _opened(root: str, audio: str, coefficients: str, version: str, parse: Parser, max_bytes: int) -> _Taken:
    """The recording that was read last: its clips follow each other."""
    del version  # only so that another file of the name is read anew

    def read_face() -> FaceTrack:
        return parse(read_bounded(root, coefficients, max_bytes=max_bytes), coefficients)

    return _Taken(Recording(root, audio), read_face)
