"""Mixes and segments: weights that add up, straight lines, and one meaning as text, JSON and tracks."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.controls import Controls, MixTrack, Segment, Track
from emotalk.controls.mix import HEARD, NO_STYLE, weights_at
from emotalk.controls.text import mix_of, mix_text
from emotalk.controls.track import number_at
from emotalk.errors import InputError

LABELS = ("neutral", "happy", "sad")
MIXES = st.dictionaries(st.sampled_from([*LABELS, HEARD]), st.floats(0.01, 10), min_size=1)
MOMENTS = st.none() | st.sampled_from(LABELS) | MIXES
TRACKS = st.lists(st.tuples(st.floats(0, 20), MOMENTS), min_size=1, max_size=5).map(
    lambda points: MixTrack(tuple(sorted(points, key=lambda point: point[0])))
)
EMOTIONS: st.SearchStrategy[Any] = MOMENTS | TRACKS
FRAMES = np.arange(0, 700)


@given(EMOTIONS)
def test_an_emotion_survives_json_and_text(emotion: Any) -> None:
    controls = Controls(emotion=emotion)
    assert Controls.from_dict(json.loads(json.dumps(controls.to_dict()))) == controls
    assert Controls(emotion=mix_of(mix_text(controls.emotion, HEARD), HEARD)) == controls


@given(EMOTIONS)
def test_weights_add_up_at_any_time(emotion: Any) -> None:
    weights = weights_at(Controls(emotion=emotion).emotion, LABELS, HEARD, FRAMES)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-5)


def test_mixes_are_normalised_and_cross_faded() -> None:
    assert Controls(emotion={"happy": 2, "sad": 2}).emotion == {"happy": 0.5, "sad": 0.5}
    track = Controls(emotion=MixTrack(((0, "happy"), (1, None), (2, "sad"), (2, "happy")))).emotion
    weights = weights_at(track, LABELS, HEARD, np.array([0, 15, 30, 45, 59, 60]))
    expected = [[0, 1, 0, 0], [0, 0.5, 0, 0.5], [0, 0, 0, 1], [0, 0, 0.5, 0.5], [0, 0, 29 / 30, 1 / 30], [0, 1, 0, 0]]
    np.testing.assert_allclose(weights, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("heard", None),
        ("happy", "happy"),
        ("happy=0.7,sad=0.3", {"happy": 0.7, "sad": 0.3}),
        ('{"happy": 1}', {"happy": 1}),
        ("0:heard;2.5:happy=1,sad=3", MixTrack(((0, None), (2.5, {"happy": 1, "sad": 3})))),
        ('[[0, null], [1, "sad"]]', MixTrack(((0, None), (1, "sad")))),
    ],
)
def test_text_of_emotions(text: str, value: Any) -> None:
    assert mix_of(text, HEARD) == value


@pytest.mark.parametrize("text", ["happy=x", "happy=1,happy=2", "x:happy", "0:happy;sad", "[[1]]", "{"])
def test_what_is_no_mix(text: str) -> None:
    with pytest.raises(InputError):
        Controls(emotion=mix_of(text, HEARD))


@pytest.mark.parametrize(
    "bad",
    [
        {"emotion": {}},
        {"emotion": {"happy": -1}},
        {"emotion": {"happy": 0}},
        {"emotion": {"happy": True}},
        {"emotion": [[1, "sad"], [0, "sad"]]},
        {"emotion": [[0, 3]]},
        {"emotion": []},
        {"style": {"one": 1}},
        {"style": {"-1": 1}},
        {"style": [[0, 1], [1, "x"]]},
        {"style": [[0, True]]},
        {"blend": [[0, 2]]},
        {"confidence": 1.1},
        {"emotion_smoothing_s": 1.5},
        {"emotion_smoothing_s": [[0, 1]]},
        {"emotion_from": 3},
        {"emotion_fit": "crop"},
        {"segments": [{"stop_s": 1}]},
        {"segments": [{"start_s": 1, "stop_s": 1}]},
        {"segments": [{"start_s": 1, "fade_s": -1}]},
        {"segments": [{"start_s": 1, "preset": "villain"}]},
        {"segments": [{"start_s": 1, "stop_s": 3}, {"start_s": 2}]},
        {"segments": [{"start_s": 1, "segments": []}, {"start_s": 2, "mood": 1}]},
        {"segments": [{"start_s": 1, "seed": 4}]},
        {"segments": [{"start_s": 1, "tail_s": 0}]},
        {"segments": [{"start_s": 1, "emotion_smoothing_s": 1}]},
        {"segments": {"start_s": 1}},
    ],
)
def test_wrong_controls_are_named(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=f"^{next(iter(bad))}"):
        Controls.from_dict(bad)


def test_a_segment_is_another_character_for_a_while() -> None:
    villain = {"start_s": 1, "stop_s": 2, "fade_s": 0.5, "emotion": "angry", "intensity": 2, "style": 3}
    controls = Controls.from_dict({"emotion": "happy", "segments": [villain]})
    assert controls.segments[0] == Segment(
        start_s=1,
        stop_s=2,
        fade_s=0.5,
        changes={k: villain[k] for k in villain if k in ("emotion", "intensity", "style")},
    )
    assert Controls.from_dict(controls.to_dict()) == controls
    plain = controls.compiled
    assert plain.segments == ()
    at = np.array([0, 29, 30, 36, 45, 59, 60, 66, 75, 900])
    share = np.array([0, 0, 0, 0.4, 1, 1, 1, 0.6, 0, 0])
    np.testing.assert_allclose(number_at(plain.intensity, at), 1 + share, atol=1e-6)
    weights = weights_at(plain.emotion, ("angry", "happy"), HEARD, at)
    np.testing.assert_allclose(weights, np.stack([share, 1 - share, 0 * share], 1), atol=1e-6)
    styles = weights_at(plain.style, ("3",), NO_STYLE, at)
    np.testing.assert_allclose(styles[:, 0], share, atol=1e-6)


def test_segments_that_touch_go_over_into_each_other() -> None:
    lines = [{"start_s": 1, "stop_s": 2, "intensity": 2}, {"start_s": 2, "intensity": 3, "fade_s": 0}]
    plain = Controls.from_dict({"segments": lines}).compiled
    assert number_at(plain.intensity, np.array([29, 40, 59, 60, 9000])).tolist() == [1, 2, 2, 3, 3]


def test_tracks_go_on_under_segments() -> None:
    base = Controls(
        intensity=Track(((0, 0), (10, 1))), segments=(Segment(start_s=4, stop_s=6, changes={"intensity": 3}),)
    )
    values = number_at(base.compiled.intensity, np.array([0, 90, 150, 210, 300]))
    np.testing.assert_allclose(values, [0, 0.3, 3, 0.7, 1], atol=1e-6)


def test_segments_that_change_nothing_compile_to_the_controls() -> None:
    controls = Controls(intensity=1.5, segments=(Segment(start_s=1, changes={"intensity": 1.5}),))
    assert controls.compiled == Controls(intensity=1.5)


@given(frame=st.integers(0, 200), before=EMOTIONS, after=EMOTIONS)
def test_controls_from_a_frame_on_are_the_old_ones_before_and_the_new_ones_behind(
    frame: int, before: Any, after: Any
) -> None:
    old, new = Controls(emotion=before, intensity=0.5), Controls(emotion=after, intensity=Track(((1, 2), (5, 3))))
    both = old.from_frame(frame, new)
    for own, frames in ((old, np.arange(0, frame)), (new, np.arange(frame, 400))):
        names = LABELS
        expected = weights_at(own.emotion, names, HEARD, frames)
        np.testing.assert_allclose(weights_at(both.emotion, names, HEARD, frames), expected, atol=1e-5)
        np.testing.assert_allclose(number_at(both.intensity, frames), number_at(own.intensity, frames), atol=1e-5)


def test_what_is_one_for_a_recording_is_not_changed_within_it() -> None:
    with pytest.raises(InputError, match="seed, tail_s can't be changed"):
        Controls().from_frame(3, Controls(seed=1, tail_s=1))
