"""Shaping: names that are known, values within their borders, the same in Python, as JSON and on the command line."""

import json
from typing import Any

import pytest
from hypothesis import given

from emotalk import command_line
from emotalk.blendshapes import GROUPS, INDEX, columns_named
from emotalk.controls import Controls, Shaping, Track
from emotalk.errors import InputError
from tests.controls.shapings import shapings


@given(shaping=shapings)
def test_json_and_back(shaping: Shaping) -> None:
    controls = Controls(shaping=shaping)
    assert Controls.from_dict(json.loads(json.dumps(controls.to_dict()))) == controls


def test_options_say_the_same() -> None:
    args = ["--shaping.gain", "jawOpen=1.2,brows=0:1,2.5:0", "--shaping.eyelid", "-0.5", "--smoothing", "0:0,1:1"]
    asked = command_line.parse(Controls, prog="test", args=args)
    shaping = Shaping(gain={"jawOpen": 1.2, "brows": Track(((0.0, 1.0), (2.5, 0.0)))}, eyelid=-0.5)
    assert asked == Controls(shaping=shaping, smoothing=Track(((0.0, 0.0), (1.0, 1.0))))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"gain": {"jawOpn": 1}}, "gain has no coefficient or group 'jawOpn': did you mean jawOpen?"),
        ({"offset": {"MouthSmile": 0.1}}, "offset has no .* did you mean mouthSmile?"),
        ({"maximum": {"qqq": 1}}, "maximum has no .* groups are upper_face, lower_face, brows, lids"),
        ({"gain": {"jawOpen": 11}}, "gain.jawOpen must lie between 0 and 10"),
        ({"gain": {"jawOpen": [[0, 1], [1, 99]]}}, "gain.jawOpen must lie between 0 and 10, not 1 to 99"),
        ({"gain": 2}, "gain must be numbers by name"),
        ({"eyelid": 1.5}, "eyelid must lie between -1 and 1"),
        ({"upper_window": 4}, "upper_window must be odd"),
        ({"lower_window": 33}, "lower_window must lie between 3 and 31"),
        ({"lower_window": 3, "smoothing_order": 3}, "smoothing_order must be below both windows"),
        ({"silence_dbfs": 3}, "silence_dbfs must lie between"),
        ({"blink_variety": [[0, 1]]}, "blink_variety must be a number"),
    ],
)
def test_what_cannot_be_is_named(data: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"^shaping.{said}"):
        Controls.from_dict({"shaping": data})


def test_groups_are_what_they_say() -> None:
    assert sorted(GROUPS["upper_face"] + GROUPS["lower_face"]) == list(range(52))
    assert columns_named("mouthSmile") == (INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"])
    assert columns_named("jawLeft") == (INDEX["jawLeft"],)
    assert len(columns_named("gaze")) == 8
    assert "jaw" in GROUPS
    assert len(columns_named("jaw")) == 4


def test_a_shaping_keeps_its_numbers_when_the_callers_change() -> None:
    gain = {"jawOpen": 1.5}
    shaping = Shaping(gain=gain)
    gain["jawOpen"] = 99
    assert shaping.gain == {"jawOpen": 1.5}
