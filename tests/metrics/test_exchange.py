"""Cross-reconstruction computes the paper's term, wherever the target's frames lie in the words' recording."""

import numpy as np
import pytest
import torch

from emotalk.metrics.exchange import cross_reconstruct, resample
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.timewarp import even_positions


@pytest.fixture(scope="module")
def model() -> EmoTalk:
    torch.manual_seed(0)
    network = EmoTalk(lite_config(styles=3)).eval()
    torch.set_num_threads(1)
    torch.nn.init.normal_(network.decoder.output.weight, std=0.1)
    return network


def noise(seed: int, samples: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def test_stretched_it_is_the_forward_of_training(model: EmoTalk) -> None:
    words, feeling = noise(1, 16_000), noise(2, 12_000)
    (face,) = cross_reconstruct(model, words, feeling, [even_positions(41, 30)])
    with torch.no_grad():
        expected = model(words, feeling, 41, 1).out11[0].clamp(0, 1).numpy()
    assert face == pytest.approx(expected, abs=1e-5)


def test_a_clip_exchanged_with_itself_is_its_own_reconstruction(model: EmoTalk) -> None:
    samples = noise(1, 16_000)
    (exchanged,) = cross_reconstruct(model, samples, samples, [even_positions(30, 30)])
    assert exchanged == pytest.approx(model.predict(samples).clip(0, 1), abs=1e-5)


def test_both_recordings_matter_and_each_alignment_gives_a_face(model: EmoTalk) -> None:
    words, feeling, third = noise(1, 16_000), noise(2, 12_000), noise(3, 12_000)
    even, late = even_positions(41, 30), np.minimum(np.arange(41) * 0.6, 29)
    stretched, shifted = cross_reconstruct(model, words, feeling, [even, late])
    assert stretched.shape == shifted.shape == (41, 52)
    for other in (
        shifted,
        *cross_reconstruct(model, words, third, [even]),
        *cross_reconstruct(model, third, feeling, [even]),
    ):
        assert np.abs(stretched - other).max() > 1e-3


def test_resampling_keeps_ends_lines_and_single_frames() -> None:
    line = np.linspace(0, 1, 7, dtype=np.float32)[:, None] * np.ones((1, 52), np.float32)
    assert resample(line, even_positions(13, 7))[:, 0] == pytest.approx(np.linspace(0, 1, 13))
    assert np.array_equal(resample(line, even_positions(7, 7)), line)
    assert resample(line[3:4], even_positions(5, 1)) == pytest.approx(np.full((5, 52), 0.5))
    assert resample(line, even_positions(1, 7))[0, 0] == 0
