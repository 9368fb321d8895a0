"""Dynamic time warping: two recordings of the same words, aligned by their sound alone.

Cepstra of 50 Hz, each normalised over its clip, so that level, microphone and voice matter little. The path's slope
stays between 1/2 and 2 (Sakoe & Chiba 1978, their P = 1: no two steps of one clip without one of the other). All pairs
are warped side by side, which is what makes it fast without compiled code.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from scipy.fft import dct, rfft

from emotalk.audio.mel import mel_filters
from emotalk.audio.resample import SAMPLE_RATE
from emotalk.timewarp.maps import TimeMap, knots

HOP_SAMPLES = 320  # 20 ms
WINDOW_SAMPLES = 512
BANDS, CEPSTRA = 40, 13
FLOOR = 1e-4  # 40 dB below the clip's level all is silence
SIDE_BY_SIDE = 16  # pairs whose tables are in memory at once: 16 · 500² numbers for clips of ten seconds
_HEARD_TWICE, _TARGET_TWICE = 1, 2  # steps of two frames in one clip and one in the other; 0: one in both


def warp(pairs: Sequence[tuple[int, int]], samples: Mapping[int, np.ndarray]) -> list[TimeMap | None]:
    """(target, heard) keys of `samples`, (n,) each at 16 kHz -> where each target is heard, in the pairs' order.

    None where one is more than twice as long as the other: no path of these slopes leads from end to end.
    """
    tracks = {key: cepstra(samples[key]) for key in sorted({key for pair in pairs for key in pair})}
    # Alike in length beside each other: tables are as large as the largest.
    order = sorted(range(len(pairs)), key=lambda i: len(tracks[pairs[i][0]]))
    out: list[TimeMap | None] = [None] * len(pairs)
    for start in range(0, len(order), SIDE_BY_SIDE):
        chosen = order[start : start + SIDE_BY_SIDE]
        paths = _paths([(tracks[pairs[i][0]], tracks[pairs[i][1]]) for i in chosen])
        for i, path in zip(chosen, paths, strict=True):
            if path is not None:
                ends = [len(samples[key]) / SAMPLE_RATE for key in pairs[i]]
                times_s = np.vstack([path * HOP_SAMPLES / SAMPLE_RATE, ends])
                out[i] = knots(*np.minimum(times_s, ends).T)
    return out


def cepstra(samples: np.ndarray) -> np.ndarray:
    """(n,) -> (ceil(n / 320), 13) float32, column k at k · 20 ms; mean 0 and variance 1 over the clip."""
    frames = -(-len(samples) // HOP_SAMPLES)
    padded = np.zeros((frames - 1) * HOP_SAMPLES + WINDOW_SAMPLES + HOP_SAMPLES, np.float32)
    padded[WINDOW_SAMPLES // 2 : WINDOW_SAMPLES // 2 + len(samples)] = samples
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::HOP_SAMPLES][:frames]
    window, filters = _analysis()
    bands = np.square(np.abs(rfft(pieces * window))) @ filters
    level = max(float(np.percentile(bands.mean(1), 95)), 1e-10)
    track = dct(np.log(bands / level + FLOOR), type=2, norm="ortho", axis=1)[:, :CEPSTRA]
    return np.asarray((track - track.mean(0)) / np.maximum(track.std(0), 1e-6), np.float32)


@cache
def _analysis() -> tuple[np.ndarray, np.ndarray]:
    return np.hanning(WINDOW_SAMPLES).astype(np.float32), mel_filters(BANDS, WINDOW_SAMPLES)


def _paths(tracks: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray | None]:
    """Pairs of (T, C) and (L, C) -> the cheapest path of each, (steps, 2) column numbers, or None."""
    rows, columns = (max(len(pair[side]) for pair in tracks) for side in (0, 1))
    cost = np.full((rows, len(tracks), columns), np.inf, np.float32)
    for i, (target, heard) in enumerate(tracks):
        squares = np.square(target).sum(1)[:, None] + np.square(heard).sum(1) - 2 * target @ heard.T
        cost[: len(target), i, : len(heard)] = np.sqrt(np.maximum(squares, 0))
    taken = np.zeros(cost.shape, np.int8)
    last = np.full(cost.shape[1:], np.inf, np.float32)  # cheapest way to each column of the row before
    last[:, 0] = cost[0, :, 0]
    before = np.full_like(last, np.inf)  # and of the one before that
    reached = [last]
    for row in range(1, rows):
        now = cost[row]
        # A step counts as often as it moves on in both clips together, so that long and short ways compare.
        here = np.full_like(last, np.inf)
        here[:, 1:] = last[:, :-1] + 2 * now[:, 1:]
        skipping = np.full_like(last, np.inf)
        skipping[:, 2:] = last[:, :-2] + 2 * now[:, 1:-1] + now[:, 2:]
        waiting = np.full_like(last, np.inf)
        waiting[:, 1:] = before[:, :-1] + 2 * cost[row - 1, :, 1:] + now[:, 1:]
        for step, way in ((_HEARD_TWICE, skipping), (_TARGET_TWICE, waiting)):
            np.copyto(taken[row], step, where=way < here)
            np.minimum(here, way, out=here)
        before, last = last, here
        reached.append(here)
    return [
        _traced(taken[:, i], len(target) - 1, len(heard) - 1)
        if np.isfinite(reached[len(target) - 1][i, len(heard) - 1])
        else None
        for i, (target, heard) in enumerate(tracks)
    ]


def _traced(taken: np.ndarray, row: int, column: int) -> np.ndarray:
    """From the end back to the start."""
    path = [(row, column)]
    while row or column:
        step = taken[row, column]
        row -= 2 if step == _TARGET_TWICE else 1
        column -= 2 if step == _HEARD_TWICE else 1
        path.append((row, column))
    return np.array(path[::-1], float)
