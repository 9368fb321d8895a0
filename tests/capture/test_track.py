"""A track comes back from its file as it was; its sound is read piece by piece."""

import numpy as np
import pytest

from emotalk.capture.sync import Offset
from emotalk.capture.track import BLOCK_SAMPLES, ROWS, TrackWriter, read_outline, read_sound, read_track
from emotalk.errors import InputError
from tests.capture.tracks import make_track


@pytest.mark.parametrize("offset", [None, Offset(0.1, 1.5, (0.1, 0.12))])
def test_a_track_survives_its_file_and_equal_tracks_are_equal_files(tmp_path, offset):
    track = make_track(np.arange(0, 3, 0.04), offset=offset)
    for name in ("a.npz", "b.npz"):
        with TrackWriter(tmp_path / name) as writer:
            writer.finish(track)
    back = read_track(tmp_path / "a.npz")
    assert back.info == track.info
    for name in ROWS:
        np.testing.assert_array_equal(getattr(back, name), getattr(track, name))
    outline = read_outline(tmp_path / "a.npz")
    np.testing.assert_array_equal(outline.bands, track.bands)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_sound_is_read_across_blocks_and_is_zero_outside(tmp_path):
    sound = (np.rint(np.random.default_rng(0).normal(0, 3000, BLOCK_SAMPLES + 5000)) / 32_768).astype(np.float32)
    with TrackWriter(tmp_path / "t.npz") as writer:
        writer.sound(sound[:BLOCK_SAMPLES])
        writer.sound(sound[BLOCK_SAMPLES:])
    path = tmp_path / "t.npz"
    start, stop = BLOCK_SAMPLES - 700, BLOCK_SAMPLES + 900
    np.testing.assert_array_equal(read_sound(path, start, stop), sound[start:stop])
    np.testing.assert_array_equal(read_sound(path, len(sound) - 5, len(sound) + 5)[:5], sound[-5:])
    assert not read_sound(path, len(sound), len(sound) + 10).any()


def test_what_is_no_track_is_refused(tmp_path):
    (tmp_path / "t.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match="capture again"):
        read_track(tmp_path / "t.npz")
