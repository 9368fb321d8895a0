"""ARKit's, Audio2Face's and the emotion's JSON: they come back, other people's are read, mistakes are named."""

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError
from emotalk.formats import write_animation
from emotalk.formats.a2f_json import FACS_NAMES
from tests.formats.test_npz import animations, finite

WEIGHTS = np.random.default_rng(0).random((9, 52), np.float32)


@settings(deadline=None, max_examples=60)
@given(animation=animations())
def test_arkit_json_loses_nothing(tmp_path_factory: pytest.TempPathFactory, animation: Animation) -> None:
    path = tmp_path_factory.mktemp("arkit") / "a.arkit.json"
    animation.save(path)
    assert Animation.load(path).equals(animation)


@settings(deadline=None, max_examples=30)
@given(frames=st.integers(0, 5), value=finite, fps=st.sampled_from([24, 30, Fraction(30_000, 1001), 60]))
def test_audio2face_json_comes_back(
    tmp_path_factory: pytest.TempPathFactory, frames: int, value: float, fps: Fraction
) -> None:
    path = tmp_path_factory.mktemp("a2f") / "a.a2f.json"
    animation = Animation(np.full((frames, 52), value), fps=fps, meta={"track_path": "speech.wav"})
    animation.save(path)
    assert Animation.load(path).equals(animation)


@settings(deadline=None, max_examples=60)
@given(
    runs=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 1000)), min_size=1, max_size=6),
    cut=st.integers(1, 20),
)
def test_an_emotion_track_comes_back(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, int]], cut: int
) -> None:
    shares = np.repeat([share / 1000 for _, share in runs], [count for count, _ in runs])
    emotion = np.stack([shares, 1 - shares, 0 * shares + 0.001], 1)
    animation = Animation(np.zeros((len(shares), 52)), emotion=emotion, emotion_names=("happy", "sad", "calm"))
    path = tmp_path_factory.mktemp("mood") / "a.emotion.json"
    write_animation(path, animation.pieces(cut))
    entries = json.loads(path.read_text())
    assert len(entries) == 1 + int((np.diff(shares) != 0).sum())
    assert entries[0]["start_s"] == 0
    assert entries[-1]["end_s"] == pytest.approx(animation.duration_s)
    assert all(one["end_s"] == other["start_s"] for one, other in pairwise(entries))
    back = Animation.load(path)
    assert back.frames == animation.frames
    order = [back.emotion_names.index(name) for name in ("happy", "sad", "calm") if name in back.emotion_names]
    assert back.emotion is not None
    kept = [k for k, name in enumerate(("happy", "sad", "calm")) if name in back.emotion_names]
    np.testing.assert_allclose(back.emotion[:, order], animation.emotion[:, kept], atol=1e-6)  # type: ignore[index]


def test_audio2face_writes_the_fields_of_its_exporter(tmp_path: Path) -> None:
    head = np.zeros((9, 6))
    head[:, 3] = 20
    Animation(WEIGHTS, head=head).save(tmp_path / "a.a2f.json", fps=60, track_path="speech.wav")
    document = json.loads((tmp_path / "a.a2f.json").read_text())
    first = ["exportFps", "trackPath", "numPoses", "numFrames", "facsNames", "weightMat"]
    assert list(document) == [*first, "joints", "rotations", "translations"]
    assert document["exportFps"] == 60
    assert document["trackPath"] == "speech.wav"
    assert (document["numPoses"], document["numFrames"]) == (52, 18)
    assert document["facsNames"][14:18] == ["jawForward", "jawLeft", "jawRight", "jawOpen"]
    assert document["facsNames"][21:23] == ["mouthLeft", "mouthRight"]
    assert sorted(document["facsNames"]) == list(COEFFICIENTS)
    jaw = document["facsNames"].index("jawOpen")
    assert document["weightMat"][2][jaw] == pytest.approx(WEIGHTS[1, COEFFICIENTS.index("jawOpen")], abs=1e-7)
    assert document["rotations"][0] == [[0, 0, 0, 1]]
    assert document["translations"][0] == [[2, 0, 0]]


def exported(**changes: Any) -> dict[str, Any]:
    names = [*FACS_NAMES]
    document = {"exportFps": 60.0, "trackPath": "C:\\a.wav", "numPoses": 52, "numFrames": 2, "facsNames": names}
    return {**document, "weightMat": [[k / 100 for k in range(52)]] * 2, "joints": ["jaw"], **changes}


