"""A recording in numbers: moments of 0.1 s, and blocks of 8 s of them. Both are pure functions of their own sound.

Music, as the two things that speech does not do. Its partials stand still: the peaks of a spectrum are where those of
the moment before were (after the continuous frequency activation of Seyerlehner et al. 2007, "Automatic music detection
in television productions"). Or its beats come at equal distances: the rise of the loudness agrees with itself some time
later (Tzanetakis & Cook 2002, "Musical genre classification of audio signals").
"""

import numpy as np
from scipy.fft import rfft
from scipy.ndimage import uniform_filter1d

from emotalk.audio import SAMPLE_RATE
from emotalk.controls import Shaping

MOMENT = SAMPLE_RATE // 10  # samples; three frames of an animation
BLOCK = 80  # moments
SPECTRUM_EVERY = 4  # moments
BLOCK_S = BLOCK * MOMENT / SAMPLE_RATE
PARTS = 5  # of a moment, whose loudness is known: 50 per second
CENTI = 100  # levels are whole hundredths of a dB
FLOOR_DB = -120.0
SILENCE_DBFS = Shaping.silence_dbfs  # where the mouth is kept closed, unless controls say otherwise

CLIPPED_AT, CLIPPED_RUN = 0.95, 3  # a clipped peak stays near full scale after resampling and after a lossy codec

# 10 Hz per line of the spectrum.
PEAK_LINES = slice(10, 394)  # 100 Hz to 3.9 kHz: 384 bits
PEAK_OVER, AROUND_LINES = np.float32(8.0 / 10 * np.log(10)), 21  # 8 dB over the mean around it
LOW_LINES, HIGH_LINES = slice(30, 340), slice(430, 760)  # a telephone carries the one and not the other
ACTIVE_DB = 20.0  # below the block's mean level: quieter moments have no say
BEAT_LAGS = slice(10, 100)  # 0.2 s to 2 s: 300 to 30 beats per minute
BEAT_DB = 40.0  # loudness further below the block's loudest is silence

