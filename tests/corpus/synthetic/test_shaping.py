"""Shaping changes the colour of a voice, never its timing."""

import numpy as np
import pytest

from emotalk.audio import SAMPLE_RATE
from emotalk.corpus.synthetic.emotions import Delivery
from emotalk.corpus.synthetic.shaping import PEAK, SPEECH_RMS, noise_floor, shape, tilt

SECONDS = np.arange(SAMPLE_RATE) / SAMPLE_RATE
# A buzz of 120 Hz in three syllables.
BUZZ = (np.sign(np.sin(2 * np.pi * 120 * SECONDS)) * np.sin(3 * np.pi * SECONDS) ** 2 * 0.3).astype(np.float32)


def band_db(samples: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return float(10 * np.log10(power[(hz >= low_hz) & (hz < high_hz)].sum()))


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_tilt_turns_the_spectrum_by_the_stated_slope() -> None:
    change = tilt(BUZZ, 3.0)
    for low_hz, octaves in ((500, -1), (2000, 1), (4000, 2)):
        gained = band_db(change, 0.95 * low_hz, 1.05 * low_hz) - band_db(BUZZ, 0.95 * low_hz, 1.05 * low_hz)
        assert gained == pytest.approx(3.0 * octaves, abs=0.6)


@pytest.mark.parametrize(
    "how",
    [Delivery(tremor=0.8), Delivery(creak=0.8), Delivery(breath=0.15), Delivery(punch=1.7), Delivery(tilt_db=-4)],
    ids=["tremor", "creak", "breath", "punch", "tilt"],
)
def test_shaping_is_seeded_and_keeps_length_and_timing(how: Delivery) -> None:
    first, second, plain = shape(BUZZ, how, rng()), shape(BUZZ, how, rng()), shape(BUZZ, Delivery(), rng())
    assert np.array_equal(first, second)
    assert not np.array_equal(first, plain)
    assert first.shape == BUZZ.shape
    assert first.dtype == np.float32

    def envelope(samples: np.ndarray) -> np.ndarray:
        return np.sqrt(np.convolve(samples**2, np.ones(2000) / 2000, "same"))

    assert np.corrcoef(envelope(first), envelope(plain))[0, 1] > 0.75


def test_level_follows_the_gain_and_never_clips() -> None:
    assert np.sqrt(np.mean(shape(BUZZ, Delivery(), rng()) ** 2)) == pytest.approx(SPEECH_RMS, rel=1e-3)
    assert np.abs(shape(BUZZ, Delivery(gain_db=40), rng())).max() <= PEAK + 1e-6


def test_the_noise_floor_is_quiet_and_never_digital_zero() -> None:
    floor = noise_floor(16_000, 3e-4, rng())
    assert np.sqrt(np.mean(floor**2)) == pytest.approx(3e-4, rel=0.05)
    assert np.count_nonzero(floor) > 15_990
