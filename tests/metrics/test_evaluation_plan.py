"""The plan compares every clip with a partner that says something else, and exchanges emotions in real squares."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.corpus.corpus import Corpus
from emotalk.errors import InputError
from emotalk.metrics.plan import other_clips, plan_evaluation, plan_exchanges, plan_fit
from tests.random_corpus import Labels, random_corpus, squares


def rows(clips: list[tuple[str, str]]) -> list[dict]:
    """(speaker, statement) -> index rows."""
    return [
        {
            "clip_id": f"clip{i}",
            "speaker": speaker,
            "level": 0,
            "statement": statement,
            "emotion": None,
            "repetition": i,
        }
        for i, (speaker, statement) in enumerate(clips)
    ]


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("wxyz")), min_size=1, max_size=30))
def test_every_clip_hears_another_statement_where_there_is_one(clips: list[tuple[str, str]]) -> None:
    table = rows(clips)
    statement = {row["clip_id"]: row["statement"] for row in table}
    others = other_clips(table)
    if len(set(statement.values())) == 1:
        assert others == [None] * len(table)
    else:
        assert all(
            other is not None and statement[other] != row["statement"] for row, other in zip(table, others, strict=True)
        )


@settings(deadline=None)
@given(st.lists(st.sampled_from("ab"), min_size=1, max_size=5), st.integers(1, 4))
def test_where_every_speaker_says_two_things_equally_often_it_is_a_derangement_of_their_own_clips(
    speakers: list[str], takes: int
) -> None:
    table = rows([(speaker, words) for speaker in dict.fromkeys(speakers) for words in "xy" for _ in range(takes)])
    speaker_of = {row["clip_id"]: row["speaker"] for row in table}
    others = other_clips(table)
    assert sorted(map(str, others)) == sorted(speaker_of)
    assert all(speaker_of[str(other)] == row["speaker"] for row, other in zip(table, others, strict=True))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    clips = (
        squares("test", ("dora", "emil")) + squares("train", ("ann", "bob")) + [Labels("test", "fay", "x", None, None)]
    )
    return random_corpus(tmp_path_factory.mktemp("plan"), clips)


def test_every_clip_of_the_split_is_evaluated_once_in_the_corpus_order(corpus: Corpus) -> None:
    planned = [task.clip_id for unit in plan_evaluation(corpus, "test") for task in unit.tasks]
    assert planned == corpus.clip_ids("test")


def test_exchanges_are_real_squares(corpus: Corpus) -> None:
    table = [row for row in corpus.index.to_pylist() if row["split"] == "test"]
    by_id = {row["clip_id"]: row for row in table}
    exchanges = plan_exchanges(table)
    assert len(exchanges) == 4  # of two speakers with three emotions each: one square, two targets
    for name, exchange in exchanges.items():
        target, words, feeling = by_id[name], by_id[exchange.content], by_id[exchange.emotion]
        assert words["statement"] == target["statement"] != feeling["statement"]
        assert feeling["emotion"] == target["emotion"] != words["emotion"]
        assert len({(row["speaker"], row["level"]) for row in (target, words, feeling)}) == 1


def test_a_fit_takes_a_bounded_and_fixed_choice_of_clips(corpus: Corpus) -> None:
    def chosen(clips: int) -> list[str]:
        return [task.clip_id for unit in plan_fit(corpus, clips=clips) for task in unit.tasks]

    assert chosen(100) == corpus.clip_ids("train")
    assert len(chosen(5)) == 5
    assert chosen(5) == chosen(5)
    assert set(chosen(5)) < set(chosen(8))


def test_a_choice_for_the_fit_has_all_emotions(tmp_path: Path) -> None:
    emotions = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
    large = random_corpus(tmp_path, squares("train", "abcdefgh", emotions))
    chosen = [task.clip_id for unit in plan_fit(large, clips=64) for task in unit.tasks]
    assert set(Counter(name.rsplit("-", 1)[1] for name in chosen)) == set(emotions)


def test_a_missing_split_is_named_with_those_that_are_there(corpus: Corpus) -> None:
    with pytest.raises(InputError, match=r"'validation'.*train, test"):
        plan_evaluation(corpus, "validation")
