"""Recordings of any length with a face beside them: cut at pauses, read piece by piece, turned away as a whole."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.audio import encode_wav, load_audio
from emotalk.corpus.gates import RejectedError
from emotalk.corpus.sources import LiveLink, Pairs
from emotalk.corpus.sources.recording import declared_samples
from emotalk.errors import InputError
from tests.audio.recordings import encoded
from tests.corpus.tracked_folders import speech_with_pauses, wave, write_capture

MINUTES = 12  # over the ten minutes that a clip may last


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("talk") / "anna"
    folder.mkdir()
    (folder / "talk.wav").write_bytes(encode_wav(speech_with_pauses(60.0 * MINUTES, [14.3, 31.1, 44.0])))
    np.save(folder / "talk.npy", wave(np.arange(30 * 60 * MINUTES) / 30).astype(np.float32))
    (folder.parent / "labels.csv").write_text("stem,statement,emotion\nanna/talk,The whole story,happy\n")
    return folder.parent


def test_a_long_take_becomes_clips_that_hold_all_of_it(talk: Path) -> None:
    source = Pairs(root=str(talk))
    items, rejections = source.listing()
    assert not rejections
    assert [item.item_id for item in items] == [f"pairs-anna__talk-{k:03d}" for k in range(len(items))]
    assert {item.statement for item in items} == {item.item_id for item in items}
    assert {item.emotion for item in items} == {"happy"}
    whole, truth = load_audio(talk / "anna/talk.wav"), wave(np.arange(30 * 60 * MINUTES) / 30)
    start = 0
    for item in items:
        clip = source.read(item)
        assert clip.duration_s <= 20
        np.testing.assert_array_equal(clip.samples, whole[start : start + len(clip.samples)])
        first = start * 30 // 16_000
        np.testing.assert_array_equal(clip.weights, truth[first : first + clip.frames].astype(np.float32))
        start += len(clip.samples)
        if item.item_id.endswith(("-000", "-001", "-002")):  # ends in a pause
            assert start / 16_000 == pytest.approx([14.3, 31.1, 44.0][int(item.item_id[-3:])], abs=0.11)
    assert start == len(whole)


def test_a_clip_is_the_same_whoever_reads_it_and_in_whatever_order(talk: Path) -> None:
    source = Pairs(root=str(talk))
    items = source.listing().items
    in_order = [source.read(item) for item in items[:6]]
    for number in (4, 1, 5, 0):
        clip = Pairs(root=str(talk)).read(items[number])
        np.testing.assert_array_equal(clip.samples, in_order[number].samples)
        np.testing.assert_array_equal(clip.weights, in_order[number].weights)


def test_an_offset_and_a_longest_clip_are_minded(tmp_path: Path) -> None:
    write_capture(tmp_path / "take.csv", 2_000 * np.arange(30 * 40))
    (tmp_path / "take.wav").write_bytes(encode_wav(speech_with_pauses(40.5, [])))
    source = LiveLink(root=str(tmp_path), offset_s=0.5, max_clip_s=8.0, tolerance_s=0.1)
    clips = [source.read(item) for item in source.listing().items]
    assert len(clips) > 5
    assert max(clip.duration_s for clip in clips) <= 8
    np.testing.assert_allclose(
        np.concatenate([clip.weights for clip in clips]), wave(np.arange(30 * 40) / 30).astype(np.float32), atol=1e-5
    )
    for wrong in (0.0, 2.9, 601.0, float("nan")):
        with pytest.raises(InputError, match="to last 3 to 600 s"):
            LiveLink(root="x", max_clip_s=wrong)


@pytest.mark.parametrize(
    ("container", "codec", "suffix"),
    [("adts", "aac", ".aac"), ("mp3", "libmp3lame", ".mp3"), ("ogg", "libopus", ".opus")],
)
def test_a_header_that_does_not_tell_the_length_is_not_believed(
    tmp_path: Path, container: str, codec: str, suffix: str
) -> None:
    samples = speech_with_pauses(45.0, [20.0])
    (tmp_path / f"a{suffix}").write_bytes(encoded(np.repeat(samples, 3), container, codec, 48_000))
    real = len(load_audio(tmp_path / f"a{suffix}"))
    assert declared_samples(str(tmp_path), f"a{suffix}", max_s=20.0) == pytest.approx(real, abs=1600)
    np.save(tmp_path / "a.npy", wave(np.arange(round(real / 16_000 * 30)) / 30).astype(np.float32))
    source = Pairs(root=str(tmp_path))
    assert sum(len(source.read(item).samples) for item in source.listing().items) == pytest.approx(real, abs=600)


def test_a_recording_that_is_damaged_anywhere_is_told_of_every_piece(tmp_path: Path) -> None:
    content = bytearray(encoded(np.repeat(speech_with_pauses(75.0, []), 3), "flac", "flac", 48_000))
    at = len(content) * 6 // 10
    content[at : at + 64] = bytes(64)
    (tmp_path / "a.flac").write_bytes(content)
    np.save(tmp_path / "a.npy", wave(np.arange(30 * 75) / 30))
    items = Pairs(root=str(tmp_path)).listing().items
    assert len(items) == 5
    for item in items:  # a decoder leaves a bad block out and goes on: all that follows would come too early
        with pytest.raises(RejectedError, match=r"damaged|cut short") as caught:
            Pairs(root=str(tmp_path)).read(item)
        assert caught.value.code == "unreadable_audio"


def test_a_face_of_another_length_is_told_of_every_piece(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode_wav(speech_with_pauses(45.0, [])))
    np.save(tmp_path / "a.npy", wave(np.arange(30 * 44) / 30))
    source = Pairs(root=str(tmp_path))
    for item in source.listing().items:
        with pytest.raises(RejectedError, match=r"end at 44\.00 s, the recording at 45\.00 s") as caught:
            source.read(item)
        assert caught.value.code == "length"


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that cannot be read")
def test_a_store_that_fails_for_a_moment_is_no_fault_of_the_recording(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode_wav(speech_with_pauses(45.0, [])))
    np.save(tmp_path / "a.npy", wave(np.arange(30 * 45) / 30))
    source = Pairs(root=str(tmp_path))
    items = source.listing().items
    (tmp_path / "a.wav").rename(tmp_path / "away")
    (tmp_path / "a.wav").symlink_to("/proc/self/mem")  # opens, and fails when it is read
    with pytest.raises(OSError, match="Input/output error"):
        source.read(items[1])
    (tmp_path / "a.wav").unlink()
    (tmp_path / "away").rename(tmp_path / "a.wav")
    assert sum(len(source.read(item).samples) for item in items) == 45 * 16_000
