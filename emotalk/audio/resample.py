"""Any sample rate to 16 kHz, block by block, with one answer whatever the blocks.

A linear-phase filter: output m is the input, low-passed, at input position m · rate / 16000, so there is no delay, and
n samples give exactly ceil(n · 16000 / rate). Before the first and after the last the signal is zero.

Where 16 kHz and the rate are small multiples of something (44.1 kHz: 160 and 441), a polyphase filter holds every phase
there is. A rate such as 44,101 Hz has 16,000 of them; then the filter stands in a table at `PHASES` places between two
input samples and is interpolated for those in between. Positions are whole numbers in both, so nothing drifts.
"""

from functools import lru_cache
from math import ceil, gcd
from typing import Protocol

import numpy as np

from emotalk.errors import InputError

SAMPLE_RATE = 16_000  # Hz of every waveform inside this package
MIN_RATE, MAX_RATE = 1_000, 384_000  # Hz; outside lie broken headers, not recordings

ZERO_CROSSINGS = 24  # of the sinc on each side
KAISER_BETA = 9.0  # 90 dB stop band
PASS_BAND = 0.94  # cut-off as a part of the lower Nyquist frequency: the transition ends where aliases would be heard
MIN_BLOCK = 16_384  # input samples gathered before the filter runs
MAX_RATIO = 1_024  # of a ratio in lowest terms: a polyphase filter has 48 times as many taps
PHASES = 512  # linear interpolation between them errs by less than 110 dB below the signal
TABLE_OUTPUTS = 1_024  # outputs computed together with the table; always as many, so that the cuts cannot matter
PROMPT_OUTPUTS = 32  # … of a resampler that must not wait: 2 ms


class _Method(Protocol):
    """How one recording is resampled. filter_size: numbers that its filter holds."""

    filter_size: int

    def push(self, samples: np.ndarray) -> np.ndarray: ...
    def flush(self) -> np.ndarray: ...


