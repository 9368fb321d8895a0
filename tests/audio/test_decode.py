"""Any container, codec, rate and source becomes the same 16 kHz mono samples; damage is named, never swallowed."""

import io
import os
import struct
import tracemalloc
from pathlib import Path

import fsspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.audio import encode_flac, load_audio, probe_audio, stream_audio
from emotalk.errors import InputError, TooLongError
from tests.audio.recordings import encoded, png, silent_video, sweep, two_sounds, wav

LOSSLESS = [
    ("wav", "pcm_s16le", 44_100, "stereo"),
    ("wav", "pcm_s24le", 48_000, "mono"),
    ("wav", "pcm_f64le", 22_050, "stereo"),
    ("aiff", "pcm_s16be", 44_100, "mono"),
    ("flac", "flac", 48_000, "5.1"),
    ("matroska", "flac", 44_100, "stereo"),
    ("ipod", "alac", 44_100, "stereo"),
]
LOSSY = [
    ("mp3", "libmp3lame", 44_100, "stereo"),
    ("mp3", "libmp3lame", 22_050, "mono"),
    ("ipod", "aac", 44_100, "stereo"),
    ("mp4", "aac", 48_000, "mono"),
    ("ogg", "libopus", 48_000, "stereo"),
    ("webm", "libopus", 48_000, "mono"),
]


@pytest.mark.parametrize(("container", "codec", "rate", "layout"), LOSSLESS)
def test_lossless_files(container: str, codec: str, rate: int, layout: str) -> None:
    got = load_audio(encoded(sweep(1.5, rate), container, codec, rate, layout=layout))
    assert got.dtype == np.float32
    assert len(got) == 24_000
    np.testing.assert_allclose(got, sweep(1.5, 16_000), atol=1e-4)


@pytest.mark.parametrize(("container", "codec", "rate", "layout"), LOSSY)
def test_lossy_files_keep_their_place_in_time(container: str, codec: str, rate: int, layout: str) -> None:
    got = load_audio(encoded(sweep(2.0, rate), container, codec, rate, layout=layout))
    expected = sweep(2.0, 16_000)
    assert 0 <= len(got) - len(expected) < 0.07 * 16_000  # a codec's last frame is filled up
    got = got[: len(expected)]
    lag = int(np.argmax(np.correlate(got, expected[800:-800], "valid"))) - 800
    assert lag == 0
    assert np.sqrt(np.mean((got - expected) ** 2)) < 0.02


def test_int16_at_16_khz_is_bit_exact() -> None:
    pcm = np.arange(-32_768, 32_768, dtype=np.int16)
    np.testing.assert_array_equal(load_audio(wav(pcm)), pcm / np.float32(32_768))


def test_float_at_16_khz_is_bit_exact_with_peaks_beyond_one() -> None:
    samples = np.float32(3) * np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    np.testing.assert_array_equal(load_audio(wav(samples)), samples)


def test_8_bits_and_the_mean_of_the_channels() -> None:
    np.testing.assert_array_equal(
        load_audio(wav(np.array([0, 128, 255], np.uint8))), np.array([-1, 0, 127 / 128], np.float32)
    )
    three = np.random.default_rng(1).integers(-30_000, 30_000, (2000, 3), dtype=np.int16)
    np.testing.assert_allclose(load_audio(wav(three)), three.mean(axis=1) / 32_768, atol=1e-7)


@settings(deadline=None, max_examples=25)
@given(block=st.integers(1, 30_000), rate=st.sampled_from([16_000, 44_100]))
def test_blocks_join_to_the_whole(block: int, rate: int) -> None:
    data = wav((sweep(1.0, rate) * 32_767).astype(np.int16), rate)
    blocks = list(stream_audio(data, block_samples=block))
    assert all(len(one) == block for one in blocks[:-1])
    assert 0 < len(blocks[-1]) <= block
    np.testing.assert_array_equal(np.concatenate(blocks), load_audio(data))


def test_every_kind_of_source(tmp_path: Path) -> None:
    data = wav(np.arange(1000, dtype=np.int16))
    expected = load_audio(data)
    path = tmp_path / "odd name: a|b.wav"
    path.write_bytes(data)
    fsspec.filesystem("memory").pipe("/audio/a.wav", data)
    opened = io.BytesIO(data)
    for source in (
        str(path),
        path,
        f"file://{path}",
        bytearray(data),
        memoryview(data),
        opened,
        "memory://audio/a.wav",
    ):
        np.testing.assert_array_equal(load_audio(source), expected)
    assert not opened.closed


def test_a_pipe_is_decoded_as_it_comes() -> None:
    pcm = np.arange(20_000, dtype=np.int16)
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as incoming, os.fdopen(writer, "wb") as outgoing:
        outgoing.write(wav(pcm))
        outgoing.close()
        np.testing.assert_array_equal(load_audio(incoming), pcm / np.float32(32_768))


