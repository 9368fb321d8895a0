"""Clips cut from tracks that the test makes itself: none reaches over a scene, all of what was recorded is in one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.capture.record import Shot
from emotalk.capture.sound import measure_bands
from emotalk.capture.sync import Offset
from emotalk.capture.track import BLOCK_SAMPLES, TrackWriter
from emotalk.corpus.takes import Take
from emotalk.corpus.tracks import FOLDER, TrackSource
from tests.capture.tracks import make_track
from tests.corpus.tracked_folders import speech_with_pauses

SECONDS = 70.0


def source_of(folder: Path, *, cut_s: float, late_s: float = 0.0, statement: str | None = None) -> TrackSource:
    """A video of two faces: jawOpen is under a half before `cut_s` and over it afterwards."""
    times_s = np.arange(0, SECONDS, 1 / 25)
    offset = Offset(late_s, 2.0, (late_s, late_s)) if late_s else None
    track = make_track(times_s, offset=offset)
    near = track.near.copy()
    near[:, INDEX["jawOpen"]] = np.where(times_s < cut_s, 0.2, 0.8) + 0.1 * np.sin(8 * times_s)
    change = track.change.copy()
    change[np.flatnonzero(times_s >= cut_s)[:1]] = 0.3
    sound = speech_with_pauses(SECONDS, [14.0, 44.0], 3)
    (folder / FOLDER).mkdir(parents=True)
    with TrackWriter(folder / FOLDER / "k.npz") as writer:
        for first in range(0, len(sound), BLOCK_SAMPLES):
            writer.sound(sound[first : first + BLOCK_SAMPLES])
        info = replace(track.info, samples=len(sound))
        writer.finish(replace(track, info=info, near=near, change=change, bands=measure_bands([sound])))
    take = Take(
        shot=Shot(path="a.mp4", name="a.mp4"),
        prefix="a",
        source="video",
        speaker="s",
        split="train",
        statement=statement,
    )
    return TrackSource(
        name="video",
        output=str(folder),
        options="{}",
        max_clip_s=20.0,
        keep_rejected=False,
        recorded=((take, "k"),),
        failed=(),
    )


@pytest.mark.parametrize("late_s", [0.0, 0.2, -0.2])
def test_no_clip_reaches_over_a_cut_to_another_face(tmp_path: Path, late_s: float) -> None:
    source = source_of(tmp_path, cut_s=30.0, late_s=late_s)
    items, rejections = source.listing()
    assert not rejections
    clips = [source.read(item) for item in items]
    assert all(clip.duration_s <= 20 for clip in clips)
    jaws = [clip.weights[:, INDEX["jawOpen"]] for clip in clips]
    assert all((jaw < 0.35).all() or (jaw > 0.65).all() for jaw in jaws)
    # What sound and picture have in common is in one clip or another, but for 10 ms at a border.
    total_s = sum(clip.duration_s for clip in clips)
    assert total_s == pytest.approx(SECONDS - abs(late_s), abs=0.05)
    first_of_second = next(item for item, jaw in zip(items, jaws, strict=True) if jaw[0] > 0.5)
    assert first_of_second.item_id == f"a-{round(1000 * (30 + late_s)):08d}"
    assert [item.item_id for item in source_of(tmp_path / "again", cut_s=30.0, late_s=late_s).listing().items] == [
        item.item_id for item in items
    ]


def test_a_video_is_cut_at_its_pauses_as_recordings_are(tmp_path: Path) -> None:
    items = source_of(tmp_path, cut_s=999.0).listing().items
    starts_s = [int(item.item_id[-8:]) / 1000 for item in items]
    assert starts_s[1] == pytest.approx(14.0, abs=0.11)
    assert starts_s[3] == pytest.approx(44.0, abs=0.11)


def test_parts_of_a_sentence_are_no_sentence(tmp_path: Path) -> None:
    items = source_of(tmp_path, cut_s=999.0, statement="Kids are talking by the door").listing().items
    assert {item.statement for item in items} == {item.item_id for item in items}
