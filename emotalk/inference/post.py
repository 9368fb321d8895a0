"""Post-processing, in its one order: smoothing, silence gate, blinks, clamp. All but the smoothing is causal.

A head's pose, in columns behind the coefficients, is smoothed and comes to rest in the tail, at zero: its mean pose.

A `PostProcessor` takes frames in pieces of any size and gives the same frames back as it would for one piece.
"""

import numpy as np

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.controls import Controls

POST_VERSION = 3  # part of every completion key, as the window plan's

SMOOTHING = np.array([-3, 12, 17, 12, -3], np.float32) / 35  # Savitzky-Golay, window 5, order 2
SMOOTHING_FUTURE_FRAMES = 2

SILENCE_DBFS = -60.0
GATE_OPENS, GATE_CLOSES = 0.5, 0.2  # share of the way per frame: two frames to open, five to close

BLINK = np.array([0.25, 0.7, 1.0, 1.0, 0.75, 0.4, 0.15], np.float32)  # seven frames, faster down than up
EYES = (INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"])

# What speech moves; expression (smile, frown, dimple, press) stays on a silent face.
SPEECH = tuple(
    i
    for name, i in INDEX.items()
    if name.startswith(("jaw", "mouth", "tongue"))
    and not name.startswith(("mouthSmile", "mouthFrown", "mouthDimple", "mouthPress"))
)


class PostProcessor:
    """Raw frames (n, 52), or with a head (n, 58), and their loudness (n,) in dBFS -> finished ones two frames later."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._window = np.zeros((0, len(COEFFICIENTS)), np.float32)
        self._loudness = np.zeros(0, np.float32)
        self._gate = 0.0
        self._frame = 0
        self._last = np.zeros(len(COEFFICIENTS), np.float32)

    def push(self, raw: np.ndarray, loudness: np.ndarray) -> np.ndarray:
        if not len(raw):
            return raw
        if not self._controls.smoothing:
            return self._finish(raw, loudness)
        if not len(self._window):
            # The start is held: frame 0 needs its two successors only, however short the clip.
            self._window = np.repeat(raw[:1], SMOOTHING_FUTURE_FRAMES, 0)
        self._window = np.concatenate([self._window, raw])
        self._loudness = np.concatenate([self._loudness, loudness])
        return self._smooth()

    def flush(self) -> np.ndarray:
        """The frames still held back, then the tail in which the face comes to rest."""
        out = np.zeros((0, len(self._last)), np.float32)
        if len(self._window):
            self._window = np.concatenate([self._window, np.repeat(self._window[-1:], SMOOTHING_FUTURE_FRAMES, 0)])
            out = self._smooth()
        return np.concatenate([out, self._tail()])

    def _smooth(self) -> np.ndarray:
        ready = len(self._window) - 2 * SMOOTHING_FUTURE_FRAMES
        if ready <= 0:
            return self._window[:0]
        smooth = np.zeros((ready, self._window.shape[1]), np.float32)
        for offset, weight in enumerate(SMOOTHING):
            smooth += weight * self._window[offset : offset + ready]
        loudness = self._loudness[:ready]
        self._window, self._loudness = self._window[ready:], self._loudness[ready:]
        return self._finish(smooth, loudness)

    def _finish(self, frames: np.ndarray, loudness: np.ndarray) -> np.ndarray:
        frames = frames.copy()
        if self._controls.silence_gate:
            frames[:, SPEECH] *= self._gates(loudness)[:, None]
        self._last = frames[-1].copy()  # the eyes as they are without the blink: the tail eases from there
        return self._blink_and_clamp(frames)

    def _gates(self, loudness: np.ndarray) -> np.ndarray:
        gates = np.empty(len(loudness), np.float32)
        for i, loud in enumerate(loudness > SILENCE_DBFS):
            self._gate = min(1.0, self._gate + GATE_OPENS) if loud else max(0.0, self._gate - GATE_CLOSES)
            gates[i] = self._gate
        return gates

    def _tail(self) -> np.ndarray:
        count = round(self._controls.tail_s * 30)
        if not self._frame or not count:
            return np.zeros((0, len(self._last)), np.float32)
        ease = (1 + np.cos(np.pi * np.arange(1, count + 1) / count)) / 2
        return self._blink_and_clamp((self._last * ease[:, None]).astype(np.float32))

    def _blink_and_clamp(self, frames: np.ndarray) -> np.ndarray:
        lids = blink_track(self._frame, len(frames), self._controls)
        frames[:, EYES] = np.maximum(frames[:, EYES], lids[:, None])
        self._frame += len(frames)
        face = frames[:, : len(COEFFICIENTS)]
        np.clip(face, 0, 1, out=face)
        return frames


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
        at = number * cell + int(np.random.default_rng((controls.seed % 2**32, number)).integers(0, room + 1)) - first
        for offset, closure in enumerate(BLINK):
            if 0 <= at + offset < count:
                track[at + offset] = closure
    return track


def loudness_dbfs(samples: np.ndarray, first: int, count: int) -> np.ndarray:
    """(count,) loudness of frames `first`… of (n,) samples: mean power of the frame's own 33 ms, in dBFS."""
    edges = np.arange(first, first + count + 1) * 1_600 // 3  # rounded down: the last frame has a sample at least
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    edges = np.minimum(edges, len(samples))
    mean = (power[edges[1:]] - power[edges[:-1]]) / np.maximum(np.diff(edges), 1)
    return (10 * np.log10(mean + 1e-12)).astype(np.float32)
