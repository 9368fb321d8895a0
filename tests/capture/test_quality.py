"""Every gate of captured clips: a good clip passes, each fault is found, with its numbers and its times."""

from dataclasses import replace

import numpy as np
import pytest

from emotalk.capture.quality import inspect
from emotalk.capture.retime import retime
from emotalk.capture.sync import Offset
from emotalk.capture.track import Track
from emotalk.corpus.gates import MAX_TIMES, RejectedError
from tests.capture.tracks import make_track

TIMES_S = np.arange(0, 6, 1 / 25)
VOICE = (0.2 * np.random.default_rng(0).normal(size=16_000 * 5)).clip(-0.9, 0.9).astype(np.float32)


def faults(track: Track, samples: np.ndarray = VOICE, late_s: float = 0.0) -> dict[str, np.ndarray | None]:
    face = retime(track, 0.5 - late_s, 150)
    return {f.code: f.times_s for f in inspect(track, face, samples, start_s=0.5, late_s=late_s).faults}


def test_a_good_clip_has_no_fault_and_its_numbers_are_told():
    track = make_track(TIMES_S, offset=Offset(0.1, 2.0, (0.1, 0.1)))
    found = inspect(track, retime(track, 0.4, 150), VOICE, start_s=0.5, late_s=0.1)
    assert not found.faults
    assert found.numbers["face_share"] == 1
    assert found.numbers["face_px"] == 200
    assert 0 < found.numbers["jitter"] < 0.01
    assert (found.numbers["late_s"], found.numbers["moved_s"]) == (0.1, 0.1)


def test_faces_are_counted_with_the_times_that_failed():
    faces = np.ones(len(TIMES_S), np.uint8)
    track = make_track(TIMES_S)
    assert set(faults(replace(track, faces=0 * faces))) == {"no_face"}
    second = faces.copy()
    second[(TIMES_S >= 2) & (TIMES_S < 3)] = 2
    times_s = faults(replace(track, faces=second))["two_faces"]
    assert times_s is not None
    assert (times_s.min(), times_s.max(), len(times_s)) == pytest.approx((2.0, 2.96, 25))
    gone = faces.copy()
    gone[(TIMES_S >= 2) & (TIMES_S < 3)] = 0
    times_s = faults(replace(track, faces=gone))["lost_frames"]
    assert times_s is not None
    assert times_s.min() >= 1.95
    assert times_s.max() <= 3.01
    assert "small_face" in faults(replace(track, face_px=np.full(len(TIMES_S), 40, np.float32)))


def test_a_still_picture_is_frozen_and_a_repeated_one_is_not():
    track = make_track(TIMES_S)
    still = np.repeat(track.near[:1], len(TIMES_S), 0)
    noise = np.random.default_rng(3).normal(0, 3e-4, still.shape).astype(np.float32)
    assert "frozen" in faults(replace(track, near=still + noise))
    doubled = np.repeat(track.near[::2], 2, 0)[: len(TIMES_S)]  # 12.5 pictures a second, each shown twice
    assert "frozen" not in faults(replace(track, near=doubled))


def test_a_trembling_tracker_is_found():
    track = make_track(TIMES_S)
    noise = np.random.default_rng(3).normal(0, 0.04, track.near.shape).astype(np.float32)
    assert "jitter" in faults(replace(track, near=track.near + noise))


def test_sound_that_is_silent_or_clipped_is_found():
    track = make_track(TIMES_S)
    assert set(faults(track, 0.001 * VOICE)) == {"silent"}
    assert set(faults(track, (8 * VOICE).clip(-1, 1))) == {"clipped"}


def test_sound_and_picture_must_last_alike_and_belong_together():
    track = make_track(TIMES_S)
    assert set(faults(replace(track, info=replace(track.info, samples=16_000 * 8)))) == {"av_length"}
    assert set(faults(replace(track, info=replace(track.info, samples=round(16_000 * 6.4))))) == set()
    far = replace(track.info, offset=Offset(0.6, 2.0, (0.6, 0.6)))
    assert set(faults(replace(track, info=far))) == {"av_offset"}
    doubtful = replace(track.info, offset=Offset(0.6, 1.5, (0.6, -0.6)))
    assert set(faults(replace(track, info=doubtful))) == set()


def test_the_times_of_a_rejection_are_bounded_and_spread():
    error = RejectedError("jitter", "x", times_s=np.arange(1000) / 10)
    assert error.times_s is not None
    assert (len(error.times_s), error.times_s[0], error.times_s[-1]) == (MAX_TIMES, 0.0, 99.9)
    assert RejectedError("jitter", "x").times_s is None
