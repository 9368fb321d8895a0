"""Heads in training: from the corpus to the loss, which counts the clips that have one."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk.head import HEAD_UNITS, relative_pose
from emotalk.model.network import EmoTalk
from emotalk.training.augment import AugmentConfig
from emotalk.training.batches import collate
from emotalk.training.examples import Examples
from emotalk.training.learner import named
from emotalk.training.losses import LOSSES, LossWeights, Predicted, TrainingStep, loss_counts, loss_sums, weighted_total
from emotalk.training.squares import Single
from emotalk.training.units import Example
from tests.model.small import small_lite
from tests.random_corpus import random_clip, random_corpus, squares
from tests.training.test_losses import EXAMPLES, SQUARE

LABELS = squares("train", ("ann", "bob"))


def nodding(example: Example, seed: int) -> Example:
    units = np.array(HEAD_UNITS)
    head = np.random.default_rng(seed).normal(0, 0.1, (len(example.weights), 6)) * units
    return example._replace(head=head.astype(np.float32))


HEADS = {i: nodding(example, i) if i in (0, 2, 4) else example for i, example in EXAMPLES.items()}


def model_with_head() -> EmoTalk:
    torch.manual_seed(0)
    model = EmoTalk(replace(small_lite().config, head_pose=True)).eval()
    for read_out in (model.decoder.output, model.decoder.head_output):
        assert read_out is not None
        torch.nn.init.normal_(read_out.weight, std=0.1)
    return model


def test_the_loss_is_the_mean_square_over_clips_that_have_a_head() -> None:
    batch = collate([SQUARE, Single(4)], HEADS, styles=3)
    assert batch.posed.tolist() == [True, False, False, True, True]  # clips 0, 3, 1, 2, 4
    face, logits = torch.zeros_like(batch.targets), torch.zeros(5, 8)
    still = Predicted(face, logits, {}, torch.zeros(*face.shape[:2], 6))
    losses = named(loss_sums(still, batch), loss_counts(batch))
    heads = [example.head for example in HEADS.values() if example.head is not None]
    assert losses["head"] == pytest.approx(float(np.mean((np.concatenate(heads) / HEAD_UNITS) ** 2)), rel=1e-5)
    without = still._replace(head=None)
    assert loss_sums(without, batch)[LOSSES.index("head")] == 0
    assert "head" not in named(loss_sums(without, batch), TrainingStep(small_lite()).counts(batch))


def test_cutting_a_batch_with_and_without_heads_changes_no_gradient() -> None:
    model = model_with_head()
    step, weights = TrainingStep(model), LossWeights(head=5)

    def gradient(parts: list[list[Single]]) -> torch.Tensor:
        batches = [collate(part, HEADS, 3) for part in parts]
        counts = sum((loss_counts(batch) for batch in batches), torch.zeros(len(LOSSES)))
        model.zero_grad()
        for batch in batches:
            weighted_total(loss_sums(step(batch), batch), counts, weights).backward()
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    units = [Single(i) for i in range(5)]
    torch.testing.assert_close(gradient([units]), gradient([units[1:2], units[:1] + units[2:]]), atol=1e-5, rtol=1e-3)


def test_a_batch_without_any_head_still_reaches_the_read_out() -> None:
    """Or the workers of a step would wait for each other's gradients for ever."""
    model = model_with_head()
    batch = collate([Single(1)], HEADS, 3)
    weighted_total(loss_sums(TrainingStep(model)(batch), batch), loss_counts(batch), LossWeights()).backward()
    assert model.decoder.head_output is not None
    assert model.decoder.head_output.weight.grad is not None
    assert not model.decoder.head_output.weight.grad.any()


def test_examples_carry_the_head_about_its_mean_and_as_fast_as_the_voice(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", LABELS, heads=True)
    assert corpus.knows("head", "train")
    assert not corpus.knows("head", "test")
    examples = Examples(corpus, "train", ("happy", "sad", "angry"), ("ann", "bob"), head=True)
    by_name = {labels.name: random_clip(labels, head=True) for labels in LABELS}
    plain = examples.load([Single(i) for i in range(12)])
    for example in plain.values():
        head = by_name[example.clip_id].head
        assert head is not None
        assert example.head is not None
        np.testing.assert_allclose(example.head, relative_pose(head), atol=1e-5)
    fast = examples.load([Single(0)], AugmentConfig(speed=(1.5, 1.5), clean=0.0))[0]
    assert fast.head is not None
    assert len(fast.head) == len(fast.weights) < len(plain[0].weights)
    slow = plain[0].head
    assert slow is not None
    at = np.arange(len(fast.head)) * 1.5
    pitch = np.interp(at, np.arange(len(slow)), slow[:, 1])
    np.testing.assert_allclose(fast.head[:, 1], pitch, atol=1e-5)
    assert Examples(corpus, "train", ("happy",), ("ann",)).load([Single(0)])[0].head is None
