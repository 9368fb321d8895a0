"""BEAT: channels by name, 60 fps by time stamps, cuts at pauses, labels by number."""

import json
from pathlib import Path

import numpy as np
import pytest

from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.gates import RejectedError, check_clip
from emotalk.corpus.sources import Beat
from emotalk.corpus.sources.beat import Label, emotion_of, parse_labels, parse_track
from emotalk.errors import InputError
from tests.corpus.tracked_folders import BEAT_NAMES, wave, write_beat
from tests.etf3d_folder import contents


def test_a_recording_becomes_clips_that_hold_all_of_it(tmp_path: Path) -> None:
    write_beat(tmp_path / "1", "1_wayne_0_65_65", 44, emotions=[(0.0, 44.0, 1)], pauses_s=[13.9, 30.6])
    source = Beat(root=str(tmp_path))
    items, rejections = source.listing()
    assert not rejections
    assert [item.item_id for item in items] == [f"beat-1_wayne_0_65_65-{k:03d}" for k in range(3)]
    clips = [source.read(item) for item in items]
    assert sum(len(clip.samples) for clip in clips) == 44 * 16_000
    assert [clip.duration_s for clip in clips] == pytest.approx([13.9, 16.7, 13.4], abs=0.201)  # inside the pauses
    start = 0
    for clip in clips:
        check_clip(clip)
        truth = wave(start / 16_000 + np.arange(clip.frames) / 30)
        truth[:, 51] = 0  # BEAT has no tongue
        np.testing.assert_allclose(clip.weights, truth, atol=2e-3)
        assert (clip.emotion, clip.level, clip.speaker) == ("happy", None, "beat-01-wayne")
        start += len(clip.samples)


def test_the_three_files_may_lie_in_folders_of_their_own(tmp_path: Path) -> None:
    write_beat(tmp_path, "2_scott_0_1_1", 4, emotions=[(0, 4, 0)])
    for suffix, folder in ((".wav", "wave16k"), (".json", "facial52"), (".csv", "emo")):
        (tmp_path / folder).mkdir()
        (tmp_path / f"2_scott_0_1_1{suffix}").rename(tmp_path / folder / f"2_scott_0_1_1{suffix}")
    (tmp_path / "2_scott_0_1_1.bvh").write_text("HIERARCHY")
    (item,), rejections = Beat(root=str(tmp_path)).listing()
    assert not rejections
    assert item.emotion == "neutral"


def test_columns_go_by_name_in_any_order(tmp_path: Path) -> None:
    order = tuple(np.random.default_rng(1).permutation(np.array([*BEAT_NAMES, "tongueOut"])).tolist())
    write_beat(tmp_path, "1_wayne_0_1_1", 3, names=order)
    source = Beat(root=str(tmp_path))
    (item,), _ = source.listing()
    np.testing.assert_allclose(source.read(item).weights, wave(np.arange(90) / 30), atol=2e-3)


def test_irregular_time_stamps_are_believed(tmp_path: Path) -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 3, 240))
    times[0] = 0
    frames = [{"weights": row, "time": t} for t, row in zip(times.tolist(), wave(times)[:, :51].tolist(), strict=True)]
    write_beat(tmp_path, "1_wayne_0_1_1", 3)
    (tmp_path / "1_wayne_0_1_1.json").write_text(json.dumps({"names": list(BEAT_NAMES), "frames": frames}))
    source = Beat(root=str(tmp_path))
    (item,), _ = source.listing()
    weights = source.read(item).weights
    np.testing.assert_allclose(weights[:, :51], wave(np.arange(90) / 30)[:, :51], atol=0.03)


def test_speakers_are_whole_in_one_split(tmp_path: Path) -> None:
    for stem in ("4_lawrence_0_1_1", "4_lawrence_1_2_2", "5_stewart_0_1_1", "30_katya_0_1_1"):
        write_beat(tmp_path, stem, 2)
    splits = {item.item_id: (item.speaker, item.split) for item in Beat(root=str(tmp_path)).listing().items}
    assert splits == {
        "beat-4_lawrence_0_1_1-000": ("beat-04-lawrence", "validation"),
        "beat-4_lawrence_1_2_2-000": ("beat-04-lawrence", "validation"),
        "beat-5_stewart_0_1_1-000": ("beat-05-stewart", "test"),
        "beat-30_katya_0_1_1-000": ("beat-30-katya", "train"),
    }


