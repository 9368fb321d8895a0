"""The plan of training: complete, disjoint, repeatable, and the same for any number of workers."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.errors import InputError
from emotalk.labels import EMOTIONS
from emotalk.training.plan import PlanConfig, cut, plan_epoch
from emotalk.training.squares import ClipKey, Single, Square, Unit
from emotalk.training.units import parts_of

keys = st.builds(
    ClipKey,
    speaker=st.sampled_from("ABC"),
    level=st.sampled_from([0, 1, None]),
    statement=st.sampled_from("stuvw"),
    emotion=st.sampled_from([*EMOTIONS, None]),
    repetition=st.integers(1, 2),
    frames=st.integers(1, 300),
)
corpora = st.lists(keys, min_size=1, max_size=120)


def ravdess(speakers: int = 3) -> list[ClipKey]:
    """The factorial part of RAVDESS: two statements, two repetitions, neutral at one level only."""
    return [
        ClipKey(f"actor{s}", level, statement, emotion, repetition)
        for s in range(speakers)
        for level in (0, 1)
        for statement in ("kids", "dogs")
        for emotion in EMOTIONS
        if not (level and emotion == "neutral")
        for repetition in (1, 2)
    ]


@settings(deadline=None)
@given(clips=corpora, epoch=st.integers(0, 50), seed=st.integers(0, 5))
def test_every_labelled_clip_is_a_target_once(clips: list[ClipKey], epoch: int, seed: int) -> None:
    plan = plan_epoch(clips, epoch, PlanConfig(seed=seed, unlabelled_ratio=0))
    targets = Counter(part.target for unit in plan.units for part in parts_of(unit))
    labelled = [i for i, clip in enumerate(clips) if clip.emotion is not None]
    if labelled:
        assert targets == Counter(labelled)
    else:
        assert targets == Counter(range(len(clips)))


@settings(deadline=None)
@given(clips=corpora, epoch=st.integers(0, 50))
def test_squares_are_squares(clips: list[ClipKey], epoch: int) -> None:
    for unit in plan_epoch(clips, epoch, PlanConfig()).units:
        if isinstance(unit, Square):
            a, b, c, d = (clips[i] for i in unit)
            assert len({(clip.speaker, clip.level) for clip in (a, b, c, d)}) == 1
            assert a.statement == b.statement != c.statement == d.statement
            assert a.emotion == c.emotion != b.emotion == d.emotion
            assert None not in (a.emotion, b.emotion)


@settings(deadline=None)
@given(clips=corpora, workers=st.integers(1, 9), seconds=st.floats(0.5, 20))
def test_workers_share_every_step_and_lose_nothing(clips: list[ClipKey], workers: int, seconds: float) -> None:
    plan = plan_epoch(clips, 3, PlanConfig(seconds_per_step=seconds))
    for step, units in enumerate(plan.by_step):
        shares = [plan.share(step, rank, workers) for rank in range(workers)]
        assert all(share.units for share in shares), "a worker without work would wait for ever"
        assert sorted(unit for share in shares if share.counted for unit in share.units) == sorted(units)


sizes = st.lists(st.integers(1, 500), min_size=1, max_size=60)


@given(sizes=sizes, size=st.floats(1, 5000))
def test_runs_are_complete_in_order_and_nearly_equal(sizes: list[int], size: float) -> None:
    units: list[Unit] = [Single(number) for number in range(len(sizes))]
    runs = cut(units, dict(zip(units, sizes, strict=True)), size)
    assert [unit for run in runs for unit in run] == units
    mean = sum(sizes) / min(len(sizes), max(1, round(sum(sizes) / size)))
    for run in runs:
        assert abs(sum(sizes[unit[0]] for unit in run) - mean) <= max(mean, max(sizes))


def test_steps_are_as_long_as_asked_and_padded_little() -> None:
    lengths = np.random.default_rng(0).integers(60, 180, 4 * len(ravdess(12)))
    clips = [key._replace(frames=int(n)) for key, n in zip(ravdess(12), lengths, strict=False)]
    plan = plan_epoch(clips, 0, PlanConfig(seconds_per_step=60))
    frames = [[clips[position].frames for unit in units for position in unit] for units in plan.by_step]
    longest = 4 * max(lengths)
    assert all(abs(sum(step) - 60 * 30) <= longest for step in frames)
    assert abs(np.mean([sum(step) for step in frames]) - 60 * 30) < 60


def test_padding_stays_under_a_tenth() -> None:
    """Twenty statements of 2 to 4 s, which each emotion speaks at a tempo of its own."""
    rng = np.random.default_rng(1)
    statement, tempo = rng.uniform(60, 120, 20), dict(zip(EMOTIONS, rng.uniform(0.85, 1.2, 8), strict=True))
    clips = [
        ClipKey(
            "A", level, f"s{number}", emotion, 1, round(statement[number] * tempo[emotion] * rng.uniform(0.95, 1.05))
        )
        for level in (0, 1)
        for number in range(20)
        for emotion in EMOTIONS
    ]
    room = frames = 0
    for epoch in range(5):
        plan = plan_epoch(clips, epoch, PlanConfig())
        for step in range(plan.steps):
            for rank in range(2):
                lengths = [clips[position].frames for unit in plan.share(step, rank, 2).units for position in unit]
                room, frames = room + len(lengths) * max(lengths), frames + sum(lengths)
    assert frames / room > 0.9


def test_the_plan_is_a_function_of_seed_and_epoch() -> None:
    clips = ravdess()
    assert plan_epoch(clips, 4, PlanConfig(seed=1)) == plan_epoch(clips, 4, PlanConfig(seed=1))
    assert plan_epoch(clips, 4, PlanConfig(seed=1)) != plan_epoch(clips, 5, PlanConfig(seed=1))
    assert plan_epoch(clips, 4, PlanConfig(seed=1)) != plan_epoch(clips, 4, PlanConfig(seed=2))


def test_a_complete_corpus_is_nearly_all_squares() -> None:
    clips = ravdess()
    kinds = Counter(type(unit) for unit in plan_epoch(clips, 0, PlanConfig()).units)
    # At the strong level one of seven emotions stays over: 4 takes of each of 3 speakers.
    assert kinds == {Square: 3 * (8 + 6), Single: 3 * 4}


def test_without_squares_every_clip_stands_alone() -> None:
    units = plan_epoch(ravdess(), 0, PlanConfig(squares=False)).units
    assert sorted(unit[0] for unit in units) == list(range(len(ravdess())))
    assert all(isinstance(unit, Single) for unit in units)


def test_over_the_epochs_all_emotions_meet() -> None:
    clips = ravdess(1)
    met = {
        frozenset((clips[unit.c1e1].emotion, clips[unit.c1e2].emotion))
        for epoch in range(40)
        for unit in plan_epoch(clips, epoch, PlanConfig()).units
        if isinstance(unit, Square)
    }
    assert len(met) == 8 * 7 // 2


def test_unlabelled_clips_take_turns_at_the_stated_ratio() -> None:
    clips = [*ravdess(1), *(ClipKey("film", None, f"f{i}", None, 1) for i in range(100))]
    labelled = len(ravdess(1))
    config = PlanConfig(unlabelled_ratio=0.5)
    seen: Counter[int] = Counter()
    for epoch in range(100 * 2 // labelled + 6):
        units = plan_epoch(clips, epoch, config).units
        film = [u.clip for u in units if isinstance(u, Single) and clips[u.clip].emotion is None]
        assert len(film) == labelled // 2
        seen.update(film)
    assert len(seen) == 100


def test_few_groups_are_open_at_a_time() -> None:
    clips = ravdess(12)
    units = plan_epoch(clips, 0, PlanConfig(open_groups=3, sorted_steps=1, seconds_per_step=1e-3)).units
    groups = [(clips[unit[0]].speaker, clips[unit[0]].level) for unit in units]
    for place in range(len(groups)):
        begun, unfinished = set(groups[: place + 1]), set(groups[place:])
        assert len(begun & unfinished) <= 3


def test_nothing_to_train_on_is_an_error() -> None:
    with pytest.raises(InputError, match="no clip"):
        plan_epoch([], 0, PlanConfig())
    with pytest.raises(InputError, match="positive"):
        PlanConfig(seconds_per_step=0)


def test_a_large_group_is_mixed_in_parts() -> None:
    """So many clips of one speaker that mixing them whole would read each row group once for each of its clips."""
    clips = [ClipKey("teacher", None, f"s{n}", None, 1, 300) for n in range(5_000)]
    config = PlanConfig(seconds_per_step=100)
    order = [unit[0] for unit in plan_epoch(clips, 0, config).units]
    assert sorted(order) == list(range(5_000))
    row_groups = [{position // 32 for position in order[start : start + 160]} for start in range(0, 5_000, 160)]
    assert max(map(len, row_groups)) <= 48, "a stretch of steps reads from all over the corpus"
    assert min(map(len, row_groups[:-1])) >= 8, "neighbours stay together"
