"""Any animation comes back from every format that is read: what the registry says it holds, as exactly as it can."""

import importlib.util
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, FPS
from emotalk.formats import FORMATS, Format
from emotalk.formats.retime import NTSC_RATES
from emotalk.head import rotation
from tests.four_points import four_points

RATES = [Fraction(rate) for rate in (24, 25, 30, 48, 50, 60)] + list(NTSC_RATES[:4])
READ = [
    known
    for known in FORMATS
    if known.read is not None and not known.required and (known.extra is None or importlib.util.find_spec("pxr"))
]
LABELS = ("calm", "happy", "sad")
RIG = four_points()


def numbers(low: float, high: float, frames: int, columns: int) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.float32, (frames, columns), elements=st.floats(low, high, width=32))


@st.composite
def animations(draw: st.DrawFn) -> Animation:
    """Weights beyond 0 to 1 as captures have them, a head that turns by up to 70 degrees."""
    frames = draw(st.integers(2, 6))
    head = None
    if draw(st.booleans()):
        turn, place = draw(numbers(-1.25, 1.25, frames, 3)), draw(numbers(-500, 500, frames, 3))
        turn[0, 0] = 0.5  # a capture whose angles are all zero has recorded no head
        head = np.hstack([turn, place])
    shares = draw(numbers(0.125, 1, frames, 3))
    return Animation(
        draw(numbers(-0.5, 2, frames, 52)),
        fps=draw(st.sampled_from(RATES)),
        head=head,
        emotion=shares / shares.sum(1, keepdims=True),
        emotion_names=LABELS,
        meta={"who": draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=9))},
    )


@pytest.mark.parametrize("known", READ, ids=lambda known: known.name)
@settings(deadline=None, max_examples=12)
@given(animation=animations())
def test_it_comes_back(known: Format, animation: Animation, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("trip") / f"a{known.suffix}"
    holds_any_rate = known.only_fps is None and known.name not in ("npy", "emotion")
    written = animation if holds_any_rate else replace(animation, fps=FPS)
    written.save(path, **({"rig": RIG} if "rig" in known.write_options else {}))
    back = Animation.load(path)
    if known.weights:
        assert (back.frames, back.names) == (written.frames, COEFFICIENTS)
        assert back.fps == written.fps or known.name == "csv"  # which tells it where a second is full
        np.testing.assert_allclose(back.weights, written.weights, atol=1e-9)
        assert back.times_s is None
    assert (back.head is not None) == (known.head and written.head is not None)
    if back.head is not None and written.head is not None:
        # Angles by the rotation that they are: a quaternion has several spellings in angles.
        turned = (rotation(back.head) * rotation(written.head).inv()).magnitude()
        np.testing.assert_allclose(turned, 0, atol=2e-6)
        place = back.head[:, 3:] if known.name != "csv" else written.head[:, 3:]  # Live Link Face has none
        np.testing.assert_allclose(place, written.head[:, 3:], atol=1e-4)
    assert (back.emotion is not None) == known.emotion
    if back.emotion is not None and written.emotion is not None:
        order = [back.emotion_names.index(label) for label in LABELS]
        np.testing.assert_allclose(back.emotion[:, order], written.emotion, atol=6e-4)  # thousandths in one format
    if known.meta:
        assert back.meta == written.meta
