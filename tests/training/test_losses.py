"""The objective: what it counts, by hand, and that it does not depend on how a batch is cut."""

import numpy as np
import pytest
import torch

from emotalk.errors import InputError
from emotalk.training.batches import collate
from emotalk.training.losses import (
    LOSSES,
    LossWeights,
    Predicted,
    TrainingStep,
    loss_counts,
    loss_sums,
    weighted_total,
)
from emotalk.training.optimiser import FINAL_FACTOR, learning_rate_factor
from emotalk.training.prototypes import measure_prototypes
from emotalk.training.squares import Single, Square, Unit
from emotalk.training.units import UNKNOWN, Example
from tests.model.small import noise, small_lite, small_transformer


def example(position: int, seconds: float, emotion: int = 0, level: int = 0) -> Example:
    frames = -(-round(seconds * 16_000) * 30 // 16_000)
    weights = np.random.default_rng(position).uniform(0, 1, (frames, 52)).astype(np.float32)
    return Example(f"clip{position}", noise(seconds, position), weights, emotion, level, position % 3)


SQUARE = Square(0, 1, 2, 3)
EXAMPLES = {
    0: example(0, 1.0, emotion=1),
    1: example(1, 1.3, emotion=2),
    2: example(2, 0.8, emotion=1),
    3: example(3, 1.1, emotion=2),
    4: example(4, 0.7, emotion=UNKNOWN, level=UNKNOWN),
}


def test_a_square_hears_two_clips_and_reconstructs_four() -> None:
    batch = collate([SQUARE, Single(4)], EXAMPLES, styles=3)
    assert batch.clip_ids == ("clip0", "clip3", "clip1", "clip2", "clip4")
    assert batch.samples.shape[0] == 3
    heard = [len(EXAMPLES[i].samples) for i in (1, 2, 4)]
    assert batch.lengths.tolist() == heard
    # clip0 = content of clip1 with emotion of clip2, and so on.
    assert batch.content.tolist() == [0, 1, 0, 1, 2]
    assert batch.emotion.tolist() == [1, 0, 0, 1, 2]
    assert batch.labels.tolist() == [1, 2, 2, 1, UNKNOWN]
    assert batch.cross.tolist() == [True, True, False, False, False]
    assert batch.level[-1].tolist() == [0.5, 0.5]


def test_the_losses_are_those_of_the_paper_by_hand() -> None:
    batch = collate([SQUARE, Single(4)], EXAMPLES, styles=3)
    out = torch.zeros_like(batch.targets)
    logits = torch.zeros(5, 8)
    sums, counts = loss_sums(Predicted(out, logits, {}), batch), loss_counts(batch)
    losses = dict(zip(LOSSES, (sums / counts).tolist(), strict=True))

    def mean_square(*clips: int) -> float:
        return float(np.mean(np.concatenate([EXAMPLES[i].weights for i in clips]) ** 2))

    differences = np.concatenate([np.diff(EXAMPLES[i].weights, axis=0) for i in range(5)])
    expected = [2 * mean_square(0, 3), mean_square(1, 2, 4), float(np.mean(differences**2)), float(np.log(8))]
    paper = [losses[name] for name in ("cross", "self", "velocity", "classification")]
    np.testing.assert_allclose(paper, expected, rtol=1e-5)
    total = float(weighted_total(sums, counts, LossWeights()))
    assert total == pytest.approx(expected[0] + expected[1] + 0.5 * expected[2] + 0.1 * expected[3])


@pytest.mark.parametrize("kind", ["lite", "hubert"])
def test_cutting_a_batch_changes_no_gradient(kind: str) -> None:
    model = small_lite() if kind == "lite" else small_transformer("hubert", "group")
    styles = model.config.styles
    weights = LossWeights(leakage=0.5, gap=0.5, closure=0.5)
    step, units = TrainingStep(model, weights).eval(), (SQUARE, Single(4), Square(1, 0, 3, 2))

    def gradient(parts: list[list[Unit]]) -> torch.Tensor:
        batches = [collate(part, EXAMPLES, styles) for part in parts]
        counts = sum((loss_counts(batch) for batch in batches), torch.zeros(len(LOSSES)))
        step.zero_grad()
        for batch in batches:
            weighted_total(loss_sums(step(batch), batch), counts, weights).backward()
        return torch.cat([p.grad.flatten() for p in step.parameters() if p.grad is not None])

    torch.testing.assert_close(
        gradient([list(units)]), gradient([[units[0]], [units[1], units[2]]]), atol=1e-5, rtol=1e-3
    )


def test_the_training_step_is_the_papers_forward() -> None:
    model = small_lite()
    batch = collate([SQUARE], EXAMPLES, styles=3)
    with torch.no_grad():
        out, logits, *_ = TrainingStep(model)(batch)
        paper = model(
            EXAMPLES[1].samples, EXAMPLES[2].samples, EXAMPLES[0].weights, EXAMPLES[1].weights, level=0, person=0
        )
    np.testing.assert_allclose(logits[0], paper.logits[0], atol=1e-5)
    frames = len(EXAMPLES[0].weights)
    np.testing.assert_allclose(out[0, :frames], paper.out11[0], atol=1e-4)


def test_prototypes_are_the_mean_memory_of_their_label() -> None:
    model = small_lite()
    batch = collate([Single(i) for i in range(5)], EXAMPLES, styles=3)
    measure_prototypes(model, [batch])
    with torch.no_grad():
        memories = []
        for i in (0, 2):
            samples, lengths = model._batch(EXAMPLES[i].samples)
            heard = model.emotion_encoder.listen(samples, lengths)
            memories.append(model.encode_emotion(heard, torch.tensor([len(EXAMPLES[i].weights)])).memory[0])
    expected = torch.cat(memories).mean(0)
    torch.testing.assert_close(model.prototypes[1], expected, atol=1e-5, rtol=1e-4)
    assert model.has_prototypes


def test_a_label_that_is_not_heard_again_keeps_its_prototype() -> None:
    model = small_lite()
    before = model.prototypes.normal_().clone()
    measure_prototypes(model, [collate([Single(0)], EXAMPLES, styles=3)])
    label = EXAMPLES[0].emotion
    assert not torch.equal(model.prototypes[label], before[label])
    others = [number for number in range(len(before)) if number != label]
    torch.testing.assert_close(model.prototypes[others], before[others])


def test_the_learning_rate_rises_and_falls() -> None:
    assert learning_rate_factor(0, 0, 100) == pytest.approx(0.01)
    assert learning_rate_factor(500, 0.0, 100) == pytest.approx(1)
    assert learning_rate_factor(10_000, 1.0, 100) == pytest.approx(FINAL_FACTOR)
    with pytest.raises(InputError):
        LossWeights(cross=-1)


def test_what_a_teacher_heard_counts_as_a_label_does() -> None:
    """Certain shares are a label; others cost the cross entropy; clips with nothing known cost nothing."""
    logits = torch.randn(3, 8)
    certain = {0: EXAMPLES[0], 4: EXAMPLES[4], 5: EXAMPLES[4]}
    labelled = collate([Single(0), Single(4), Single(5)], certain, styles=3)
    certain = {**certain, 0: EXAMPLES[0]._replace(emotion=UNKNOWN, heard=np.eye(8, dtype=np.float32)[1])}
    taught = collate([Single(0), Single(4), Single(5)], certain, styles=3)
    said = Predicted(torch.zeros_like(taught.targets), logits, {})
    torch.testing.assert_close(loss_sums(said, taught), loss_sums(said, labelled))
    # The adversary alone asks for labels: shares are no answer.
    counts = [dict(zip(LOSSES, loss_counts(batch).tolist(), strict=True)) for batch in (taught, labelled)]
    assert [counts[0].pop("leakage"), counts[1].pop("leakage")] == [0, 1]
    assert counts[0] == counts[1]
    shares = np.array([0.5, 0, 0, 0.25, 0.25, 0, 0, 0], np.float32)
    unsure = {**certain, 4: EXAMPLES[4]._replace(heard=shares)}
    batch = collate([Single(0), Single(4), Single(5)], unsure, styles=3)
    logs = logits.log_softmax(-1)
    expected = -float(logs[0, 1] + (torch.from_numpy(shares) * logs[1]).sum())
    place = LOSSES.index("classification")
    assert float(loss_sums(said, batch)[place]) == pytest.approx(expected, rel=1e-5)
    assert loss_counts(batch)[place] == 2
