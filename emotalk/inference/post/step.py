"""Post-processing in its one order: shaping, smoothing, silence gate, blinks, clamp. All but the smoothing is causal.

Eyes and a head that move by themselves do so with the blinks. A head's pose, in columns behind the coefficients, is
smoothed and comes to rest in the tail, at zero: its mean pose.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from emotalk.inference.post.blinks import LIDS, close_eyes, depth_left
from emotalk.inference.post.gate import OPEN, gates, speech_shares
from emotalk.inference.post.smoothing import MAX_HELD, Kernel
from emotalk.inference.post.treatment import FACE, Treatment

POST_VERSION = 4  # part of every completion key, as the window plan's


class PostState(NamedTuple):
    """What post-processing keeps of B recordings between two calls; C is 52, or 58 with a head.

    window: (B, 30, C) float32, the shaped frames before the next ones. loudness: (B, 15) float32, of the last of them.
    gate: (B,) int64, how far the mouth is free to speak, in tenths. blink: (B,) float32, how deep the latest blink is.
    last: (B, C) float32, the last finished frame without blinks and without what eyes and head do by themselves: the
    tail eases from there.
    """

    window: np.ndarray
    loudness: np.ndarray
    gate: np.ndarray
    blink: np.ndarray
    last: np.ndarray

    @classmethod
    def start(cls, batch: int, columns: int) -> "PostState":
        return cls(
            window=np.zeros((batch, 2 * MAX_HELD, columns), np.float32),
            loudness=np.zeros((batch, MAX_HELD), np.float32),
            gate=np.zeros(batch, np.int64),
            blink=np.ones(batch, np.float32),
            last=np.zeros((batch, columns), np.float32),
        )


def post_process(
    state: PostState,
    raw: np.ndarray,
    loudness: np.ndarray,
    first: np.ndarray,
    stop: np.ndarray,
    treatments: Sequence[Treatment],
) -> tuple[np.ndarray, PostState]:
    """The next piece of B recordings -> (finished frames (B, T, C), the state behind them). Changes no argument.

    raw: (B, T, C), numbered from `first` (B,) on. stop: (B,) frames of each recording. Frames below 0 or from `stop` on
    are none: of the raw ones their values have no part in anything, of the finished ones they mean nothing.
    The finished frames of a row are numbered from `first` - `held` on. loudness: (B, T) dBFS of the raw frames.
    Where a head sways that the network does not move, finished frames have the six columns more.
    """
    if any(treatment.shape for treatment in treatments):
        raw = _shaped(raw, first, treatments)
    window = np.concatenate([state.window, raw], 1)
    louder = np.concatenate([state.loudness, loudness], 1)
    columns = max(treatment.columns(raw.shape[2]) for treatment in treatments)
    kernels = {treatment.kernel for treatment in treatments}
    if len(kernels) == 1:
        out, gate, last = _spoken(window, louder, state.gate, state.last, first, stop, treatments)
    else:
        out, gate, last = np.zeros_like(raw, np.float32), state.gate.copy(), state.last.copy()
        for kernel in kernels:
            rows = np.array([row for row, treatment in enumerate(treatments) if treatment.kernel == kernel])
            some = [treatments[row] for row in rows]
            out[rows], gate[rows], last[rows] = _spoken(
                window[rows], louder[rows], gate[rows], last[rows], first[rows], stop[rows], some
            )
    if columns > out.shape[2]:
        out = np.pad(out, ((0, 0), (0, 0), (0, columns - out.shape[2])))
    blink = state.blink.copy()
    _enliven(out, blink, first, stop, treatments)
    frames = raw.shape[1]
    return out, PostState(window[:, frames:], louder[:, frames:].astype(np.float32), gate, blink, last)


def tail(state: PostState, first: int, treatment: Treatment, row: int = 0) -> np.ndarray:
    """(frames, C) behind a recording's last frame, numbered from `first` on, in which the face comes to rest."""
    count = treatment.tail_frames
    ease = (1 + np.cos(np.pi * np.arange(1, count + 1) / max(count, 1))) / 2
    last = state.last[row]
    frames = np.zeros((count, treatment.columns(len(last))), np.float32)
    frames[:, : len(last)] = last * ease[:, None]
    blink = state.blink[row : row + 1].copy()
    _finish(frames, blink, first, treatment, ease)
    np.clip(frames[:, :FACE], 0, 1, out=frames[:, :FACE])
    return frames


