"""Post-processing, in its one order: smoothing, silence gate, blinks, clamp. All but the smoothing is causal.

A head's pose, in columns behind the coefficients, is smoothed and comes to rest in the tail, at zero: its mean pose.

`post_process` is one step of it, a pure function over a batch of recordings. A `PostProcessor` holds the state of one:
it takes frames in pieces of any size and gives the same frames back as it would for one piece.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.controls import Controls

POST_VERSION = 3  # part of every completion key, as the window plan's

SMOOTHING = np.array([-3, 12, 17, 12, -3], np.float32) / 35  # Savitzky-Golay, window 5, order 2
NO_SMOOTHING = np.array([0, 0, 0, 0, 1], np.float32)
SMOOTHING_FUTURE_FRAMES = 2

SILENCE_DBFS = -60.0
GATE_OPENS, GATE_CLOSES = 0.5, 0.2  # share of the way per frame: two frames to open, five to close

BLINK = np.array([0.25, 0.7, 1.0, 1.0, 0.75, 0.4, 0.15], np.float32)  # seven frames, faster down than up
EYES = np.array([INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]])

# What speech moves; expression (smile, frown, dimple, press) stays on a silent face.
SPEECH = np.array(
    [
        i
        for name, i in INDEX.items()
        if name.startswith(("jaw", "mouth", "tongue"))
        and not name.startswith(("mouthSmile", "mouthFrown", "mouthDimple", "mouthPress"))
    ]
)


class PostState(NamedTuple):
    """What post-processing keeps of B recordings between two calls; C is 52, or 58 with a head.

    window: (B, 4, C) float32, the raw frames before the next ones. loudness: (B, 2) float32, of the last two of them.
    gate: (B,) float64, how far the mouth is free to speak. last: (B, C) float32, the last finished frame, its eyes as
    they are without a blink: the tail eases from there.
    """

    window: np.ndarray
    loudness: np.ndarray
    gate: np.ndarray
    last: np.ndarray

    @classmethod
    def start(cls, batch: int, columns: int) -> "PostState":
        future = SMOOTHING_FUTURE_FRAMES
        return cls(
            window=np.zeros((batch, 2 * future, columns), np.float32),
            loudness=np.zeros((batch, future), np.float32),
            gate=np.zeros(batch),
            last=np.zeros((batch, columns), np.float32),
        )


def held_frames(controls: Controls) -> int:
    """Frames that a finished frame comes behind its raw one."""
    return SMOOTHING_FUTURE_FRAMES if controls.smoothing else 0


def post_process(
    state: PostState,
    raw: np.ndarray,
    loudness: np.ndarray,
    first: np.ndarray,
    stop: np.ndarray,
    asked: Sequence[Controls],
) -> tuple[np.ndarray, PostState]:
    """The next piece of B recordings -> (finished frames (B, T, C), the state behind them). Changes no argument.

    raw: (B, T, C), numbered from `first` (B,) on. stop: (B,) frames of each recording. Frames below 0 or from `stop` on
    are none: of the raw ones their values have no part in anything, of the finished ones they mean nothing.
    The finished frames of a row are numbered from `first` - `held_frames` on. loudness: (B, T) dBFS of the raw frames.
    """
    held, frames = state.window.shape[1], raw.shape[1]
    window = np.concatenate([state.window, raw], 1)
    # The first frame is held before the start, the last one behind the end: frame 0 needs its successors only.
    numbers = first[:, None] - held + np.arange(held + frames)
    clamped = np.clip(numbers, 0, np.maximum(stop - 1, 0)[:, None])
    if not np.array_equal(numbers, clamped):
        source = np.clip(clamped - numbers[:, :1], 0, held + frames - 1)
        window = np.take_along_axis(window, source[..., None], 1)
    # Without smoothing a frame is its newest raw one, which is then its own.
    kernel = np.stack([SMOOTHING if controls.smoothing else NO_SMOOTHING for controls in asked])
    out = np.zeros_like(raw, np.float32)
    for offset in range(kernel.shape[1]):
        out += kernel[:, offset, None, None] * window[:, offset : offset + frames]
    louder = np.concatenate([state.loudness, loudness], 1)
    gate, last = state.gate.copy(), state.last.copy()
    for row, controls in enumerate(asked):
        late = held_frames(controls)
        number = int(first[row]) - late
        inside = slice(max(-number, 0), max(min(int(stop[row]) - number, frames), 0))
        if inside.start >= inside.stop:
            continue
        face = out[row, inside]
        if controls.silence_gate:
            ahead = SMOOTHING_FUTURE_FRAMES - late
            gates, gate[row] = _gates(louder[row, inside.start + ahead : inside.stop + ahead], gate[row])
            face[:, SPEECH] *= gates[:, None]
        last[row] = face[-1]
        _blink_and_clamp(face, number + inside.start, controls)
    return out, PostState(window[:, frames:], louder[:, frames:].astype(np.float32), gate, last)


def tail(last: np.ndarray, first: int, controls: Controls) -> np.ndarray:
    """(frames, C) behind a recording's `last` (C,), numbered from `first` on, in which the face comes to rest."""
    count = round(controls.tail_s * 30)
    ease = (1 + np.cos(np.pi * np.arange(1, count + 1) / max(count, 1))) / 2
    frames = (last * ease[:, None]).astype(np.float32)
    _blink_and_clamp(frames, first, controls)
    return frames