MOMENTS = np.dtype(
    [
        ("level", "<i2"),
        ("offset", "<f4"),
        ("clipped", "<u2"),
        ("high", "<i2"),
        ("parts", "<i2", PARTS),
        ("peaks", "u1", 48),
    ]
)
# `silent`: a bit per moment. `level`, `high`: of the moments that are not. `count`: moments; only the last has fewer.
BLOCKS = np.dtype(
    [
        ("count", "u1"),
        ("silent", "u1", BLOCK // 8),
        ("power", "<f4"),
        ("offset", "<f4"),
        ("clipped", "<f4"),
        ("high", "<i2"),
        ("steady", "<f4"),
        ("beat", "<f4"),
    ]
)
_WINDOW = np.hanning(MOMENT).astype(np.float32)
_AT_ONCE = 50  # moments, that a processor's cache holds
# An FFT's last bits depend on how many it is asked for together: always so many, filled up with silence.
_SPECTRA_AT_ONCE = 26  # the most that so many moments have


def moments_of(samples: np.ndarray, first: int) -> np.ndarray:
    """(n, MOMENT) float32 at 16 kHz, from the recording's moment `first` on -> (n,) of MOMENTS.

    Of every four moments, two neighbours have a spectrum: that is enough to compare, and half the work.
    """
    out = np.zeros(len(samples), MOMENTS)
    for begin in range(0, len(samples), _AT_ONCE):
        here = slice(begin, begin + _AT_ONCE)
        _fill(out[here], samples[here], first + begin)
    return out


def _fill(out: np.ndarray, samples: np.ndarray, first: int) -> None:
    offset = samples.mean(1, keepdims=True)
    centred = samples - offset
    cut = centred.reshape(-1, MOMENT // PARTS)
    parts = (np.einsum("ij,ij->i", cut, cut) * (PARTS / MOMENT)).reshape(-1, PARTS)
    out["offset"] = offset[:, 0]
    out["parts"] = _centi_db(parts)
    out["level"] = _centi_db(parts.mean(1))
    out["clipped"] = _clipped(samples)
    chosen = np.flatnonzero((np.arange(first, first + len(samples)) % SPECTRUM_EVERY) < 2)
    padded = np.zeros((_SPECTRA_AT_ONCE, MOMENT), np.float32)
    padded[: len(chosen)] = centred[chosen]
    high, peaks = _spectra(padded)
    out["high"][chosen], out["peaks"][chosen] = high[: len(chosen)], peaks[: len(chosen)]


def _spectra(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, MOMENT) -> level of the high lines against the low ones (n,), and peaks as bits (n, 48)."""
    lines = rfft(samples * _WINDOW, axis=1)[:, : HIGH_LINES.stop]
    power = lines.real**2 + lines.imag**2 + np.float32(1e-7)
    spectrum = np.log(power[:, PEAK_LINES])
    peaks = spectrum - uniform_filter1d(spectrum, AROUND_LINES, axis=1) > PEAK_OVER
    return _centi_db(power[:, HIGH_LINES].sum(1) / power[:, LOW_LINES].sum(1)), np.packbits(peaks, axis=1)


def _centi_db(power: np.ndarray) -> np.ndarray:
    decibel = 10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10)))
    return np.rint(CENTI * decibel).astype(np.int16)


def _clipped(samples: np.ndarray) -> np.ndarray:
    """(n, m) -> (n,) samples near full scale, in runs of `CLIPPED_RUN` and more."""
    if max(samples.max(), -samples.min()) < CLIPPED_AT:
        return np.zeros(len(samples), np.uint16)
    loud = np.abs(samples) >= CLIPPED_AT
    inside = loud[:, 2:] & loud[:, 1:-1] & loud[:, :-2]
    padded = np.pad(inside, ((0, 0), (2, 2)))
    return (padded[:, 2:] | padded[:, 1:-1] | padded[:, :-2]).sum(1).astype(np.uint16)


def block_of(moments: np.ndarray) -> np.ndarray:
    """(n <= BLOCK,) of MOMENTS -> (1,) of BLOCKS."""
    out = np.zeros(1, BLOCKS)
    level = moments["level"] / CENTI
    heard = level > SILENCE_DBFS
    out["count"] = len(moments)
    out["silent"][0, : -(-len(moments) // 8)] = np.packbits(~heard)
    out["offset"] = np.sort(moments["offset"])[
        len(moments) // 2
    ]  # the median: what is clipped on one side has one only where it is loud
    out["clipped"] = moments["clipped"].sum(dtype=np.int64) / (len(moments) * MOMENT)
    if not heard.any():
        return out
    power = np.mean(10 ** (level[heard] / 10))
    out["power"] = power
    active = heard & (level > 10 * np.log10(power) - ACTIVE_DB)
    with_spectrum = np.arange(len(moments)) % SPECTRUM_EVERY < 2
    ranked = np.sort(moments["high"][active & with_spectrum])
    out["high"] = ranked[9 * (len(ranked) - 1) // 10] if len(ranked) else 0
    last = len(moments) // SPECTRUM_EVERY * SPECTRUM_EVERY
    pairs = slice(0, last, SPECTRUM_EVERY), slice(1, last, SPECTRUM_EVERY)
    both = active[pairs[0]] & active[pairs[1]]
    out["steady"] = _agreement(*(moments["peaks"][pair][both] for pair in pairs))
    out["beat"] = _beat(moments["parts"].ravel() / CENTI)
    return out


def _agreement(first: np.ndarray, second: np.ndarray) -> float:
    """(n, 48) bits each: how well peaks of spectra agree from one moment to the next: their mean correlation (phi)."""
    if not len(first):
        return 0.0
    before, after = np.unpackbits(first, axis=1), np.unpackbits(second, axis=1)
    lines = before.shape[1]
    one, other = before.sum(1, dtype=np.int64), after.sum(1, dtype=np.int64)
    shared = (before & after).sum(1, dtype=np.int64)
    spread = np.sqrt((one * (lines - one) * other * (lines - other)).astype(np.float64))
    return float(np.mean(np.where(spread > 0, (lines * shared - one * other) / np.maximum(spread, 1), 0)))


def _beat(loudness: np.ndarray) -> float:
    """(n,) dBFS, 50 per second -> the largest autocorrelation of its rises at a beat's distance, 0 to 1."""
    if len(loudness) < 2 * BEAT_LAGS.stop:
        return 0.0
    known = np.maximum(loudness, max(loudness.max() - BEAT_DB, SILENCE_DBFS))
    rises = np.maximum(np.diff(known), 0)
    rises = rises - rises.mean()
    agreement = np.correlate(rises, rises, "full")[len(rises) - 1 :]
    return float(agreement[BEAT_LAGS].max() / agreement[0]) if agreement[0] > 0 else 0.0
