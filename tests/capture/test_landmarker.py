"""The landmarker's file, its scores by name, and the pose of the head."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import COEFFICIENTS
from emotalk.capture.landmarker import KNOWN_SHA256, NOBODY, FaceLandmarker, head_of, read_landmarker_file
from emotalk.capture.video import read_frames
from emotalk.errors import InputError


def test_a_missing_file_says_what_it_is_and_where_it_is_published(monkeypatch):
    monkeypatch.delenv("EMOTALK_FACE_LANDMARKER", raising=False)
    with pytest.raises(InputError, match=r"face_landmarker\.task.*MediaPipe.*64184e229b26.*EMOTALK_FACE_LANDMARKER"):
        read_landmarker_file()


def test_another_file_is_refused_by_its_digest_unless_accepted(tmp_path, monkeypatch):
    other = tmp_path / "other.task"
    other.write_bytes(b"something else")
    with pytest.raises(InputError, match=r"has sha256 .*--accept-landmarker"):
        read_landmarker_file(other)
    monkeypatch.setenv("EMOTALK_FACE_LANDMARKER", str(other))
    file = read_landmarker_file(accept_other=True)
    pytest.importorskip("mediapipe")
    with pytest.raises(InputError, match="cannot be used"):
        FaceLandmarker(file)


@pytest.mark.parametrize("angles", [(0.3, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, -0.5), (-0.6, 0.2, 0.7)])
def test_the_pose_is_the_houses_rotation_and_millimetres(angles):
    yaw, pitch, roll = angles

    def turn(axis: int, angle: float) -> np.ndarray:
        a, b = [(1, 2), (2, 0), (0, 1)][axis]
        out = np.eye(3)
        out[a, a] = out[b, b] = np.cos(angle)
        out[a, b], out[b, a] = -np.sin(angle), np.sin(angle)
        return out

    matrix = np.eye(4)
    matrix[:3, :3] = turn(1, yaw) @ turn(0, pitch) @ turn(2, roll)
    matrix[:3, 3] = (1.5, -2.0, -30.0)
    np.testing.assert_allclose(head_of(matrix), [yaw, pitch, roll, 15, -20, -300], atol=1e-5)


@pytest.fixture(scope="module")
def bundle(shared_data: Path) -> Path:
    pytest.importorskip("mediapipe")
    return shared_data / "models/face_landmarker.task"


@pytest.mark.parametrize("name", ["WDA_KatieHill_000", "latentsync_demo1_hevc", "video_retalking_1_22fps"])
def test_scores_are_mediapipes_by_name(shared_data, bundle, name):
    import mediapipe
    from mediapipe.tasks.python import vision
    from mediapipe.tasks.python.core.base_options import BaseOptions

    options = vision.FaceLandmarkerOptions(
        base_options=BaseOptions(model_asset_path=str(bundle)), num_faces=1, output_face_blendshapes=True
    )
    frames = list(read_frames(shared_data / f"video/{name}.mp4", start_s=1.0, end_s=1.2))
    assert read_landmarker_file(bundle).sha256 == KNOWN_SHA256
    with FaceLandmarker(read_landmarker_file(bundle)) as landmarker:
        readings = [landmarker.read(frame.rgb) for frame in frames]
        assert landmarker.read(np.zeros((64, 64, 3), np.uint8)) is NOBODY
        again = landmarker.read(frames[0].rgb)  # after others: a reading depends on nothing but its picture
    np.testing.assert_array_equal(again.scores, readings[0].scores)
    np.testing.assert_array_equal(again.near, readings[0].near)
    with vision.FaceLandmarker.create_from_options(options) as direct:
        for frame, reading in zip(frames, readings, strict=True):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=frame.rgb)
            theirs = {score.category_name: score.score for score in direct.detect(image).face_blendshapes[0]}
            assert set(theirs) - set(COEFFICIENTS) == {"_neutral"}
            wanted = [theirs.get(coefficient, 0.0) for coefficient in COEFFICIENTS]
            np.testing.assert_allclose(reading.scores, wanted, atol=1e-6)
            assert reading.faces == 1


def test_a_small_face_is_read_from_close_by_at_the_same_place(shared_data, bundle):
    """The face of a portrait, and the same face far away in a large picture: near by name, and as far as it looks."""
    (frame, *_) = read_frames(shared_data / "video/WDA_KatieHill_000.mp4", start_s=1.0, end_s=1.1)
    wide = np.full((1536, 2048, 3), 90, np.uint8)
    wide[900:1412, 1200:1712] = frame.rgb
    with FaceLandmarker(read_landmarker_file(bundle)) as landmarker:
        alone, far = landmarker.read(frame.rgb), landmarker.read(wide)
    assert far.faces == 1
    assert far.face_px == pytest.approx(alone.face_px, rel=0.05)
    assert np.abs(far.near - alone.scores).mean() < 0.03
    assert np.abs(far.head[:3] - alone.head[:3]).max() < 0.1
    assert far.head[5] == pytest.approx(alone.head[5] * 1536 / 512, rel=0.1)
    # Its middle is 432 pixels right of and 388 below the large picture's: at this distance so many millimetres.
    mm_per_px = -alone.head[5] / (256 / np.tan(np.radians(31.5)))
    assert far.head[3] == pytest.approx(alone.head[3] + 432 * mm_per_px, abs=25)
    assert far.head[4] == pytest.approx(alone.head[4] - 388 * mm_per_px, abs=25)
