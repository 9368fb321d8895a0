"""Reading videos: times from the stamps, upright pictures, one clock with the sound, and faults by name."""

import io

import av
import numpy as np
import pytest

from emotalk.audio import load_audio
from emotalk.capture.video import Crop, probe_video, read_frames, sound_start_s
from emotalk.errors import InputError
from tests.audio.recordings import sweep, wav
from tests.capture.films import film, picture, tone

STEADY = list(range(0, 2000, 40))
VARIABLE = [0, 33, 100, 133, 300, 333, 500]


def test_times_are_the_stamps_of_a_video_of_variable_rate():
    frames = list(read_frames(film(VARIABLE)))
    assert [round(1000 * frame.time_s) for frame in frames] == VARIABLE
    assert [int(frame.rgb[40, 50].mean()) for frame in frames] == pytest.approx([10 * k for k in range(7)], abs=4)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_a_container_without_times_of_showing_is_read_at_its_rate_and_in_order(b_frames):
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="avi") as out:
        video = out.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.max_b_frames = b_frames
        for number in range(15):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    frames = list(read_frames(buffer.getvalue()))
    assert np.diff([frame.time_s for frame in frames]) == pytest.approx(np.full(14, 0.04))
    assert [int(frame.rgb[40, 50].mean()) for frame in frames] == pytest.approx([10 * k for k in range(15)], abs=8)


def test_a_part_starts_and_ends_where_it_is_wanted_also_after_a_seek():
    long = film(list(range(0, 8000, 40)))
    assert [round(f.time_s, 3) for f in read_frames(long, start_s=5.0, end_s=5.1)] == [5.0, 5.04, 5.08]


@pytest.mark.parametrize(("rotation", "red"), [(0, (5, 5)), (90, (60, 5)), (-90, (5, 40)), (180, (40, 60))])
def test_pictures_are_turned_as_the_display_turns_them(rotation, red):
    (first, *_) = read_frames(film([0, 40], rotation=rotation))
    upright = rotation % 180 == 0
    assert first.rgb.shape == ((48, 64, 3) if upright else (64, 48, 3))
    row, column = red
    assert first.rgb[row, column, 0] > 200
    assert first.rgb[row, column, 1] < 60


def test_a_crop_is_measured_in_the_picture_or_in_one_of_another_height():
    rgb = np.arange(48 * 64 * 3).reshape(48, 64, 3).astype(np.uint8)
    np.testing.assert_array_equal(Crop(10, 4, 20, 30).of(rgb), rgb[4:34, 10:30])
    np.testing.assert_array_equal(Crop(20, 8, 40, 60, of_height=96).of(rgb), rgb[4:34, 10:30])
    with pytest.raises(InputError, match="outside"):
        Crop(50, 0, 40, 40).of(rgb)


@pytest.mark.parametrize("late_ms", [0, 200, 640])
def test_the_sounds_start_is_on_the_clock_of_the_pictures(late_ms):
    content = film(STEADY, samples=sweep(1.0, 16_000), sound_late_ms=late_ms, container="matroska")
    assert sound_start_s(content) == pytest.approx(late_ms / 1000, abs=0.002)
    assert next(iter(read_frames(content))).time_s == pytest.approx(0, abs=0.002)
    assert len(load_audio(content)) == 16_000


def test_the_clock_starts_with_the_container_not_at_its_first_stamp():
    content = film(STEADY, samples=tone(2.0), container="mpegts")  # a transport stream starts at 1.4 s
    assert next(iter(read_frames(content))).time_s == pytest.approx(0, abs=0.1)


def test_what_is_no_video_says_so():
    for content, text in [
        (wav(tone(0.5)), "holds no moving pictures"),
        (b"", "empty"),
        (bytes(range(256)) * 40, "not a video that can be read"),
        (film(STEADY)[:300], "not a video that can be read"),
    ]:
        with pytest.raises(InputError, match=text):
            list(read_frames(content))


def test_probing_reads_what_the_header_says():
    info = probe_video(film(STEADY, samples=tone(2.0)))
    assert (info.width, info.height, info.has_sound) == (64, 48, True)
    assert info.declared_s == pytest.approx(2.0, abs=0.1)
    assert not probe_video(film(STEADY)).has_sound


def test_pictures_too_large_for_any_memory_are_refused(monkeypatch):
    content = film([0, 40], size=(64, 48))
    monkeypatch.setattr("emotalk.capture.video.MAX_PIXELS", 64 * 48 - 1)
    for look in (probe_video, lambda file: list(read_frames(file))):
        with pytest.raises(InputError, match="64 × 48 pixels"):
            look(io.BytesIO(content))
