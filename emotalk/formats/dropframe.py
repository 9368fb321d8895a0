"""Drop-frame time codes HH:MM:SS;FF of 29.97 and 59.94 fps: labels are left out so that clocks and labels agree.

Of every minute but each tenth the first two labels (four at 59.94) do not exist, after SMPTE ST 12-1. A label is a
frame's number in disguise: frame n stands at n · 1001/30000 seconds. Ticks are thousandths of a frame, as in
`timecode`; here they count frames since midnight's label, not time.
"""

import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.formats.timecode import DAY_S, split_code

BASES = (30, 60)
_LABEL = re.compile(r"(\d{1,2}):(\d{2}):(\d{2});(\d{2})(?:\.(\d{1,3}))?", re.ASCII)


def parse_label(text: str) -> tuple[int, int] | None:
    """`HH:MM:SS;FF.mmm` -> (seconds of the label, thousandths of a frame); None where it is no such time code."""
    return split_code(text, _LABEL)


def ticks_of(seconds: np.ndarray, thousandths: np.ndarray, base: int) -> np.ndarray:
    """(rows,) labels, as `parse_label` splits them and days unwrapped -> (rows,) ticks since the first midnight.

    InputError for labels that do not exist.
    """
    dropped = base // 15
    days, second = np.divmod(seconds, DAY_S)
    minutes = second // 60
    unreal = (thousandths < dropped * 1000) & (second % 60 == 0) & (minutes % 10 != 0)
    unreal |= thousandths >= base * 1000
    if unreal.any():
        row = int(np.flatnonzero(unreal)[0])
        label = f"frame {thousandths[row] // 1000} of {minutes[row] // 60:02d}:{minutes[row] % 60:02d}"
        raise InputError(f"{label}:{second[row] % 60:02d} does not exist in drop-frame time code at {base} frames")
    frames = second * base - dropped * (minutes - minutes // 10) + days * frames_per_day(base)
    return np.asarray(frames * 1000 + thousandths)


def label_of(ticks: int, base: int) -> str:
    """Ticks -> `HH:MM:SS;FF.mmm`; the day wraps at 24 hours."""
    dropped = base // 15
    frames, rest = divmod(ticks, 1000)
    tens, frames = divmod(frames % frames_per_day(base), 600 * base - 9 * dropped)
    per_minute = 60 * base - dropped
    if frames >= dropped:
        frames += dropped * ((frames - dropped) // per_minute)
    second, frame = divmod(frames, base)
    minutes, second = divmod(second, 60)
    minutes += 10 * tens
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d};{frame:02d}.{rest:03d}"


def frames_per_day(base: int) -> int:
    return 144 * (600 * base - 9 * (base // 15))


def seconds_of(text: str, base: int) -> Fraction | None:
    """A label -> seconds since midnight; None where it is none, or of another base."""
    label = parse_label(text)
    if label is None or base not in BASES:
        return None
    return Fraction(int(ticks_of(np.array(label[:1]), np.array(label[1:]), base)[0]) * 1001, base * 1000 * 1000)


def read_clock(seconds: np.ndarray, thousandths: np.ndarray) -> tuple[np.ndarray, int, Fraction, bool]:
    """Labels, days unwrapped -> ticks, base, frames per second, and whether every row is one step from the last.

    A base of 60 shows in a frame number from 30 on; a file without one is taken as of 30.
    """
    base = 60 if int(thousandths.max()) >= 30_000 else 30
    ticks = ticks_of(seconds, thousandths, base)
    steps = np.diff(ticks)
    if (backwards := np.flatnonzero(steps < 0)).size:
        raise InputError(f"time runs backwards after frame {backwards[0]}")
    typical = int(np.median(steps[steps > 0])) if (steps > 0).any() else 1000
    fps = Fraction(base * 1000, 1001) * 1000 / max(round(typical, -3), 1000)
    return ticks, base, fps, bool((steps == Fraction(base * 1000 * 1000, 1001) / fps).all())


@dataclass(frozen=True)
class DropClock:
    """Where drop-frame time code starts (ticks) and its base."""

    start: int
    base: int

    @classmethod
    def of(cls, animation: Animation, start: str) -> "DropClock":
        """InputError for another rate than 29.97 and 59.94, and for labels that do not exist."""
        known = {Fraction(base * 1000, 1001): base for base in BASES}
        base = animation.meta.get("timecode_base", known.get(animation.fps))
        if base not in BASES or (Fraction(base * 1000, 1001) / animation.fps).denominator != 1:
            raise InputError(
                f"drop-frame time codes are of 29.97 and 59.94 fps, not of {float(animation.fps):g}: "
                "choose fps 29.97, or a start such as 10:00:00:00"
            )
        label = parse_label(start)
        if label is None:
            raise InputError(f"start must be a time code such as 10:00:00;00, not {start!r}")
        return cls(int(ticks_of(np.array(label[:1]), np.array(label[1:]), base)[0]), base)

    def ticks(self, piece: Animation, first_frame: int) -> np.ndarray:
        """(frames,) int64 for a piece whose first frame is number `first_frame` of the whole."""
        per_second = Fraction(self.base * 1000 * 1000, 1001)
        if piece.times_s is not None:
            return self.start + np.rint(piece.times_s * float(per_second)).astype(np.int64)
        return self.start + np.arange(first_frame, first_frame + piece.frames) * int(per_second / piece.fps)

    def label(self, ticks: int) -> str:
        return label_of(ticks, self.base)
