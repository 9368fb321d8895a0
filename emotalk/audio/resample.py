"""Any sample rate to 16 kHz, block by block, with one answer whatever the blocks.

A linear-phase polyphase filter: output m is the input, low-passed, at input position m · rate / 16000, so there is no
delay, and n samples give exactly ceil(n · 16000 / rate). Before the first and after the last the signal is zero.
"""

from math import ceil, gcd

import numpy as np

from emotalk.errors import InputError

SAMPLE_RATE = 16_000  # Hz of every waveform inside this package
MIN_RATE, MAX_RATE = 1_000, 384_000  # Hz; outside lie broken headers, not recordings

ZERO_CROSSINGS = 24  # of the sinc on each side
KAISER_BETA = 9.0  # 90 dB stop band
PASS_BAND = 0.94  # cut-off as a part of the lower Nyquist frequency: the transition ends where aliases would be heard
MIN_BLOCK = 16_384  # input samples gathered before the filter runs


class Resampler:
    """Pushes samples of `rate` Hz in, takes 16 kHz samples out. One instance serves one recording.

    The concatenation of all results of `push` and the one of `flush` does not depend on how the input was cut.
    """

    def __init__(self, rate: int) -> None:
        if not MIN_RATE <= rate <= MAX_RATE:
            raise InputError(f"a sample rate of {rate} Hz is not usable ({MIN_RATE}–{MAX_RATE} Hz are)")
        divisor = gcd(rate, SAMPLE_RATE)
        self._up, self._down = SAMPLE_RATE // divisor, rate // divisor
        widest = max(self._up, self._down)
        # A multiple of `down`, so that the filter's delay is a whole number of output samples.
        self._half = self._down * ceil(ZERO_CROSSINGS * widest / self._down)
        self._taps = _low_pass(self._half, PASS_BAND / widest) * np.float32(self._up)
        # Rates that share no divisor with 16 kHz make long filters, whose set-up at every run wants longer blocks.
        self._block = max(MIN_BLOCK, len(self._taps) // 8)
        self._history = 2 * self._half // self._up + 1  # input samples that an output still needs behind it
        self._kept = np.empty(0, np.float32)  # input from `_start` on
        self._start = 0  # index of the first kept input sample, a multiple of `down`
        self._received = 0
        self._sent = 0
        self._pending: list[np.ndarray] = []
        self._pending_samples = 0

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 in -> the outputs (m,) float32 that no later input can change; often none."""
        if self._up == self._down:
            return samples
        self._received += len(samples)
        self._pending.append(samples)
        self._pending_samples += len(samples)
        if self._pending_samples < self._block:
            return np.empty(0, np.float32)
        # The last output whose whole filter lies before the end of the input.
        return self._run((self._received * self._up - 1 - self._half) // self._down + 1)

    def flush(self) -> np.ndarray:
        """The tail; in all ceil(received · 16000 / rate) samples have then come out."""
        if self._up == self._down:
            return np.empty(0, np.float32)
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


def _low_pass(half: int, cutoff: float) -> np.ndarray:
    """(2 · half + 1,) float32 windowed sinc of sum 1; `cutoff` as a part of the Nyquist frequency."""
    position = np.arange(-half, half + 1)
    taps = cutoff * np.sinc(cutoff * position) * np.kaiser(len(position), KAISER_BETA)
    return (taps / taps.sum()).astype(np.float32)
