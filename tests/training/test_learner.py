"""One process of a run: passes, workers without a share, frozen layers, and going on from a state."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emotalk.errors import InputError
from emotalk.model.network import EmoTalk
from emotalk.model.transformer import TransformerEncoder
from emotalk.training.batches import collate
from emotalk.training.learner import DivergedError, Learner, Place, Work
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.squares import Single, Square, Unit
from tests.model.small import small_lite, small_transformer
from tests.training.test_losses import EXAMPLES, SQUARE

UNITS: list[Unit] = [SQUARE, Single(4), Square(1, 0, 3, 2)]


def learner(model: EmoTalk | None = None, seed: int = 3, **options: float) -> Learner:
    return Learner(
        model or small_lite(),
        OptimiserConfig(**{"learning_rate": 1e-3, "warmup_steps": 0, **options}),  # type: ignore[arg-type]
        LossWeights(),
        device=torch.device("cpu"),
        seed=seed,
    )


def work(*passes: list[Unit], styles: int = 3, counted: bool = True) -> Work:
    return Work([collate(units, EXAMPLES, styles) for units in passes], counted)


def place(step: int = 0) -> Place:
    return Place(epoch=0, epochs=2, step=step, steps=4)


def flat(one: Learner) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in one.model.parameters()]).numpy()


def without_dropout(model: EmoTalk) -> EmoTalk:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        elif isinstance(module, torch.nn.MultiheadAttention):
            module.dropout = 0.0
    return model


def test_passes_change_no_more_than_the_last_bits() -> None:
    one, three = (learner(without_dropout(small_lite())) for _ in range(2))
    # Plain gradients: Adam would blow up the rounding of those that are next to nothing.
    for each in (one, three):
        each.optimiser = torch.optim.SGD(  # type: ignore[assignment]
            [{"params": list(each.model.parameters()), "lr": 0.1, "base_lr": 0.1}]
        )
    reports = one.learn(work(UNITS), place()), three.learn(work(*[[unit] for unit in UNITS]), place())
    np.testing.assert_allclose(flat(one), flat(three), atol=1e-6)
    assert reports[0].losses == pytest.approx(reports[1].losses, rel=1e-5)
    assert reports[0].audio_s == pytest.approx(reports[1].audio_s)
    assert reports[1].padding < reports[0].padding
    frames = [len(EXAMPLES[i].weights) for i in (*SQUARE, 4, *SQUARE)]
    assert reports[0].padding == pytest.approx(1 - sum(frames) / (len(frames) * max(frames)))


def test_work_that_does_not_count_moves_nothing() -> None:
    one = learner()
    before = flat(one)
    one.together.eval()
    sums = one.learn(work([SQUARE], counted=False)._replace(counted=False), place()).sums
    assert not sums.any()
    np.testing.assert_array_equal(flat(one), before)


def test_a_run_goes_on_from_its_state_bit_by_bit() -> None:
    """Dropout included: it follows from seed, epoch, step and rank."""
    whole, first, other = (learner(small_transformer("hubert", "layer"), seed) for seed in (3, 3, 4))
    for step in range(2):
        for one in (whole, first, other):
            one.learn(work(UNITS, styles=4), place(step))
    assert not np.array_equal(flat(other), flat(whole)), "nothing is dropped"
    torch.rand(7)  # whatever else draws random numbers in between
    second = learner(small_transformer("hubert", "layer"))
    second.load_state(first.state())
    for one in (whole, second):
        one.learn(work([UNITS[0]], UNITS[1:], styles=4), place(2))
    np.testing.assert_array_equal(flat(whole), flat(second))
    assert whole.steps_done == second.steps_done == 3


def test_a_loss_that_is_no_number_names_its_clips() -> None:
    batch = collate([SQUARE], EXAMPLES, 3)
    broken = replace(batch, targets=batch.targets * float("nan"))
    with pytest.raises(DivergedError, match=r"nan in epoch 1, step 3, of the clips clip0, clip3, clip1, clip2\."):
        learner().learn(Work([broken], counted=True), place(2))


def test_frozen_layers_stay_and_encoders_learn_at_their_own_rate() -> None:
    model = small_transformer("wav2vec2", "layer")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    one = learner(model, frozen_layers=1, encoder_factor=0.25)
    assert [group["base_lr"] for group in one.optimiser.param_groups] == [0.25e-3, 1e-3]
    one.learn(work(UNITS, styles=4), place())
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    for name in before:
        inside = name.split("_encoder.")[-1]
        if inside.startswith(("convolutions", "projection", "transformer.layers.0.")):
            assert name not in moved
        elif inside.startswith("transformer.layers.1.") and name.endswith("weight"):
            assert name in moved
    assert any(name.startswith("decoder") for name in moved)
    with pytest.raises(InputError, match="3 layers to freeze in an encoder that has 2"):
        learner(small_transformer("wav2vec2", "layer"), frozen_layers=3)


@pytest.mark.parametrize("family", ["hubert", "wavlm"])
def test_recomputed_activations_give_the_same_gradients(family: str) -> None:
    results = []
    for recompute in (False, True):
        model = small_transformer(family, "group")
        for encoder in (model.content_encoder, model.emotion_encoder):
            assert isinstance(encoder, TransformerEncoder)
            if recompute:
                encoder.recompute_activations()
        one = learner(model)
        one.learn(work(UNITS, styles=4), place())
        results.append(flat(one))
    np.testing.assert_array_equal(*results)
