"""Heads that exist in training only: they learn, they ask something of the network, and they stay out of the model."""

import torch

from emotalk.training.auxiliary import EmotionAdversary, Heard, own_and_labelled, pooled_over_time, reverse_gradient
from emotalk.training.batches import Batch, collate
from emotalk.training.learner import Learner, Place, Work, named
from emotalk.training.losses import (
    LOSSES,
    PAPER_LOSSES,
    LossWeights,
    TrainingStep,
    loss_counts,
    loss_sums,
    objective,
    weighted_total,
)
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.squares import Single
from tests.model.small import small_lite
from tests.training.test_losses import EXAMPLES, SQUARE


def batch() -> Batch:
    return collate([SQUARE, Single(4)], EXAMPLES, styles=3)


def test_every_recording_with_a_label_is_read_once() -> None:
    told = own_and_labelled(batch())
    assert told.tolist() == [False, False, True, True, False]  # clip1 and clip2, which the square hears; clip4 has none


def test_pooling_ignores_what_lies_behind_a_clip() -> None:
    torch.manual_seed(0)
    values = torch.randn(1, 9, 4)
    mask = (torch.arange(9) < 6)[None, :, None].float()
    torch.testing.assert_close(
        pooled_over_time(values, mask)[0],
        torch.cat([values[0, :6].mean(0), values[0, :6].std(0, correction=0)]),
        atol=1e-5,
        rtol=1e-5,
    )


def test_a_reversed_gradient_is_the_other_way_round() -> None:
    values = torch.randn(3, requires_grad=True)
    (reverse_gradient(values) * torch.tensor([1.0, -2.0, 3.0])).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [-1, 2, -3]


def test_the_adversary_learns_to_read_and_the_content_to_hide() -> None:
    """A step down its loss helps the reader and hinders it: its own weights by the one, the features by the other."""
    torch.manual_seed(0)
    given = batch()
    reader = EmotionAdversary(content_width=6, labels=8)
    content = torch.randn(5, given.targets.shape[1], 6, requires_grad=True)

    def loss(features: torch.Tensor) -> torch.Tensor:
        return reader(Heard(features, features, features), given)

    before = loss(content)
    before.backward()
    assert content.grad is not None
    with torch.no_grad():
        assert loss(content - 1e-2 * content.grad) > before
        for parameter in reader.parameters():
            parameter -= 1e-3 * parameter.grad  # type: ignore[operator]
        assert loss(content) < before


def test_heads_are_made_where_their_loss_counts_and_lie_beside_the_model() -> None:
    model = small_lite()
    plain, asked = TrainingStep(model, LossWeights()), TrainingStep(model, LossWeights(leakage=0.3))
    assert not list(plain.auxiliary.parameters())
    assert list(asked.auxiliary.parameters())
    assert not any("auxiliary" in name for name in model.state_dict())
    with torch.no_grad():
        one, two = (loss_sums(step.eval()(batch()), batch()) for step in (plain, asked))
    torch.testing.assert_close(one[:4], two[:4])
    assert two[LOSSES.index("leakage")] > 0
    counts = asked.counts(batch())
    made = [name in PAPER_LOSSES or name == "leakage" for name in LOSSES]
    assert torch.equal(counts, loss_counts(batch()) * torch.tensor(made))
    assert set(named(one, plain.counts(batch()))) == set(PAPER_LOSSES)
    assert named(two, counts)["leakage"] > 0
    assert weighted_total(two, counts, LossWeights(leakage=0.3)) > weighted_total(two, counts, LossWeights())
    # What an adversary cannot read is no fault of the network.
    assert objective(two, counts, LossWeights(leakage=0.3)) == weighted_total(two, counts, LossWeights())


def test_heads_go_on_from_a_checkpoint_bit_by_bit() -> None:
    def learner() -> Learner:
        return Learner(
            small_lite(),
            OptimiserConfig(learning_rate=1e-3, warmup_steps=0),
            LossWeights(leakage=0.3),
            device=torch.device("cpu"),
            seed=3,
        )

    def place(step: int) -> Place:
        return Place(epoch=0, epochs=2, step=step, steps=4)

    whole, first = learner(), learner()
    for step in range(2):
        for one in (whole, first):
            one.learn(Work([batch()], counted=True), place(step))
    second = learner()
    second.load_state(first.state())
    for one in (whole, second):
        one.learn(Work([batch()], counted=True), place(2))
    expected, found = whole.state(), second.state()
    assert expected["auxiliary"]
    for part in ("model", "auxiliary"):
        for name, values in expected[part].items():
            assert torch.equal(values, found[part][name]), name
