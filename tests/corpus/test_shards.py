"""The plan: every item once, in order, splits apart, row groups of one speaker and level."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.corpus.shards import BYTES_PER_S, ROW_GROUP_BYTES, ROW_GROUP_ROWS, item_order, plan_shards
from emotalk.corpus.sources import Item
from emotalk.corpus.splits import SPLITS
from emotalk.errors import InputError
from emotalk.labels import EMOTIONS


@dataclass(frozen=True)
class Nowhere:
    """A source of which only the settings matter to a plan."""

    scheme: str = "standard"
    name: str = "nowhere"

    def settings(self) -> dict[str, object]:
        return {"scheme": self.scheme}


def make_item(item_id: str = "a", **changes: object) -> Item:
    facts = {"source": "n", "speaker": "s", "statement": "t", "split": "train", "seconds": 4.0, "spec": None}
    return Item(item_id=item_id, version="1", **(facts | changes))


items_of_any_kind = st.lists(
    st.builds(
        make_item,
        item_id=st.text("abcdef", min_size=1, max_size=4),
        speaker=st.sampled_from("xyz"),
        statement=st.sampled_from("kd"),
        split=st.sampled_from(SPLITS),
        emotion=st.none() | st.sampled_from(EMOTIONS),
        level=st.none() | st.integers(0, 1),
        seconds=st.floats(0, 600),
    ),
    max_size=150,
    unique_by=lambda item: item.item_id,
)


@settings(deadline=None)
@given(items=items_of_any_kind, target=st.integers(1, 40_000_000), order=st.randoms())
def test_the_plan_holds_every_item_once_and_depends_on_nothing_but_the_items(items, target, order):
    plans = plan_shards(items, source=Nowhere(), target_bytes=target)
    shuffled = list(items)
    order.shuffle(shuffled)
    assert plan_shards(shuffled, source=Nowhere(), target_bytes=target) == plans

    assert [item for plan in plans for item in plan.items] == sorted(items, key=item_order)
    assert [plan.name for plan in plans] == sorted({plan.name for plan in plans})
    for plan in plans:
        assert {item.split for item in plan.items} == {plan.split}
        sizes = [sum(item.seconds for item in group) * BYTES_PER_S for group in plan.groups]
        assert len(plan.groups) == 1 or sum(sizes) <= target
        for group, size in zip(plan.groups, sizes, strict=True):
            assert len({(item.speaker, item.level) for item in group}) == 1
            assert len(group) <= ROW_GROUP_ROWS
            assert len(group) == 1 or size <= ROW_GROUP_BYTES


def test_a_speakers_level_is_one_row_group_up_to_64_rows():
    items = [make_item(f"{level}-{n:02d}", level=level) for level in (0, 1) for n in range(70)]
    (plan,) = plan_shards(items, source=Nowhere(), target_bytes=64 * 2**20)
    assert [len(group) for group in plan.groups] == [64, 6, 64, 6]


@pytest.mark.parametrize(
    "change", [{"version": "2"}, {"emotion": "sad"}, {"level": 1}, {"speaker": "other"}, {"item_id": "b"}]
)
def test_a_shards_key_changes_with_its_items(change):
    (before,) = plan_shards([make_item()], source=Nowhere(), target_bytes=1)
    (after,) = plan_shards([replace(make_item(), **change)], source=Nowhere(), target_bytes=1)
    assert after.key != before.key


def test_a_shards_key_changes_with_the_sources_settings_only():
    keys = [
        plan_shards([make_item()], source=Nowhere(s), target_bytes=t)[0].key for s, t in [("a", 1), ("b", 1), ("a", 9)]
    ]
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


def test_two_items_of_one_name_and_unknown_splits_are_refused():
    with pytest.raises(InputError, match="one name: a"):
        plan_shards([make_item(), make_item(statement="u")], source=Nowhere(), target_bytes=1)
    with pytest.raises(InputError, match="unknown split 'dev'"):
        plan_shards([make_item(split="dev")], source=Nowhere(), target_bytes=1)
