"""What espeak cannot do: tilt, tremor, breath, creak, dynamics and level of a finished speech signal.

Every function maps (n,) float32 at 16 kHz to the same length, so that the times of the speech sounds stay true.
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.ndimage import gaussian_filter1d, map_coordinates

from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.synthetic.emotions import Delivery

SPEECH_RMS = 0.06  # of a neutral utterance, about -24 dBFS
PEAK = 0.97
_STEP = 80  # envelopes are smooth: 5 ms steps suffice
_TREMOR_PITCH = 0.045  # largest change of pitch by tremor, as a ratio


def shape(samples: np.ndarray, how: Delivery, rng: np.random.Generator) -> np.ndarray:
    """Speech as espeak gave it -> speech of this delivery, at its level."""
    out = samples - samples.mean()
    if how.tremor:
        out = _tremor(out, how.tremor, rng)
    if how.creak:
        out = _creak(out, how.creak, rng)
    if how.punch != 1:
        out = _punch(out, how.punch)
    if how.breath:
        out = _breath(out, how.breath, rng)
    if how.tilt_db:
        out = tilt(out, how.tilt_db)
    rms = float(np.sqrt(np.mean(out**2))) or 1.0
    out = out * (SPEECH_RMS / rms * 10 ** (how.gain_db / 20))
    return np.asarray(out * min(1.0, PEAK / max(float(np.abs(out).max()), 1e-9)), np.float32)


def noise_floor(n: int, rms: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) float32: a room's very quiet hiss, darker than white."""
    white = rng.standard_normal(n + 1, np.float32)
    dark = white[1:] + white[:-1]
    return np.asarray(dark * (rms / np.sqrt(2)), np.float32)


def tilt(samples: np.ndarray, db_per_octave: float) -> np.ndarray:
    """Turn the spectrum about 1 kHz between 150 Hz and 6 kHz; flat outside."""
    length = next_fast_len(len(samples) + SAMPLE_RATE // 50)
    hz = rfftfreq(length, 1 / SAMPLE_RATE)
    octaves = np.log2(np.clip(hz, 150, 6000) / 1000)
    gain = (10 ** (db_per_octave * octaves / 20)).astype(np.float32)
    shaped = irfft(rfft(samples.astype(np.float32), length) * gain, length)
    return np.asarray(shaped[: len(samples)], np.float32)


def envelope(samples: np.ndarray, smooth_s: float) -> np.ndarray:
    """(n,) local root mean square, never zero."""
    blocks = -(-len(samples) // _STEP)
    power = np.zeros(blocks * _STEP)
    power[: len(samples)] = samples.astype(np.float64) ** 2
    coarse = gaussian_filter1d(power.reshape(blocks, _STEP).mean(1), smooth_s * SAMPLE_RATE / _STEP, mode="nearest")
    return _upsample(np.sqrt(coarse) + 1e-4, len(samples))


def _upsample(coarse: np.ndarray, n: int) -> np.ndarray:
    return np.interp(np.arange(n), (np.arange(len(coarse)) + 0.5) * _STEP, coarse)


def _wander(n: int, centre_hz: float, spread: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) phase in radians of an oscillation whose frequency drifts by `spread` (a ratio) around `centre_hz`."""
    blocks = -(-n // _STEP)
    drift = gaussian_filter1d(rng.standard_normal(blocks), 20, mode="nearest")
    hz = centre_hz * (1 + spread * drift / max(float(drift.std()), 1e-9))
    return rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.cumsum(_upsample(hz, n)) / SAMPLE_RATE


def _tremor(samples: np.ndarray, depth: float, rng: np.random.Generator) -> np.ndarray:
    """Amplitude and pitch shake together. Sounds move by about a millisecond at most."""
    hz = rng.uniform(6.5, 8.5)
    phase = _wander(len(samples), hz, 0.08, rng)
    shift = depth * _TREMOR_PITCH / (2 * np.pi * hz) * SAMPLE_RATE * np.sin(phase)
    bent = map_coordinates(samples.astype(np.float64), [np.arange(len(samples)) + shift], order=3, mode="nearest")
    return np.asarray(bent * (1 + depth * np.cos(phase)), np.float32)


def _creak(samples: np.ndarray, depth: float, rng: np.random.Generator) -> np.ndarray:
    """Irregular pulses at the rate of vocal fry."""
    phase = _wander(len(samples), rng.uniform(28, 36), 0.15, rng)
    pulses = (0.5 + 0.5 * np.cos(phase)) ** 2
    return np.asarray(samples * (1 - depth + depth * pulses * 8 / 3), np.float32)


def _punch(samples: np.ndarray, exponent: float) -> np.ndarray:
    """Raise the syllables' envelope to a power, within 12 dB."""
    level = envelope(samples, 0.04)
    gain = (level / level.max()) ** (exponent - 1)
    return np.asarray(samples * np.clip(gain, 0.25, 4.0), np.float32)


def _breath(samples: np.ndarray, amount: float, rng: np.random.Generator) -> np.ndarray:
    """Hiss around 4 kHz that follows the voice."""
    white = rng.standard_normal(len(samples) + 2, np.float32)
    hiss = (white[2:] - white[:-2]) / np.sqrt(2)
    return np.asarray(samples + amount * envelope(samples, 0.03) * hiss, np.float32)
