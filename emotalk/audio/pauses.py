"""Where a long recording is cut into clips: at its pauses. The one place that decides it, for videos and recordings.

How many pieces there are, and about where they meet, follows from the length alone; only the exact borders need the
sound around them. So a listing can name every piece of a recording of which it has read the header, and a reader of one
piece needs no other.
"""

from collections.abc import Callable, Iterable, Iterator
from math import ceil

import numpy as np

from emotalk.audio.held import Held
from emotalk.audio.resample import SAMPLE_RATE
from emotalk.errors import InputError

MAX_CLIP_S = 20.0  # unless something else is asked for
SHORTEST_LIMIT_S, LONGEST_LIMIT_S = 3.0, 600.0  # of what may be asked for
# Borders are multiples of 0.1 s: three frames at 30 fps, so a piece keeps the frame times of the whole.
GRID = SAMPLE_RATE // 10
HOP = SAMPLE_RATE // 100  # the step in which power is measured
PAUSE_S = 0.3  # what is listened to around a border: the closure of a plosive is shorter, a breath longer

# In parts of the longest piece: borders lie about STEP apart and may move by REACH to either side; a rest of less than
# REST joins the piece before it. STEP + REST + REACH stays under 1, so no piece is too long, and REST - REACH over 0.
STEP, REACH, REST = 0.75, 0.1, 0.14

# (start, stop) in steps of 10 ms, perhaps before the first or after the last -> (stop - start,) power; outside it is 0.
Power = Callable[[int, int], np.ndarray]


def check_limit(max_s: float) -> None:
    """InputError for a longest clip that leaves no choice, or is none."""
    if not SHORTEST_LIMIT_S <= max_s <= LONGEST_LIMIT_S:
        span = f"{SHORTEST_LIMIT_S:g} to {LONGEST_LIMIT_S:g} s"
        raise InputError(f"clips must be allowed to last {span}, not {max_s:g}")


def power_of(samples: np.ndarray, *, first: int = 0) -> Power:
    """The power of a sound, or of a part of it that begins at sample `first`, a multiple of `HOP`."""
    whole = np.pad(samples.astype(np.float64), (0, -len(samples) % HOP))
    return power_track(np.square(whole).reshape(-1, HOP).mean(1), first=first // HOP)


def power_track(power: np.ndarray, *, first: int = 0) -> Power:
    """Power every 10 ms, from step `first` on."""

    def heard(start: int, stop: int) -> np.ndarray:
        out = np.zeros(stop - start)
        low, high = max(start, first), min(stop, first + len(power))
        if low < high:
            out[low - start : high - start] = power[low - first : high - first]
        return out

    return heard


def piece_count(samples: int, *, max_s: float = MAX_CLIP_S) -> int:
    """How many pieces there are of a recording of so many samples at 16 kHz."""
    if samples <= max_s * SAMPLE_RATE:
        return 1
    step, _, rest = _lengths(max_s)
    return max(1, ceil((samples - rest) / step))


def widest_span(number: int, samples: int, *, max_s: float = MAX_CLIP_S) -> tuple[int, int]:
    """First and last sample that piece `number` of a recording of so many can have, whatever is heard."""
    step, reach, _ = _lengths(max_s)
    last = number == piece_count(samples, max_s=max_s) - 1
    start = 0 if number == 0 else number * step - reach
    return start, samples if last else min((number + 1) * step + reach, samples)


def deciding_span(number: int, samples: int, *, max_s: float = MAX_CLIP_S) -> tuple[int, int]:
    """The part of the sound that holds piece `number` and all that decides its borders; whole steps of `HOP`."""
    start, end = widest_span(number, samples, max_s=max_s)
    half = round(PAUSE_S * SAMPLE_RATE / 2)
    return max(start - half, 0), end + half


def piece(number: int, samples: int, heard: Power, *, max_s: float = MAX_CLIP_S) -> tuple[int, int]:
    """Start and end in samples of piece `number` of a recording of so many, which needs `deciding_span` of the sound.

    The pieces cover all of it, one after the other, and none is longer than `max_s`. A border stands at the quietest
    0.3 s within reach of its place, the nearest of equals.
    """
    step, reach, _ = _lengths(max_s)
    count = piece_count(samples, max_s=max_s)
    start = 0 if number == 0 else _quietest(heard, number * step, reach)
    end = samples if number == count - 1 else _quietest(heard, (number + 1) * step, reach)
    return start, end


def cut_at_pauses(samples: int, heard: Power, *, max_s: float = MAX_CLIP_S) -> list[tuple[int, int]]:
    """Every `piece` of a recording of so many samples, in order."""
    return [piece(number, samples, heard, max_s=max_s) for number in range(piece_count(samples, max_s=max_s))]


def stream_pieces(blocks: Iterable[np.ndarray], *, max_s: float = MAX_CLIP_S) -> Iterator[np.ndarray]:
    """The sound of every `piece` in order, of a recording in blocks of any size whose length nobody need know.

    Holds little more than one piece in memory.
    """
    step, reach, rest = _lengths(max_s)
    half = round(PAUSE_S * SAMPLE_RATE / 2)
    held, number, start = Held(blocks), 0, 0
    while True:
        place = (number + 1) * step
        # Whoever has heard so much, and one sample more, knows that another piece follows.
        enough = max(place + max(rest, reach + half), 0 if number else ceil(max_s * SAMPLE_RATE))
        total = held.read_until(enough + 1)
        if not total:
            return
        if piece_count(total, max_s=max_s) == number + 1:
            yield held.samples(start, total).copy()
            return
        first = place - reach - half
        end = _quietest(power_of(held.samples(first, place + reach + half), first=first), place, reach)
        yield held.samples(start, end).copy()
        held.forget_before(end)
        number, start = number + 1, end


def _lengths(max_s: float) -> tuple[int, int, int]:
    """Step, reach and rest in samples, on the grid."""
    step, reach, rest = (int(part * max_s * SAMPLE_RATE) // GRID * GRID for part in (STEP, REACH, REST))
    return step, reach, rest


def _quietest(heard: Power, place: int, reach: int) -> int:
    half = round(PAUSE_S * SAMPLE_RATE / 2)
    places = np.arange(place - reach, place + reach + 1, GRID)
    first = int(places[0]) - half
    energy = np.concatenate([[0.0], np.cumsum(heard(first // HOP, (int(places[-1]) + half) // HOP))])
    loudness = energy[(places - first + half) // HOP] - energy[(places - first - half) // HOP]
    # Rounded, so that equal silences are equal whatever was summed before them.
    order = np.lexsort((places, np.abs(places - place), np.round(loudness, 12)))
    return int(places[order[0]])
