"""How work is handed out: strands of recordings, and portions of strands.

A strand is one pass of the decoder over one recording: all of it, a run of its parts, or a run of its chapters. Most
recordings are one strand. One that alone would take longer than its share of the shelf is several, so that the last
hours are not one worker's. Compressed sound can't be entered in the middle and give the same samples, so each strand
decodes from the start and hands the network its own parts alone.

A portion is what a worker is given at a time: one long strand, or many short ones. Portions get smaller towards the
shelf's end, so that all workers end together, and are as large as that allows before: handing one out takes a tenth of
a second in which its worker has nothing to do.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from emotalk.audio import probe_audio
from emotalk.dubbing.listing import Recording
from emotalk.dubbing.parts import PART_WINDOWS
from emotalk.dubbing.plan import Item, Take
from emotalk.errors import InputError
from emotalk.files import is_uri, suffix_of

WINDOW_S = 60.0  # about the length of a window
PORTION_S = 3_600.0  # of short recordings together …
PORTION_STRANDS = 256  # … and how many of them at most: the error budget hears of them when all are done
PORTION_SHARE = 1 / 4  # of what is left, for each worker …
SMALL_PORTION_S = 120.0  # … or this, where the whole shelf is much more
PROBED_PER_WORKER = 4
PROBE_THREADS = 16
# Bytes per second that are usual, by which recordings are ordered before anybody has looked into them.
_USUAL_RATE = {".wav": 64_000, ".wave": 64_000, ".aif": 88_000, ".aiff": 88_000, ".w64": 88_000, ".flac": 40_000}
_COMPRESSED_RATE = 10_000


@dataclass(frozen=True, slots=True)
class Strand:
    """One pass over a recording. number: in this run. takes: in order.

    first_part, stop_part: which parts of its one take, [first, stop); None: to the end.
    seconds: about how much sound the network hears. bytes: the recording's share.
    """

    number: int
    recording: Recording
    takes: tuple[Take, ...]
    first_part: int
    stop_part: int | None
    seconds: float
    bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether no other strand has a part of its takes."""
        return self.first_part == 0 and self.stop_part is None


def guessed_s(recording: Recording) -> float:
    """Seconds of sound, by the size of the file and what is usual for its kind."""
    return recording.bytes / _USUAL_RATE.get(suffix_of(recording.uri), _COMPRESSED_RATE)


def declared_s(recordings: Sequence[Recording]) -> list[float | None]:
    """What the headers say, None where they say nothing or can't be read; opens every file."""
    with ThreadPoolExecutor(PROBE_THREADS) as pool:
        return list(pool.map(_declared_s, recordings))


def strands_of(items: Sequence[Item], workers: int, *, part_windows: int = PART_WINDOWS) -> list[Strand]:
    """All strands, the longest first, so that none is the last to begin.

    Opens the headers of the few recordings that might be longer than their share.
    """
    seconds = [guessed_s(item.recording) for item in items]
    if workers > 1:
        longest = sorted(range(len(items)), key=lambda index: -seconds[index])[: PROBED_PER_WORKER * workers]
        for index, known in zip(longest, declared_s([items[i].recording for i in longest]), strict=True):
            seconds[index] = seconds[index] if known is None else known
    part_s = part_windows * WINDOW_S
    share = max(sum(seconds) / workers, part_s)
    strands: list[Strand] = []
    for item, length_s in zip(items, seconds, strict=True):
        strands += _split(item, length_s, min(workers, ceil(length_s / share)), part_s, len(strands))
    strands.sort(key=lambda strand: -strand.seconds)
    return strands


def portions_of(strands: Sequence[Strand], workers: int) -> list[tuple[Strand, ...]]:
    """In the order of the strands: long ones alone, short ones together, but enough portions for every worker."""
    portions: list[tuple[Strand, ...]] = []
    share = PORTION_SHARE / workers
    left_s, first = sum(strand.seconds for strand in strands), 0
    small_s = min(SMALL_PORTION_S, left_s * share)
    while first < len(strands):
        most_s = min(PORTION_S, max(left_s * share, small_s))
        stop, held_s = first + 1, strands[first].seconds
        while stop < min(len(strands), first + PORTION_STRANDS) and held_s + strands[stop].seconds <= most_s:
            held_s += strands[stop].seconds
            stop += 1
        portions.append(tuple(strands[first:stop]))
        left_s -= held_s
        first = stop
    return portions


def _split(item: Item, seconds: float, wanted: int, part_s: float, number: int) -> list[Strand]:
    recording = item.recording
    pieces = len(item.takes) if len(item.takes) > 1 else ceil(seconds / part_s)
    count = max(1, min(wanted, pieces))
    borders = [index * pieces // count for index in range(count + 1)]
    strands = []
    for index, (first, stop) in enumerate(pairwise(borders)):
        chapters = len(item.takes) > 1
        strands.append(
            Strand(
                number + index,
                recording,
                item.takes[first:stop] if chapters else item.takes,
                0 if chapters else first,
                None if chapters or index == count - 1 else stop,
                seconds / count,
                recording.bytes // count,
            )
        )
    return strands


def _declared_s(recording: Recording) -> float | None:
    if not recording.bytes and not is_uri(recording.uri):
        return None  # nothing, or a pipe, at which the driver must not wait
    try:
        return probe_audio(recording.uri).duration_s
    except (InputError, OSError):
        return None
