"""Where a long recording is cut into pieces: at its pauses.

How many pieces there are, and about where they meet, follows from the length alone; only the exact borders need the
sound. So a listing can name every piece of a recording of which it has read the header.
"""

from math import ceil

import numpy as np

from emotalk.audio.resample import SAMPLE_RATE

# Borders are multiples of 0.1 s: three frames at 30 fps, so a piece keeps the frame times of the whole.
GRID = SAMPLE_RATE // 10
PAUSE_S = 0.3  # what is listened to around a border: the closure of a plosive is shorter, a breath longer

# In parts of the longest piece: borders lie about STEP apart and may move by REACH to either side; a rest of less than
# REST joins the piece before it. STEP + REST + REACH stays under 1, so no piece is too long, and REST - REACH over 0.
STEP, REACH, REST = 0.75, 0.1, 0.14


def piece_count(samples: int, *, max_s: float = 20.0) -> int:
    """How many pieces `cut_at_pauses` makes of a recording of so many samples at 16 kHz."""
    if samples <= max_s * SAMPLE_RATE:
        return 1
    step, _, rest = _lengths(max_s)
    return max(1, ceil((samples - rest) / step))


def widest_span_s(number: int, samples: int, *, max_s: float = 20.0) -> tuple[float, float]:
    """Start and end in seconds that piece `number` cannot exceed, whatever is heard."""
    step, reach, _ = _lengths(max_s)
    last = number == piece_count(samples, max_s=max_s) - 1
    start = 0 if number == 0 else number * step - reach
    end = samples if last else min((number + 1) * step + reach, samples)
    return start / SAMPLE_RATE, end / SAMPLE_RATE


def cut_at_pauses(samples: np.ndarray, *, max_s: float = 20.0, count: int | None = None) -> list[tuple[int, int]]:
    """(n,) at 16 kHz -> consecutive (start, end) in samples that cover all of it, none longer than `max_s`.

    A border stands at the quietest 0.3 s within reach of its place, the nearest of equals. `count`: the number of
    pieces where it is known from a header; the default is `piece_count` of the samples there are.
    """
    if max_s < 2:
        raise ValueError(f"pieces of at most {max_s} s are no clips")
    step, reach, _ = _lengths(max_s)
    borders = [0]
    for number in range(1, piece_count(len(samples), max_s=max_s) if count is None else count):
        borders.append(_quietest(samples, number * step, reach))
    return list(zip(borders, [*borders[1:], len(samples)], strict=True))


def _lengths(max_s: float) -> tuple[int, int, int]:
    """Step, reach and rest in samples, on the grid."""
    step, reach, rest = (int(part * max_s * SAMPLE_RATE) // GRID * GRID for part in (STEP, REACH, REST))
    return step, reach, rest


def _quietest(samples: np.ndarray, place: int, reach: int) -> int:
    half = round(PAUSE_S * SAMPLE_RATE / 2)
    places = np.arange(place - reach, place + reach + 1, GRID)
    first = int(places[0]) - half
    heard = np.zeros(int(places[-1]) + half - first)
    inside = samples[max(first, 0) : first + len(heard)]
    heard[max(-first, 0) : max(-first, 0) + len(inside)] = inside
    energy = np.concatenate([[0.0], np.cumsum(heard**2)])
    loudness = energy[places - first + half] - energy[places - first - half]
    # Rounded, so that equal silences are equal whatever was summed before them.
    order = np.lexsort((places, np.abs(places - place), np.round(loudness, 9)))
    return int(places[order[0]])
