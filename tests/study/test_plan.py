"""Plans: reproducible, balanced, blind."""

import json
from collections import Counter

import pytest

from emotalk.errors import InputError
from emotalk.study.build import page
from emotalk.study.plan import make_plan, read_key

SYSTEMS = {"truth": "data/truth", "our-model": "runs/lite", "ridge": "runs/ridge"}
CLIPS = [f"speaker{k}/line" for k in range(8)]


def test_every_pair_of_systems_on_every_clip_and_checks_among_them() -> None:
    plan = make_plan(SYSTEMS, CLIPS, seed=3)
    compared = Counter(
        (plan.films[films[0]].clip, *sorted({plan.films[film].left for film in films})) for films in plan.pairs.values()
    )
    real = {key: count for key, count in compared.items() if len(key) == 3}
    assert len(real) == 8 * 3
    assert set(real.values()) == {1}
    checks = [films for films in plan.pairs.values() if plan.films[films[0]].check]
    assert len(checks) == 2
    assert len(make_plan(SYSTEMS, [str(k) for k in range(20)], seed=0).pairs) == 60 + 6
    for name, films in plan.pairs.items():
        one, other = (plan.films[film] for film in films)
        assert one.pair == other.pair == name
        assert (one.left, one.right, one.clip) == (other.right, other.left, other.clip)
    assert len({*plan.films, *plan.pairs}) == 3 * 26


def test_a_seed_gives_one_plan_and_its_key_brings_it_back() -> None:
    plan = make_plan(SYSTEMS, CLIPS, seed=3)
    assert make_plan(SYSTEMS, CLIPS[::-1], seed=3) == plan
    assert make_plan(SYSTEMS, CLIPS, seed=4).films != plan.films
    assert make_plan(SYSTEMS, CLIPS, seed=4).study != plan.study
    assert read_key(plan.key(), "key.json") == plan


def test_the_first_film_of_a_pair_tells_nothing_of_its_sides() -> None:
    plan = make_plan({"a": "", "b": ""}, [str(k) for k in range(200)], seed=1)
    lefts = Counter(plan.films[films[0]].left for films in plan.pairs.values() if not plan.films[films[0]].check)
    assert 70 <= lefts["a"] <= 130


def test_the_page_knows_no_system_and_no_clip() -> None:
    plan = make_plan(SYSTEMS, CLIPS, seed=3)
    text = page(plan)
    for secret in (*SYSTEMS, *SYSTEMS.values(), "speaker", 'line"'):
        assert secret not in text
    assert "http" not in text.replace("http-equiv", "")
    assert all(film in text for film in plan.films)


def test_some_pairs_by_lot() -> None:
    plan = make_plan(SYSTEMS, CLIPS, seed=3, pairs=5)
    assert len(plan.pairs) == 5 + 2
    with pytest.raises(InputError, match="25 pairs cannot be drawn from 24"):
        make_plan(SYSTEMS, CLIPS, seed=3, pairs=25)


def test_what_is_no_study_is_refused() -> None:
    with pytest.raises(InputError, match="two systems"):
        make_plan({"a": ""}, CLIPS, seed=0)
    with pytest.raises(InputError, match="same name"):
        make_plan(SYSTEMS, [], seed=0)
    good = json.loads(make_plan(SYSTEMS, CLIPS, seed=3).key())
    for text in ("", "[]", "{}", json.dumps(good | {"films": {"x": {}}}), json.dumps(good | {"format": "other"})):
        with pytest.raises(InputError, match=r"key of a study|unknown"):
            read_key(text, "key.json")
