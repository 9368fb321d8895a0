"""Any frame rate out: frames of one rate become frames of another by time, piece by piece, and never drift.

Frame k of either rate stands at k · denominator / numerator seconds. Where a wanted frame falls between two frames is
found in whole numbers (a position is a fraction with a fixed denominator), so that hour ten is as exact as the first
second, and cutting the recording otherwise gives the same bits. Values lie on the straight line between the two frames
around, angles of the head on the shorter way; a frame that stands where one stood is that one. Behind the last frame
it is held.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil

import numpy as np

from emotalk.animation import Animation, Track
from emotalk.errors import InputError
from emotalk.formats.pieces import whole
from emotalk.formats.timecode import rebased

MAX_FPS = 1000
NTSC_RATES = tuple(Fraction(1000 * whole, 1001) for whole in (24, 30, 48, 60, 120))
_NEAR = 0.005  # how far "29.97" may lie from 30000/1001
_SLACK = 1e-6  # frames: of an irregular capture's end, whose times are floats


def rate_of(fps: str | float | Fraction) -> Fraction:
    """`30`, `29.97`, `23.976`, `59.94`, `30000/1001` -> the exact rate. Decimals near a rate of NTSC are meant as that.

    InputError for what is no rate in (0, 1000].
    """
    try:
        exact = Fraction(fps if isinstance(fps, str | Fraction) else str(fps))
    except (ValueError, ZeroDivisionError) as error:
        raise InputError(f"fps must be a number such as 25, 29.97 or 30000/1001, not {fps!r}") from error
    if isinstance(fps, float) or (isinstance(fps, str) and "/" not in fps):
        exact = next((rate for rate in NTSC_RATES if abs(exact - rate) < _NEAR), exact)
    if not 0 < exact <= MAX_FPS:
        raise InputError(f"fps must be in (0, {MAX_FPS}], not {fps}")
    return exact


def frames_at(frames: int, fps: Fraction, wanted: Fraction) -> int:
    """How many frames of another rate last as long as `frames` of one: the last one may stand out by a part."""
    return ceil(frames * wanted / fps)


def retimed(pieces: Iterable[Animation], fps: Fraction) -> Iterator[Animation]:
    """Consecutive pieces of one animation -> consecutive pieces of it at `fps`, regular. Memory: a piece.

    What has that rate already, and regular times, passes as it is. An irregular capture starts with its own first
    frame. A start time code is kept as the same moment, counted in frames of the new rate.
    """
    held: Animation | None = None  # source frames that the next wanted frame may still lie between
    first = 0  # number of the first of them in the whole
    start_s = 0.0
    done = 0
    for piece in pieces:
        if piece.times_s is None and piece.fps == fps:
            yield piece
            continue
        if held is None and piece.times_s is not None and piece.frames:
            start_s = float(piece.times_s[0])
        held = piece if held is None else whole([held, piece])
        stop = max(done, _reached(held, first, start_s, fps))
        yield _at(held, first, start_s, np.arange(done, stop), fps)
        done = stop
        passed = max(held.frames - 1, 0)
        held, first = held.piece(passed, held.frames), first + passed
    if held is not None and (count := _count(held, first, start_s, fps)) > done:
        yield _at(held, first, start_s, np.arange(done, count), fps)


def positions(frames: np.ndarray, fps: Fraction, wanted: Fraction) -> tuple[np.ndarray, np.ndarray]:
    """Consecutive frame numbers at `wanted` -> where they lie among frames at `fps`: the frame before, and the share of
    the way to the next. In whole numbers up to the last division."""
    if not len(frames):
        return np.zeros(0, np.int64), np.zeros(0)
    step, unit = fps.numerator * wanted.denominator, fps.denominator * wanted.numerator
    whole, rest = divmod(int(frames[0]) * step, unit)  # of Python's integers, which have no end
    ticks = rest + (frames - frames[0]).astype(np.int64) * step
    return whole + ticks // unit, (ticks % unit) / unit


def _reached(held: Animation, first: int, start_s: float, fps: Fraction) -> int:
    """How many wanted frames lie before the last frame held."""
    if not held.frames:
        return 0
    if held.times_s is not None:
        return _first_from(float(held.times_s[-1]), start_s, fps)
    return ceil((first + held.frames - 1) * fps / held.fps)


def _first_from(seconds: float, start_s: float, fps: Fraction) -> int:
    """The first wanted frame that does not stand before `seconds`, by the very numbers that `_at` compares."""
    guess = max(ceil((seconds - start_s) * float(fps)) - 2, 0)
    while start_s + guess * fps.denominator / fps.numerator < seconds:
        guess += 1
    return guess


def _count(held: Animation, first: int, start_s: float, fps: Fraction) -> int:
    if not held.frames:
        return 0
    if held.times_s is not None:
        seconds = float(held.times_s[-1]) - start_s + float(1 / held.fps)
        return ceil(seconds * float(fps) - _SLACK)
    return frames_at(first + held.frames, held.fps, fps)


def _at(held: Animation, first: int, start_s: float, frames: np.ndarray, fps: Fraction) -> Animation:
    """The wanted frames, which lie among those held or behind the last."""
    if held.times_s is None:
        before, share = positions(frames, held.fps, fps)
        before = before - first
    else:
        wanted_s = start_s + frames * fps.denominator / fps.numerator
        before = np.searchsorted(held.times_s, wanted_s, "right") - 1
        after = np.minimum(before + 1, held.frames - 1)
        gap_s = held.times_s[after] - held.times_s[before]
        share = (wanted_s - held.times_s[before]) / np.where(gap_s > 0, gap_s, 1)
    last = held.frames - 1
    share = np.where(before >= last, 0.0, share)[:, None]
    before = np.minimum(before, last)
    after = np.minimum(before + 1, last)

    def between(values: np.ndarray) -> np.ndarray:
        one, other = values[before].astype(np.float64), values[after].astype(np.float64)
        return (one * (1 - share) + other * share).astype(np.float32)

    def turned(head: np.ndarray) -> np.ndarray:
        out = between(head)
        one = head[before, :3].astype(np.float64)
        way = (head[after, :3] - one + np.pi) % (2 * np.pi) - np.pi
        out[:, :3] = one + share * way
        return out

    return replace(
        held,
        weights=between(held.weights),
        fps=fps,
        head=None if held.head is None else turned(held.head),
        emotion=None if held.emotion is None else between(held.emotion),
        times_s=None,
        tracks={name: Track(between(track.values), track.columns) for name, track in held.tracks.items()},
        meta=rebased(held.meta, held.fps, fps),
    )
