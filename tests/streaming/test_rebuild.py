"""A stream that was lost is built again from its last seconds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk import Animator, Controls, InputError
from emotalk.controls import MixTrack, Track
from emotalk.inference.finish import joined
from tests.streaming.speech import awake_lite, live, speech

ANIMATOR = Animator(awake_lite())
SOUND = speech(16_000 * 14)


@settings(max_examples=3, deadline=None)
@given(pushed=st.integers(0, 16_000 * 13), more=st.integers(0, 5_000), timed=st.booleans())
def test_the_frames_that_follow_are_the_same(pushed: int, more: int, timed: bool) -> None:
    asked = Controls(seed=pushed % 9, intensity=1.3)
    if timed:
        emotion = MixTrack(((0, "happy"), (14, None)))
        asked = Controls(emotion=emotion, intensity=Track(((0, 0), (14, 3))), emotion_smoothing_s=1, confidence=0.2)
    lost, rebuilt = live(ANIMATOR, asked), live(ANIMATOR, asked)
    lost.push(SOUND[:pushed])
    enough = rebuilt.network.memory_samples(asked) + 1_600
    assert enough <= 8 * 16_000
    rebuilt.rebuild(SOUND[max(0, pushed - enough - more) : pushed], pushed)
    rest = SOUND[pushed : pushed + 20_000]
    was, now = (joined(ANIMATOR.model.config, [s.push(rest), s.flush()]) for s in (lost, rebuilt))
    assert was.frames == now.frames
    np.testing.assert_allclose(now.weights, was.weights, atol=1e-5)


def test_too_little_is_refused() -> None:
    stream = live(ANIMATOR, Controls())
    with pytest.raises(InputError, match="give the last"):
        stream.rebuild(SOUND[:1_000], 100_000)
    with pytest.raises(InputError, match="do not rebuild"):
        stream.rebuild(SOUND[:1_000], 999)
