"""The loss of the lips agrees with the rig's own opening, and asks for closure above all."""

import numpy as np
import pytest
import torch

from emotalk.blendshapes import INDEX
from emotalk.corpus.clip import Phone
from emotalk.corpus.synthetic.visemes import SOUNDS, UNKNOWN_SOUND, sounds_at
from emotalk.inference.post.smoothing import default_taps
from emotalk.rigs import procedural_head
from emotalk.training.auxiliary import Heard, SoundReader, make_auxiliaries, sounds_known
from emotalk.training.batches import collate
from emotalk.training.lips import CLOSED_MM, UNIT_MM, lip_gaps
from emotalk.training.squares import Single
from tests.model.small import small_lite
from tests.training.test_losses import EXAMPLES, SQUARE

ALL_FIVE = torch.tensor([5])


def faces(**tracks: list[float]) -> np.ndarray:
    """(frames, 52) with some coefficients by name."""
    out = np.zeros((len(next(iter(tracks.values()))), 52), np.float32)
    for name, track in tracks.items():
        out[:, INDEX[name]] = track
    return out


def test_open_lips_err_by_what_the_rig_measures_of_the_smoothed_face() -> None:
    predicted = faces(jawOpen=[0.3, 0.5, 0.4, 0.6, 0.5, 0.2], mouthLowerDownLeft=[0.2] * 6)
    target = faces(jawOpen=[0.6] * 6)
    held = np.concatenate([predicted[:1]] * 2 + [predicted] + [predicted[-1:]] * 2)
    smooth = sum(weight * held[i : i + 6] for i, weight in enumerate(default_taps()))
    head = procedural_head()
    expected = ((head.gap_mm(smooth) - head.gap_mm(target)) / UNIT_MM) ** 2
    error = lip_gaps().error(torch.from_numpy(predicted)[None], torch.from_numpy(target)[None], torch.tensor([6]), 4.0)[
        0
    ]
    np.testing.assert_allclose(error, expected, atol=1e-5)


def test_closed_lips_weigh_more_and_may_be_pressed_together() -> None:
    gaps, shut = lip_gaps(), torch.zeros(1, 5, 52)
    ajar = torch.from_numpy(faces(jawOpen=[0.2] * 5))[None]
    gap_mm = float(procedural_head().gap_mm(ajar[0, :1].numpy())[0])
    assert gap_mm > CLOSED_MM
    np.testing.assert_allclose(gaps.error(ajar, shut, ALL_FIVE, 4.0), 4.0 * (gap_mm / UNIT_MM) ** 2, rtol=1e-4)
    pressed = torch.from_numpy(faces(mouthClose=[0.3] * 5))[None]
    assert gaps.error(pressed, shut, ALL_FIVE, 4.0).abs().max() == 0


def test_half_shut_is_the_worst_of_doubts() -> None:
    """Where one frame in three is closed, squared errors ask for lips half shut; the cross entropy for a decision."""
    gaps = lip_gaps()
    wide, shut = faces(jawOpen=[0.6] * 5), faces(jawOpen=[0.0] * 5)
    tries = [torch.from_numpy(faces(jawOpen=[jaw] * 5))[None] for jaw in np.linspace(0, 0.6, 25)]
    heights = [float(procedural_head().gap_mm(face[0, :1].numpy())[0]) for face in tries]

    def best_mm(weight: float) -> float:
        losses = [
            (
                gaps.undecided(face, torch.from_numpy(shut)[None], ALL_FIVE, weight)
                + 2 * gaps.undecided(face, torch.from_numpy(wide)[None], ALL_FIVE, weight)
            ).mean()
            for face in tries
        ]
        return heights[int(torch.stack(losses).argmin())]

    assert best_mm(1.0) > 1.5 * CLOSED_MM
    assert best_mm(4.0) < CLOSED_MM


def test_a_mouth_left_open_learns_to_close() -> None:
    """Also from the far side: lips that are pressed where they should be open are pulled apart."""
    gaps = lip_gaps()
    target = torch.from_numpy(faces(jawOpen=[0.5, 0.5, 0, 0, 0, 0.5, 0.5]))[None]
    out = torch.from_numpy(faces(mouthClose=[0.3] * 7))[None].requires_grad_()
    optimiser = torch.optim.Adam([out], lr=0.02)
    first = float(gaps.error(out, target, torch.tensor([7]), 4.0).mean().detach())
    for _ in range(200):
        optimiser.zero_grad()
        gaps.error(out, target, torch.tensor([7]), 4.0).mean().backward()
        optimiser.step()
    assert float(gaps.error(out, target, torch.tensor([7]), 4.0).mean().detach()) < 0.02 * first


def test_frames_know_the_sound_that_is_heard_in_them() -> None:
    phones = (Phone("p", 0.1, 0.2), Phone("aɪ", 0.2, 0.4), Phone("ǃ", 0.4, 0.5), Phone("s", 0.5, 0.6))
    heard = sounds_at(phones, np.array([0.0, 0.15, 0.25, 0.35, 0.45, 0.55, 0.7]))
    named = [None if number == UNKNOWN_SOUND else SOUNDS[number] for number in heard]
    assert named == ["_", "p", "a", "ɪ", None, "s", "_"]


def test_the_reader_of_sounds_asks_own_frames_whose_sound_is_known() -> None:
    frames = {i: len(example.weights) for i, example in EXAMPLES.items()}
    known = np.random.default_rng(0).integers(0, len(SOUNDS), frames[1])
    examples = {**EXAMPLES, 1: EXAMPLES[1]._replace(sounds=known)}
    batch = collate([SQUARE, Single(4)], examples, styles=3)
    asked = sounds_known(batch)
    assert asked.sum() == frames[1]  # only where clip 1 is made from itself
    assert asked[2, : frames[1]].all()
    reader = SoundReader(4)
    content = torch.zeros(*batch.targets.shape[:2], 4)
    with torch.no_grad():
        reader.read.bias.zero_()
        loss = reader(Heard(content, content, batch.targets), batch)
    assert float(loss) == pytest.approx(frames[1] * np.log(len(SOUNDS)), rel=1e-4)


def test_the_losses_of_the_lips_have_nothing_to_learn_and_nothing_to_store() -> None:
    made = make_auxiliaries(small_lite().config, ("gap", "closure", "sounds"), closed_weight=4.0)
    assert not list(made["gap"].parameters()) + list(made["closure"].parameters())
    assert all(name.startswith("sounds") for name in made.state_dict())
