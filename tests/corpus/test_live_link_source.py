"""Live Link Face captures as a source: time codes are believed, the head is kept, an offset aligns another recorder."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.corpus.gates import RejectedError, check_clip
from emotalk.corpus.sources import LiveLink
from emotalk.errors import InputError
from emotalk.formats.live_link import CHANNELS
from tests.corpus.tracked_folders import wave, write_capture, write_wav

# 30 fps in base 60, drifting by sub-frames, with two lost frames, as a phone writes it.
DRIFT = np.random.default_rng(2).integers(-2, 3, 149)
STEPS = np.where(np.isin(np.arange(149), (40, 90)), 4_000, 2_000) + DRIFT
TICKS = 60_951 * 60_000 + 38_453 + np.concatenate([[0], np.cumsum(STEPS)])
TIMES = (TICKS - TICKS[0]) / 60_000
SECONDS = float(TIMES[-1] + 1 / 30)


def test_a_capture_is_placed_by_its_time_code(tmp_path: Path) -> None:
    write_capture(tmp_path / "anna" / "take.csv", TICKS)
    write_wav(tmp_path / "anna" / "take.wav", SECONDS)
    source = LiveLink(root=str(tmp_path))
    (item,), rejections = source.listing()
    assert not rejections
    assert (item.item_id, item.speaker, item.statement) == ("live_link-anna__take-000", "anna", "anna/take")
    clip = source.read(item)
    check_clip(clip)
    times = np.arange(clip.frames) / 30
    np.testing.assert_allclose(clip.weights[:-2], wave(times)[:-2], atol=0.02)  # a straight line over a lost frame
    by_row_number = np.abs(wave(TIMES)[:150] - wave(times[:150])).max()
    assert by_row_number > 0.1  # what taking rows for frames would give
    assert clip.head is not None
    turn = 0.25 * np.sin(times)
    np.testing.assert_allclose(clip.head[:-1, :3], np.stack([-turn, turn / 2, -turn / 4], 1)[:-1], atol=2e-3)
    assert not clip.head[:, 3:].any()


def test_a_regular_capture_keeps_every_printed_digit(tmp_path: Path) -> None:
    printed = write_capture(tmp_path / "take.csv", 1_000 * np.arange(90), base=30)
    write_wav(tmp_path / "take.wav", 3)
    source = LiveLink(root=str(tmp_path))
    (item,), _ = source.listing()
    clip = source.read(item)
    order = [CHANNELS.index(name[0].upper() + name[1:]) for name in Animation(np.zeros((1, 52))).names]
    np.testing.assert_array_equal(clip.weights, printed.round(10)[:, order].astype(np.float32))


def test_the_real_capture_becomes_a_clip(shared_data: Path, tmp_path: Path) -> None:
    (tmp_path / "alex.csv").write_bytes((shared_data / "livelink" / "alex_rom_4.csv").read_bytes())
    animation = Animation.load(tmp_path / "alex.csv")
    assert animation.weights.max() > 1.04
    write_wav(tmp_path / "alex.wav", animation.duration_s)
    source = LiveLink(root=str(tmp_path))
    clips = [source.read(item) for item in source.listing().items]
    assert len(clips) > 1  # over 20 s: cut, and nothing lost
    assert sum(len(clip.samples) for clip in clips) == pytest.approx(16_000 * animation.duration_s, abs=1)
    start_s = 0.0
    for clip in clips:
        check_clip(clip)
        times_s = start_s + np.arange(clip.frames) / 30
        nearest = np.searchsorted(animation.time_s(), times_s - 1 / 60).clip(0, animation.frames - 1)
        assert np.median(np.abs(clip.weights - animation.weights[nearest].clip(0, 1))) < 1e-3
        assert clip.head is None  # this phone recorded no head
        start_s += clip.duration_s
    # Why the eyes' rotations need no column: the coefficients say the same.
    yaw = animation.tracks["left_eye"].values[:, 0]
    looks = animation.column("eyeLookInLeft") - animation.column("eyeLookOutLeft")
    assert np.corrcoef(yaw, looks)[0, 1] > 0.99


@pytest.mark.parametrize("offset_s", [0.5, -0.5])
def test_an_offset_aligns_another_recorder(tmp_path: Path, offset_s: float) -> None:
    write_capture(tmp_path / "take.csv", 2_000 * np.arange(150))
    write_wav(tmp_path / "take.wav", 5 + offset_s)
    source = LiveLink(root=str(tmp_path), offset_s=offset_s, tolerance_s=0.1)
    (item,), _ = source.listing()
    clip = source.read(item)
    first_s = max(-offset_s, 0)  # on the capture's clock
    np.testing.assert_allclose(clip.weights, wave(first_s + np.arange(clip.frames) / 30), atol=1e-5)
    assert clip.duration_s == pytest.approx(5 - max(-offset_s, 0), abs=1e-3)
    with pytest.raises(RejectedError) as caught:
        LiveLink(root=str(tmp_path), tolerance_s=0.1).read(item)
    assert caught.value.code == "length"


def test_a_missing_tongue_is_zero_and_unknown_columns_are_named(tmp_path: Path) -> None:
    without = tuple(name for name in CHANNELS if name != "TongueOut")
    write_capture(tmp_path / "old.csv", 2_000 * np.arange(90), columns=without)
    write_wav(tmp_path / "old.wav", 3)
    write_capture(tmp_path / "odd.csv", 2_000 * np.arange(90))
    text = (tmp_path / "odd.csv").read_text().replace("JawOpen", "JawAjar", 1)
    (tmp_path / "odd.csv").write_text(text)
    write_wav(tmp_path / "odd.wav", 3)
    source = LiveLink(root=str(tmp_path))
    odd, old = source.listing().items
    clip = source.read(old)
    assert not clip.weights[:, 51].any()
    np.testing.assert_allclose(clip.weights[:, :51], wave(np.arange(90) / 30)[:, :51], atol=1e-6)
    with pytest.raises(RejectedError, match="JawOpen"):
        source.read(odd)


def test_the_apps_own_files_are_no_data_and_a_lonely_capture_is_named(tmp_path: Path) -> None:
    for name in ("frame_log.csv", "take.json", "thumbnail.jpg"):
        (tmp_path / name).write_text("x")
    write_capture(tmp_path / "take.csv", 2_000 * np.arange(90))
    items, (rejection,) = LiveLink(root=str(tmp_path)).listing()
    assert not items
    assert (rejection.item_id, rejection.reason) == ("live_link-take", "missing_audio")


def test_impossible_options_are_refused() -> None:
    for wrong in ({"offset_s": float("nan")}, {"offset_s": 1e9}, {"tolerance_s": -0.1}):
        with pytest.raises(InputError):
            LiveLink(root="x", **wrong)
