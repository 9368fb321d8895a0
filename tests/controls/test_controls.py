"""Controls say which of them cannot be used, whatever was put in."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.controls import Controls, Track
from emotalk.errors import InputError

NAMES = [field.name for field in fields(Controls)]
HUGE = [10**400, -(10**400), 2**70, -(2**70), 10**5000]


@pytest.mark.parametrize("name", NAMES)
def test_what_no_control_can_be_is_named(name: str) -> None:
    for value in (*HUGE, [10**5000], [[0, 10**400]], [[10**400, 0]], float("inf"), {"a"}, b"happy"):
        with pytest.raises(InputError, match=f"^{name}[ [.]") as caught:
            Controls.from_dict({name: value})
        assert len(str(caught.value)) < 200


def test_equal_controls_are_equal_texts() -> None:
    """By which what was made with them is known again."""
    whole: dict[str, Any] = {
        "intensity": 1,
        "tail_s": 0,
        "blend": [[0, 1], [2, 0]],
        "shaping": {"gain": {"jawOpen": 2}},
    }
    parts = {"intensity": 1.0, "tail_s": 0.0, "blend": [[0.0, 1.0], [2.0, 0.0]], "shaping": {"gain": {"jawOpen": 2.0}}}
    one, other = (Controls.from_dict({**data, "style": 3, "seed": 5}) for data in (whole, parts))
    assert one == other
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())
    assert '"style": 3,' in json.dumps(one.to_dict())
    track = Controls(blend=Track(((0, 1), (2, 0))), intensity=1, tail_s=0)
    assert json.dumps(track.to_dict()) == json.dumps(track.but().to_dict())


@given(name=st.sampled_from(NAMES), value=st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_a_value_is_used_or_named(name: str, value: Any) -> None:
    refused = None
    try:
        controls = Controls.from_dict({name: value})
    except InputError as error:
        refused = error.reason
    if refused is None:
        assert Controls.from_dict(json.loads(json.dumps(controls.to_dict()))) == controls
    else:
        assert refused.startswith(f"{name} ")