def test_cover_art_is_not_sound() -> None:
    data = encoded(sweep(1.0, 44_100), "mp3", "libmp3lame", 44_100, cover=True)
    assert abs(len(load_audio(data)) - 16_000) < 1000


@pytest.mark.parametrize(("default", "expected"), [(None, 0.25), (1, 0.5)])
def test_of_several_sounds_the_default_or_the_first(default: int | None, expected: float) -> None:
    data = two_sounds((0.25, 0.5), default)
    np.testing.assert_allclose(load_audio(data), expected, atol=1e-3)


def test_a_title_in_another_alphabet_does_not_matter() -> None:
    data = encoded(sweep(1.0, 16_000), "matroska", "flac", 16_000, title="TITLE")
    assert len(load_audio(data.replace(b"TITLE", b"T\xefTL\xe9"))) == 16_000


def test_probe() -> None:
    data = encoded(sweep(1.5, 44_100), "flac", "flac", 44_100, layout="stereo")
    info = probe_audio(data)
    assert (info.sample_rate, info.channels, info.codec, info.container) == (44_100, 2, "flac", "flac")
    assert info.duration_s == pytest.approx(1.5)
    assert info.bytes == len(data)


HLS = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty file"),
        (b"Once upon a time there was no sound at all.\n" * 50, "not an audio file"),
        (png(), "not an audio file"),
        (HLS, "not an audio file"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", "not an audio file"),
        (silent_video(), "no sound"),
        (wav(np.zeros(0, np.int16)), "no audio samples"),
        (wav(np.zeros(100, np.int16))[:30], "not an audio file"),
        (wav(np.zeros(100, np.int16), rate=1_092_676), "1092676 Hz"),
    ],
    ids=["empty", "text", "png", "playlist", "concat", "mute video", "no samples", "half a header", "absurd rate"],
)
def test_what_is_no_recording_is_refused_by_name(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "input.wav"
    path.write_bytes(data)
    for read in (load_audio, lambda source: list(stream_audio(source))):
        with pytest.raises(InputError, match=reason) as caught:
            read(path)
        assert caught.value.source == str(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300, -1e30])
def test_numbers_that_are_not_samples_are_refused_with_their_time(bad: float) -> None:
    samples = np.zeros(48_000)
    samples[36_000] = bad
    with pytest.raises(InputError, match=r"0\.750 s"):
        load_audio(wav(samples, rate=48_000))


def test_a_wav_header_is_no_promise() -> None:
    pcm = np.arange(8000, dtype=np.int16)
    whole = wav(pcm)
    np.testing.assert_array_equal(load_audio(whole[: 44 + 6001]), pcm[:3000] / np.float32(32_768))
    for size in (0, 2**32 - 1):  # what recorders leave when they stream
        streamed = whole[:4] + struct.pack("<I", size) + whole[8:40] + struct.pack("<I", size) + whole[44:]
        np.testing.assert_array_equal(load_audio(streamed), pcm / np.float32(32_768))


def with_size(size: int, data: bytes, *, behind: bytes = b"") -> bytes:
    """A WAV of these samples whose header declares another size of them."""
    return wav(np.zeros(0, np.int16))[:40] + struct.pack("<I", size) + data + behind


def test_what_a_wav_promises_and_has_not_is_told() -> None:
    pcm = np.arange(8_000, dtype=np.int16)
    whole = wav(pcm)
    assert probe_audio(whole).missing_s == 0
    assert probe_audio(whole[: 44 + 6_000]).missing_s == pytest.approx(5_000 / 16_000)
    for size in (0, 2**31 - 37, 2**31, 2**32 - 1):  # of who does not know it yet
        assert probe_audio(with_size(size, pcm.tobytes())).missing_s == 0
    long = b"RF64" + struct.pack("<I", 2**32 - 1) + b"WAVEds64" + struct.pack("<IQQQI", 28, 0, 40_000, 0, 0)
    cut = long + whole[12:40] + struct.pack("<I", 2**32 - 1) + pcm.tobytes()
    assert probe_audio(cut).missing_s == pytest.approx(24_000 / 32_000)
    assert len(load_audio(cut)) == 8_000
    assert probe_audio(encode_flac(sweep(1.0, 16_000))).missing_s == 0


