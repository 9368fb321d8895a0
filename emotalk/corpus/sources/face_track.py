"""Coefficients as a tracker stored them, with times and names of its own, beside a recording: what becomes a clip.

Everything is placed by time: frame k of a clip is read at its first sample plus k / 30 s (`emotalk.sampling`). So 60
fps, 29.97 fps, jitter and a lost frame need no rule of their own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from emotalk.audio import SAMPLE_RATE
from emotalk.blendshapes import COEFFICIENTS, FPS
from emotalk.corpus.clip import Clip
from emotalk.corpus.gates import RejectedError, clean_weights
from emotalk.corpus.sources.base import Item
from emotalk.sampling import at_times
from emotalk.timing import frames_of

MAX_GAP_S = 0.25  # without coefficients: more is a hole that a straight line does not fill
FRAME_S = float(1 / FPS)
# What trackers write beside the 52: MediaPipe's rest class.
NO_COEFFICIENTS = frozenset({"_neutral"})


@dataclass(frozen=True, kw_only=True)
class FaceTrack:
    """One recording's face.

    times_s: (n,) float64, never decreasing, in seconds from the capture's start. weights: (n, 52) of a float type, in
    `COEFFICIENTS` order, as stored. head: (n, 6) as `Clip.head`, or None. frame_s: the usual step between frames.
    """

    times_s: np.ndarray
    weights: np.ndarray
    frame_s: float
    head: np.ndarray | None = None


def by_name(values: np.ndarray, names: Sequence[str], *, others: Collection[str] = ()) -> np.ndarray:
    """(n, len(names)) -> (n, 52) in `COEFFICIENTS` order; names compare without case. A missing tongueOut is zero.

    others: names in lower case of columns that are no coefficients. RejectedError `names` names what is missing,
    unknown or there twice.
    """
    column: dict[str, int] = {}
    twice, unknown = [], []
    known = {name.lower() for name in COEFFICIENTS}
    for position, name in enumerate(names):
        plain = name.strip().lower()
        if plain in NO_COEFFICIENTS or plain in others:
            continue
        if plain in column:
            twice.append(name)
        elif plain not in known:
            unknown.append(name)
        column[plain] = position
    missing = [name for name in COEFFICIENTS if name.lower() not in column and name != "tongueOut"]
    wrong = (("unknown", unknown), ("twice", twice), ("missing", missing))
    text = "; ".join(f"{what}: {_some(names)}" for what, names in wrong if names)
    if text:
        raise RejectedError("names", f"coefficients {text}")
    out = np.zeros((len(values), len(COEFFICIENTS)), values.dtype)
    for index, name in enumerate(COEFFICIENTS):
        if name.lower() in column:
            out[:, index] = values[:, column[name.lower()]]
    return out


def check_lengths(track: FaceTrack, samples: int, *, offset_s: float, tolerance_s: float) -> None:
    """RejectedError `times` or `length` where a recording of so many samples and a track are not of one take.

    The track starts `offset_s` after the first sample; both must then end within `tolerance_s` of each other.
    """
    times = track.times_s
    if not len(times) or not np.isfinite(times).all():
        raise RejectedError("times", "no frames" if not len(times) else "a time that is not a finite number")
    if (back := np.flatnonzero(np.diff(times) < 0)).size:
        raise RejectedError("times", f"time runs backwards after frame {back[0]}", frame=back[0])
    if times[0] > tolerance_s + FRAME_S:
        raise RejectedError("length", f"the first frame stands at {times[0]:.2f} s", first_s=times[0])
    audio_s, track_s = samples / SAMPLE_RATE, times[-1] + track.frame_s + offset_s
    if abs(audio_s - track_s) > max(tolerance_s, FRAME_S + 1e-6):
        text = f"the coefficients end at {track_s:.2f} s, the recording at {audio_s:.2f} s"
        raise RejectedError("length", text, coefficients_s=track_s, audio_s=audio_s, tolerance_s=tolerance_s)


def make_clip(item: Item, samples: np.ndarray, track: FaceTrack, *, start: int = 0, offset_s: float = 0.0) -> Clip:
    """The clip of samples that begin at sample `start` of their recording, and the track under them.

    Where the track begins later or ends earlier, by over a frame, the clip does too. RejectedError with the reason
    times, duration, not_finite or range.
    """
    times = track.times_s + offset_s
    first, last = float(times[0]), float(times[-1]) + track.frame_s
    begin, end = start, start + len(samples)
    if first > start / SAMPLE_RATE + FRAME_S + 1e-6:
        begin = round(first * SAMPLE_RATE)
    if last < end / SAMPLE_RATE - FRAME_S - 1e-6:
        end = round(last * SAMPLE_RATE)
    if end <= begin or begin >= start + len(samples):
        raise RejectedError("duration", "no coefficients were stored here", seconds=0)
    at = begin / SAMPLE_RATE + np.arange(frames_of(end - begin)) * FPS.denominator / FPS.numerator
    _check_gaps(times, track.frame_s, at)
    weights = clean_weights(at_times(track.weights, times, at), end - begin, frame_tolerance=0)
    head = None
    if track.head is not None:
        turned = np.array(track.head, np.float64)
        turned[:, :3] = np.unwrap(turned[:, :3], axis=0)  # between 179° and -179° lies 180°
        head = at_times(turned, times, at).astype(np.float32)
    return item.clip(samples[begin - start : end - start], weights, head)


def _check_gaps(times: np.ndarray, frame_s: float, at: np.ndarray) -> None:
    # With the stored frames around it: a hole over the border of two clips is as wide for both.
    first, last = np.searchsorted(times, at[0] + 1e-9, "right") - 1, np.searchsorted(times, at[-1] - 1e-9, "left")
    widest = float(np.diff(times[max(first, 0) : last + 1]).max(initial=0))
    if widest > max(MAX_GAP_S, 2.5 * frame_s):
        raise RejectedError("times", f"{widest:.2f} s without coefficients", gap_s=widest)


def _some(names: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(name[:40] for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
