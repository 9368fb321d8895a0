"""What training does to sounds: finite, repeatable, and the face keeps with the sound."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources import Etf3d
from emotalk.labels import EMOTIONS
from emotalk.timing import frames_of
from emotalk.training.augment import AugmentConfig, augment, faster, faster_face
from emotalk.training.examples import Examples, speakers_of
from emotalk.training.plan import PlanConfig, plan_epoch
from emotalk.training.squares import Square
from tests.etf3d_folder import Etf3dFolder
from tests.model.small import noise


def test_a_faster_recording_keeps_sound_and_face_together() -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        samples, factor = noise(rng.uniform(0.1, 2), seed), rng.uniform(0.8, 1.3)
        frames = frames_of(len(samples))
        weights = np.linspace(0, 1, frames)[:, None].repeat(52, 1).astype(np.float32)
        out, face = faster(samples, factor), faster_face(weights, len(samples), factor)
        assert len(out) == round(len(samples) / factor)
        assert len(face) == frames_of(len(out))
        np.testing.assert_allclose(
            face[:, 0], np.minimum(np.arange(len(face)) * factor / max(frames - 1, 1), 1), atol=1e-5
        )
    tone = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    spectrum = np.abs(np.fft.rfft(faster(tone, 1.25)))
    assert np.argmax(spectrum) * 16_000 / 12_800 == pytest.approx(550, abs=2)


def test_augmentation_is_finite_bounded_and_repeats_itself() -> None:
    for seed in range(20):
        samples = noise(1.5, seed)
        out = augment(samples, AugmentConfig(), np.random.default_rng(seed))
        assert out.dtype == np.float32
        assert out.shape == samples.shape
        assert np.abs(out).max() <= 1.001
        np.testing.assert_array_equal(out, augment(samples, AugmentConfig(), np.random.default_rng(seed)))
    quiet = augment(np.zeros(8_000, np.float32), AugmentConfig(clean=0), np.random.default_rng(1))
    assert np.isfinite(quiet).all()
    assert np.abs(quiet).max() < 0.01


def test_all_clips_of_a_step_have_one_speed(tmp_path: Path) -> None:
    """Those that are targets only too; other steps have other speeds, and some none."""
    folder = Etf3dFolder(tmp_path / "3D-ETF").good()
    build_here(Etf3d(root=str(folder.root)), str(tmp_path / "corpus"), target_bytes=1 << 20)
    corpus = Corpus.open(str(tmp_path / "corpus"))
    examples = Examples(corpus, "train", EMOTIONS, speakers_of(corpus))
    (square,) = [unit for unit in plan_epoch(examples.keys, 0, PlanConfig()).units if isinstance(unit, Square)][:1]
    speeds = []
    for step in range(12):
        loaded = examples.load([square], AugmentConfig(), seed=(0, 0), step=step)
        lengths = [len(loaded[position].weights) for position in square]
        planned = [examples.keys[position].frames for position in square]
        assert np.ptp(np.array(lengths) / planned) < 0.12  # rounding of clips of 20 frames
        heard = [loaded[position] for position in (square.c1e2, square.c2e1)]
        assert all(len(example.weights) == frames_of(len(example.samples)) for example in heard)
        speeds.append(sum(planned) / sum(lengths))
    assert 1.0 in speeds
    assert min(speeds) < 0.97
    assert max(speeds) > 1.03
