"""A mouth beside the captured one: correlations and lags of signals that are known."""

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.metrics.opening import LipOpening
from emotalk.metrics.talking_head import compare_with_captured
from emotalk.rigs import Rig


def face(jaw: np.ndarray) -> np.ndarray:
    weights = np.zeros((len(jaw), 52), np.float32)
    weights[:, INDEX["jawOpen"]] = jaw
    return weights


def syllables(frames: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.convolve(rng.random(frames), np.ones(4) / 4, mode="same").clip(0, 1)


@pytest.mark.parametrize("lag", [-6, 0, 4])
def test_a_late_mouth_is_found_at_its_lag(rig: Rig, lag: int) -> None:
    real = syllables(300, 1)
    found = compare_with_captured(face(np.roll(real, lag)), np.zeros(160_000, np.float32), face(real), LipOpening(rig))
    assert found.model.lag_frames == lag
    assert found.model.best == pytest.approx(1, abs=0.01)
    assert found.model.at(lag) == found.model.best
    assert found.model.at(16) is None
    assert found.loudness.best is None  # silence goes with nothing


def test_loudness_is_told_beside_the_model(rig: Rig) -> None:
    real = syllables(300, 2)
    noise = np.random.default_rng(3).standard_normal(160_000).astype(np.float32)
    samples = noise * 0.1 * np.repeat(real, 534)[:160_000].astype(np.float32)
    found = compare_with_captured(face(syllables(300, 9)), samples, face(real), LipOpening(rig))
    assert found.frames == 300
    assert found.loudness.best > 0.8 > 0.5 > found.model.best
    assert abs(found.loudness.lag_frames) <= 1


def test_the_shorter_of_both_decides(rig: Rig) -> None:
    real = syllables(200, 4)
    found = compare_with_captured(face(real[:150]), np.ones(106_000, np.float32), face(real), LipOpening(rig))
    assert (found.frames, found.model.lag_frames) == (150, 0)
