"""What `lite` promises of time: how much of the past and the future reaches a frame, and its size."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.controls import Controls
from emotalk.inference.post.smoothing import Kernel
from tests.model.small import noise, small_lite

SECONDS = 12
MODEL = small_lite()
SOUND = noise(SECONDS)
FACE = MODEL.predict(SOUND)


def test_the_delay_is_at_most_200_ms() -> None:
    assert MODEL.future_samples is not None
    delay_s = MODEL.future_samples / 16_000 + Kernel.of(Controls()).held / 30 + 1 / 30
    assert delay_s <= 0.2


def test_the_past_is_at_most_8_s_and_the_size_at_most_12_million() -> None:
    assert MODEL.past_samples is not None
    assert MODEL.past_samples <= 8 * 16_000
    assert sum(parameter.numel() for parameter in MODEL.parameters()) <= 12e6


@settings(max_examples=12, deadline=None)
@given(frame=st.integers(0, SECONDS * 30 - 12), seed=st.integers(0, 99))
def test_no_frame_hears_beyond_its_future(frame: int, seed: int) -> None:
    assert MODEL.future_samples is not None
    changed = SOUND.copy()
    after = frame * 16_000 // 30 + MODEL.future_samples + 1
    changed[after:] = noise(SECONDS, seed + 100)[after:] * 3
    face = MODEL.predict(changed)
    np.testing.assert_allclose(face[: frame + 1], FACE[: frame + 1], atol=1e-5)
    assert np.abs(face[frame + 8 :] - FACE[frame + 8 :]).max() > 1e-3


def test_no_frame_hears_beyond_its_past() -> None:
    assert MODEL.past_samples is not None
    frame = 330
    start = frame * 16_000 // 30 - MODEL.past_samples
    changed = SOUND.copy()
    changed[: start - 1] = noise(SECONDS, 7)[: start - 1] * 3
    face = MODEL.predict(changed)
    np.testing.assert_allclose(face[frame:], FACE[frame:], atol=1e-5)
    assert np.abs(face[:200] - FACE[:200]).max() > 1e-3


@pytest.mark.parametrize("gain_db", [-20.0, 6.0])
def test_a_louder_recording_has_the_same_face(gain_db: float) -> None:
    speech = SOUND * (0.3 + 0.7 * (np.arange(len(SOUND)) % 9_000 > 4_000)).astype(np.float32)
    louder = MODEL.predict(speech * np.float32(10 ** (gain_db / 20)))
    # The first frames hear only the edge of the sound, below the level that counts as silence; later ones look back at
    # them for two seconds.
    np.testing.assert_allclose(louder[70:], MODEL.predict(speech)[70:], atol=2e-3)


def test_silence_says_nothing_of_the_level() -> None:
    quiet = [MODEL.predict(noise(2) * gain) for gain in (0.0, 1e-5, 1e-4)]
    assert np.abs(quiet[0] - quiet[1]).max() < 0.05
    assert torch.isfinite(torch.from_numpy(quiet[2])).all()
