"""Nobody who is trained on is tested on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.corpus.splits import EMOBOX_TEST_ACTORS, SPLITS, hashed_split, ravdess_split
from emotalk.errors import InputError

FOLDS = tuple(f"emobox{number}" for number in range(1, 7))


def test_the_standard_split_is_by_actor_number():
    actors = {split: [a for a in range(1, 25) if ravdess_split(a) == split] for split in SPLITS}
    assert actors == {"train": list(range(1, 21)), "validation": [21, 22], "test": [23, 24]}


@pytest.mark.parametrize("scheme", FOLDS)
def test_an_emobox_fold_tests_and_validates_on_four_actors_each(scheme):
    splits = [ravdess_split(actor, scheme) for actor in range(1, 25)]
    assert [splits.count(split) for split in SPLITS] == [16, 4, 4]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_over_six_folds_every_actor_is_tested_and_validates_once(split):
    assert sorted(a for fold in FOLDS for a in range(1, 25) if ravdess_split(a, fold) == split) == list(range(1, 25))
    assert sorted(sum(EMOBOX_TEST_ACTORS, ())) == list(range(1, 25))


@pytest.mark.parametrize("actor", [0, 25])
def test_an_unknown_actor_is_refused(actor):
    with pytest.raises(InputError, match="1 to 24"):
        ravdess_split(actor)


@settings(deadline=None)
@given(st.text())
def test_a_hashed_split_depends_on_the_name_alone(speaker):
    assert hashed_split(speaker) in SPLITS
    assert hashed_split(speaker) == hashed_split(speaker)


def test_hashed_splits_are_about_90_5_5_and_do_not_move_between_versions():
    splits = [hashed_split(f"RD_Radio{number}") for number in range(4000)]
    assert 3500 < splits.count("train") < 3700
    assert 140 < splits.count("validation") < 260
    assert 140 < splits.count("test") < 260
    assert [hashed_split(name) for name in ("RD_Radio11", "RD_Radio10")] == ["train", "test"]
