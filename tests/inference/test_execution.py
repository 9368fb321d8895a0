"""Other precisions: a stated error, no dependence on batch mates, everything else untouched."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from emotalk import Animator, Controls, EmoTalk, InputError
from emotalk.inference.windows import Window
from emotalk.model.quantised import Int8Linear, quantised
from tests.model.small import noise, small_lite, small_transformer

RAW = Controls()


@pytest.fixture(scope="module", params=["layer", "group"])
def model(request: pytest.FixtureRequest) -> EmoTalk:
    return small_transformer("wav2vec2", request.param).eval()


def raw(animator: Animator, seconds: float = 2, seed: int = 0) -> np.ndarray:
    return animator.predict(list(animator.plan([noise(seconds, seed)])), RAW)[0].weights


def window(seconds: float, seed: int) -> Window:
    sound = noise(seconds, seed)
    return Window(sound, 0, 0, -(-len(sound) * 3 // 1_600), 0, True)


def test_an_int8_layer_is_the_layer_but_for_two_per_cent() -> None:
    torch.manual_seed(0)
    layer, x = nn.Linear(96, 64), torch.randn(2, 30, 96)
    with torch.inference_mode():
        exact, told = layer(x), Int8Linear(layer)(x)
    assert float((told - exact).norm() / exact.norm()) < 0.02


def test_a_loud_moment_takes_nothing_from_a_quiet_one() -> None:
    torch.manual_seed(0)
    layer, x = Int8Linear(nn.Linear(32, 16)), torch.randn(6, 32)
    louder = torch.cat([x, 1_000 * x])
    with torch.inference_mode():
        assert torch.equal(layer(louder)[:6], layer(x))
        assert torch.isfinite(layer(torch.zeros(1, 32))).all()


def test_int8_errs_by_less_than_a_twentieth_of_what_faces_move(model: EmoTalk) -> None:
    exact, told = raw(Animator(model, device="cpu")), raw(Animator(model, device="cpu", precision="int8"))
    assert 0 < np.abs(told - exact).mean() < 0.05 * exact.std()


def test_int8_shares_all_but_the_layers_it_replaces(model: EmoTalk) -> None:
    kept = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    copy = quantised(model)
    assert copy is not model
    assert copy.decoder.output.weight is model.decoder.output.weight
    assert not any(isinstance(module, Int8Linear) for module in model.modules())
    assert sum(isinstance(module, Int8Linear) for module in copy.modules()) == 2 * 2 * 6
    assert all(torch.equal(tensor, kept[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("precision", ["int8", "bfloat16"])
def test_rows_of_a_batch_do_not_see_each_other(model: EmoTalk, precision: str) -> None:
    animator = Animator(model, device="cpu", rows=2, frame_multiple=30, precision=precision)  # type: ignore[arg-type]
    windows = [window(1.5, 1), window(1.9, 2)]
    together = animator.predict(windows, RAW)
    for item, alone in zip(together, windows, strict=True):
        np.testing.assert_array_equal(item.weights, animator.predict([alone], RAW)[0].weights)


@pytest.mark.parametrize("make", [small_lite, partial(small_transformer, "wav2vec2", "group")])
def test_bfloat16_errs_by_less_than_a_twentieth_of_what_faces_move(make: object) -> None:
    network = make().eval()  # type: ignore[operator]
    exact = raw(Animator(network, device="cpu"))
    told = raw(Animator(network, device="cpu", precision="bfloat16"))
    assert told.dtype == np.float32
    assert 0 < np.abs(told - exact).mean() < 0.05 * exact.std()


def test_rounded_lengths_change_nothing(model: EmoTalk) -> None:
    exact, padded = (Animator(model, device="cpu", rows=rows, frame_multiple=n) for rows, n in ((1, 1), (3, 150)))
    np.testing.assert_allclose(raw(padded, 1.3), raw(exact, 1.3), atol=2e-4)


def test_an_animation_tells_its_precision(model: EmoTalk) -> None:
    animator = Animator(model, device="cpu", precision="int8")
    assert animator.made_on.endswith(", int8")
    assert animator.meta()["precision"] == "int8"
    assert "precision" not in Animator(model, device="cpu").meta()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="this lite has none"):
        Animator(small_lite(), device="cpu", precision="int8")
    with pytest.raises(InputError, match="must be one of float32, bfloat16, int8"):
        Animator(small_lite(), device="cpu", precision="fp8")  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("make", [small_lite, partial(small_transformer, "wav2vec2", "layer")])
def test_compiled_is_the_same(make: object) -> None:
    network = make().eval()  # type: ignore[operator]
    exact, told = raw(Animator(network, device="cpu")), raw(Animator(network, device="cpu", compiled=True))
    np.testing.assert_allclose(told, exact, atol=1e-3 * exact.std())
