"""Recordings as the world makes them: other voices, rooms, microphones and files, from one clean recording.

Each effect is seeded, so a resumed run hears the same sounds again.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import get_args

import numpy as np

from emotalk.errors import InputError
from emotalk.timing import frames_of
from emotalk.training import effects
from emotalk.training.codecs import Codec, through_codec

Range = tuple[float, float]
# Of what filters and encoders take.
HIGHEST = {"edge_hz": 7_900.0, "mp3_kbits": 160.0, "opus_kbits": 256.0, "room_s": 10.0}
SHORTEST_ROOM_S = 0.01


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How far recordings are changed. Values are drawn from their ranges, uniformly; 0 switches an effect off."""

    clean: float = 0.25
    """Share of clips, and of steps, that are left as they are."""
    speed: Range = (0.9, 1.12)
    """Factors of playback speed, which shift pitch and formants alike. Coefficients follow. One factor for all clips of
    a step: they are as alike in length as they were planned to be."""
    throats: float = 0.3
    """Share of clips with another vocal tract: formants alone."""
    throat: Range = (0.87, 1.15)
    """Factors of the formants."""
    reverberation: float = 0.3
    """Share of clips that stand in a room."""
    room_s: Range = (0.1, 0.7)
    """Time in which a room falls by 60 dB."""
    direct_db: Range = (0.0, 18.0)
    """The direct sound over all echoes."""
    babble: float = 0.1
    """Share of clips with others who talk in the background."""
    music: float = 0.1
    """Share of clips with music in the background; the rest has coloured noise."""
    snr_db: Range = (10.0, 50.0)
    """The voice over its background."""
    compression: float = 0.2
    """Share of clips with compressed dynamics."""
    ratio: Range = (1.5, 6.0)
    """Decibels in for one out."""
    clipping: float = 0.05
    """Share of clips that are driven too hot."""
    over_db: Range = (1.0, 12.0)
    """How far."""
    tilt_db: float = 5.0
    """Random bends of the spectrum."""
    low_pass: float = 0.15
    """Share of clips without their highest frequencies."""
    edge_hz: Range = (3_500.0, 7_000.0)
    """Where they end."""
    telephone: float = 0.05
    """Share of clips that come through a telephone."""
    codec: float = 0.1
    """Share of clips that were an MP3 or Opus file of a low bit rate."""
    mp3_kbits: Range = (16.0, 48.0)
    """Kilobits per second of MP3."""
    opus_kbits: Range = (6.0, 24.0)
    """Kilobits per second of Opus."""
    gain_db: Range = (-24.0, 6.0)
    """Level."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                if not value[0] <= value[1] or (min(value) <= 0 and not field.name.endswith("_db")):
                    raise InputError(f"{field.name} must be a range of positive numbers, the lower first, not {value}")
                if field.name == "room_s" and value[0] < SHORTEST_ROOM_S:
                    raise InputError(f"room_s begins at {SHORTEST_ROOM_S:g} or more, not at {value[0]:g}")
                if field.name in HIGHEST and value[1] > HIGHEST[field.name]:
                    raise InputError(f"{field.name} goes up to {HIGHEST[field.name]:g}, not {value[1]:g}")
            elif not 0 <= value <= (1 if field.name != "tilt_db" else 60):
                raise InputError(f"{field.name} is {value}: a share lies between 0 and 1, tilt_db between 0 and 60")


# What trains without augmentation: all else that differs from epoch to epoch, such as the style, still does.
UNCHANGED = AugmentConfig(clean=1.0)


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
    """(n,) samples -> the same as another room, microphone and file have them, (n,) float32."""
    samples = samples.astype(np.float32)
    if rng.random() < config.clean:
        return samples

    def maybe(share: float, change: Callable[[np.ndarray], np.ndarray]) -> None:
        nonlocal samples
        if rng.random() < share:
            samples = change(samples)

    # In the order of the world: the speaker, the place, the microphone, the studio, the file.
    maybe(config.throats, lambda x: effects.throat(x, rng.uniform(*config.throat)))
    maybe(
        config.reverberation,
        lambda x: effects.room(x, rng.uniform(*config.room_s), rng.uniform(*config.direct_db), rng),
    )
    samples = effects.under(samples, _background(samples, config, rng), rng.uniform(*config.snr_db))
    samples = effects.coloured(samples, config.tilt_db, rng)
    maybe(config.clipping, lambda x: effects.clipped(x, rng.uniform(*config.over_db)))
    maybe(config.compression, lambda x: effects.compressed(x, rng.uniform(*config.ratio)))
    maybe(config.low_pass, lambda x: effects.low_passed(x, rng.uniform(*config.edge_hz)))
    maybe(config.telephone, effects.telephone)
    maybe(config.codec, lambda x: _file(x, config, rng))
    samples = samples * 10 ** (rng.uniform(*config.gain_db) / 20)
    return np.clip(samples, -1, 1).astype(np.float32)


def _background(samples: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    kind = rng.random()
    if kind < config.babble:
        return effects.babble(samples, rng)
    if kind < config.babble + config.music:
        return effects.music(len(samples), rng)
    return effects.coloured_noise(len(samples), rng)


def _file(samples: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    codec: Codec = get_args(Codec)[rng.integers(2)]
    kbits = rng.uniform(*(config.mp3_kbits if codec == "mp3" else config.opus_kbits))
    return through_codec(samples, codec, round(1_000 * kbits))


def _count(samples: int, factor: float) -> int:
    return max(1, round(samples / factor))