def test_sound_behind_the_declared_end_of_a_wav_is_heard() -> None:
    """As of a recorder that died, or of 4 GiB and more: the size has 32 bits."""
    pcm = np.random.default_rng(0).integers(-(2**15), 2**15, 60_000).astype(np.int16)
    np.testing.assert_array_equal(load_audio(with_size(2_000, pcm.tobytes())), pcm / np.float32(32_768))
    silence = np.zeros(60_000, np.int16)
    assert len(load_audio(with_size(2_000, silence.tobytes()))) == 60_000
    note = bytes(range(256)) * 300
    for behind in (b"LIST" + struct.pack("<I", len(note)) + note, b"ID3\x04\0\0" + note, bytes(999)):
        assert len(load_audio(with_size(120_000, pcm.tobytes(), behind=behind))) == 60_000


@pytest.mark.parametrize(
    ("container", "codec", "options"),
    [
        ("mp3", "libmp3lame", {}),
        ("flac", "flac", {}),
        ("ipod", "aac", {"movflags": "faststart"}),
        ("webm", "libopus", {}),
        ("aiff", "pcm_s16be", {}),
    ],
)
def test_a_cut_file_is_refused_with_the_time_reached(container: str, codec: str, options: dict[str, str]) -> None:
    data = encoded(sweep(3.0, 48_000), container, codec, 48_000, options=options)
    with pytest.raises(InputError, match=r"cut short: sound for [12]\.\d\d s of the 3\.\d\d s"):
        load_audio(data[: len(data) * 6 // 10])


def test_an_mp3_that_promises_nothing_ends_where_its_data_ends() -> None:
    data = encoded(sweep(3.0, 44_100), "mp3", "libmp3lame", 44_100, options={"write_xing": "0"})
    assert 1.5 < len(load_audio(data[: len(data) * 6 // 10])) / 16_000 < 2.0


@pytest.mark.parametrize(
    ("container", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("ogg", "libopus")], ids=["mp3", "flac", "ogg"]
)
def test_damage_in_the_middle_is_refused(container: str, codec: str) -> None:
    data = bytearray(encoded(sweep(6.0, 48_000), container, codec, 48_000))
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    with pytest.raises(InputError, match=r"damaged|unreadable|cut short") as caught:
        load_audio(bytes(data))
    assert "Errno" not in str(caught.value)


def test_one_flipped_bit_in_flac_is_noticed() -> None:
    data = bytearray(encode_flac(sweep(3.0, 16_000)))
    data[len(data) // 2] ^= 1
    with pytest.raises(InputError):
        load_audio(bytes(data))


def test_a_lost_connection_is_not_the_recordings_fault() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 60_000:
                raise ConnectionResetError(104, "Connection reset by peer")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        load_audio(Broken(wav(np.zeros(200_000, np.int16))))


def hours_of_wav(path: Path, seconds: int, rate: int = 16_000) -> Path:
    """A file of silence that takes no room on disk."""
    header = wav(np.zeros(0, np.int16), rate)
    with path.open("wb") as file:
        file.write(header[:40] + struct.pack("<I", seconds * rate * 2))
        file.truncate(44 + seconds * rate * 2)
    return path


def resident_bytes() -> int:
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("no /proc to read the process's memory from")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize(("seconds", "rate"), [(3600, 16_000), (600, 44_100)])
def test_long_recordings_stream_in_flat_memory(tmp_path: Path, seconds: int, rate: int) -> None:
    path = hours_of_wav(tmp_path / "long.wav", seconds, rate)
    blocks = stream_audio(path)
    total = sum(len(next(blocks)) for _ in range(10))
    before = peak = resident_bytes()
    for block in blocks:
        total += len(block)
        peak = max(peak, resident_bytes())
    assert total == seconds * 16_000
    assert peak - before < 16 * 2**20  # an hour is 220 MiB, ten minutes are 37


def test_too_long_is_refused_while_decoding(tmp_path: Path) -> None:
    path = hours_of_wav(tmp_path / "long.wav", 3 * 3600)
    tracemalloc.start()
    with pytest.raises(TooLongError, match="limit of 30 s"):
        load_audio(path, max_duration_s=30)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 2**20
    assert len(load_audio(wav(np.zeros(16_000, np.int16)), max_duration_s=1)) == 16_000


def test_real_recordings(shared_data: Path) -> None:
    folder = shared_data / "speech"
    for path in sorted(folder.glob("*/*.wav")) + sorted(folder.glob("*/*.mp3")):
        if path.stem.endswith("_header"):
            with pytest.raises(InputError, match=path.name):
                load_audio(path)
            continue
        samples = load_audio(path)
        declared_s = probe_audio(path).duration_s
        assert declared_s is not None
        assert len(samples) / 16_000 == pytest.approx(declared_s, abs=0.001)
        assert 0.01 < np.abs(samples).max() <= 1


def test_real_videos(shared_data: Path) -> None:
    for path in sorted((shared_data / "video").glob("*.mp4")):
        declared_s = probe_audio(path).duration_s
        assert declared_s is not None
        assert len(load_audio(path)) / 16_000 == pytest.approx(declared_s, abs=0.05)
