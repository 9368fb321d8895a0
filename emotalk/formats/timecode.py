"""Time codes HH:MM:SS:FF.mmm: frames and thousandths of a frame, counted in a base of whole frames per second.

The clock is real time: no labels are dropped at 29.97, a frame falls between two labels and the thousandths say where.
(Time codes that do drop labels, HH:MM:SS;FF, are `dropframe`'s.)
A file does not state its base; it is found from how the frame number jumps where the second changes. Internally time is
an integer number of ticks, thousandths of a frame of the base, so that nothing is lost by reading and writing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any

import numpy as np

from emotalk.animation import Animation
from emotalk.errors import InputError

DAY_S = 24 * 3600
STANDARD_BASES = (24, 25, 30, 48, 50, 60, 100, 120)
STANDARD_RATES = tuple(
    Fraction(rate) for rate in ("24000/1001", "24", "25", "30000/1001", "30", "48", "50", "60000/1001", "60", "120")
)
_TIMECODE = re.compile(r"(\d{1,2}):(\d{2}):(\d{2}):(\d{1,3})(?:\.(\d{1,3}))?", re.ASCII)


def parse_timecode(text: str) -> tuple[int, int] | None:
    """`HH:MM:SS:FF.mmm` -> (seconds of the day, thousandths of a frame); None where it is no time code."""
    return split_code(text, _TIMECODE)


def split_code(text: str, pattern: re.Pattern[str]) -> tuple[int, int] | None:
    """As `parse_timecode`, for a pattern whose groups are hours, minutes, seconds, frame and its decimals, if any."""
    match = pattern.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds, frame = (int(part) for part in match.groups()[:4])
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    return (hours * 60 + minutes) * 60 + seconds, frame * 1000 + int((match[5] or "").ljust(3, "0"))


def format_timecode(ticks: int, base: int) -> str:
    """Ticks since midnight -> `HH:MM:SS:FF.mmm`; the day wraps at 24 hours."""
    seconds, rest = divmod(ticks, base * 1000)
    minutes, second = divmod(seconds % DAY_S, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def unwrap_days(seconds: np.ndarray) -> np.ndarray:
    """(rows,) seconds of the day -> seconds since the first row's midnight; a jump back by over 12 h is midnight."""
    return seconds + DAY_S * np.concatenate([[0], np.cumsum(np.diff(seconds) < -DAY_S // 2)])


def guess_base(seconds: np.ndarray, thousandths: np.ndarray) -> int:
    """The frames per second that the frame numbers count in.

    Where the second changes, the frame number falls by the base and rises by one step: base = step + fall. A file
    within one second does not say it; then it is the smallest standard base that fits, and for every second frame
    number (a phone that records 30 fps in base 60) the smallest one from 60.
    """
    highest = int(thousandths.max()) // 1000
    advance, step = np.diff(seconds), np.diff(thousandths)
    within = step[(advance == 0) & (step > 0)]
    typical = float(np.median(within)) if within.size else 0.0
    falls = -step[advance == 1]
    if falls.size and within.size:
        base = round((float(np.median(falls)) + typical) / 1000)
    else:
        least = 60 if 1.9 < typical / 1000 < 2.1 else 30
        base = next((base for base in STANDARD_BASES if base > highest and base >= least), highest + 1)
    if highest > base:
        raise InputError(f"frame {highest} in a time code of base {base}")
    return max(base, 1)


def guess_rate(ticks: np.ndarray, base: int) -> tuple[Fraction, bool]:
    """(rows,) ticks from 0 on -> the frame rate, and whether every row stands where that rate puts it."""
    if (backwards := np.flatnonzero(np.diff(ticks) < 0)).size:
        raise InputError(f"time runs backwards after frame {backwards[0]}")
    if len(ticks) < 2 or ticks[-1] == 0:
        return (Fraction(base) if base != 60 else Fraction(30)), len(ticks) < 2
    mean = Fraction((len(ticks) - 1) * base * 1000, int(ticks[-1])).limit_denominator(1001)
    for rate in (*STANDARD_RATES, mean):
        if np.array_equal(ticks_at(np.arange(len(ticks)), rate, base), ticks):
            return rate, True
    # Irregular: lost frames do not count, so the typical step gives the nominal rate.
    steps = np.diff(ticks)
    typical = Fraction(base * 1000) / Fraction(float(np.median(steps[steps > 0])))
    nearest = min(STANDARD_RATES, key=lambda rate: abs(rate - typical))
    return (nearest if abs(nearest / typical - 1) < Fraction(1, 200) else typical.limit_denominator(1001)), False


def ticks_at(frames: np.ndarray, fps: Fraction, base: int) -> np.ndarray:
    """Frame numbers -> ticks of k / fps seconds, rounded to the nearest (halves up); exact for any length."""
    scale, divisor = base * 1000 * fps.denominator, fps.numerator
    return (2 * frames.astype(np.int64) * scale + divisor) // (2 * divisor)


@dataclass(frozen=True)
class Clock:
    """Where an animation's time code starts (ticks since midnight) and its base."""

    start: int
    base: int

    @staticmethod
    def default_base(fps: Fraction) -> int:
        """The frame rate, rounded up to a whole number: 30 for 30 and for 29.97."""
        return ceil(fps)

    @classmethod
    def of(cls, animation: Animation, start: str | None = None) -> "Clock":
        """From `start`, else from `meta` where a capture left it there, else 00:00:00:00.000.

        InputError for what is no time code.
        """
        base = animation.meta.get("timecode_base", cls.default_base(animation.fps))
        text = animation.meta.get("timecode_start", "00:00:00:00.000") if start is None else start
        code = parse_timecode(text) if isinstance(text, str) else None
        if start is not None and code is None:
            raise InputError(f"start must be a time code such as 10:00:00:00, not {start!r}")
        if not isinstance(base, int) or not 1 <= base <= 1000 or code is None:
            raise InputError(f"meta holds no usable time code: timecode_start {text!r}, timecode_base {base!r}")
        if start is not None and code[1] >= base * 1000:
            raise InputError(f"start {start} names frame {code[1] // 1000}, but a second has {base} here")
        return cls(code[0] * base * 1000 + code[1], base)

    def ticks(self, piece: Animation, first_frame: int) -> np.ndarray:
        """(frames,) int64 for a piece whose first frame is number `first_frame` of the whole."""
        if piece.times_s is not None:
            return self.start + np.rint(piece.times_s * (self.base * 1000)).astype(np.int64)
        return self.start + ticks_at(np.arange(first_frame, first_frame + piece.frames), piece.fps, self.base)

    def label(self, ticks: int) -> str:
        return format_timecode(ticks, self.base)


def rebased(meta: Mapping[str, Any], fps: Fraction, wanted: Fraction) -> dict[str, Any]:
    """`meta` of an animation whose rate changes: its start time code is the same moment, in frames of the new rate.

    The start of a drop-frame capture becomes one of real time.
    """
    from emotalk.formats.dropframe import seconds_of

    text, base = meta.get("timecode_start"), meta.get("timecode_base", Clock.default_base(fps))
    left = {key: value for key, value in meta.items() if key not in ("timecode_start", "timecode_base")}
    if not isinstance(text, str) or not isinstance(base, int) or base < 1:
        return left
    seconds = seconds_of(text, base)
    if seconds is None and (code := parse_timecode(text)) is not None:
        seconds = code[0] + Fraction(code[1], base * 1000)
    if seconds is None:
        return dict(meta)  # whoever writes a time code will say what is wrong with it
    new = Clock.default_base(wanted)
    return left | {"timecode_start": format_timecode(round(seconds * new * 1000), new), "timecode_base": new}
