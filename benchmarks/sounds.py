"""Sounds made from nothing, 16 kHz and float32: music, and noise that comes and goes as syllables do."""

import numpy as np

from emotalk.audio import SAMPLE_RATE

SECONDS = 24.0
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)
CHORDS = ((60, 64, 67), (57, 60, 64), (65, 69, 72), (55, 59, 62))


def music(seconds: float = SECONDS) -> dict[str, np.ndarray]:
    """Music by name, each `seconds` long."""
    random = np.random.default_rng(0)

    def melody(note_s: float) -> np.ndarray:
        return notes([(int(key),) for key in random.choice(SCALE, round(seconds / note_s))], note_s, decay=1 / note_s)

    chords = notes([CHORDS[n % 4] for n in range(round(seconds))], 1.0, decay=0.7)
    made = {
        "a tone": 0.3 * np.sin(2 * np.pi * 440 * time_s(seconds)),
        "chords": chords,
        "long chords": notes([CHORDS[n % 4] for n in range(round(seconds / 2))], 2.0, decay=0.5),
        "a slow melody": melody(0.3),
        "a fast melody": melody(0.15),
        "two strings with vibrato": notes(
            [(int(k), int(k) - 5) for k in random.choice(SCALE, round(seconds))], 1.0, decay=0.2, vibrato=0.5
        ),
        "drums, 120 a minute": drums(seconds, 120, random),
        "drums, 90 a minute": drums(seconds, 90, random),
        "chords and drums": chords + drums(seconds, 120, random),
    }
    return {name: sound.astype(np.float32) for name, sound in made.items()}


def syllables(seconds: float, seed: int = 0) -> np.ndarray:
    """(n,) noise in syllables of 0.1 s to 0.3 s with a pause now and then: no two at the same distance."""
    random = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    swell: list[np.ndarray] = []
    while sum(map(len, swell)) < count:
        swell.append(np.sin(np.linspace(0, np.pi, round(random.uniform(0.1, 0.3) * SAMPLE_RATE))))
        swell.append(np.full(round(random.choice([0.02, 0.1, 0.4]) * random.uniform(0.5, 1.5) * SAMPLE_RATE), 1e-3))
    return (0.2 * np.concatenate(swell)[:count] * random.standard_normal(count)).astype(np.float32)


def time_s(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def notes(keys: list[tuple[int, ...]], note_s: float, *, decay: float, vibrato: float = 0.0) -> np.ndarray:
    """Keys (60 is c') sounding together, one set after the other; six partials each. decay: per second."""
    return 0.15 * np.concatenate([sum(_note(key, note_s, decay, vibrato) for key in together) for together in keys])


def _note(key: int, seconds: float, decay: float, vibrato: float) -> np.ndarray:
    at = time_s(seconds)
    pitch = 440 * 2 ** ((key - 69) / 12)
    phase = 2 * np.pi * pitch * at + vibrato * np.sin(2 * np.pi * 5.5 * at)
    partials = sum(np.sin(k * phase) / k for k in range(1, 7) if k * pitch < 7_500)
    return partials * np.exp(-decay * at) * np.minimum(1, at / 0.01)


def drums(seconds: float, beats_per_minute: float, random: np.random.Generator) -> np.ndarray:
    """A bass drum on one, a snare on three, a hi-hat on every half beat."""
    sound = np.zeros(round((seconds + 1) * SAMPLE_RATE))
    at = time_s(0.3)
    bass = 0.6 * np.sin(2 * np.pi * (50 * at + 1 - np.exp(-30 * at))) * np.exp(-15 * at)
    for number in range(int(seconds * beats_per_minute / 30)):
        first = round(number * 30 / beats_per_minute * SAMPLE_RATE)
        hat = 0.1 * np.diff(random.standard_normal(800), prepend=0) * np.exp(-80 * time_s(0.05))
        snare = 0.3 * random.standard_normal(3_200) * np.exp(-25 * time_s(0.2))
        for drum in (hat, *([bass] if number % 4 == 0 else [snare] if number % 4 == 2 else [])):
            sound[first : first + len(drum)] += drum
    return sound[: round(seconds * SAMPLE_RATE)]
