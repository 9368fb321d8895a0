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

    speed: factors of playback speed, which shift pitch and formants alike: another throat. Coefficients follow. One
        factor for all clips of a step: they are as alike in length as they were planned to be.
    gain_db, tilt_db: level, and random bends of the spectrum. snr_db: coloured noise under the voice.
    reverberation: share of clips that stand in a room. clean: share of clips, and of steps, that are left as they are.
    """

    speed: tuple[float, float] = (0.9, 1.12)
    gain_db: tuple[float, float] = (-24.0, 6.0)
    tilt_db: float = 5.0
    snr_db: tuple[float, float] = (15.0, 50.0)
    reverberation: float = 0.2
    clean: float = 0.25


def draw_speed(config: AugmentConfig, rng: np.random.Generator) -> float:
    """The factor of a step."""
    return 1.0 if rng.random() < config.clean else rng.uniform(*config.speed)


def faster(samples: np.ndarray, factor: float) -> np.ndarray:
    """(n,) -> (round(n / factor),)"""
    # Linear interpolation is enough here: what it dulls above 6 kHz, the random equaliser bends more.
    return np.interp(np.arange(_count(len(samples), factor)) * factor, np.arange(len(samples)), samples)


def faster_face(weights: np.ndarray, samples: int, factor: float) -> np.ndarray:
    """(frames, k), a face or a head, of a recording of so many samples -> that of the faster one, float32."""
    position = np.minimum(np.arange(frames_of(_count(samples, factor))) * factor, len(weights) - 1)
    left = position.astype(int)
    share = (position - left)[:, None]
    right = np.minimum(left + 1, len(weights) - 1)
    return (weights[left] * (1 - share) + weights[right] * share).astype(np.float32)


def augment(samples: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    """(n,) samples -> the same as another room and microphone hear them, (n,) float32."""
    if rng.random() < config.clean:
        return samples.astype(np.float32)
    samples = _colour(samples, config.tilt_db, rng)
    if rng.random() < config.reverberation:
        samples = _room(samples, rng)
    samples = samples + _noise(samples, rng.uniform(*config.snr_db), rng)
    samples = samples * 10 ** (rng.uniform(*config.gain_db) / 20)
    return np.clip(samples, -1, 1).astype(np.float32)


def _count(samples: int, factor: float) -> int:
    return max(1, round(samples / factor))


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
