"""Videos to corpus: every video is a clip or a named row, runs repeat their bytes, rejected clips stay out of sight."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from emotalk.blendshapes import INDEX
from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources import Video
from emotalk.errors import InputError
from emotalk.timing import frames_of
from emotalk.training.examples import speakers_of
from tests.audio.recordings import silent_video
from tests.capture.films import film, tone
from tests.etf3d_folder import contents

GOOD = "video_retalking_1_22fps.mp4"


@pytest.fixture(scope="module")
def landmarker(shared_data: Path) -> str:
    pytest.importorskip("mediapipe")
    return str(shared_data / "models/face_landmarker.task")


@pytest.fixture(scope="module")
def folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One good video and one of every kind that cannot become a clip."""
    root = tmp_path_factory.mktemp("videos")
    content = (shared_data / "video" / GOOD).read_bytes()
    (root / GOOD).write_bytes(content)
    (root / "cut.mp4").write_bytes(content[: len(content) // 2])
    (root / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (root / "mute.mp4").write_bytes(silent_video())
    (root / "faceless.mp4").write_bytes(film(list(range(0, 2000, 100)), samples=tone(2.0)))
    (root / "notes.txt").write_text("not a video")
    return root


@pytest.fixture(scope="module")
def corpus(folder: Path, landmarker: str, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    output = tmp_path_factory.mktemp("corpus")
    build_here(Video(root=str(folder), landmarker=landmarker, keep_rejected=True), str(output))
    return Corpus.open(output)


def test_every_video_is_a_clip_or_a_row_with_its_reason(corpus):
    (clip,) = (clip for split in ("train", "validation", "test") for clip in corpus.clips(split))
    assert clip.clip_id.startswith("video-video_retalking_1_22fps-")
    assert clip.clip_id.endswith("-00000030")  # its first picture comes 33 ms after its sound
    assert clip.frames == frames_of(len(clip.samples)) == 183
    assert clip.head is not None
    assert (clip.head[:, 5] > -600).all()
    assert (clip.head[:, 5] < -300).all()
    assert clip.weights[:, INDEX["jawOpen"]].std() > 0.02
    assert not clip.weights[:, INDEX["tongueOut"]].any()
    reasons = {row["item_id"]: row["reason"] for row in corpus.quarantine.to_pylist()}
    faceless = next(name for name in reasons if name.startswith("video-faceless-"))
    assert reasons == {
        "video-cut": "unreadable_video",
        "video-noise": "unreadable_video",
        "video-mute": "missing_audio",
        faceless: "no_face",
        "video/notes.txt": "layout",
    }


def test_a_rejected_clip_tells_its_numbers_and_times_and_is_kept_for_who_asks(corpus):
    (row,) = (row for row in corpus.quarantine.to_pylist() if row["reason"] == "no_face")
    numbers = {each["name"]: each["value"] for each in row["numbers"]}
    assert (numbers["face_share"], numbers["lost_share"]) == (0, 1)
    assert row["times_s"] == pytest.approx(np.arange(0, 2, 0.1), abs=0.01)

    everything = Corpus.open(corpus.location, with_rejected=True)
    assert everything.index.column("rejected").to_pylist().count("no_face") == 1
    kept = [clip for split in ("train", "validation", "test") for clip in everything.clips(split) if clip.rejected]
    assert [(clip.clip_id, clip.rejected) for clip in kept] == [(row["item_id"], "no_face")]

    assert corpus.manifest.total.clips == corpus.index.num_rows == 1
    assert not {speaker for split in ("train", "validation", "test") for speaker in speakers_of(corpus, split)} & {
        "video-faceless"
    }
    with pytest.raises(InputError, match="no clip"):
        corpus.read([row["item_id"]])
    assert pickle.loads(pickle.dumps(corpus)).index.num_rows == 1
    assert pickle.loads(pickle.dumps(everything)).index.num_rows == 2


def test_what_was_captured_is_reported_and_not_captured_again(corpus, folder, landmarker, tmp_path):
    rows = {row["video"]: row for row in pq.read_table(f"{corpus.location}/capture.parquet").to_pylist()}
    assert set(rows) == {GOOD, "cut.mp4", "noise.mp4", "mute.mp4", "faceless.mp4"}
    good = rows[GOOD]
    assert (good["pictures"], good["width"], good["height"], good["face_share"]) == (135, 700, 700, 1.0)
    assert abs(good["late_s"]) < 0.1
    assert rows["mute.mp4"]["reason"] == "missing_audio"

    again = tmp_path / "again"
    shutil.copytree(corpus.location, again)
    shutil.rmtree(again / "train", ignore_errors=True)
    (again / "manifest.json").unlink()
    track = again / good["track"]
    inode = track.stat().st_ino
    build_here(Video(root=str(folder), landmarker=landmarker, keep_rejected=True), str(again))
    assert contents(again) == contents(Path(corpus.location))
    assert track.stat().st_ino == inode


def test_without_keeping_them_rejected_clips_are_rows_alone(corpus, folder, landmarker, tmp_path):
    shutil.copytree(Path(corpus.location) / "capture", tmp_path / "capture")
    build_here(Video(root=str(folder), landmarker=landmarker), str(tmp_path))
    plain = Corpus.open(tmp_path, with_rejected=True)
    assert plain.index.num_rows == 1
    assert plain.quarantine.column("reason").to_pylist().count("no_face") == 1


def test_no_landmarker_is_said_before_anything_else(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("EMOTALK_FACE_LANDMARKER", raising=False)
    with pytest.raises(InputError, match=r"face_landmarker\.task"):
        build_here(Video(root=str(folder)), str(tmp_path / "corpus"))
    assert not (tmp_path / "corpus").exists()


def test_where_every_video_fails_the_quarantine_says_why(folder, landmarker, tmp_path):
    videos = tmp_path / "videos"
    videos.mkdir()
    for name in ("noise.mp4", "mute.mp4", "notes.txt"):
        shutil.copy(folder / name, videos / name)
    with pytest.raises(InputError, match=r"of 3 items \(1 layout, 1 missing_audio, 1 unreadable_video\).*quarantine"):
        build_here(Video(root=str(videos), landmarker=landmarker), str(tmp_path / "corpus"))
    rows = pq.read_table(tmp_path / "corpus/quarantine.parquet").to_pylist()
    assert {row["item_id"]: row["reason"] for row in rows} == {
        "video-noise": "unreadable_video",
        "video-mute": "missing_audio",
        "video/notes.txt": "layout",
    }
    reasons = pq.read_table(tmp_path / "corpus/capture.parquet").column("reason").to_pylist()
    assert sorted(reasons) == ["missing_audio", "unreadable_video"]
