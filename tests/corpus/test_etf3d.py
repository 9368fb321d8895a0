"""The 3D-ETF folder: labels from names, the length rule, and a reason for everything that is turned away."""

import io
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.corpus.gates import RejectedError, clean_weights
from emotalk.corpus.sources import Etf3d
from emotalk.corpus.sources.etf3d import hdtf_labels, ravdess_labels
from emotalk.errors import InputError
from emotalk.timing import frames_of
from tests.etf3d_folder import GOOD, GOOD_HDTF, Etf3dFolder, face, speech


def test_a_ravdess_name_says_who_speaks_what():
    labels = ravdess_labels("01-01-08-02-02-02-24", "standard")
    assert labels == ("ravdess-24", "Dogs are sitting by the door", "test", "surprised", 1, 2)


@pytest.mark.parametrize(
    ("stem", "wrong"),
    [
        ("01-02-03-01-01-01-01", "vocal channel 02"),
        ("02-01-03-01-01-01-01", "modality 02"),
        ("03-01-09-01-01-01-01", "emotion 09"),
        ("03-01-01-02-01-01-01", "intensity 02"),
        ("03-01-03-01-03-01-01", "statement 03"),
        ("03-01-03-01-01-03-01", "repetition 03"),
        ("03-01-03-01-01-01-25", "actor 25"),
        ("03-01-03-01-01-01", "seven"),
        ("03-01-03-01-01-01-01-copy", "seven"),
    ],
)
def test_a_wrong_ravdess_name_is_refused_with_what_is_wrong(stem, wrong):
    with pytest.raises(InputError, match=wrong):
        ravdess_labels(stem, "standard")


def test_an_hdtf_name_gives_a_speaker_and_no_emotion():
    labels = hdtf_labels("WDA_Some_Body_003", "standard")
    assert (labels.speaker, labels.emotion, labels.level) == ("WDA_Some_Body", None, None)
    with pytest.raises(InputError, match="HDTF"):
        hdtf_labels("XY_Radio11_000", "standard")


@settings(deadline=None)
@given(samples=st.integers(2_000, 200_000), difference=st.integers(-1, 1))
def test_the_recording_decides_the_length(samples, difference):
    wanted = frames_of(samples)
    given_frames = face(wanted + difference, 1)
    weights = clean_weights(given_frames, samples)
    assert weights.shape == (wanted, 52)
    np.testing.assert_array_equal(weights[: len(given_frames)], given_frames[:wanted])
    np.testing.assert_array_equal(weights[-1], given_frames[:wanted][-1])


def test_more_than_the_tolerance_is_another_recording():
    with pytest.raises(RejectedError) as caught:
        clean_weights(face(33, 1), 16_000, frame_tolerance=2)
    assert caught.value.code == "length"
    assert caught.value.numbers == {"frames": 33, "expected_frames": 30, "tolerance": 2}
    assert len(clean_weights(face(32, 1), 16_000, frame_tolerance=2)) == 30


def test_small_overshoot_is_clamped_and_large_or_frequent_overshoot_is_refused():
    overshoot = face(30, 1)
    overshoot[4, 7], overshoot[9, 3] = -0.2, 1.3
    weights = clean_weights(overshoot, 16_000)
    assert (weights[4, 7], weights[9, 3]) == (0, 1)
    for bad in (face(30, 1) - 0.3, np.where(np.eye(30, 52) == 1, -0.6, face(30, 1))):
        with pytest.raises(RejectedError) as caught:
            clean_weights(bad, 16_000)
        assert caught.value.code == "range"


def test_listing_and_reading_a_good_folder(tmp_path):
    Etf3dFolder(tmp_path).good()
    (tmp_path / "RAVDESS/audio/.DS_Store").write_bytes(b"")
    source = Etf3d(root=str(tmp_path))
    items, rejections = source.listing()
    assert not rejections
    assert {item.item_id for item in items} == {f"ravdess-{s}" for s in GOOD} | {f"hdtf-{s}" for s in GOOD_HDTF}
    for item in items:
        clip = source.read(item)
        assert clip.frames == frames_of(len(clip.samples))
        assert abs(item.seconds - clip.duration_s) < 0.1
        assert (clip.clip_id, clip.source, clip.speaker, clip.statement, clip.emotion, clip.level, clip.repetition) == (
            item.item_id, item.source, item.speaker, item.statement, item.emotion, item.level, item.repetition,
        )  # fmt: skip


def test_a_recording_of_another_rate_and_float64_coefficients_are_read(tmp_path):
    folder = Etf3dFolder(tmp_path)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes((np.repeat(speech(3, 1), 2) * 32_767).astype("<i2").tobytes())
    stem = "01-01-03-01-01-01-05"
    folder.audio("RAVDESS", f"{stem}.wav").write_bytes(buffer.getvalue())
    np.save(folder.coefficients("RAVDESS", f"{stem}.npy"), face(30, 1).astype(np.float64))
    source = Etf3d(root=str(tmp_path))
    (item,) = source.listing().items
    clip = source.read(item)
    assert (len(clip.samples), clip.weights.dtype, clip.frames) == (16_000, np.float32, 30)


def test_the_split_scheme_moves_ravdess_and_not_hdtf(tmp_path):
    Etf3dFolder(tmp_path).good()
    one, other = (
        {item.speaker: item.split for item in Etf3d(root=str(tmp_path), split_scheme=scheme).listing().items}
        for scheme in ("standard", "emobox1")
    )
    assert (one["ravdess-01"], other["ravdess-01"]) == ("train", "test")
    assert one["RD_Radio11"] == other["RD_Radio11"]


def test_a_folder_of_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="no RAVDESS or HDTF folder"):
        Etf3d(root=str(tmp_path)).listing()
