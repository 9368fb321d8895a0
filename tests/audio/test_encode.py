"""FLAC and WAV bytes: exact to 16 bits, the same for the same samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.audio import decode_flac, encode_flac, encode_wav, load_audio
from emotalk.errors import InputError


@settings(deadline=None, max_examples=40)
@given(pcm=hnp.arrays(np.int16, st.integers(1, 9000)))
def test_int16_survives_both_exactly(pcm: np.ndarray) -> None:
    samples = pcm / np.float32(32_768)
    flac = encode_flac(samples)
    np.testing.assert_array_equal(decode_flac(flac), samples)
    np.testing.assert_array_equal(load_audio(encode_wav(samples)), samples)
    assert encode_flac(samples) == flac


def test_peaks_clip_and_the_rest_rounds() -> None:
    samples = np.array([-2, -1, 0.4 / 32_768, 0.6 / 32_768, 1, 2], np.float32)
    expected = np.array([-32_768, -32_768, 0, 1, 32_767, 32_767], np.float32) / np.float32(32_768)
    np.testing.assert_array_equal(decode_flac(encode_flac(samples)), expected)


def test_no_version_of_the_encoder_in_the_bytes() -> None:
    assert b"Lavf" not in encode_flac(np.zeros(100, np.float32))


@pytest.mark.parametrize("encode", [encode_flac, encode_wav])
@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros((2, 10)), np.array([0.0, np.nan])])
def test_what_cannot_be_encoded(encode: object, samples: np.ndarray) -> None:
    assert callable(encode)
    with pytest.raises(InputError):
        encode(samples.astype(np.float32))
