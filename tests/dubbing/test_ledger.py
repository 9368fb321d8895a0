"""The ledger: any order of its files gives the same answer, and no line vouches for what was replaced since."""

from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from emotalk.dubbing.ledger import LEDGER, Chapter, Ledger, Output, Record, append

RECORD = Record(
    name="a",
    recording="a.wav",
    uri="/shelf/a.wav",
    sha256="s",
    fingerprint="f",
    seconds=1.0,
    frames=30,
    emotion="happy",
    share=0.5,
    style=1,
    outputs={".npz": Output("key", 10, "digest", "cpu"), ".csv": Output("other", 20, "digest", "cpu")},
)


def test_a_record_survives_its_line() -> None:
    for record in (RECORD, replace(RECORD, chapter=Chapter(1, 2, 0.0, 3.5, "Größe\n"), name="\udcff\u2028", style="x")):
        line = record.to_line(3)
        assert b"\n" not in line
        assert Record.from_line(line) == record


def test_the_later_run_holds_and_within_one_what_vouches(tmp_path: Path) -> None:
    location = str(tmp_path)
    append(location, 1, [RECORD])
    append(location, 2, [RECORD.without([".npz", ".csv"])])
    (now,) = Ledger.read(location)
    assert not now.vouches_for([".npz", ".csv"])
    assert set(now.outputs) == {".npz", ".csv"}  # they are still there, made by something else
    append(location, 2, [replace(RECORD, seconds=2.0)])
    append(location, 1, [replace(RECORD, seconds=9.0)])  # by a worker of the first run that lives on
    (now,) = Ledger.read(location)
    assert now.seconds == 2.0
    assert now.vouches_for([".npz"])


lines = st.tuples(st.integers(1, 4), st.sampled_from("ab"), st.booleans(), st.floats(0, 9))


@settings(max_examples=10, deadline=None)
@given(st.lists(lines, max_size=8), st.randoms())
def test_the_order_of_segments_and_merging_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, str, bool, float]], random
) -> None:
    def read(order: list[tuple[int, str, bool, float]], compact_at: int) -> dict[str, Record]:
        location = str(tmp_path_factory.mktemp("ledger"))
        for index, (generation, name, vouches, seconds) in enumerate(order):
            record = replace(RECORD, name=name, seconds=seconds)
            append(location, generation, [record if vouches else record.without([".npz"])])
            if index == compact_at:
                Ledger.read(location).compact(location)
        return {record.name: record for record in Ledger.read(location)}

    shuffled = random.sample(written, len(written))
    assert read(written, 2) == read(shuffled, 5)


def test_merging_that_was_killed_leaves_nothing_missing(tmp_path: Path) -> None:
    location = str(tmp_path)
    for number in range(5):
        append(location, number, [replace(RECORD, name=f"{number}")])
    before = sorted((tmp_path / LEDGER).iterdir())
    contents = {path: path.read_bytes() for path in before}
    ledger = Ledger.read(location)
    ledger.compact(location)
    assert len(list((tmp_path / LEDGER).iterdir())) == 1
    for path in before[:3]:
        path.write_bytes(contents[path])  # as if it had been killed while it removed them
    again = Ledger.read(location)
    assert {record.name for record in again} == {"0", "1", "2", "3", "4"}
    assert again.generation == 4
