"""How late a frame is: counted in samples that had to be pushed before it came out."""

import numpy as np
import pytest

from emotalk import Animator, Controls
from emotalk.controls import Shaping, Track
from tests.streaming.speech import awake_lite, speech

FRAME = 16_000 / 30
ANIMATOR = Animator(awake_lite())


def needed(asked: Controls, chunk: int) -> np.ndarray:
    """(frames,) samples that had been pushed when each frame of 1 s came out."""
    stream = ANIMATOR.stream(asked)
    out: list[int] = []
    for start in range(0, 16_000, chunk):
        frames = stream.push(speech(16_000)[start : start + chunk]).frames
        out += [start + chunk] * frames
    return np.array(out)


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        (Controls(), 2),
        (Controls(smoothing=0), 0),
        (Controls(shaping=Shaping(upper_window=11)), 5),
        (Controls(shaping=Shaping(upper_window=11, upper_smoothing=0)), 2),
        (Controls(smoothing=Track(((0, 0), (1, 1))), shaping=Shaping(lower_window=3)), 2),
    ],
)
def test_the_stated_delay_is_the_measured_one(asked: Controls, held: int) -> None:
    pushed = needed(asked, 40)
    after = pushed - np.arange(len(pushed)) * FRAME
    # A sound may have come just after the frame before: it waits a frame longer than what comes at a frame's own time.
    measured_s = (after.max() + FRAME) / 16_000
    stated_s = ANIMATOR.stream(asked).delay_s
    assert stated_s <= measured_s < stated_s + 40 / 16_000
    assert 1e3 * (stated_s - held / 30) == pytest.approx(132.5, abs=0.05)


def test_live_speech_is_shown_within_a_fifth_of_a_second() -> None:
    assert ANIMATOR.stream().delay_s <= 0.2


def test_chunks_of_100_ms_cost_no_more_than_the_chunk() -> None:
    fine, coarse = needed(Controls(), 40), needed(Controls(), 1_600)
    assert (coarse[: len(fine)] - fine[: len(coarse)] <= 1_600).all()