def _shaped(raw: np.ndarray, first: np.ndarray, treatments: Sequence[Treatment]) -> np.ndarray:
    raw = raw.astype(np.float32)
    steps = np.arange(raw.shape[1])
    for row, treatment in enumerate(treatments):
        if treatment.shape is not None:
            treatment.shape.apply(raw[row, :, :FACE], first[row] + steps)
    return raw


def _spoken(
    window: np.ndarray,
    loudness: np.ndarray,
    gate: np.ndarray,
    last: np.ndarray,
    first: np.ndarray,
    stop: np.ndarray,
    treatments: Sequence[Treatment],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with one kernel -> smoothed frames that are silent where nothing is heard, the gates and the last frames."""
    kernel = treatments[0].kernel
    held, frames = kernel.held, window.shape[1] - 2 * MAX_HELD
    number = first[:, None] - held + np.arange(frames)
    recent = _with_ends(window[:, 2 * (MAX_HELD - held) :], first, stop, kernel)
    out = kernel.smooth(recent)
    for row, treatment in enumerate(treatments):
        if treatment.strength is not None:
            raw = recent[row, held : held + frames]
            out[row] = raw + treatment.strength.at(number[row], out.shape[2]) * (out[row] - raw)
    inside = (number >= 0) & (number < stop[:, None])
    louder = loudness[:, MAX_HELD - held : MAX_HELD - held + frames]
    silence = np.array([treatment.silence_dbfs for treatment in treatments])
    passed = gates(louder > silence[:, None], inside, gate)
    if (passed < OPEN).any():
        strength = np.array([treatment.gate_fixed or 0.0 for treatment in treatments])[:, None]
        if any(treatment.gate_fixed is None for treatment in treatments):
            strength = np.stack([treatment.gate_at(number[row]) for row, treatment in enumerate(treatments)])
        out *= speech_shares(1 - strength * (1 - passed / OPEN), out.shape[2])
    count = inside.sum(1)
    if (count == frames).all():
        return out, passed[:, -1], out[:, -1].copy()
    behind = np.clip(stop - 1 - number[:, 0], 0, frames - 1)
    newest = out[np.arange(len(out)), behind]
    return out, passed[:, -1], np.where(count[:, None] > 0, newest, last)


def _with_ends(recent: np.ndarray, first: np.ndarray, stop: np.ndarray, kernel: Kernel) -> np.ndarray:
    """The frames that a kernel sees, the first one held before the start and the last one behind the end: frame 0 needs
    its successors only."""
    number = first[:, None] - 2 * kernel.held + np.arange(recent.shape[1])
    clamped = np.clip(number, 0, np.maximum(stop - 1, 0)[:, None])
    if np.array_equal(number, clamped):
        return recent
    source = np.clip(clamped - number[:, :1], 0, recent.shape[1] - 1)
    recent = recent.copy()
    for row in np.flatnonzero((number != clamped).any(1)):
        recent[row] = recent[row].take(source[row], 0)
    return recent


def _enliven(
    out: np.ndarray, blink: np.ndarray, first: np.ndarray, stop: np.ndarray, treatments: Sequence[Treatment]
) -> None:
    """In place: what a face does besides speaking, and coefficients kept within their limits."""
    frames = out.shape[1]
    for row, (treatment, entered, ends) in enumerate(zip(treatments, first.tolist(), stop.tolist(), strict=True)):
        start = max(entered - treatment.held, 0)
        end = min(entered - treatment.held + frames, ends)
        if start < end and not treatment.rests(start, end):
            own = out[row, start - entered + treatment.held : end - entered + treatment.held]
            _finish(own, blink[row : row + 1], start, treatment, 1.0)
    face = out[:, :, :FACE]
    np.clip(face, 0, 1, out=face)


def _finish(frames: np.ndarray, blink: np.ndarray, first: int, treatment: Treatment, share: np.ndarray | float) -> None:
    """In place: frames (n, C) numbered from `first` on, and how deep the latest blink is (1,)."""
    face = frames[:, :FACE]
    stop = first + len(frames)
    closed = treatment.blinks.near(first, stop) if treatment.blinks is not None else []
    depths = []
    for each in closed:
        if each.start >= first:
            blink[0] = depth_left(face[each.start - first, LIDS])
        depths.append(blink[0])
    if treatment.lively:
        treatment.enliven(frames, first + np.arange(len(frames)), share)
    for each, depth in zip(closed, depths, strict=True):
        begin, end = max(each.start, first), min(each.stop, stop)
        close_eyes(face[begin - first : end - first], depth * each.closure[begin - each.start : end - each.start])
    if treatment.limits is not None:
        treatment.limits.apply(face, first + np.arange(len(frames)))