class PostProcessor:
    """Raw frames (n, 52), or with a head (n, 58), and their loudness (n,) in dBFS -> finished ones two frames later."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._state: PostState | None = None
        self._received = 0

    def push(self, raw: np.ndarray, loudness: np.ndarray) -> np.ndarray:
        if not len(raw):
            return raw
        done = self._process(raw, loudness, stop=self._received + len(raw) + SMOOTHING_FUTURE_FRAMES)
        self._received += len(raw)
        return done

    def flush(self) -> np.ndarray:
        """The frames still held back, then the tail in which the face comes to rest."""
        if self._state is None:
            return np.zeros((0, len(COEFFICIENTS)), np.float32)
        late = held_frames(self._controls)
        nothing = np.zeros((late, self._state.last.shape[1]), np.float32)
        rest = self._process(nothing, np.zeros(late, np.float32), stop=self._received) if late else nothing
        return np.concatenate([rest, tail(self._state.last[0], self._received, self._controls)])

    def _process(self, raw: np.ndarray, loudness: np.ndarray, stop: int) -> np.ndarray:
        state = self._state or PostState.start(1, raw.shape[1])
        first = self._received
        out, self._state = post_process(
            state, raw[None], loudness[None], np.array([first]), np.array([stop]), [self._controls]
        )
        return out[0, max(0, held_frames(self._controls) - first) :]


def _gates(loudness: np.ndarray, gate: float) -> tuple[np.ndarray, float]:
    """(n,) dBFS and the gate before them -> the gates at them, and the last."""
    gates = np.empty(len(loudness), np.float32)
    for i, loud in enumerate((loudness > SILENCE_DBFS).tolist()):
        gate = min(1.0, gate + GATE_OPENS) if loud else max(0.0, gate - GATE_CLOSES)
        gates[i] = gate
    return gates, gate


def _blink_and_clamp(frames: np.ndarray, first: int, controls: Controls) -> None:
    """In place: the lids of frames numbered from `first` on, then coefficients kept in [0, 1]."""
    lids = blink_track(first, len(frames), controls)
    frames[:, EYES] = np.maximum(frames[:, EYES], lids[:, None])
    face = frames[:, : len(COEFFICIENTS)]
    np.clip(face, 0, 1, out=face)


def blink_track(first: int, count: int, controls: Controls) -> np.ndarray:
    """(count,) eyelid closure from frame `first` on: a function of seed and time alone.

    Time is cut into equal cells with one blink each, at a place that the seed and the cell's number decide.
    """
    track = np.zeros(count, np.float32)
    if not controls.blinks_per_minute:
        return track
    cell = max(2 * len(BLINK), round(30 * 60 / controls.blinks_per_minute))
    for number in range(max(0, first // cell - 1), (first + count) // cell + 1):
        room = cell - 2 * len(BLINK)  # two blinks never touch
        at = number * cell + _place(controls.seed % 2**32, number, room) - first
        for offset, closure in enumerate(BLINK):
            if 0 <= at + offset < count:
                track[at + offset] = closure
    return track


@lru_cache(maxsize=65_536)  # a stream asks for the same few cells with every step
def _place(seed: int, number: int, room: int) -> int:
    return int(np.random.default_rng((seed, number)).integers(0, room + 1))


def loudness_dbfs(samples: np.ndarray, first: int, count: int) -> np.ndarray:
    """(count,) loudness of frames `first`… of (n,) samples: mean power of the frame's own 33 ms, in dBFS."""
    lengths = np.array([len(samples)])
    return batch_loudness_dbfs(samples[None], np.zeros(1, np.int64), lengths, np.array([first]), count)[0]


def batch_loudness_dbfs(
    samples: np.ndarray, start: np.ndarray, lengths: np.ndarray, first: np.ndarray, count: int
) -> np.ndarray:
    """(B, count) loudness of frames `first` (B,)… of B recordings of `lengths` (B,) samples, in dBFS.

    samples: (B, n), which are those from number `start` (B,) on.
    """
    # Rounded down: the last frame has a sample at least.
    edges = (first[:, None] + np.arange(count + 1)) * 1_600 // 3
    edges = np.clip(np.minimum(edges, lengths[:, None]) - start[:, None], 0, samples.shape[1])
    power = np.cumsum(np.square(samples, dtype=np.float64), 1)
    sums = np.where(edges > 0, np.take_along_axis(power, np.maximum(edges - 1, 0), 1), 0)
    mean = np.diff(sums) / np.maximum(np.diff(edges), 1)
    return (10 * np.log10(mean + 1e-12)).astype(np.float32)
