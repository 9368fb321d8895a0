"""Emotion accuracy by hand, and what is left out of it."""

import numpy as np
import pytest

from emotalk.metrics.emotions import EmotionCounts

ACTED = ("neutral", "calm", "happy", "sad")
HEARD = ("sad", "happy", "neutral")  # a model in its own order that does not know calm


def heard(label: str) -> dict[str, float]:
    """Shares in any order of which one label has the most."""
    return dict.fromkeys(sorted(HEARD), 0.3) | {label: 0.4}


def accuracy(pairs: list[tuple[str | None, str]]):
    counts = EmotionCounts(ACTED, HEARD)
    return counts.accuracy(sum((counts.sums(acted, heard(label)) for acted, label in pairs), np.zeros(counts.shape)))


def test_accuracy_and_balanced_accuracy_by_hand() -> None:
    result = accuracy([("happy", "happy")] * 3 + [("happy", "sad"), ("sad", "sad"), ("neutral", "sad")])
    assert result.accuracy == pytest.approx(4 / 6)
    assert result.balanced == pytest.approx((3 / 4 + 1 + 0) / 3)
    assert result.chance == pytest.approx(4 / 6)  # always happy
    assert result.per_label == {"neutral": (1, 0.0), "happy": (4, 0.75), "sad": (1, 1.0)}
    assert result.confusion["happy"] == {"sad": 1, "happy": 3, "neutral": 0}


def test_labels_the_model_does_not_know_are_counted_but_not_judged() -> None:
    result = accuracy([("calm", "neutral"), ("calm", "sad"), ("sad", "sad"), (None, "sad")])
    assert (result.accuracy, result.clips) == (1.0, 1)
    assert (result.unknown, result.unlabelled) == ({"calm": 2}, 1)


def test_without_labels_there_is_no_accuracy() -> None:
    result = accuracy([(None, "sad"), (None, "happy")])
    assert (result.accuracy, result.balanced, result.chance) == (None, None, None)
    assert result.unlabelled == 2