class Resampler:
    """Pushes samples of `rate` Hz in, takes 16 kHz samples out. One instance serves one recording.

    The concatenation of all results of `push` and the one of `flush` does not depend on how the input was cut.
    prompt: for who waits: nothing is held back beyond the filter's reach (1.5 ms for 48 kHz), at some cost of speed.
    filter_size: numbers that the filter holds; under 600,000 whatever the rate.
    """

    def __init__(self, rate: int, *, prompt: bool = False) -> None:
        if not MIN_RATE <= rate <= MAX_RATE or rate != int(rate):
            raise InputError(f"a sample rate of {rate} Hz is not usable (whole {MIN_RATE}–{MAX_RATE} Hz are)")
        rate = int(rate)
        divisor = gcd(rate, SAMPLE_RATE)
        up, down = SAMPLE_RATE // divisor, rate // divisor
        self._method: _Method | None = None
        if up != down:
            kind = _Polyphase if max(up, down) <= MAX_RATIO else _Interpolated
            self._method = kind(up, down, prompt)
        self.filter_size = self._method.filter_size if self._method else 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 in -> the outputs (m,) float32 that no later input can change; often none."""
        return self._method.push(samples) if self._method else samples

    def flush(self) -> np.ndarray:
        """The tail; in all ceil(received · 16000 / rate) samples have then come out."""
        return self._method.flush() if self._method else np.empty(0, np.float32)


class _Polyphase:
    """Every phase has its own taps; `up` / `down` in lowest terms."""

    def __init__(self, up: int, down: int, prompt: bool) -> None:
        self._up, self._down = up, down
        self._block = 1 if prompt else MIN_BLOCK
        widest = max(up, down)
        # A multiple of `down`, so that the filter's delay is a whole number of output samples.
        self._half = down * ceil(ZERO_CROSSINGS * widest / down)
        self._taps = _low_pass(self._half, PASS_BAND / widest) * np.float32(up)
        self.filter_size = len(self._taps)
        self._history = 2 * self._half // up + 1  # input samples that an output still needs behind it
        self._kept = np.empty(0, np.float32)  # input from `_start` on
        self._start = 0  # index of the first kept input sample, a multiple of `down`
        self._received = 0
        self._sent = 0
        self._pending: list[np.ndarray] = []
        self._pending_samples = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        self._received += len(samples)
        self._pending.append(samples)
        self._pending_samples += len(samples)
        if self._pending_samples < self._block:
            return np.empty(0, np.float32)
        # The last output whose whole filter lies before the end of the input.
        return self._run((self._received * self._up - 1 - self._half) // self._down + 1)

    def flush(self) -> np.ndarray:
        return self._run(-(-self._received * self._up // self._down))

    def _run(self, stop: int) -> np.ndarray:
        """Outputs from the next one up to `stop` (exclusive)."""
        from scipy.signal import upfirdn

        self._kept = np.concatenate([self._kept, *self._pending])
        self._pending, self._pending_samples = [], 0
        if stop <= self._sent:
            return np.empty(0, np.float32)
        # upfirdn's output j is the filter at input time (j · down - half) / up after the first kept sample.
        offset = self._half // self._down - self._start // self._down * self._up
        needed = (stop - 1 + offset) * self._down  # position in the upsampled, filtered signal
        missing = -(-(needed + 1 - 2 * self._half) // self._up) - len(self._kept)
        signal = np.pad(self._kept, (0, max(missing, 0)))
        out = upfirdn(self._taps, signal, self._up, self._down)[self._sent + offset : stop + offset]
        self._sent = stop
        oldest = (self._sent * self._down) // self._up - self._history  # first input that later outputs may touch
        drop = (oldest - self._start) // self._down * self._down
        if drop > 0:
            self._kept = self._kept[drop:].copy()
            self._start += drop
        return np.ascontiguousarray(out, np.float32)


class _Interpolated:
    """Taps from a table of `PHASES` phases, interpolated; for ratios that have too many phases of their own."""

    def __init__(self, up: int, down: int, prompt: bool) -> None:
        self._up, self._down = up, down
        self._block, self._outputs = (1, PROMPT_OUTPUTS) if prompt else (MIN_BLOCK, TABLE_OUTPUTS)
        self._table = _phase_table(max(1.0, down / up))  # (PHASES + 1, taps)
        self.filter_size = self._table.size
        self._reach = self._table.shape[1] // 2  # input samples on each side of an output
        self._kept = np.zeros(self._reach, np.float32)  # input from `_start` on; before the first it is zero
        self._start = -self._reach
        self._received = 0
        self._sent = 0  # a multiple of `_outputs`
        self._pending: list[np.ndarray] = []
        self._pending_samples = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        self._received += len(samples)
        self._pending.append(samples)
        self._pending_samples += len(samples)
        if self._pending_samples < self._block:
            return np.empty(0, np.float32)
        return self._run()

    def flush(self) -> np.ndarray:
        count = -(-self._received * self._up // self._down)
        missing = self._end_of(-(-count // self._outputs) * self._outputs) - self._received
        already = self._sent
        self._pending.append(np.zeros(max(missing, 0), np.float32))
        return self._run()[: count - already]

    def _end_of(self, outputs: int) -> int:
        """The number of input samples that so many outputs need."""
        return (outputs - 1) * self._down // self._up + self._reach + 1

    def _run(self) -> np.ndarray:
        """All whole groups of outputs that the input so far is enough for."""
        self._kept = np.concatenate([self._kept, *self._pending])
        self._pending, self._pending_samples = [], 0
        end = self._start + len(self._kept)
        out = [np.empty(0, np.float32)]
        while self._end_of(self._sent + self._outputs) <= end:
            out.append(self._group())
            self._sent += self._outputs
        oldest = self._sent * self._down // self._up - self._reach + 1
        if oldest > self._start:
            self._kept = self._kept[oldest - self._start :].copy()
            self._start = oldest
        return np.concatenate(out)

    def _group(self) -> np.ndarray:
        """The next `_outputs` outputs."""
        whole, part = np.divmod(np.arange(self._sent, self._sent + self._outputs) * self._down, self._up)
        phase, between = np.divmod(part * PHASES, self._up)
        first = whole - self._reach + 1 - self._start
        windows = np.lib.stride_tricks.sliding_window_view(self._kept, self._table.shape[1])[first]
        before = np.einsum("ot,ot->o", windows, self._table[phase])
        after = np.einsum("ot,ot->o", windows, self._table[phase + 1])
        return before + (between / self._up).astype(np.float32) * (after - before)


@lru_cache(maxsize=8)
def _low_pass(half: int, cutoff: float) -> np.ndarray:
    """(2 · half + 1,) float32 windowed sinc of sum 1; `cutoff` as a part of the Nyquist frequency."""
    position = np.arange(-half, half + 1)
    taps = cutoff * np.sinc(cutoff * position) * np.kaiser(len(position), KAISER_BETA)
    return (taps / taps.sum()).astype(np.float32)


@lru_cache(maxsize=2)  # of up to 600,000 numbers each
def _phase_table(ratio: float) -> np.ndarray:
    """(PHASES + 1, taps) float32: row p weighs the input around an output that lies p / PHASES after a sample.

    The same windowed sinc as `_low_pass`; `ratio` is how much lower the rate becomes, at least 1. Tap k of `taps`
    belongs to the input sample k + 1 - taps / 2 after that sample.
    """
    half = ZERO_CROSSINGS * ratio
    reach = ceil(half) + 1
    time = np.arange(PHASES + 1)[:, None] / PHASES - np.arange(1 - reach, reach + 1)
    inside = np.maximum(1 - (time / half) ** 2, 0)
    taps = np.sinc(PASS_BAND / ratio * time) * np.i0(KAISER_BETA * np.sqrt(inside)) * (np.abs(time) <= half)
    return (taps / taps[:-1].sum() * PHASES).astype(np.float32)
