"""Lip closure by hand: bilabials that close, closures that are right, and slack in time."""

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.corpus.clip import Phone
from emotalk.metrics.opening import LipClosure, is_bilabial
from emotalk.metrics.pair import Pair
from emotalk.rigs import Rig

PHONES = (Phone("a", 0.0, 0.2), Phone("p", 0.2, 0.3), Phone("o", 0.3, 0.5), Phone("m", 0.5, 0.6), Phone("a", 0.6, 0.9))


def face(closed: list[int], frames: int = 30) -> np.ndarray:
    """Lips 7 mm apart on the rig of four points, and 2 mm, its gap at rest, in the frames named."""
    weights = np.zeros((frames, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.5
    weights[closed, INDEX["jawOpen"]] = 0.0
    return weights


def measured(rig: Rig, predicted: np.ndarray, real: np.ndarray, phones: tuple[Phone, ...] | None = PHONES):
    closure = LipClosure(rig)
    return [float(value) for value in closure.values(closure.sums(Pair(predicted, real, phones=phones)))]


def test_recall_counts_bilabials_and_precision_counts_closures(rig: Rig) -> None:
    real = face([7, 8, 16])
    # p (frames 6 to 9) closes, m (15 to 18) does not; frames 20 and 21 are a closure that nothing asked for.
    assert measured(rig, face([7, 20, 21]), real) == [0.5, 0.5]
    assert measured(rig, face([7, 8, 16]), real) == [1.0, 1.0]
    assert measured(rig, face([20]), real) == [0.0, 0.0]


def test_a_frame_early_or_late_is_in_time_and_two_are_not(rig: Rig) -> None:
    real = face([7, 16])
    assert measured(rig, face([5, 19]), real) == [1.0, 1.0]
    assert measured(rig, face([4, 20]), real) == [0.0, 0.0]


def test_a_closure_that_the_real_lips_make_too_is_no_mistake(rig: Rig) -> None:
    assert measured(rig, face([7, 16, 24]), face([7, 16, 24])) == [1.0, 1.0]
    assert measured(rig, face([7, 16, 24]), face([7, 16])) == [1.0, pytest.approx(2 / 3)]


def test_silence_around_speech_is_no_closure(rig: Rig) -> None:
    quiet = (Phone("p", 0.4, 0.5), Phone("a", 0.5, 0.6))
    assert measured(rig, face([0, 1, 2, 13, 28, 29]), face([13]), quiet) == [1.0, 1.0]


def test_a_sound_between_two_frames_has_the_nearest(rig: Rig) -> None:
    short = (Phone("b", 0.34, 0.36),)  # frames lie at 0.333 and 0.367 s
    assert measured(rig, face([10]), face([10]), short)[0] == 1.0


def test_the_threshold_is_a_millimetre_above_the_meshs_own_gap(rig: Rig) -> None:
    almost, ajar = face([]), face([])
    almost[7, INDEX["jawOpen"]], ajar[7, INDEX["jawOpen"]] = 0.09, 0.11  # 2.9 and 3.1 mm; at rest 2 mm
    phones = (Phone("p", 0.2, 0.3),)
    assert measured(rig, almost, face([7]), phones)[0] == 1.0
    assert measured(rig, ajar, face([7]), phones)[0] == 0.0


def test_without_sounds_or_bilabials_there_is_nothing_to_say(rig: Rig) -> None:
    assert np.isnan(measured(rig, face([7]), face([7]), None)).all()
    recall, precision = measured(rig, face([]), face([]), (Phone("a", 0.0, 0.9),))
    assert np.isnan([recall, precision]).all()


@pytest.mark.parametrize(("name", "closes"), [("p", True), ("pʰ", True), ("M", True), ("b", True), ("f", False)])
def test_bilabials_by_ipa_and_arpabet(name: str, closes: bool) -> None:
    assert is_bilabial(name) is closes


def test_vowels_and_empty_names_close_nothing() -> None:
    assert not any(is_bilabial(name) for name in ("", "əʊ", "w", "_"))
