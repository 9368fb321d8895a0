"""Long recordings are cut at the pauses of the voice; the level is measured alike however the sound arrives."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.capture.cuts import MIN_CLIP_S, plan_cuts
from emotalk.capture.sound import BANDS_HZ, BandMeter, loudness_db, measure_bands
from emotalk.errors import InputError


def test_cuts_stand_in_the_pauses():
    level = np.full(5000, -20.0)
    pauses = [12.0, 18.0, 31.0, 44.0]
    for pause_s in pauses:
        level[round(100 * pause_s) - 25 : round(100 * pause_s) + 25] = -60
    # From 0 to 18, from there to 31, and what is left is short enough: the latest pause that fits is taken.
    assert [end for _, end in plan_cuts(level)] == pytest.approx([18.0, 31.0, 50.0], abs=0.11)


@settings(deadline=None)
@given(seconds=st.floats(0.5, 130), longest=st.floats(4, 60), seed=st.integers(0, 9))
def test_cuts_cover_everything_once_and_none_is_too_long(seconds, longest, seed):
    level = np.random.default_rng(seed).uniform(-60, -20, round(100 * seconds))
    cuts = plan_cuts(level, max_s=longest)
    assert cuts[0][0] == 0
    assert cuts[-1][1] == pytest.approx(len(level) / 100)
    assert all(before[1] == after[0] for before, after in pairwise(cuts))
    assert all(end - start <= longest + 0.006 for start, end in cuts)
    if len(cuts) > 1:
        assert min(end - start for start, end in cuts) >= MIN_CLIP_S - 0.006


def test_a_length_that_leaves_no_choice_is_refused():
    with pytest.raises(InputError, match="at least"):
        plan_cuts(np.zeros(1000), max_s=1.0)


@pytest.mark.parametrize("band", range(len(BANDS_HZ)))
def test_a_sine_is_measured_in_its_band(band):
    hz = np.sqrt(np.prod(BANDS_HZ[band]))
    rows = measure_bands([(0.5 * np.sin(2 * np.pi * hz * np.arange(16_000) / 16_000)).astype(np.float32)])
    assert rows.shape == (100, 4)
    middle = rows[10:90].mean(0)
    assert middle.argmax() == band
    assert middle[band] == pytest.approx(20 * np.log10(0.5) - 3.01, abs=0.3)
    assert loudness_db(rows)[50] == pytest.approx(middle[band], abs=0.3)


def test_levels_do_not_depend_on_how_the_sound_is_cut():
    sound = np.random.default_rng(0).normal(0, 0.1, 40_123).astype(np.float32)
    whole = measure_bands([sound])
    meter = BandMeter()
    pieces = [meter.push(piece) for piece in np.split(sound, [1, 159, 160, 5000, 5001, 33_333])]
    np.testing.assert_array_equal(np.concatenate([*pieces, meter.flush()]), whole)
    assert len(whole) == 40_123 // 160