def test_emotions_by_number_and_by_time() -> None:
    assert parse_labels(b"00_netural,0.0,600,600,0\n", "x") == [Label(0, 600, "neutral")]
    numbers = ["neutral", "happy", "angry", "sad", None, "surprised", "fearful", "disgust"]
    for number, emotion in enumerate(numbers):
        labels = parse_labels(f"{number:02d}_name,0,60.2,60.2,{number}".encode(), "x")
        assert emotion_of(labels, 3, 20) == emotion
    two = [Label(0, 30, "happy"), Label(30, 60, "sad")]
    assert [emotion_of(two, *span) for span in ((0, 30), (30, 60), (20, 40), (45, 90))] == ["happy", "sad", None, None]
    assert emotion_of([], 0, 5) is None
    for wrong in (b"a,0,1,1,8", b"a,0,1,1", b"a,5,1,1,0", b"a,nan,1,1,0", b"\xff\xfe\xff", b"a,0,1,1,x"):
        with pytest.raises(RejectedError) as caught:
            parse_labels(wrong, "x")
        assert caught.value.code == "label"


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"names": ["jawOpen"]}, "shape", "frame 0"),
        ({"names": [*BEAT_NAMES[:-1], "jawAjar"]}, "names", "unknown: jawAjar; missing: noseSneerRight"),
        ({"names": [*BEAT_NAMES[:-1], "jawOpen"]}, "names", "twice: jawOpen"),
        ({"names": 7}, "unreadable_coefficients", "names"),
        ({"frames": []}, "shape", "no frames"),
        ({"frames": [{"weights": ["0.5"] * 51, "time": 0}]}, "shape", "numbers"),
        ({"frames": [{"weights": [[0.5]] * 51, "time": 0}]}, "shape", "numbers"),
        ({"frames": [{"weights": [0.5] * 51, "time": [0]}]}, "shape", "numbers"),
        ({"frames": [{"weights": [0.5] * 51}]}, "unreadable_coefficients", "time"),
        ({"frames": [{"weights": [10**400] * 51, "time": 0}]}, "shape", "numbers"),
        ({"frames": 3}, "unreadable_coefficients", "not a face"),
    ],
)
def test_a_wrong_file_is_turned_away_with_the_reason(change: dict, code: str, text: str) -> None:
    good = {"names": list(BEAT_NAMES), "frames": [{"weights": [0.5] * 51, "time": k / 60} for k in range(9)]}
    assert parse_track(json.dumps(good).encode(), "a.json").weights.shape == (9, 52)
    with pytest.raises(RejectedError, match=text) as caught:
        parse_track(json.dumps(good | change).encode(), "a.json")
    assert caught.value.code == code


def test_json_that_is_deep_or_broken_is_turned_away() -> None:
    for content in (b"[" * 200_000, b'{"names": [', b"", b"\xff\xfe\x00", b"null"):
        with pytest.raises(RejectedError) as caught:
            parse_track(content, "a.json")
        assert caught.value.code == "unreadable_coefficients"


def test_what_cannot_be_used_is_named_and_the_rest_is_built_the_same_every_time(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_beat(data, "1_wayne_0_1_1", 3)
    write_beat(data, "1_wayne_0_2_2", 3, face_s=6)  # twice as long a face
    write_beat(data, "1_wayne_0_3_3", 3)
    (data / "1_wayne_0_3_3.json").unlink()
    write_beat(data, "1_wayne_0_4_4", 3)
    (data / "1_wayne_0_4_4.wav").write_bytes(b"RIFF")
    write_beat(data, "wayne", 3)
    write_beat(data / "copy", "1_wayne_0_5_5", 3)
    write_beat(data, "1_wayne_0_5_5", 3)
    write_beat(data, "1_wayne_0_6_6", 3, emotions=[(0, 3, 9)])
    (data / "notes.pdf").write_text("x")
    manifests = [build_here(Beat(root=str(data)), str(tmp_path / name)) for name in ("a", "b")]
    assert manifests[0].total.clips == 1
    rows = {row["item_id"]: row["reason"] for row in Corpus.open(tmp_path / "a").quarantine.to_pylist()}
    assert rows == {
        "beat-1_wayne_0_2_2-000": "length",
        "beat-1_wayne_0_3_3": "missing_coefficients",
        "beat-1_wayne_0_4_4": "unreadable_audio",
        "beat-wayne": "stem",
        "beat-1_wayne_0_5_5": "layout",
        "beat-1_wayne_0_6_6": "label",
        "beat-notes.pdf": "layout",
    }
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_face_that_ends_a_little_early_ends_the_clip(tmp_path: Path) -> None:
    write_beat(tmp_path, "1_wayne_0_1_1", 4, face_s=3.5)
    source = Beat(root=str(tmp_path))
    (item,), _ = source.listing()
    assert len(source.read(item).samples) == 3.5 * 16_000
    with pytest.raises(RejectedError, match=r"end at 3.50 s, the recording at 4.00 s") as caught:
        Beat(root=str(tmp_path), tolerance_s=0.2).read(item)
    assert caught.value.code == "length"


def test_a_folder_of_something_else_and_impossible_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no recordings of BEAT"):
        Beat(root=str(tmp_path)).listing()
    with pytest.raises(InputError, match="no such folder"):
        Beat(root=str(tmp_path / "x")).listing()
    for wrong in ({"max_clip_s": 1}, {"tolerance_s": -1}, {"tolerance_s": float("nan")}):
        with pytest.raises(InputError):
            Beat(root="x", **wrong)


def test_a_hole_over_the_border_of_two_clips_is_as_wide_for_both(tmp_path: Path) -> None:
    write_beat(tmp_path, "1_wayne_0_1_1", 30, pauses_s=[15.0])
    data = json.loads((tmp_path / "1_wayne_0_1_1.json").read_text())
    source = Beat(root=str(tmp_path))
    items, _ = source.listing()
    border_s = source.read(items[0]).duration_s
    data["frames"] = [f for f in data["frames"] if not border_s - 0.2 < f["time"] < border_s + 0.2]
    (tmp_path / "1_wayne_0_1_1.json").write_text(json.dumps(data))
    for item in source.listing().items:
        with pytest.raises(RejectedError, match=r"0\.4[02] s without") as caught:
            source.read(item)
        assert caught.value.code == "times"
