"""Models that hear both ways stream by windows: the offline result, bit for bit, as late as stated."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk import Animator, Controls, EmoTalk
from emotalk.inference.finish import joined
from emotalk.inference.windows import WindowShape
from tests.model.small import small_transformer
from tests.streaming.speech import controls, cut, speech, streamed


def animator_of(model: EmoTalk) -> Animator:
    """With windows that are short enough for a test."""
    animator = Animator(model)
    animator.shape = WindowShape(core=14, before=6, after=5, search=4, fade=3)
    return animator


ANIMATOR = animator_of(small_transformer("wav2vec2", "layer"))
torch.manual_seed(3)
ANIMATOR.model.prototypes.copy_(torch.randn_like(ANIMATOR.model.prototypes))
SOUND = speech(16_000 * 6)


@settings(max_examples=4, deadline=None)
@given(
    samples=st.integers(1, len(SOUND)),
    sizes=st.lists(st.integers(100, 20_000), min_size=1, max_size=4),
    asked=controls,
)
def test_a_windowed_stream_is_the_offline_result(samples: int, sizes: list[int], asked: Controls) -> None:
    sound = SOUND[:samples]
    pieces = streamed(ANIMATOR.stream(asked), cut(sound, sizes))
    assert ANIMATOR.join(pieces, asked).equals(ANIMATOR.animate(sound, asked))


def test_the_stated_delay_holds_and_is_nearly_reached() -> None:
    stream = ANIMATOR.stream()
    out: list[int] = []
    for start in range(0, len(SOUND), 400):
        frames = stream.push(SOUND[start : start + 400]).frames
        out += [start + 400] * frames
    late_s = (np.array(out) - np.arange(len(out)) * 16_000 / 30 + 16_000 / 30).max() / 16_000
    assert stream.delay_s - 0.2 < late_s <= stream.delay_s + 400 / 16_000


def test_the_delay_of_the_large_encoders_is_a_minute() -> None:
    assert 60 < Animator(small_transformer("wavlm", "group")).stream().delay_s < 61


def test_flush_and_reset_begin_a_new_recording() -> None:
    stream = ANIMATOR.stream()
    streamed(stream, [SOUND])
    stream.push(SOUND[:30_000])
    stream.reset()
    again = joined(ANIMATOR.model.config, streamed(stream, [SOUND[:9_000]]))
    np.testing.assert_array_equal(again.weights, ANIMATOR.animate(SOUND[:9_000]).weights)
    assert stream.flush().frames == 0
