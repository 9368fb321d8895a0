"""The level of a video's sound is measured alike however the sound arrives, and its power where pauses are sought."""

import numpy as np
import pytest

from emotalk.capture.sound import BANDS_HZ, BandMeter, measure_bands, power_of_bands


@pytest.mark.parametrize("band", range(len(BANDS_HZ)))
def test_a_sine_is_measured_in_its_band(band):
    hz = np.sqrt(np.prod(BANDS_HZ[band]))
    rows = measure_bands([(0.5 * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000)).astype(np.float32)])
    assert rows.shape == (100, 4)
    middle = rows[10:90].mean(0)
    assert middle.argmax() == band
    assert middle[band] == pytest.approx(20 * np.log10(0.5) - 3.01, abs=0.3)
    assert 10 * np.log10(power_of_bands(rows)[50]) == pytest.approx(middle[band], abs=0.3)


def test_levels_do_not_depend_on_how_the_sound_is_cut():
    sound = np.random.default_rng(0).normal(0, 0.1, 40_123).astype(np.float32)
    whole = measure_bands([sound])
    meter = BandMeter()
    pieces = [meter.push(piece) for piece in np.split(sound, [1, 159, 160, 5000, 5001, 33_333])]
    np.testing.assert_array_equal(np.concatenate([*pieces, meter.flush()]), whole)
    assert len(whole) == 40_123 // 160
