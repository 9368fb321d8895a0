"""Real talking faces: a sound that is shifted against its picture is found out, whatever the video's rate."""

from pathlib import Path

import av
import numpy as np
import pytest

from emotalk.audio import load_audio
from emotalk.capture.landmarker import FaceLandmarker, read_landmarker_file
from emotalk.capture.record import Shot, capture
from emotalk.capture.sound import measure_bands
from emotalk.capture.sync import estimate_offset
from emotalk.capture.track import read_track

pytestmark = pytest.mark.slow
VIDEOS = {"WDA_KatieHill_000": 25.0, "latentsync_demo1_hevc": 25.0, "video_retalking_1_22fps": 22.13}
FRAMES = (-8, -5, -3, -2, 2, 3, 5, 8)


def captured(video: Path, shared_data: Path, target: Path):
    pytest.importorskip("mediapipe")
    file = read_landmarker_file(shared_data / "models/face_landmarker.task")
    with FaceLandmarker(file) as landmarker:
        shot = Shot(path=str(video), name=video.name)
        return capture(shot, landmarker, target, video_sha256="v", landmarker_sha256=file.sha256)


@pytest.mark.parametrize(("name", "fps"), VIDEOS.items())
def test_a_shifted_sound_is_found_out_within_a_frame(shared_data, tmp_path, name, fps):
    video = shared_data / f"video/{name}.mp4"
    track = captured(video, shared_data, tmp_path / "t.npz")
    assert (track.faces == 1).all()
    assert track.info.offset is not None
    own_s = track.info.offset.late_s
    sound = load_audio(video)
    for frames in FRAMES:
        shift = round(16_000 * frames / fps)
        cut = np.pad(sound, (max(shift, 0), 0))[max(-shift, 0) :][: len(sound)]
        for samples, start_s in ((cut, 0.0), (sound, frames / fps)):  # in its own file's place, and as it is, but later
            offset = estimate_offset(track.times_s, track.mouth, measure_bands([samples]), sound_start_s=start_s)
            assert offset is not None
            assert abs((offset.late_s - own_s) * fps - frames) < 1, (frames, start_s, offset)


def test_a_file_whose_sound_was_muxed_late_says_so(shared_data, tmp_path):
    late = tmp_path / "late.mkv"
    with av.open(str(shared_data / "video/latentsync_demo1_hevc.mp4")) as source, av.open(str(late), "w") as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None:
                if packet.stream.type == "audio":
                    packet.pts += round(0.2 / packet.time_base)
                    packet.dts += round(0.2 / packet.time_base)
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    info = captured(late, shared_data, tmp_path / "t.npz").info
    assert info.sound_start_s == pytest.approx(0.2, abs=0.03)
    assert info.offset is not None
    assert info.offset.correction_s == pytest.approx(0.21, abs=0.04)
    assert read_track(tmp_path / "t.npz").info == info
