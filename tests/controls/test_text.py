"""Numbers and tracks as text, as JSON and on the command line: one meaning, there and back."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
import tyro
from hypothesis import given
from hypothesis import strategies as st

from emotalk import command_line
from emotalk.controls import Number, Shaping, Track
from emotalk.controls.checks import number_within
from emotalk.controls.codec import from_json, to_json
from emotalk.controls.text import number_of, number_text, numbers_of, numbers_text
from emotalk.errors import InputError

VALUES = st.floats(-100, 100)
TRACKS = st.lists(st.tuples(st.floats(0, 100), VALUES), min_size=1, max_size=5).map(
    lambda points: Track(tuple(sorted(points, key=lambda point: point[0])))
)
NUMBERS: st.SearchStrategy[Number] = VALUES | TRACKS


@dataclass(frozen=True, kw_only=True)
class Inner:
    strength: Number = 1.0
    gain: Mapping[str, Number] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Outer:
    height: Number | None = None
    inner: Inner = field(default_factory=Inner)


@dataclass(frozen=True, kw_only=True)
class Command:
    outer: Annotated[Outer, tyro.conf.arg(name="")] = field(default_factory=Outer)


def typed(*args: str) -> Outer:
    command: Command = command_line.parse(Command, prog="test", args=args)
    return command.outer


@given(NUMBERS)
def test_a_number_survives_its_text(number: Number) -> None:
    assert number_of(number_text(number)) == number


@given(st.dictionaries(st.sampled_from(["jawOpen", "browInnerUp", "mouthClose"]), NUMBERS))
def test_named_numbers_survive_their_text(numbers: dict[str, Number]) -> None:
    assert numbers_of(numbers_text(numbers)) == numbers


@given(height=st.none() | NUMBERS, strength=NUMBERS, gain=st.dictionaries(st.sampled_from("ab"), NUMBERS))
def test_objects_within_objects_survive_json(height: Number | None, strength: Number, gain: dict[str, Number]) -> None:
    outer = Outer(height=height, inner=Inner(strength=strength, gain=gain))
    assert from_json(Outer, json.loads(json.dumps(to_json(outer))), "keys") == outer


def test_options_of_any_depth_take_tracks() -> None:
    track = Track(((0.0, 1.0), (2.5, 0.0)))
    assert typed() == Outer()
    assert typed("--height", "0:1,2.5:0").height == track
    assert typed("--height", "[[0, 1], [2.5, 0]]").height == track
    assert typed("--height", "None").height is None
    inner = typed("--inner.strength", "2", "--inner.gain", "a=1.5,b=0:1,2.5:0").inner
    assert inner == Inner(strength=2.0, gain={"a": 1.5, "b": track})


@pytest.mark.parametrize("text", ["", "x", "0:1,2", "1:2:3", "2:0,1:0", "[[1]]", "[1", "0:nan"])
def test_what_is_no_number_is_refused_with_its_option(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        typed(f"--height={text}")
    assert end.value.code == command_line.USAGE
    assert capsys.readouterr().err.startswith("error: --height: ")


@pytest.mark.parametrize("text", ["1", "=2", "a=1,a=2", "{"])
def test_what_is_no_mapping_of_numbers(text: str) -> None:
    with pytest.raises(InputError):
        numbers_of(text)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"inner": 3}, "inner must be an object"),
        ({"inner": {"strong": 3}}, "unknown keys of inner: strong"),
        ({"inner": {"strength": [[0, "x"]]}}, "inner.strength must be a plain value or a track"),
        ({"inner": {"gain": {"a": [[]]}}}, "inner.gain.a must be a plain value or a track"),
        ({"width": 3}, "unknown keys: width"),
    ],
)
def test_wrong_keys_are_named_with_their_way(data: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^{said}"):
        from_json(Outer, data, "keys")


@pytest.mark.parametrize(
    "bad", [-0.1, 1.1, True, "1", None, float("nan"), Track(((0, 0), (1, 1.5))), Track(((0, -1),))]
)
def test_numbers_lie_within_their_borders(bad: Any) -> None:
    with pytest.raises(InputError, match=r"^level "):
        number_within("level", bad, 0, 1)
    with pytest.raises(InputError, match=r"^minimum\.jawOpen "):
        Shaping(minimum={"jawOpen": bad})
    number_within("level", Track(((0, 0), (1, 1))), 0, 1)


@pytest.mark.parametrize("bad", [3, {"jaw_open": 1}, {3: 1}])
def test_mappings_know_their_names(bad: Any) -> None:
    with pytest.raises(InputError, match=r"^gain "):
        Shaping(gain=bad)
