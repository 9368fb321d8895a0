"""Eyes and a head that move by themselves: functions of seed and time, small, and at rest in the end."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from emotalk import Animation, Animator, Controls
from emotalk.blendshapes import GROUPS, INDEX
from emotalk.controls import Shaping, Track
from emotalk.head import rotation
from emotalk.inference.finish import joined
from emotalk.inference.post import PostProcessor
from emotalk.inference.post.gaze import Gaze
from emotalk.inference.post.sway import Sway
from tests.streaming.speech import awake_lite, cut, live, speech, streamed

STILL = {"smoothing": 0.0, "silence_gate": 0.0, "blinks_per_minute": 0.0}


def alive(count: int = 600, columns: int = 52, seed: int = 0, tail_s: float = 0.0, **shaping: object) -> np.ndarray:
    """A face that says nothing."""
    controls = Controls(**STILL, tail_s=tail_s, seed=seed, shaping=Shaping(**shaping))  # type: ignore[arg-type]
    post = PostProcessor(controls)
    return np.concatenate([post.push(np.zeros((count, columns), np.float32), np.zeros(count)), post.flush()])


def degrees(face: np.ndarray) -> np.ndarray:
    """(n, 2) where the left eye looks: to its own left, and up."""
    side = face[:, INDEX["eyeLookOutLeft"]] - face[:, INDEX["eyeLookInLeft"]]
    return np.stack([30 * side, 24 * face[:, INDEX["eyeLookUpLeft"]] - 28 * face[:, INDEX["eyeLookDownLeft"]]], 1)


@settings(deadline=None)
@given(first=st.integers(0, 50_000), count=st.integers(1, 300), seed=st.integers(-(2**63), 2**63 - 1))
def test_they_depend_on_seed_and_time_alone(first: int, count: int, seed: int) -> None:
    part = np.arange(first, first + count)
    whole = np.arange(max(0, first - 500), first + count)
    np.testing.assert_array_equal(Gaze(seed).angles(part), Gaze(seed).angles(whole)[-count:])
    np.testing.assert_allclose(Sway(seed).pose(part), Sway(seed).pose(whole)[-count:], atol=1e-9)


def test_eyes_rest_on_the_other_and_jump_to_where_they_look_next() -> None:
    gaze = Gaze(0).angles(np.arange(30 * 600))
    far = np.linalg.norm(gaze, axis=1)
    assert 0.05 < (far > 3).mean() < 0.3
    assert far.max() < 13.5
    steps = np.linalg.norm(np.diff(gaze, axis=0), axis=1)
    assert (steps == 0).mean() > 0.9  # between saccades they are still
    jumps = np.flatnonzero(steps > 0)
    assert 0.7 < (np.diff(jumps) > 1).sum() / 600 < 1.3  # about as many a second


def test_both_eyes_look_the_same_way_and_lids_follow() -> None:
    face = alive(gaze=1)
    out, inside = (face[:, INDEX[f"eyeLook{way}"]] for way in ("OutLeft", "InRight"))
    np.testing.assert_array_equal(out, inside)
    assert not (out * face[:, INDEX["eyeLookInLeft"]]).any()
    down = face[:, INDEX["eyeLookDownLeft"]] > 0.02
    assert (face[down, INDEX["eyeBlinkLeft"]] > 0).all()
    moved = np.flatnonzero(face.any(0))
    assert set(moved) <= {*GROUPS["gaze"], *GROUPS["lids"]}
    np.testing.assert_allclose(degrees(alive(gaze=0.5)), degrees(face) / 2, atol=1e-5)
    assert alive(seed=1, gaze=1)[:, GROUPS["gaze"]].tolist() != face[:, GROUPS["gaze"]].tolist()


def test_gaze_may_fade_in() -> None:
    face, faded = alive(gaze=1), alive(gaze=Track(((5.0, 0.0), (5.0, 1.0))))
    assert not faded[:150].any()
    np.testing.assert_allclose(faded[150:], face[150:], atol=1e-6)


def test_a_head_sways_slowly_about_its_mean_pose() -> None:
    face = alive(30 * 300, sway=1)
    assert face.shape[1] == 58
    assert not face[:, :52].any()
    head = face[:, 52:]
    yaw = np.degrees(head[:, 0])
    assert yaw.std() == pytest.approx(1.8, rel=0.2)
    assert abs(yaw.mean()) < 0.5
    assert np.abs(np.diff(yaw)).max() * 30 < 12  # degrees per second
    np.testing.assert_allclose(alive(30 * 300, sway=2)[:, 52:], 2 * head, rtol=1e-5)


def test_a_head_that_the_network_moves_sways_about_where_it_is() -> None:
    raw = np.full((60, 58), 0.1, np.float32)
    controls = Controls(**STILL, tail_s=0, shaping=Shaping(sway=1))
    out = PostProcessor(controls).push(raw, np.zeros(60))
    np.testing.assert_allclose(out[:, 52:], 0.1 + Sway(0).pose(np.arange(60)), atol=1e-5)


def test_eyes_keep_looking_at_whom_they_look_while_the_head_sways() -> None:
    still, swaying = alive(gaze=1), alive(gaze=1, sway=1)
    seen = []
    for face in (still, np.where(np.arange(58) < 52, swaying, 0), swaying):
        side, up = np.radians(degrees(face)).T
        # The eye turns within the head: to the own left about y, up is against the pitch.
        eyes = Rotation.from_euler("YX", np.stack([side, -up], 1))
        seen.append((rotation(face[:, 52:]) * eyes if face.shape[1] > 52 else eyes).apply([0, 0, 1]))
    off = [np.degrees(np.linalg.norm(each - seen[0], axis=1)).max() for each in seen[1:]]
    assert off[1] < 0.6 < 2 < off[0]


def test_all_of_it_comes_to_rest_in_the_tail() -> None:
    face = alive(100, tail_s=1.0, gaze=1, sway=1)
    assert len(face) == 130
    assert np.abs(face[100]).max() > 0
    np.testing.assert_allclose(face[-1], 0, atol=1e-6)


@pytest.mark.parametrize("suffix", ["npz", "csv", "arkit.json", "parquet"])
def test_files_carry_a_head_that_sways(suffix: str, tmp_path: Path) -> None:
    animator, asked = Animator(awake_lite()), Controls(shaping=Shaping(sway=1))
    whole = animator.animate(speech(20_000), asked)
    assert whole.head is not None
    path = tmp_path / f"face.{suffix}"
    whole.save(path)
    back = Animation.load(path).head
    assert back is not None
    np.testing.assert_allclose(back[:, :3], whole.head[:, :3], atol=1e-4)


def test_streams_with_and_without_a_head_are_pushed_together() -> None:
    from emotalk.streaming.live import push_together

    animator = Animator(awake_lite())
    asked = [Controls(), Controls(shaping=Shaping(sway=1, gaze=1)), Controls(shaping=Shaping(upper_window=9))]
    sounds = [speech(16_000, seed) for seed in range(3)]
    streams = [live(animator, one) for one in asked]
    pieces: list[list[Animation]] = [[] for _ in asked]
    for chunks in zip(*(cut(sound, [1_600]) for sound in sounds), strict=True):
        for own, piece in zip(pieces, push_together(streams, chunks), strict=True):
            own.append(piece)
    for own, stream, one, sound in zip(pieces, streams, asked, sounds, strict=True):
        together = joined(animator.model.config, [*own, stream.flush()], one)
        whole = animator.animate(sound, one)
        assert (together.head is None) == (whole.head is None) == (one.shaping.sway == 0)
        np.testing.assert_allclose(together.weights, whole.weights, atol=1e-5)
        if together.head is not None and whole.head is not None:
            np.testing.assert_allclose(together.head, whole.head, atol=1e-5)


def test_a_stream_knows_of_its_head_before_it_moves() -> None:
    first, *_ = streamed(Animator(awake_lite()).stream(Controls(shaping=Shaping(sway=1))), [speech(10)])
    assert first.frames == 0
    assert first.head is not None
