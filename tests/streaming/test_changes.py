"""Controls are changed while someone speaks: what was spoken before stays, what follows is an offline segment's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk import Animation, Animator, Controls, InputError
from emotalk.controls import MixTrack, Segment, Track
from emotalk.inference.finish import joined
from emotalk.streaming.live import push_together
from tests.streaming.speech import awake_lite, live, speech
from tests.streaming.test_windowed import ANIMATOR as WINDOWED

ANIMATOR = Animator(awake_lite())
SOUND = speech(16_000 * 4)
PLAIN = {"blinks_per_minute": 0.0}
CHANGES = st.sampled_from(
    [
        {"emotion": "sad"},
        {"emotion": {"happy": 0.5, "heard": 0.5}, "blend": 0.7, "style": 1},
        {"intensity": 2.0, "level": 1.0},
        {"style": {"0": 0.5, "2": 0.5}, "confidence": 0.2},
    ]
)


def changed(animator: Animator, before: Controls, after: Controls, at: int) -> tuple[Animation, int]:
    """What a stream makes of SOUND whose controls are changed after `at` samples, and the first frame of the new."""
    stream = animator.stream(before)
    pieces = [stream.push(SOUND[:at])]
    first = max(stream._next, 0) if animator is ANIMATOR else -(-at * 30 // 16_000)  # type: ignore[attr-defined]
    stream.controls = after
    assert stream.controls == after
    pieces += [stream.push(SOUND[at:]), stream.flush()]
    return joined(animator.model.config, pieces), first


@settings(max_examples=5, deadline=None)
@given(at=st.integers(0, 48_000), changes=CHANGES, windowed=st.booleans())
def test_a_change_is_a_segment_from_the_next_frame_on(at: int, changes: dict[str, object], windowed: bool) -> None:
    # Both keep a face without emotion from the start: see the next test for those that don't.
    before = Controls(intensity=1.3, **PLAIN)  # type: ignore[arg-type]
    animator = WINDOWED if windowed else ANIMATOR
    after = before.but(**changes)
    face, first = changed(animator, before, after, at)
    segment = Segment(start_s=first / 30, fade_s=0, changes=changes)
    offline = animator.animate(SOUND, before.but(segments=[segment]))
    old = animator.animate(SOUND, before)
    if not windowed:  # a window's frames come when it is complete: those that are out stay
        np.testing.assert_allclose(face.weights, offline.weights, atol=1e-5)
        assert face.emotion is not None
    early = max(0, first - 6)  # smoothing looks two frames ahead
    np.testing.assert_allclose(face.weights[:early], old.weights[:early], atol=1e-5)
    assert face.frames == offline.frames


def test_intensity_that_is_asked_for_late_is_exact_a_second_later() -> None:
    before, after = Controls(**PLAIN), Controls(intensity=2.0, **PLAIN)  # type: ignore[arg-type]
    face, first = changed(ANIMATOR, before, after, 30_000)
    segment = Segment(start_s=first / 30, fade_s=0, changes={"intensity": 2.0})
    offline = ANIMATOR.animate(SOUND, before.but(segments=[segment]))
    error = np.abs(face.weights - offline.weights).max(1)
    past = ANIMATOR.model.config.past_frames
    assert past is not None
    assert error[: first - 2].max() < 1e-5
    assert error[first + past + 4 :].max() < 1e-5


def test_a_stream_is_plain_again_when_a_change_has_settled() -> None:
    stream = live(ANIMATOR, Controls())
    stream.push(SOUND[:10_000])
    stream.controls = Controls(emotion="happy")
    stream.push(SOUND[:1_600])
    assert stream._steady is None
    stream.push(SOUND[:50_000])
    assert stream._steady is not None
    assert stream._now.controls == Controls(emotion="happy")
    stream.flush()
    assert stream.controls == Controls(emotion="happy")


def test_blinks_that_come_at_another_rate_come_as_offline_when_the_change_has_settled() -> None:
    before, after = Controls(seed=1, blinks_per_minute=10), Controls(seed=1, blinks_per_minute=50)
    face, first = changed(ANIMATOR, before, after, 8_000)
    segment = Segment(start_s=first / 30, fade_s=0, changes={"blinks_per_minute": 50.0})
    offline = ANIMATOR.animate(SOUND, before.but(segments=[segment]))
    assert first + 80 < face.frames
    np.testing.assert_allclose(face.weights, offline.weights, atol=1e-5)


def test_neighbours_in_a_batch_do_not_feel_a_change() -> None:
    asked = [Controls(**PLAIN), Controls(emotion=MixTrack(((0, "sad"), (2, "happy"))), **PLAIN)]  # type: ignore[arg-type]
    streams = [live(ANIMATOR, one) for one in asked]
    pieces: list[list[Animation]] = [[], []]
    for start in range(0, len(SOUND), 4_000):
        if start == 20_000:
            streams[0].controls = Controls(intensity=Track(((1, 0), (2, 3))), **PLAIN)  # type: ignore[arg-type]
        for own, piece in zip(pieces, push_together(streams, [SOUND[start : start + 4_000]] * 2), strict=True):
            own.append(piece)
    face = joined(ANIMATOR.model.config, [*pieces[1], streams[1].flush()])
    np.testing.assert_allclose(face.weights, ANIMATOR.animate(SOUND, asked[1]).weights, atol=1e-5)


def test_what_cannot_be_changed_is_named_and_nothing_changes() -> None:
    for animator in (ANIMATOR, WINDOWED):
        stream = animator.stream()
        with pytest.raises(InputError, match="seed, tail_s can't be changed"):
            stream.controls = Controls(seed=3, tail_s=2)
        with pytest.raises(InputError, match="unknown emotion 'bored'"):
            stream.controls = Controls(emotion="bored")
        assert stream.controls == Controls()


def test_an_emotion_of_another_recording_streams() -> None:
    take = ANIMATOR.hear(speech(14_000, 3))
    asked = Controls(blend=Track(((0, 1), (3, 0))))
    stream = ANIMATOR.stream(asked, emotion_from=take)
    face = joined(ANIMATOR.model.config, [stream.push(SOUND), stream.flush()])
    whole = ANIMATOR.animate(SOUND, asked, emotion_from=take)
    np.testing.assert_allclose(face.weights, whole.weights, atol=1e-5)
    assert np.abs(whole.weights - ANIMATOR.animate(SOUND).weights).max() > 0.01
    with pytest.raises(InputError, match="emotion_fit loop"):
        ANIMATOR.stream(Controls(emotion_fit="stretch"), emotion_from=take)
