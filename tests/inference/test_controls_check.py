"""What a model cannot do is said before anything is computed; a plan keeps no more of a recording than its windows."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from emotalk.controls import Controls
from emotalk.errors import InputError
from emotalk.inference.animator import Animator
from emotalk.inference.windows import WindowShape, plan_windows
from emotalk.model.network import EmoTalk
from emotalk.model.presets import lite_config


def animator(*, prototypes: bool) -> Animator:
    model = EmoTalk(lite_config(styles=3))
    if prototypes:
        torch.nn.init.normal_(model.prototypes)
    return Animator(model)


@pytest.mark.parametrize(
    ("controls", "said"),
    [(Controls(emotion="bored"), "bored"), (Controls(style=3), "style 3"), (Controls(emotion="happy", style=9), "9")],
)
def test_refused_before_the_recording_is_read(controls: Controls, said: str) -> None:
    def never() -> Iterator[np.ndarray]:
        raise AssertionError("the recording was read")
        yield np.zeros(1)

    with pytest.raises(InputError, match=said):
        animator(prototypes=True).animate_blocks(never(), controls)


@pytest.mark.parametrize("controls", [Controls(emotion="happy"), Controls(intensity=0.5)])
def test_a_model_without_prototypes_follows_what_it_hears_only(controls: Controls) -> None:
    with pytest.raises(InputError, match="prototypes"):
        animator(prototypes=False).check(controls)
    animator(prototypes=True).check(controls)
    animator(prototypes=False).check(Controls())


def test_windows_of_one_long_block_do_not_hold_the_rest_of_it() -> None:
    samples = np.zeros(16_000 * 600, np.float32)
    shape = WindowShape(core=50, before=10, after=1)
    windows = list(plan_windows([samples], shape))
    copies = [base for base in (root(window.samples) for window in windows) if base is not samples]
    assert max(copy.nbytes for copy in copies) < samples.nbytes / 20


def root(array: np.ndarray) -> np.ndarray:
    while array.base is not None:
        array = array.base  # type: ignore[assignment]
    return array
