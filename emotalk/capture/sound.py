"""What capture measures of a video's sound: its level in four bands, every 10 ms."""

from collections.abc import Iterable, Iterator

import numpy as np

from emotalk.audio import SAMPLE_RATE

LEVELS_PER_S = 100
HOP = SAMPLE_RATE // LEVELS_PER_S
WINDOW = 400  # samples, 25 ms around each hop's middle
# Voice bar, first formant, second formant, hiss: what opens a mouth, rounds it and closes its teeth.
BANDS_HZ = ((100, 400), (400, 1000), (1000, 2500), (2500, 7000))
FLOOR_DB = -100.0


class BandMeter:
    """Blocks of samples in, rows of `BANDS_HZ` levels out; the rows do not depend on how the sound was cut."""

    def __init__(self) -> None:
        self._held = np.zeros((WINDOW - HOP) // 2, np.float32)  # before the first sample there is silence
        self._taper = np.hanning(WINDOW)
        hz = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
        self._masks = np.array([(hz >= low) & (hz < high) for low, high in BANDS_HZ], np.float64)
        # A sine of amplitude 1 in one band is -3 dB, as its mean power is a half.
        self._scale = 2 / (WINDOW * np.square(self._taper).sum())

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 -> (m, 4) float32 in dB of full scale, those that are complete."""
        self._held = np.concatenate([self._held, samples])
        count = max((len(self._held) - WINDOW) // HOP + 1, 0)
        rows = self._levels(count)
        self._held = self._held[count * HOP :]
        return rows

    def flush(self) -> np.ndarray:
        """The rest; in all floor(n / 160) rows have then come out."""
        rest = len(self._held) - (WINDOW - HOP) // 2
        count = max(rest // HOP, 0)
        self._held = np.pad(self._held, (0, WINDOW))
        return self._levels(count)

    def _levels(self, count: int) -> np.ndarray:
        if not count:
            return np.zeros((0, len(BANDS_HZ)), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(self._held, WINDOW)[::HOP][:count]
        rows = []
        for first in range(0, count, 1000):  # a minute at once would be 40 MB
            power = np.abs(np.fft.rfft(windows[first : first + 1000] * self._taper)) ** 2 * self._scale
            rows.append(power @ self._masks.T)
        return np.maximum(10 * np.log10(np.concatenate(rows) + 1e-20), FLOOR_DB).astype(np.float32)


def measure_bands(samples: Iterable[np.ndarray]) -> np.ndarray:
    """Blocks of one sound -> (m, 4) float32 levels in dB."""
    return np.concatenate(list(_all(BandMeter(), samples)))


def _all(meter: BandMeter, samples: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for block in samples:
        yield meter.push(block)
    yield meter.flush()


def power_of_bands(bands: np.ndarray) -> np.ndarray:
    """(m, 4) levels in dB -> (m,) the power of all bands together."""
    return np.asarray(np.sum(10 ** (bands.astype(np.float64) / 10), axis=1))
