"""One line that says how far a job is."""

import pytest

from emotalk.timing import counted, length
from jobs.progress import Progress, VideoProgress


def test_progress_tells_speed_and_time_left():
    progress = Progress(clips=10, rejected=2, audio_s=3600, planned_audio_s=7200, elapsed_s=90)
    assert progress.speed == pytest.approx(40)
    assert progress.left_s == pytest.approx(90)
    assert str(progress) == " 50%  10 clips, 2 rejected, 1.00 of 2.00 h, 40 × real time, 1:30 left"


def test_progress_before_anything_is_done_promises_nothing():
    progress = Progress(clips=0, rejected=0, audio_s=0, planned_audio_s=7200, elapsed_s=0)
    assert progress.left_s is None
    assert "left" not in str(progress)


def test_an_estimate_that_was_too_low_does_not_pass_the_end():
    progress = Progress(clips=1, rejected=0, audio_s=20, planned_audio_s=10, elapsed_s=1)
    assert progress.left_s == 0
    assert str(progress).startswith("100%")


def test_videos_are_counted_as_their_lengths_are_not_known():
    assert str(VideoProgress(0, 1, 0, 0.0)) == "captured 0 of 1 video"
    assert str(VideoProgress(4, 10, 1, 120.0)) == "captured 4 of 10 videos, 1 turned away, 3:00 left"
    assert str(VideoProgress(10, 10, 0, 120.0)) == "captured 10 of 10 videos"


def test_short_lengths_and_single_things_read_well():
    assert (length(4.386), length(0.1), length(0.0353)) == ("4.39 h", "0.10 h", "2.1 min")
    assert (counted(1, "speaker"), counted(0, "clip"), counted(21, "speaker")) == (
        "1 speaker",
        "0 clips",
        "21 speakers",
    )
