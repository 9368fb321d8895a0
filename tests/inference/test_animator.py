"""One recording, one set of controls, one model: one answer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from emotalk import Animation, Animator, Controls, EmoTalk, InputError
from emotalk.inference import post as post_module
from emotalk.inference import windows as windows_module
from emotalk.inference.windows import WindowShape
from emotalk.labels import EMOTIONS
from emotalk.model.extend import extended
from emotalk.timing import frames_of
from tests.model.small import noise, small_lite, small_transformer

RAW = Controls(smoothing=0, silence_gate=0, blinks_per_minute=0, tail_s=0)


@pytest.fixture(scope="module")
def lite() -> EmoTalk:
    model = small_lite()
    # Frames of a random network are almost all outside [0, 1]: squeeze them into it, so that the clamp hides nothing.
    with torch.no_grad():
        model.decoder.output.weight *= 0.05
        model.decoder.output.bias += 0.5
    return model


def blocks(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (samples[i : i + size] for i in range(0, len(samples), size))


def test_windows_of_lite_leave_no_seam(lite: EmoTalk) -> None:
    sound = noise(150)
    animator = Animator(lite)
    assert len(list(animator.plan([sound]))) > 2
    np.testing.assert_allclose(animator.animate(sound, RAW).weights, lite.predict(sound).clip(0, 1), atol=1e-5)


def test_windows_of_a_large_encoder_are_blended(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_transformer("wav2vec2", "layer")
    with torch.no_grad():
        model.decoder.output.weight *= 0.05
        model.decoder.output.bias += 0.5
    animator = Animator(model)
    animator.shape = WindowShape(core=40, before=20, after=20, search=5, fade=3)
    sound = noise(15)
    windowed, whole = animator.animate(sound, RAW).weights, model.predict(sound).clip(0, 1)
    borders = [window.stop for window in animator.plan([sound])][:-1]
    assert len(borders) >= 2
    jumps, usual = np.abs(np.diff(windowed, axis=0)).max(1), np.abs(np.diff(whole, axis=0)).max(1)
    assert max(jumps[border - 12 : border + 3].max() for border in borders) <= usual.max() * 1.05
    assert windowed.shape == whole.shape


def test_the_size_of_the_blocks_changes_nothing(lite: EmoTalk) -> None:
    sound = noise(90)
    animator = Animator(lite)
    whole = animator.animate(sound)
    pieces = list(animator.animate_blocks(blocks(sound, 12_345)))
    np.testing.assert_array_equal(np.concatenate([piece.weights for piece in pieces]), whole.weights)
    emotion = np.concatenate([piece.emotion for piece in pieces if piece.emotion is not None])
    np.testing.assert_array_equal(emotion, whole.emotion)


@pytest.mark.parametrize("kind", ["lite", "wavlm"])
def test_neighbours_in_a_batch_change_no_bit(kind: str) -> None:
    model = small_lite() if kind == "lite" else small_transformer("wavlm", "group")
    animator = Animator(model, rows=4, frame_multiple=30)
    clips = [noise(seconds, i) for i, seconds in enumerate((2.0, 1.7, 3.1, 1.8, 2.0, 0.2))]
    asked = [Controls(level=i / 5, style=i % 3) for i in range(6)]
    planned = [next(animator.plan([clip])) for clip in clips]
    together = animator.predict(planned, asked)
    for window, controls, batched in zip(planned, asked, together, strict=True):
        (alone,) = animator.predict([window], controls)
        np.testing.assert_array_equal(alone.weights, batched.weights)
        np.testing.assert_array_equal(alone.logits, batched.logits)
        np.testing.assert_allclose(
            alone.weights, Animator(model, rows=1, frame_multiple=1).predict([window], controls)[0].weights, atol=1e-4
        )


@pytest.mark.parametrize("samples", [1, 533, 534, 16_000, 67_925])
def test_a_recording_has_its_frames_and_then_the_tail(lite: EmoTalk, samples: int) -> None:
    animation = Animator(lite).animate(noise(5)[:samples])
    assert animation.frames == frames_of(samples) + 15
    assert animation.emotion is not None
    assert animation.emotion.shape == (animation.frames, len(EMOTIONS))
    np.testing.assert_allclose(animation.emotion.sum(1), 1, atol=1e-5)
    assert animation.weights.min() >= 0
    assert animation.weights.max() <= 1


def test_emotion_and_intensity_act_through_the_prototypes(lite: EmoTalk) -> None:
    animator, sound = Animator(lite), noise(2)
    with pytest.raises(InputError, match="no emotion prototypes"):
        animator.animate(sound, Controls(emotion="angry"))
    with pytest.raises(InputError, match="no emotion prototypes"):
        animator.animate(sound, Controls(intensity=0.5))
    lite.prototypes.copy_(torch.randn_like(lite.prototypes))
    try:
        heard, angry, sad = (animator.animate(sound, Controls(emotion=e)) for e in (None, "angry", "sad"))
        assert np.abs(angry.weights - sad.weights).max() > 1e-3
        assert angry.emotion is not None
        assert (angry.emotion[:, EMOTIONS.index("angry")] == 1).all()
        neutral = animator.animate(sound, Controls(emotion="neutral"))
        calm = animator.animate(sound, Controls(intensity=0.0))
        np.testing.assert_allclose(calm.weights, neutral.weights, atol=1e-5)
        middle = animator.animate(sound, Controls(intensity=0.5, smoothing=0, blinks_per_minute=0))
        assert np.abs(middle.weights - heard.weights).max() > 1e-4
        with pytest.raises(InputError, match="unknown emotion 'bored'"):
            animator.animate(sound, Controls(emotion="bored"))
    finally:
        lite.prototypes.zero_()


@pytest.fixture(scope="module")
def nodding(lite: EmoTalk) -> EmoTalk:
    """The same face, and a head that moves by some degrees and millimetres."""
    model = extended(lite, replace(lite.config, head_pose=True))
    assert model.decoder.head_output is not None
    torch.manual_seed(2)
    torch.nn.init.normal_(model.decoder.head_output.weight, std=0.01)
    return model


def test_a_head_moves_beside_the_same_face_in_windows_and_blocks(lite: EmoTalk, nodding: EmoTalk) -> None:
    sound = noise(90)
    animator = Animator(nodding)
    raw, face = animator.animate(sound, RAW), Animator(lite).animate(sound, RAW)
    assert face.head is None
    np.testing.assert_allclose(raw.weights, face.weights, atol=1e-6)
    assert raw.head is not None
    assert raw.head.shape == (raw.frames, 6)
    assert 1e-3 < raw.head[:, :3].std() < 1
    assert raw.head.min() < 0
    # lite's windows are exact, so the border at a minute leaves no seam.
    border = 60 * 30
    around = animator.animate(sound[50 * 16_000 : 80 * 16_000], RAW).head
    assert around is not None
    np.testing.assert_allclose(raw.head[border - 30 : border + 30], around[270:330], atol=1e-4, rtol=1e-3)
    whole = animator.animate(sound)
    pieces = list(animator.animate_blocks(blocks(sound, 12_345)))
    assert whole.head is not None
    np.testing.assert_array_equal(np.concatenate([p.head for p in pieces if p.head is not None]), whole.head)
    assert not whole.head[-1].any()


@pytest.mark.parametrize(("suffix", "columns"), [("npz", 6), ("csv", 3), ("glb", 6)])
def test_files_keep_the_head(nodding: EmoTalk, tmp_path: Path, suffix: str, columns: int) -> None:
    animation = Animator(nodding).animate(noise(1))
    animation.save(tmp_path / f"face.{suffix}")
    read = Animation.load(tmp_path / f"face.{suffix}")
    assert animation.head is not None
    assert read.head is not None
    np.testing.assert_allclose(read.head[:, :columns], animation.head[:, :columns], atol=1e-4)


def test_bad_input_is_named(lite: EmoTalk) -> None:
    animator = Animator(lite)
    none, flat, nan = np.zeros(0, np.float32), np.zeros((2, 2), np.float32), np.array([np.nan], np.float32)
    for bad in (none, flat, nan, np.array([1e300]), np.array([1e30], np.float32), np.array([1, 2], np.int16)):
        with pytest.raises(InputError, match="samples must be"):
            animator.animate(bad)
    with pytest.raises(InputError, match="style 7 does not exist"):
        animator.animate(noise(1), Controls(style=7))


@pytest.mark.parametrize(
    "bad",
    [
        {"intensity": -1},
        {"intensity": float("nan")},
        {"level": "strong"},
        {"style": True},
        {"blinks_per_minute": 1e9},
        {"smoothing": "yes"},
        {"mood": "happy"},
        {"seed": 1.5},
    ],
)
def test_bad_controls_are_named(bad: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(bad))):
        Controls.from_dict(bad)


def test_controls_survive_their_dict() -> None:
    controls = Controls(emotion="happy", intensity=1.5, seed=3, level=0.25)
    assert Controls.from_dict(controls.to_dict()) == controls


def test_meta_tells_what_made_it() -> None:
    meta = Animator(small_lite(), model_digest="abc").meta(Controls(seed=4))
    assert meta["model_sha256"] == "abc"
    assert (meta["window_plan"], meta["post"]) == (windows_module.PLAN_VERSION, post_module.POST_VERSION)
    assert Controls.from_dict(meta["controls"]) == Controls(seed=4)
    assert "model_sha256" not in Animator(small_lite()).meta()