def test_an_export_in_any_order_is_read_by_name(tmp_path: Path) -> None:
    names = ["TongueTipUp", *(name.upper() for name in reversed(FACS_NAMES))]
    rows = [[9.0, *(k / 100 for k in reversed(range(52)))]] * 2
    path = tmp_path / "bsweights.json"
    path.write_text(json.dumps(exported(facsNames=names, weightMat=rows, numPoses=53)))
    back = Animation.load(path, format="a2f")
    assert (back.fps, back.frames, back.head, back.meta) == (60, 2, None, {"track_path": "C:\\a.wav"})
    assert back.column("jawLeft")[0] == np.float32(0.15)
    assert back.column("jawRight")[0] == np.float32(0.16)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"facsNames": ["browLowerL", "jawDrop"], "weightMat": [[0, 0]]}, "not ARKit's .browLowerL, jawDrop"),
        (
            {"facsNames": [n for n in FACS_NAMES if n != "mouthClose"], "weightMat": [[0] * 51] * 2, "numPoses": 51},
            "missing .*: mouthClose",
        ),
        ({"weightMat": [[0] * 52, [0] * 51]}, "weightMat: row 1 is not 52 numbers"),
        ({"weightMat": [[0] * 52, [1e99] * 52]}, "row 1 holds a number too large"),
        ({"numFrames": 3}, "numFrames says 3, but there are 2"),
        ({"exportFps": "fast"}, "exportFps must be frames per second"),
        ({"exportFps": 0}, "exportFps must be frames per second"),
        ({"facsNames": ["jawOpen", "jawOpen"]}, "facsNames holds a name twice: jawOpen"),
        ({"facsNames": None}, "facsNames must be a list of texts"),
        ({"joints": ["head"], "rotations": [[]] * 2}, "rotations does not hold the joint head"),
        ({"joints": ["head"], "rotations": [[[0, 0, 0, 0]]] * 2}, "length zero"),
    ],
)
def test_an_export_that_does_not_fit_is_named(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    path = tmp_path / "a.a2f.json"
    path.write_text(json.dumps(exported(**changes)))
    with pytest.raises(InputError, match=reason) as caught:
        Animation.load(path)
    assert caught.value.source == str(path)


def test_audio2face_has_no_irregular_frames(tmp_path: Path) -> None:
    animation = Animation(WEIGHTS, times_s=np.arange(9) ** 1.5)
    with pytest.raises(InputError, match="give a frame rate"):
        animation.save(tmp_path / "a.a2f.json")
    animation.save(tmp_path / "a.a2f.json", fps=30)


@pytest.mark.parametrize(
    "document",
    [
        {"fps": 25, "frames": [{"weights": {"jawOpen": 0.5}}, {"weights": {"JawLeft": 0.25, "jawOpen": 0.5}}]},
        {"metadata": {"fps": 25}, "frames": [{"time": 0, "jawOpen": 0.5}, {"time": 0.04, "jawOpen": 0.5}]},
        {"fps": [25, 1], "names": ["jawOpen"], "frames": [{"weights": [0.5], "time": 0}, {"weights": [0.5]}]},
        {"fps": 25.0, "names": ["jawOpen"], "frames": [[0.5], [0.5]]},
        {"fps": 25, "names": ["jawOpen"], "weights": [[0.5], [0.5]], "emotion": None, "head": None},
    ],
)
def test_other_spellings_of_arkit_json_are_read(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "a.arkit.json"
    path.write_text(json.dumps(document))
    back = Animation.load(path)
    assert (back.fps, back.frames) == (25, 2)
    np.testing.assert_array_equal(back.column("jawOpen"), np.float32(0.5))


def test_all_52_in_another_order_and_case_are_put_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.arkit.json"
    names = [name.upper() for name in reversed(COEFFICIENTS)]
    path.write_text(json.dumps({"names": names, "frames": WEIGHTS[:, ::-1].astype(float).tolist()}))
    assert Animation.load(path).equals(Animation(WEIGHTS))


def test_what_the_service_answers_is_read(tmp_path: Path) -> None:
    from serve_app.answers import to_json

    animation = Animation(WEIGHTS, head=WEIGHTS[:, :6], emotion=WEIGHTS[:, :1], emotion_names=("sad",), meta={"a": 1})
    (tmp_path / "a.arkit.json").write_bytes(to_json(animation))
    assert Animation.load(tmp_path / "a.arkit.json").equals(animation)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[1, 2]", "no JSON object"),
        ("{}", "no list `frames`"),
        ('{"frames": [[1]], "names": ["a"], "fps": NaN}', "NaN is no number"),
        ('{"frames": [[1, 2]], "names": ["a"]}', "weights: row 0 is not 1 numbers"),
        ('{"frames": [{"weights": ["x"]}], "names": ["a"]}', "weights: row 0 is not 1 numbers"),
        ('{"frames": [[1]], "names": ["a"], "regular": false}', "frame 0 has no time"),
        ('{"frames": [[1]],\n "names": ["a"', "line 2 column"),
        ('{"facsNames": []}', "Audio2Face's JSON: name it .a2f.json"),
    ],
)
def test_arkit_json_that_does_not_fit_is_named(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.arkit.json"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as caught:
        Animation.load(path)
    assert caught.value.source == str(path)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({}, "no JSON list"),
        ([{"start_s": 0, "end_s": 1}], "entry 0 is not"),
        ([{"start_s": 1, "end_s": 1, "mix": {}}], "entry 0 must run"),
        ([{"start_s": 0, "end_s": 1e9, "mix": {}}], "entry 0 must run"),
        ([{"start_s": 0, "end_s": 2, "mix": {}}, {"start_s": 1, "end_s": 3, "mix": {}}], "entry 1 starts before"),
        ([{"start_s": 0, "end_s": 1, "mix": {"sad": 2}}], "shares lie between 0 and 1"),
    ],
)
def test_an_emotion_track_that_does_not_fit_is_named(tmp_path: Path, document: Any, reason: str) -> None:
    path = tmp_path / "a.emotion.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=reason):
        Animation.load(path)


def test_no_emotion_is_no_emotion_track(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no emotion track"):
        Animation(WEIGHTS).save(tmp_path / "a.emotion.json")
    assert list(tmp_path.iterdir()) == []
