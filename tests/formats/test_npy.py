"""The npy holds weights alone, so it refuses what it would lose."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError

WEIGHTS = np.random.default_rng(0).random((9, 52), np.float32)


def test_weights_come_back(tmp_path: Path) -> None:
    Animation(WEIGHTS).save(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), WEIGHTS)
    assert Animation.load(tmp_path / "a.npy").equals(Animation(WEIGHTS))


def test_other_orders_are_mapped_by_name(tmp_path: Path) -> None:
    Animation(WEIGHTS[:, ::-1], names=COEFFICIENTS[::-1]).save(tmp_path / "a.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), WEIGHTS)


@pytest.mark.parametrize(
    "animation", [Animation(WEIGHTS, fps=Fraction(25)), Animation(WEIGHTS, times_s=np.arange(9.0))]
)
def test_other_times_are_refused(tmp_path: Path, animation: Animation) -> None:
    with pytest.raises(InputError, match=r"\.npz"):
        animation.save(tmp_path / "a.npy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("array", [np.zeros((3, 51)), np.zeros(52), np.full((2, 52), np.inf), np.array([None])])
def test_other_arrays_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(InputError, match=r"a\.npy"):
        Animation.load(tmp_path / "a.npy")
