"""Cross-reconstruction computes the paper's term."""

import numpy as np
import pytest
import torch

from emotalk.metrics.exchange import cross_reconstruct, resample
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config


@pytest.fixture(scope="module")
def model() -> EmoTalk:
    torch.manual_seed(0)
    network = EmoTalk(lite_config(styles=3)).eval()
    torch.set_num_threads(1)
    torch.nn.init.normal_(network.decoder.output.weight, std=0.1)
    return network


def noise(seed: int, samples: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_a_clip_exchanged_with_itself_is_its_own_reconstruction(model: EmoTalk) -> None:
    samples = noise(1, 16_000)
    exchanged = cross_reconstruct(model, samples, samples, 30)
    assert exchanged == pytest.approx(model.predict(samples).clip(0, 1), abs=1e-5)


def test_both_recordings_matter_and_the_target_gives_the_length(model: EmoTalk) -> None:
    words, feeling, third = noise(1, 16_000), noise(2, 12_000), noise(3, 12_000)
    face = cross_reconstruct(model, words, feeling, 41)
    assert face.shape == (41, 52)
    assert np.abs(face - cross_reconstruct(model, words, third, 41)).max() > 1e-3
    assert np.abs(face - cross_reconstruct(model, third, feeling, 41)).max() > 1e-3


def test_resampling_keeps_ends_lines_and_single_frames() -> None:
    line = np.linspace(0, 1, 7, dtype=np.float32)[:, None] * np.ones((1, 52), np.float32)
    assert resample(line, 13)[:, 0] == pytest.approx(np.linspace(0, 1, 13))
    assert np.array_equal(resample(line, 7), line)
    assert resample(line[3:4], 5) == pytest.approx(np.full((5, 52), 0.5))
    assert resample(line, 1)[0, 0] == 0
