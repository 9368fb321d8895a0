"""What the sources of videos make of folders, names and lists, before anything is decoded."""

from pathlib import Path

import pytest

from emotalk.capture.video import Crop
from emotalk.corpus.sources import Hdtf, RavdessVideo, Video
from emotalk.corpus.splits import hashed_split
from emotalk.errors import InputError


def touch(root: Path, *names: str) -> str:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return str(root)


def test_a_folder_of_videos_names_speakers_by_folder_or_by_video(tmp_path):
    root = touch(tmp_path, "anna/a.mp4", "anna/day 2/b.MOV", "solo.webm", "notes.txt", ".hidden/c.mp4")
    found = Video(root=root).takes()
    assert {take.shot.name: take.speaker for take in found.takes} == {
        "anna/a.mp4": "video-anna",
        "anna/day 2/b.MOV": "video-anna",
        "solo.webm": "video-solo",
    }
    assert {take.prefix for take in found.takes} == {"video-anna_a", "video-anna_day_2_b", "video-solo"}
    assert all(take.split == hashed_split(take.speaker) for take in found.takes)
    assert [(r.item_id, r.reason) for r in found.rejections] == [("video/notes.txt", "layout")]
    with pytest.raises(InputError, match="no such folder"):
        Video(root=str(tmp_path / "missing")).takes()


def test_ravdess_videos_are_labelled_by_name_and_each_recording_is_taken_once(tmp_path):
    root = touch(
        tmp_path,
        "Actor_24/01-01-08-02-02-01-24.mp4",
        "Actor_24/02-01-08-02-02-01-24.mp4",
        "copy/01-01-08-02-02-01-24.mp4",
        "Actor_24/holiday.mp4",
        "Actor_24/01-02-03-01-01-01-24.mp4",
    )
    found = RavdessVideo(root=root).takes()
    (take,) = found.takes
    assert (take.speaker, take.emotion, take.level, take.statement, take.repetition, take.split) == (
        "ravdess-24",
        "surprised",
        1,
        "Dogs are sitting by the door",
        1,
        "test",
    )
    assert {rejection.reason for rejection in found.rejections} == {"stem"}
    assert len(found.rejections) == 4
    assert RavdessVideo(root=root, split_scheme="emobox4").takes().takes[0].split == "test"
    assert RavdessVideo(root=root, split_scheme="emobox1").takes().takes[0].split == "train"


LISTS = {
    "RD_video_url.txt": "Radio1 https://a/1\nRadio34 https://a/2\n",
    "RD_annotion_time.txt": "Radio1.mp4 00:20-01:35\nRadio34.mp4 00:02-00:30 10:40-10:50 \n",
    "RD_crop_wh.txt": "Radio1_0.mp4 466 535 0 535\nRadio34_1.mp4 682 514 31 514\n",
    "RD_resolution.txt": "Radio1.mp4 720\nRadio34.mp4 1080\n",
    "WDA_video_url.txt": "Anna0 https://a/2\n",
    "WDA_annotion_time.txt": "Anna0.mp4 00:05-00:10\n",
}


def write_lists(folder: Path) -> str:
    folder.mkdir()
    for name, text in LISTS.items():
        (folder / name).write_text(text)
    return str(folder)


def test_hdtf_takes_times_and_crops_from_the_lists_and_speakers_from_the_web_video(tmp_path):
    root = touch(tmp_path / "videos", "RD_Radio34.mp4", "Radio1.mp4", "Anna0.mkv", "Unknown.mp4")
    found = Hdtf(root=root, lists=write_lists(tmp_path / "lists")).takes()
    takes = {take.prefix: take for take in found.takes}
    assert set(takes) == {f"hdtf_video-{n}" for n in ("RD_Radio1_0", "RD_Radio34_0", "RD_Radio34_1", "WDA_Anna0_0")}
    second = takes["hdtf_video-RD_Radio34_1"].shot
    assert (second.start_s, second.end_s) == (640.0, 650.0)
    assert second.crop == Crop(682, 31, 514, 514, of_height=1080)
    assert takes["hdtf_video-RD_Radio34_0"].shot.crop is None
    assert takes["hdtf_video-RD_Radio1_0"].shot.crop == Crop(466, 0, 535, 535, of_height=720)
    # One web video under two names is one speaker, so that no face is in two splits.
    assert {takes[f"hdtf_video-{n}"].speaker for n in ("RD_Radio34_1", "WDA_Anna0_0")} == {"RD_Radio34"}
    assert [(r.reason, r.item_id) for r in found.rejections] == [("stem", "hdtf_video/Unknown.mp4")]


def test_hdtf_without_lists_takes_cut_clips_whole_as_3d_etf_names_them(tmp_path):
    root = touch(tmp_path, "RD_Radio11_000.mp4", "WDA_KatieHill_000.mp4")
    takes = Hdtf(root=root).takes().takes
    assert [(take.speaker, take.shot.start_s, take.shot.crop) for take in takes] == [
        ("RD_Radio11", 0.0, None),
        ("WDA_KatieHill", 0.0, None),
    ]
    assert takes[0].split == hashed_split("RD_Radio11")  # as in 3D-ETF: the same face stays in the same split


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("RD_annotion_time.txt", "Radio1.mp4 0030-0100", "not a time"),
        ("RD_annotion_time.txt", "Radio1.mp4 01:00-00:30", "ends before it begins"),
        ("RD_crop_wh.txt", "Radio1_0.mp4 1 2 3", "4 of 5 words"),
        ("RD_crop_wh.txt", "Radio1_0.mp4 1 2 x 3", "not a whole number"),
    ],
)
def test_a_list_that_does_not_fit_is_named(tmp_path, name, text, message):
    root = touch(tmp_path / "videos", "Radio1.mp4")
    lists = write_lists(tmp_path / "lists")
    (tmp_path / "lists" / name).write_text(text)
    with pytest.raises(InputError, match=message):
        Hdtf(root=root, lists=lists).takes()


def test_options_that_cannot_work_are_refused():
    with pytest.raises(InputError, match="to last"):
        Video(root="x", max_clip_s=1.0)
