"""Lips on aligned speech by hand: closures, false closures, and the jaw by kind of sound."""

from dataclasses import replace

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.corpus.clip import Phone
from emotalk.metrics.opening import LipOpening
from emotalk.metrics.spoken_lips import LipCounts, lip_counts, lip_depths
from emotalk.rigs import Rig, procedural_head

# Frames lie at k / 30 s: B has 6 to 8, AA 9 to 14, M 15 to 17, IY 18 to 23.
PHONES = (Phone("B", 0.19, 0.28), Phone("AA", 0.29, 0.48), Phone("M", 0.49, 0.58), Phone("IY", 0.59, 0.78))
DURATION_S = 2.0


@pytest.fixture(scope="module")
def opening() -> LipOpening:
    return LipOpening(procedural_head())


def face(jaw: dict[int, float], others: float = 0.5) -> np.ndarray:
    weights = np.zeros((60, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = others
    for frame, value in jaw.items():
        weights[frame, INDEX["jawOpen"]] = value
    return weights


def counted(opening: LipOpening, weights: np.ndarray, **more) -> LipCounts:
    return lip_counts(weights, PHONES, opening, duration_s=DURATION_S, **more)


def test_the_head_rests_with_lips_shut_so_that_both_definitions_of_closed_are_one(opening: LipOpening) -> None:
    assert opening.rest_mm == 0


def test_a_bilabial_closes_within_a_frame_and_not_two(opening: LipOpening) -> None:
    assert counted(opening, face({5: 0, 18: 0})).bilabials_closed_near == 2
    assert counted(opening, face({4: 0, 19: 0})).bilabials_closed_near == 0
    assert counted(opening, face({})).values()["p, b, m that close"] == 0


def test_a_vowel_is_falsely_closed_by_its_own_frames_and_by_those_beside(opening: LipOpening) -> None:
    own = counted(opening, face({10: 0}))
    assert (own.vowels, own.vowels_closed, own.vowels_closed_near) == (2, 1, 1)
    beside = counted(opening, face({8: 0}))  # of B, a frame before AA
    assert (beside.vowels_closed, beside.vowels_closed_near) == (0, 1)
    assert counted(opening, face({7: 0})).vowels_closed_near == 0
    assert own.vowels_free == 0  # both stand beside B or M


def test_vowels_apart_from_bilabials_are_counted_apart(opening: LipOpening) -> None:
    phones = (Phone("B", 0.2, 0.3), Phone("L", 0.3, 0.4), Phone("AA", 0.4, 0.6), Phone("M", 0.9, 1.0))
    counts = lip_counts(face({14: 0}), phones, opening, duration_s=DURATION_S)
    assert (counts.vowels_free, counts.vowels_free_closed) == (1, 1)


def test_the_jaw_is_measured_on_open_vowels_bilabials_and_in_silence(opening: LipOpening) -> None:
    jaw = dict.fromkeys(range(9, 15), 0.6) | dict.fromkeys((*range(6, 9), *range(15, 18)), 0.1)
    jaw |= dict.fromkeys((*range(3), *range(27, 60)), 0.05) | dict.fromkeys((3, 4, 5, 24, 25, 26), 0.9)
    values = counted(opening, face(jaw)).values()
    assert values["jawOpen on open vowels"] == pytest.approx(0.6)
    assert values["jawOpen on p, b, m"] == pytest.approx(0.1)
    assert values["jawOpen in silence"] == pytest.approx(0.05)  # 0.1 s around speech is none
    assert values["open vowels over p, b, m"] == pytest.approx(6)
    assert values["open vowels over silence"] == pytest.approx(12)


def test_speech_that_is_not_known_is_no_silence(opening: LipOpening) -> None:
    weights = face(dict.fromkeys(range(40, 60), 0.9), others=0.05)
    assert counted(opening, weights).values()["jawOpen in silence"] > 0.3
    known = counted(opening, weights, unknown=[(1.3, 2.0)])
    assert known.values()["jawOpen in silence"] == pytest.approx(0.05)


def test_a_tail_is_no_part_of_the_recording_and_sounds_behind_it_are_told(opening: LipOpening) -> None:
    late = (*PHONES, Phone("P", 5.0, 5.1))
    counts = lip_counts(face({}), late, opening, duration_s=1.0)
    assert (counts.bilabials, counts.beyond) == (2, 1)
    assert counts.silent_frames == 30 - 24


def test_counts_add_up(opening: LipOpening) -> None:
    first, second = counted(opening, face({5: 0})), counted(opening, face({10: 0, 15: 0}))
    both = first + second
    assert both.bilabials == 4
    assert both.values()["p, b, m that close"] == 0.5
    assert both + LipCounts() == both
    assert LipCounts().values()["p, b, m that close"] is None


def test_another_meshs_gap_at_rest_is_told_apart(rig: Rig) -> None:
    opening = LipOpening(rig)  # of four points, 2 mm apart at rest
    counts = counted(opening, face(dict.fromkeys(range(60), 0)))
    assert counts.bilabials_closed_near == 0
    assert counts.bilabials_closed_near_rest == 2
    assert replace(counts, bilabials=0).values()["p, b, m that close"] is None


def test_depths_tell_hearing_from_shutting_oftener() -> None:
    phones = [Phone("M", 0.1, 0.2), Phone("AA", 0.3, 0.4), Phone("B", 0.5, 0.6), Phone("IY", 0.7, 0.8)]
    gap = np.full(30, 8.0)
    gap[7], gap[16], gap[22] = 2.0, 3.0, 5.0  # beside m; within b; within the second vowel
    depths = lip_depths(gap, phones)
    assert depths.bilabials.tolist() == [2.0, 3.0]
    assert depths.vowels.tolist() == [8.0, 5.0]
    assert depths.told_apart() == 1.0
    assert depths.closed_at() == 1.0
    # Half as wide a mouth closes oftener and hears no better; one that takes b for a vowel hears worse.
    assert lip_depths(gap / 2, phones).told_apart() == 1.0
    gap[16] = 6.0
    assert lip_depths(gap, phones).told_apart() == 0.75
    assert (depths + depths).bilabials.tolist() == [2.0, 3.0, 2.0, 3.0]
    assert lip_depths(gap, phones[:1]).told_apart() is None
