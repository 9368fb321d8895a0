"""Prosody in numbers: pitch, level, pace and tilt of sounds that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.metrics.prosody import NAMES, prosody


def voice(hz: float, seconds: float = 1.0, harmonics: int = 8, slope: float = 1.0) -> np.ndarray:
    times = np.arange(round(seconds * 16_000)) / 16_000
    return 0.1 * sum((np.sin(2 * np.pi * hz * k * times) / k**slope for k in range(1, harmonics + 1)), np.zeros(1))


def named(samples: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, prosody(samples).tolist(), strict=True))


@given(st.floats(75, 400))
@settings(max_examples=25, deadline=None)
def test_the_pitch_is_the_voices(hz: float) -> None:
    found = named(voice(hz))
    assert found["pitch mean [semitone]"] == pytest.approx(12 * np.log2(hz / 100), abs=0.6)
    assert found["pitch sd [semitone]"] < 0.3
    assert found["voiced share"] > 0.95


def test_a_rising_pitch_has_a_range() -> None:
    hz = np.geomspace(100, 200, 32_000)
    phase = 2 * np.pi * np.cumsum(hz) / 16_000
    found = named(0.1 * (np.sin(phase) + 0.5 * np.sin(2 * phase)))
    assert found["pitch mean [semitone]"] == pytest.approx(6, abs=0.5)
    assert found["pitch range [semitone]"] == pytest.approx(0.9 * 12, abs=1)


def test_level_pace_and_tilt() -> None:
    one, twice = named(voice(120)), named(2 * voice(120))
    assert twice["level mean [dB]"] - one["level mean [dB]"] == pytest.approx(6.02, abs=0.05)
    assert {name: twice[name] for name in NAMES[1:]} == pytest.approx({name: one[name] for name in NAMES[1:]}, abs=1e-3)
    silence = np.zeros(4_000)
    syllables = np.concatenate([part for _ in range(4) for part in (silence, voice(120, 0.25))] + [silence])
    found = named(syllables + np.random.default_rng(0).normal(0, 1e-5, len(syllables)))
    assert found["speech [log s]"] == pytest.approx(np.log(1.75), abs=0.06)
    assert found["voiced stretches [1/s]"] == pytest.approx(4 / 1.75, rel=0.1)
    bright = named(voice(120, harmonics=40, slope=0.3))
    assert bright["tilt [dB]"] < one["tilt [dB]"] - 10


@pytest.mark.parametrize("samples", [np.zeros(16_000), np.zeros(1), np.random.default_rng(0).normal(0, 0.1, 16_000)])
def test_what_is_no_voice_has_numbers_too(samples: np.ndarray) -> None:
    found = named(samples)
    assert np.isfinite(list(found.values())).all()
    assert found["voiced share"] < 0.1
