"""What the measurements of speed count and conclude."""

import numpy as np
import pytest

from benchmarks.arithmetic import gflop_per_second
from benchmarks.network import _gflop
from benchmarks.seams import statistics
from benchmarks.sound import blocks, speech
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config
from tests.model.small import small_transformer


@pytest.mark.parametrize(
    "model", [EmoTalk(lite_config()), small_transformer("wav2vec2", "layer"), small_transformer("hubert", "group")]
)
def test_operations_told_from_a_configuration_are_those_that_torch_counts(model: EmoTalk) -> None:
    assert gflop_per_second(model.config, 4) == pytest.approx(_gflop(model.eval(), 4) / 4, rel=0.01)


def test_a_jump_at_a_border_is_found() -> None:
    sizes = np.random.default_rng(0).uniform(0, 0.1, 1_000)
    assert statistics(sizes, np.array([500]))["largest elsewhere"] <= 0.1
    sizes[500] = 0.7
    found = statistics(sizes, np.array([200, 500]))
    assert found["share of borders above it"] == 0.5
    assert found["largest at borders"] == pytest.approx(0.7)
    assert found["largest elsewhere"] <= 0.1


def test_sound_of_any_length_is_loud_and_pauses() -> None:
    parts = list(blocks(23))
    sound = np.concatenate(parts)
    assert len(sound) == 23 * 16_000
    assert max(map(len, parts)) <= 10 * 16_000
    power = np.square(speech(10)).reshape(100, -1).mean(1)
    assert power.min() < 1e-2 * power.max()
