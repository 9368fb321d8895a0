"""A student that learns from a teacher's faces alone comes to say what the teacher says."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from emotalk.controls import Controls
from emotalk.corpus.corpus import Corpus
from emotalk.distillation.labelling import Labelling
from emotalk.distillation.teacher import Teacher, TeacherFile
from emotalk.dubbing.listing import list_recordings
from emotalk.inference.animator import Animator
from emotalk.inference.heard import softmax
from emotalk.labels import EMOTIONS
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from emotalk.training.batches import collate
from emotalk.training.examples import Examples, speakers_of
from emotalk.training.learner import Learner, Place, Work
from emotalk.training.losses import LossWeights
from emotalk.training.optimiser import OptimiserConfig
from emotalk.training.squares import Single
from emotalk.training.units import Example
from tests.distillation.shelf import voices, write_sound, write_teacher

STEPS = 60


def test_a_student_follows_its_teacher_on_sounds_that_it_did_not_learn(tmp_path: Path) -> None:
    for seed in range(100, 148):
        write_sound(tmp_path / "shelf" / f"{seed}.wav", voices(2, seed))
    teacher = TeacherFile.read(write_teacher(tmp_path / "teacher"))
    listing = list_recordings([str(tmp_path / "shelf")], output=str(tmp_path / "taught"))
    labelling = Labelling.plan(listing, str(tmp_path / "taught"), teacher, max_clip_s=20)
    loaded = Teacher(teacher, device="cpu")
    labelling.finish([labelling.label(portion, lambda: loaded) for portion in labelling.portions])
    corpus = Corpus.open(tmp_path / "taught")
    train, unseen = (Examples(corpus, split, EMOTIONS, speakers_of(corpus)) for split in ("train", "validation"))
    assert train.speakers == ("teacher",)
    known = train.load([Single(position) for position in range(len(train.rows))])
    new = list(unseen.load([Single(position) for position in range(len(unseen.rows))]).values())
    torch.manual_seed(0)
    student = EmoTalk(lite_config(styles=1))
    before = agreement(student, new, list(known.values()))
    learner = Learner(
        student,
        OptimiserConfig(learning_rate=3e-3, warmup_steps=10),
        LossWeights(classification=0.5),
        device=torch.device("cpu"),
        seed=0,
    )
    rng = np.random.default_rng(0)
    for step in range(STEPS):
        units = [Single(int(clip)) for clip in rng.choice(len(known), 6, replace=False)]
        learner.learn(Work([collate(units, known, 1)], counted=True), Place(0, 1, step, STEPS))
    after = agreement(student, new, list(known.values()))
    assert abs(before.correlation) < 0.1
    assert after.correlation > 0.4
    assert after.error < 0.5 < before.error
    assert after.divergence < 0.1 < before.divergence


class Agreement(NamedTuple):
    """correlation: mean over the coefficients. error: squared. divergence: of the emotions heard. The latter two are
    shares of what a student would have that always says the mean."""

    correlation: float
    error: float
    divergence: float


def agreement(student: EmoTalk, clips: list[Example], known: list[Example]) -> Agreement:
    animator = Animator(student, device="cpu")
    said = [raw for clip in clips for raw in animator.predict(list(animator.plan([clip.samples])), Controls())]
    out, real = (np.concatenate([one.weights for one in faces]) for faces in (said, clips))
    mean = np.concatenate([clip.weights for clip in known]).mean(0)
    out += np.random.default_rng(0).normal(0, 1e-6, out.shape)  # a new student does not move at all
    typical = np.mean([clip.heard for clip in known], 0)
    pairs = [(softmax(one.logits), clip.heard) for one, clip in zip(said, clips, strict=True)]
    return Agreement(
        float(np.mean([np.corrcoef(out[:, k], real[:, k])[0, 1] for k in range(52)])),
        float(np.square(out - real).mean() / np.square(mean - real).mean()),
        sum(_divergence(guess, true) for guess, true in pairs) / sum(_divergence(typical, true) for _, true in pairs),
    )


def _divergence(guess: np.ndarray, true: np.ndarray) -> float:
    return float((true * (np.log(true + 1e-9) - np.log(guess + 1e-9))).sum())
