"""On a GPU: what a CPU computes, and the same bits whoever shares the batch."""

import numpy as np
import pytest
import torch

from emotalk.controls import Controls
from emotalk.inference.animator import Animator
from emotalk.model.network import EmoTalk
from tests.model.small import noise, small_lite, small_transformer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]
MODELS = {
    "lite": small_lite,
    "hubert": lambda: small_transformer("hubert", "group"),
    "wav2vec2": lambda: small_transformer("wav2vec2", "layer"),
}


@pytest.fixture(params=MODELS, scope="module")
def model(request: pytest.FixtureRequest) -> EmoTalk:
    return MODELS[request.param]()


@pytest.fixture(autouse=True)
def _exact_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)


def test_agrees_with_the_cpu(model: EmoTalk) -> None:
    sound = noise(7.3)
    expected = Animator(model, device="cpu").animate(sound, Controls(silence_gate=0)).weights
    given = Animator(model, device="cuda").animate(sound, Controls(silence_gate=0)).weights
    assert np.abs(given - expected).max() < 1e-4


def test_neighbours_in_a_batch_change_no_bit(model: EmoTalk) -> None:
    animator = Animator(model, device="cuda")
    sounds = [noise(seconds, seed) for seed, seconds in enumerate((2.0, 4.9, 3.3))]
    windows = [next(iter(animator.plan([sound]))) for sound in sounds]
    together = animator.predict(windows, Controls())
    for window, neighboured in zip(windows, together, strict=True):
        (alone,) = animator.predict([window], Controls())
        assert np.array_equal(alone.weights, neighboured.weights)
