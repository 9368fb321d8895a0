"""Recordings as the world makes them: other voices, rooms, microphones and levels, from one clean recording.

Each effect is seeded, so a resumed run hears the same sounds again.
"""

from dataclasses import dataclass

import numpy as np
from scipy import signal

from emotalk.audio import SAMPLE_RATE
from emotalk.timing import frames_of

SILENCE_RMS = 1e-4


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How far recordings are changed; each range is drawn from uniformly.

    speed: factors of playback speed, which shift pitch and formants alike: another throat. Coefficients follow.
    gain_db, tilt_db: level, and random bends of the spectrum. snr_db: coloured noise under the voice.
    reverberation: share of clips that stand in a room. clean: share of clips that are left as they are.
    """

    speed: tuple[float, float] = (0.9, 1.12)
    gain_db: tuple[float, float] = (-24.0, 6.0)
    tilt_db: float = 5.0
    snr_db: tuple[float, float] = (15.0, 50.0)
    reverberation: float = 0.2
    clean: float = 0.25


def augment(
    samples: np.ndarray, weights: np.ndarray, config: AugmentConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) samples and their coefficients (frames, 52) -> both changed; frames stay ceil(30 n / 16000)."""
    if rng.random() < config.clean:
        return samples, weights
    samples, weights = _speed(samples, weights, rng.uniform(*config.speed))
    samples = _colour(samples, config.tilt_db, rng)
    if rng.random() < config.reverberation:
        samples = _room(samples, rng)
    samples = samples + _noise(samples, rng.uniform(*config.snr_db), rng)
    samples = samples * 10 ** (rng.uniform(*config.gain_db) / 20)
    return np.clip(samples, -1, 1).astype(np.float32), weights


def _speed(samples: np.ndarray, weights: np.ndarray, factor: float) -> tuple[np.ndarray, np.ndarray]:
    count = max(1, round(len(samples) / factor))
    frames = frames_of(count)
    # Linear interpolation is enough here: what it dulls above 6 kHz, the random equaliser bends more.
    slower = np.interp(np.arange(count) * factor, np.arange(len(samples)), samples)
    position = np.minimum(np.arange(frames) * factor, len(weights) - 1)
    left = position.astype(int)
    share = (position - left)[:, None]
    right = np.minimum(left + 1, len(weights) - 1)
    return slower, (weights[left] * (1 - share) + weights[right] * share).astype(np.float32)


def _colour(samples: np.ndarray, bend_db: float, rng: np.random.Generator) -> np.ndarray:
    """A smooth random equaliser over seven octave-spaced points."""
    points = np.geomspace(60, SAMPLE_RATE / 2, 7)
    gains = rng.uniform(-bend_db, bend_db, len(points))
    taps = signal.firwin2(129, [0, *points], 10 ** (np.concatenate([gains[:1], gains]) / 20), fs=SAMPLE_RATE)
    return signal.oaconvolve(samples, taps, mode="same")


def _room(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exponentially decaying noise as an impulse response, 0.1 to 0.5 s long, quieter than the direct sound."""
    seconds = rng.uniform(0.1, 0.5)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(time), np.float32) * np.exp(-6.9 * time / seconds)
    tail *= 10 ** (rng.uniform(-18, -6) / 20) / np.linalg.norm(tail)
    tail[0] = 1
    return signal.oaconvolve(samples, tail)[: len(samples)]


def _noise(samples: np.ndarray, snr_db: float, rng: np.random.Generator) -> np.ndarray:
    """White to brown noise at a signal-to-noise ratio that counts the clip's mean power."""
    shaped = signal.lfilter([1.0], [1.0, -rng.uniform(0, 0.98)], rng.standard_normal(len(samples), np.float32))
    rms = max(float(np.sqrt(np.mean(np.square(samples)))), SILENCE_RMS)
    return shaped * (rms * 10 ** (-snr_db / 20) / max(float(np.sqrt(np.mean(np.square(shaped)))), 1e-12))
