"""How late the sound of a recording is against its picture, and how sure that is.

Four measures of the mouth's shape are compared with the sound's level in four bands. At every lag the canonical
correlations of the two sets, normalised at that lag, give their mutual information (of Gaussians): a cross-correlation
that need not be told which band opens which part of the mouth. Its peak is the lag, to a fraction of a frame.

How sure: each half of the recording is asked by itself. Speech repeats its rhythm every few syllables, so a false
peak is common in seconds of it, but two halves seldom agree on one.
"""

from dataclasses import dataclass

import numpy as np

from emotalk.capture.sound import LEVELS_PER_S

MAX_LAG_S = 0.75
SHORTEST_S = 4.0  # of a recording; in less the two halves say nothing
LONGEST_S = 300.0  # from the middle of a recording: enough to be sure, and bounded work
PASS_HZ = (0.7, 8.0)  # syllables; slower is the phrase, faster is noise of the tracker
RIDGE = 0.1  # added to unit variances: fewer spurious correlations in short recordings
RANGE_DB = 45.0  # below the loudest; what lies lower is the room
PEAK_S = 0.1  # half a syllable: the next peak is another one
AGREE_S = 0.06  # two frames: how near each half's lag must be to the whole's
# Peak over the next one. Of 60 pairs of one's lips and another's sound (8 s) two reached the first with both halves
# agreeing, and none came over 1.5.
MIN_DISTINCT, VERY_DISTINCT = 1.25, 1.8
IN_SYNC_S = 0.05  # what broadcasters allow and the measure errs by: left as it is
MAX_CORRECTED_S = 0.4  # half the search range: farther away two false peaks could be as near


@dataclass(frozen=True)
class Offset:
    """How late the sound of a recording is against its picture.

    late_s: positive where the sound comes after the lips. distinct: its peak over the next highest. halves_s: what
    each half says by itself. sure: both halves agree with the whole and the peak is distinct, or one half does and the
    peak is very distinct; else `late_s` is the best guess and nobody should act on it.
    """

    late_s: float
    distinct: float
    halves_s: tuple[float, float]

    @property
    def sure(self) -> bool:
        near = [abs(half - self.late_s) <= AGREE_S for half in self.halves_s]
        return (all(near) and self.distinct >= MIN_DISTINCT) or (any(near) and self.distinct >= VERY_DISTINCT)

    @property
    def correction_s(self) -> float:
        """By how much the coefficients are to be moved later; 0 where in sync, not sure or too far."""
        wrong = self.sure and IN_SYNC_S < abs(self.late_s) <= MAX_CORRECTED_S
        return self.late_s if wrong else 0.0

    @property
    def too_far(self) -> bool:
        return self.sure and abs(self.late_s) > MAX_CORRECTED_S


def estimate_offset(
    times_s: np.ndarray, mouth: np.ndarray, bands: np.ndarray, *, sound_start_s: float
) -> Offset | None:
    """By how much the sound is late.

    times_s: (n,) seconds of the pictures in which a face was found. mouth: (n, k) any measures of the mouth's shape.
    bands: (m, j) levels in dB every 10 ms of a sound that starts at `sound_start_s` on the same clock.
    None where nothing can be told: under 4 s in common, a mouth that does not move, a sound without level.
    """
    level_times_s = sound_start_s + (np.arange(len(bands)) + 0.5) / LEVELS_PER_S
    if len(times_s) < 2 or len(bands) < 2:
        return None
    start_s, end_s = max(times_s[0], level_times_s[0]), min(times_s[-1], level_times_s[-1])
    if end_s - start_s < SHORTEST_S:
        return None
    middle_s = (start_s + end_s) / 2
    start_s, end_s = max(start_s, middle_s - LONGEST_S / 2), min(end_s, middle_s + LONGEST_S / 2)
    grid_s = np.arange(start_s, end_s, 1 / LEVELS_PER_S)
    audible = np.maximum(bands, np.percentile(bands, 99, axis=0) - RANGE_DB)
    lips, voice = _syllables(grid_s, times_s, mouth), _syllables(grid_s, level_times_s, audible)
    if lips.shape[1] == 0 or voice.shape[1] == 0:
        return None
    half = len(grid_s) // 2
    whole = _information(lips, voice)
    peak = int(whole.argmax())
    width = round(PEAK_S * LEVELS_PER_S)
    others = np.delete(whole, slice(max(0, peak - width), peak + width + 1))
    first, second = (_lag_s(_information(lips[part], voice[part])) for part in (slice(half), slice(half, None)))
    return Offset(_lag_s(whole), float(whole[peak] / max(others.max(), 1e-9)), (first, second))


def _syllables(grid_s: np.ndarray, times_s: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(n, k) -> (grid, k') band-passed at 100 Hz, without columns in which nothing happens."""
    from scipy.signal import butter, sosfiltfilt

    columns = np.stack([np.interp(grid_s, times_s, column) for column in values.T.astype(np.float64)], 1)
    passed = sosfiltfilt(butter(2, PASS_HZ, btype="band", fs=LEVELS_PER_S, output="sos"), columns, axis=0)
    return np.asarray(passed[:, passed.std(0) > 1e-6 * (1 + np.abs(columns).max(0))])


def _information(lips: np.ndarray, voice: np.ndarray) -> np.ndarray:
    """(2 · 75 + 1,) mutual information at lags of -0.75 … 0.75 s; at lag l the lips of t meet the voice of t + l."""
    longest = round(MAX_LAG_S * LEVELS_PER_S)
    return np.array([_at_lag(lips, voice, lag) for lag in range(-longest, longest + 1)])


def _at_lag(lips: np.ndarray, voice: np.ndarray, lag: int) -> float:
    count = len(lips) - abs(lag)
    x, y = lips[max(0, -lag) :][:count], voice[max(0, lag) :][:count]
    x, y = x - x.mean(0), y - y.mean(0)
    x, y = x / (x.std(0) + 1e-12), y / (y.std(0) + 1e-12)
    within_x = x.T @ x / count + RIDGE * np.eye(x.shape[1])
    within_y = y.T @ y / count + RIDGE * np.eye(y.shape[1])
    between = x.T @ y / count
    # The squared canonical correlations are the eigenvalues of this product, so 1 - r² multiply to a determinant.
    shared = np.linalg.solve(within_x, between) @ np.linalg.solve(within_y, between.T)
    return float(-0.5 * np.log(max(np.linalg.det(np.eye(len(shared)) - shared), 1e-12)))


def _lag_s(information: np.ndarray) -> float:
    """The place of the peak in seconds, by a parabola through it and its neighbours."""
    peak = int(information.argmax())
    shift = 0.0
    if 0 < peak < len(information) - 1:
        before, top, after = information[peak - 1 : peak + 2]
        shift = 0.5 * float(after - before) / max(float(2 * top - before - after), 1e-12)
    return (peak + shift) / LEVELS_PER_S - MAX_LAG_S
