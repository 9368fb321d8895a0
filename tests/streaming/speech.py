"""Sound with pauses, models that stream, and what a stream made of all its chunks."""

from collections.abc import Iterable

import numpy as np
import torch
from hypothesis import strategies as st

from emotalk import Animation, Animator, Controls, EmoTalk
from emotalk.controls import MixTrack, Segment, Shaping, Track
from emotalk.inference.finish import joined
from emotalk.labels import EMOTIONS
from emotalk.streaming.live import LiveStream
from emotalk.streaming.stream import Stream
from tests.controls.shapings import shapings, tracks
from tests.model.small import noise, small_lite

TIMED = MixTrack(((0.2, None), (0.5, {"angry": 0.5, "sad": 0.5}), (0.9, "happy"), (0.9, None)))
SEGMENT = Segment(start_s=0.3, stop_s=0.8, fade_s=0.1, changes={"emotion": "sad", "intensity": 2, "style": 2})
controls = st.builds(
    Controls,
    emotion=st.sampled_from([None, None, "angry", {"happy": 0.6, "heard": 0.4}, TIMED]),
    blend=st.sampled_from([1.0, 1.0, 0.3, Track(((0.1, 1), (0.6, 0)))]),
    emotion_smoothing_s=st.sampled_from([0.0, 0.0, 0.3, 1.0]),
    confidence=st.sampled_from([0.0, 0.0, 0.13, Track(((0.4, 0), (0.4, 0.14)))]),
    intensity=st.sampled_from([1.0, 0.0, 1.7, Track(((0.2, 1), (0.7, 2)))]),
    level=st.none() | st.floats(0, 1) | st.just(Track(((0.1, 0), (0.6, 1)))),
    style=st.none() | st.integers(0, 2) | st.just({"0": 0.25, "2": 0.75}) | st.just(MixTrack(((0.2, 0), (0.6, None)))),
    segments=st.sampled_from([(), (), (SEGMENT,)]),
    smoothing=st.sampled_from([1.0, 0.0, 0.4]) | tracks(0, 1),
    silence_gate=st.sampled_from([1.0, 0.0, 0.6]) | tracks(0, 1),
    blinks_per_minute=st.sampled_from([0.0, 15.0, 60.0]) | tracks(0, 60),
    seed=st.integers(0, 9),
    tail_s=st.sampled_from([0.0, 0.04, 0.5]),
    shaping=st.just(Shaping()) | shapings,
)


def awake_lite() -> EmoTalk:
    """A random `lite` with prototypes, whose faces lie within [0, 1]: the clamp hides nothing."""
    model = small_lite()
    with torch.no_grad():
        model.decoder.output.weight *= 0.05
        model.decoder.output.bias += 0.5
        torch.manual_seed(3)
        model.prototypes.copy_(torch.randn(len(EMOTIONS), model.config.width))
    return model


def speech(samples: int, seed: int = 0) -> np.ndarray:
    """(n,) float32: noise in bursts of 0.3 s between silences, so that the gate and the level have work."""
    sound = noise(samples / 16_000 + 0.1, seed)[:samples]
    place = np.arange(samples) // 4_800 + seed
    return (sound * np.choose(place % 4, [1.0, 0.05, 0.0, 0.3])).astype(np.float32)


def cut(samples: np.ndarray, sizes: Iterable[int]) -> list[np.ndarray]:
    """Chunks of these sizes over and over."""
    chunks, start, sizes = [], 0, list(sizes)
    while start < len(samples):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(samples[start : start + size])
        start += size
    return chunks


def streamed(stream: Stream, chunks: Iterable[np.ndarray], rate: int = 16_000) -> list[Animation]:
    return [*(stream.push(chunk, rate) for chunk in chunks), stream.flush()]


def same_face(animator: Animator, pieces: list[Animation], samples: np.ndarray, asked: Controls) -> None:
    """The pieces are what `animate` makes of the whole."""
    together, whole = joined(animator.model.config, pieces), animator.animate(samples, asked)
    assert together.frames == whole.frames
    if pieces[-1].meta:
        assert pieces[-1].meta.keys() <= whole.meta.keys()
        if "faded" in whole.meta:
            assert abs(pieces[-1].meta["faded"] - whole.meta["faded"]) < 0.2
    np.testing.assert_allclose(together.weights, whole.weights, atol=1e-5)
    assert (together.head is None) == (whole.head is None)
    if together.head is not None and whole.head is not None:
        np.testing.assert_allclose(together.head, whole.head, atol=1e-4)


def live(animator: Animator, asked: Controls) -> LiveStream:
    stream = animator.stream(asked)
    assert isinstance(stream, LiveStream)
    return stream
