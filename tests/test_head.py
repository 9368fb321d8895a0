"""Poses of a head: about their mean nothing is left of where the camera stood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from emotalk.head import degrees_between, relative_pose, rotation
from emotalk.render.film import rotations


def wandering(frames: int, seed: int) -> np.ndarray:
    """A head that looks about: up to 20 degrees, 30 mm."""
    rng = np.random.default_rng(seed)
    return np.hstack([rng.uniform(-0.35, 0.35, (frames, 3)), rng.uniform(-30, 30, (frames, 3))]).astype(np.float32)


@settings(deadline=None)
@given(frames=st.integers(1, 60), seed=st.integers(0, 1000), turn=st.tuples(*[st.floats(-1.2, 1.2)] * 3))
def test_where_the_camera_stood_changes_nothing(frames: int, seed: int, turn: tuple[float, ...]) -> None:
    head, camera = wandering(frames, seed), Rotation.from_rotvec(turn)
    place = camera.apply(head[:, 3:]) + np.array([0, 80, -600])
    seen = np.hstack([(camera * rotation(head)).as_euler("YXZ"), place])
    np.testing.assert_allclose(relative_pose(seen)[:, :3], relative_pose(head)[:, :3], atol=1e-5)
    np.testing.assert_allclose(relative_pose(seen)[:, 3:], relative_pose(head)[:, 3:], atol=1e-3)


@given(frames=st.integers(1, 60), seed=st.integers(0, 1000))
@settings(deadline=None)
def test_about_its_mean_a_head_is_at_rest_in_the_mean_and_turns_as_it_did(frames: int, seed: int) -> None:
    head = wandering(frames, seed)
    relative = relative_pose(head)
    assert relative.dtype == np.float32
    np.testing.assert_allclose(relative[:, 3:].mean(0), 0, atol=1e-3)
    assert np.degrees(rotation(relative).mean().magnitude()) < 1e-3
    np.testing.assert_allclose(
        degrees_between(relative[:1].repeat(frames, 0), relative),
        degrees_between(head[:1].repeat(frames, 0), head),
        atol=1e-2,
    )


def test_a_steady_sideways_head_that_nods_only_nods() -> None:
    """Seen by a camera 40 degrees to the side and 10 above, which is where subtracting angles would go wrong."""
    nod = np.zeros((30, 6))
    nod[:, 1] = 0.1 * np.sin(np.arange(30) * 2 * np.pi / 30)
    seen = (Rotation.from_euler("YXZ", [0.7, 0.17, 0.0]) * rotation(nod)).as_euler("YXZ")
    np.testing.assert_allclose(relative_pose(np.hstack([seen, nod[:, 3:]]))[:, :3], nod[:, :3], atol=1e-6)


def test_angles_between_heads_by_hand() -> None:
    still = np.zeros((3, 6))
    turned = np.radians([[10, 0, 0, 0, 0, 0], [0, -20, 0, 0, 0, 0], [30, 0, 0, 0, 0, 0]])
    np.testing.assert_allclose(degrees_between(still, turned), [10, 20, 30])
    assert degrees_between(np.radians([[180.0, 0, 0]]), np.radians([[-179.0, 0, 0]])) == pytest.approx(1)
    assert len(relative_pose(np.zeros((0, 6)))) == 0


def test_films_turn_heads_alike() -> None:
    head = wandering(20, 1)
    np.testing.assert_allclose(rotation(head).as_matrix(), rotations(head), atol=1e-6)
