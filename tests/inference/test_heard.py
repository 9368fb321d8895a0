"""The emotion of a recording of many windows: one answer, weighted by frames; the tail hears nothing."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from emotalk import Animator, Controls
from emotalk.inference.heard import HeardEmotion, emotion_of
from emotalk.inference.windows import WindowShape
from tests.model.small import noise, small_transformer

LABELS = ("neutral", "happy", "sad")


def test_the_mean_is_of_logits_by_frames() -> None:
    heard = HeardEmotion(LABELS)
    heard.add(np.array([0, 8, 0], np.float32), 10)
    heard.add(np.array([0, 0, 3], np.float32), 30)
    powers = np.exp([0, 8 / 4, 3 * 3 / 4])
    assert list(heard.shares()) == list(LABELS)
    assert list(heard.shares().values()) == pytest.approx(list(powers / powers.sum()), abs=1e-6)


@pytest.fixture(scope="module")
def animator() -> Animator:
    """Windows of 4 s that are blended, of a network that hears something else in each."""
    model = small_transformer("wav2vec2", "layer")
    with torch.no_grad():
        model.emotion_head.output.weight *= 200
    model.prototypes.copy_(torch.ones_like(model.prototypes))
    animator = Animator(model, device="cpu")
    animator.shape = WindowShape(core=40, before=10, after=10, search=5, fade=3)
    return animator


def windows_differ(seconds: float) -> np.ndarray:
    return np.concatenate([noise(seconds / 2), 0.3 * np.sin(np.arange(round(seconds * 8_000)) / 8)]).astype(np.float32)


def test_a_recording_tells_the_mean_of_its_windows_whatever_the_tail(animator: Animator) -> None:
    sound = windows_differ(13)
    raw = animator.predict(list(animator.plan([sound])), Controls())
    borders = [window.window.stop for window in raw]
    frames = np.diff([0, *borders])  # every frame counts once, however windows overlap
    logits = np.stack([window.logits for window in raw]).astype(np.float64)
    assert len(raw) > 2
    assert np.ptp(logits, axis=0).max() > 0.1
    powers = np.exp((logits * frames[:, None]).sum(0) / frames.sum())
    for tail_s in (0.0, 0.5, 10.0):
        shares = animator.animate(sound, Controls(tail_s=tail_s)).meta["heard"]
        assert list(shares.values()) == pytest.approx(list(powers / powers.sum()), abs=1e-5)


def test_the_track_follows_the_windows_and_is_blended_where_the_face_is(animator: Animator) -> None:
    sound = windows_differ(13)
    raw = animator.predict(list(animator.plan([sound])), Controls())
    emotion = animator.animate(sound, Controls()).emotion
    assert emotion is not None
    for window, following in pairwise(raw):
        powers = np.exp(following.logits)
        border, fade = window.window.stop, following.window.fade
        np.testing.assert_allclose(emotion[border], powers / powers.sum(), atol=1e-5)
        step = np.abs(emotion[border] - emotion[border - fade - 1]).max() / (fade + 1)
        assert np.abs(np.diff(emotion[border - fade - 1 : border + 1], axis=0)).max() <= step + 1e-5
    np.testing.assert_allclose(emotion.sum(1), 1, atol=1e-5)


def test_a_chosen_emotion_is_shown_and_what_is_heard_still_told(animator: Animator) -> None:
    sound = noise(3)
    heard, chosen = animator.animate(sound), animator.animate(sound, Controls(emotion="angry"))
    assert chosen.meta["heard"] == heard.meta["heard"]
    assert emotion_of(chosen.meta) == ("angry", 1.0)
    label, share = max(heard.meta["heard"].items(), key=lambda item: item[1])
    assert emotion_of(heard.meta) == (label, share)


@pytest.mark.parametrize("meta", [{}, {"heard": "sad"}, {"heard": {}}, {"controls": None}, {"controls": {"seed": 1}}])
def test_a_file_of_another_tool_tells_no_emotion(meta: dict[str, object]) -> None:
    assert emotion_of(meta) is None
