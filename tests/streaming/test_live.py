"""A live stream is the offline animation, whatever the chunks, the controls and the length."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import emotalk
from emotalk import Animator, Controls, EmoTalk, InputError
from emotalk.audio import Resampler
from emotalk.inference.finish import joined
from emotalk.model.config import MelEncoderConfig
from emotalk.model.extend import extended
from tests.streaming.speech import awake_lite, controls, cut, same_face, speech, streamed

ANIMATOR = Animator(awake_lite())
sizes = st.lists(st.integers(300, 7_000), min_size=1, max_size=5)


@settings(max_examples=12, deadline=None)
@given(samples=st.integers(1, 20_000), sizes=sizes, asked=controls)
@example(samples=1, sizes=[1], asked=Controls())
@example(samples=534, sizes=[1], asked=Controls())
@example(samples=3_200, sizes=[1_600], asked=Controls(smoothing=0))
def test_a_stream_is_the_offline_result(samples: int, sizes: list[int], asked: Controls) -> None:
    sound = speech(samples, samples % 5)
    same_face(ANIMATOR, streamed(ANIMATOR.stream(asked), cut(sound, sizes)), sound, asked)


def test_the_model_of_the_package_streams_what_it_animates() -> None:
    animator = Animator(EmoTalk.from_pretrained(emotalk.default_model()))
    sound = speech(16_000 * 9 + 77)
    for sizes in ([1_600], [1, 3_000, 441, 20_000]):
        same_face(animator, streamed(animator.stream(), cut(sound, sizes)), sound, Controls())


def test_more_than_a_window_streams_without_a_seam() -> None:
    sound = speech(16_000 * 71)
    animator = Animator(awake_lite())
    assert len(list(animator.plan([sound]))) > 1
    same_face(animator, streamed(animator.stream(), cut(sound, [50_000])), sound, Controls())


@settings(max_examples=5, deadline=None)
@given(
    rate=st.sampled_from([8_000, 22_050, 44_100, 48_000, 44_101]),
    samples=st.integers(1, 24_000),
    sizes=st.lists(st.integers(500, 9_000), min_size=1, max_size=4),
)
def test_other_rates_are_the_resampled_recording(rate: int, samples: int, sizes: list[int]) -> None:
    sound = speech(samples)
    whole = Resampler(rate)
    at_16_khz = np.concatenate([whole.push(sound), whole.flush()])
    same_face(ANIMATOR, streamed(ANIMATOR.stream(), cut(sound, sizes), rate), at_16_khz, Controls())


def test_a_rate_may_change_in_the_middle() -> None:
    stream = ANIMATOR.stream()
    seconds = [(16_000, 16_000), (48_000, 48_000), (8_000, 8_000)]
    pieces = [stream.push(speech(count), rate) for count, rate in seconds]
    assert joined(ANIMATOR.model.config, [*pieces, stream.flush()]).frames == 3 * 30 + 15


@pytest.mark.parametrize("shared", [False, True])
def test_other_shapes_of_the_encoders_stream_too(shared: bool) -> None:
    base = awake_lite().config
    assert isinstance(base.content, MelEncoderConfig)
    assert isinstance(base.emotion, MelEncoderConfig)
    # No future in the patches, encoders that are late by different numbers of frames, a decoder that looks back 2 s.
    content = replace(base.content, patch_future=0, patch_past=3, dilations=(2, 1), block_future=2)
    emotion = None if shared else replace(base.emotion, patch_future=1, block_future=0)
    config = replace(base, content=content, emotion=emotion, past_frames=61)
    torch.manual_seed(4)
    model = EmoTalk(config)
    torch.nn.init.normal_(model.decoder.output.weight, std=0.005)
    torch.nn.init.constant_(model.decoder.output.bias, 0.5)
    animator, sound = Animator(model), speech(53_219)
    pieces = streamed(animator.stream(), cut(sound, [700, 1_999]))
    same_face(animator, pieces, sound, Controls())
    assert np.ptp(joined(config, pieces).weights[:90], axis=0).max() > 0.01


def test_a_head_streams_with_its_face() -> None:
    lite = awake_lite()
    model = extended(lite, replace(lite.config, head_pose=True))
    assert model.decoder.head_output is not None
    torch.nn.init.normal_(model.decoder.head_output.weight, std=0.01)
    animator, sound = Animator(model), speech(30_000)
    same_face(animator, streamed(animator.stream(), cut(sound, [900])), sound, Controls())


def test_the_emotion_is_the_mean_of_all_that_was_heard_so_far() -> None:
    sound = speech(40_000)
    pieces = streamed(ANIMATOR.stream(), cut(sound, [1_600]))
    whole = ANIMATOR.animate(sound)
    together = joined(ANIMATOR.model.config, pieces)
    assert together.emotion is not None
    assert whole.emotion is not None
    np.testing.assert_allclose(together.emotion.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(together.emotion[-1], whole.emotion[-1], atol=1e-4)
    assert pieces[-1].meta["heard"] == pytest.approx(whole.meta["heard"], abs=1e-4)
    angry = joined(ANIMATOR.model.config, streamed(ANIMATOR.stream(Controls(emotion="angry")), [sound]))
    assert angry.emotion is not None
    assert (angry.emotion[:, angry.emotion_names.index("angry")] == 1).all()


def test_flush_and_reset_leave_nothing_of_the_recording_before() -> None:
    stream = ANIMATOR.stream()
    first, second = speech(20_000, 1), speech(9_000, 2)
    streamed(stream, [first])
    same_face(ANIMATOR, streamed(stream, cut(second, [500])), second, Controls())
    stream.push(first, 48_000)
    stream.reset()
    same_face(ANIMATOR, streamed(stream, [second]), second, Controls())
    assert stream.flush().frames == 0


def test_empty_chunks_and_foreign_buffers_change_nothing() -> None:
    stream, sound, buffer = ANIMATOR.stream(), speech(8_000), np.empty(1_000, np.float32)
    pieces = []
    for chunk in cut(sound, [1_000]):
        buffer[:] = chunk
        pieces += [stream.push(buffer), stream.push(np.zeros(0, np.float32))]
        buffer[:] = 9
    same_face(ANIMATOR, [*pieces, stream.flush()], sound, Controls())


def test_bad_input_is_named() -> None:
    stream = ANIMATOR.stream()
    for bad in (np.zeros((2, 2), np.float32), np.array([np.nan]), np.array([1e300]), np.array([1, 2])):
        with pytest.raises(InputError, match="samples must be"):
            stream.push(bad)
    assert stream.push(speech(8_000)).frames  # and the stream goes on as if that had not been said
    for rate in (999, 44_100.5, float("nan")):
        with pytest.raises(InputError, match=f"{rate} Hz"):
            stream.push(speech(10), rate)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="style 7 does not exist"):
        ANIMATOR.stream(Controls(style=7))
