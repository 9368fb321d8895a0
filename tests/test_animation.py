"""Animation: what it accepts, what it refuses, how it is cut."""

import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from emotalk.animation import Animation, Track
from emotalk.blendshapes import COEFFICIENTS
from emotalk.errors import InputError

WEIGHTS = np.random.default_rng(0).random((10, 52), np.float32)


def full() -> Animation:
    rng = np.random.default_rng(1)
    return Animation(
        WEIGHTS,
        fps=Fraction(30_000, 1001),
        head=rng.standard_normal((10, 6)),
        emotion=rng.random((10, 2)),
        emotion_names=("happy", "sad"),
        meta={"model": "abc", "versions": [1, 2]},
        times_s=np.cumsum(rng.random(10)),
        tracks={"gaze": Track(rng.standard_normal((10, 2)), ("yaw", "pitch"))},
    )


def test_defaults() -> None:
    animation = Animation(WEIGHTS)
    assert (animation.names, animation.fps, animation.frames) == (COEFFICIENTS, Fraction(30), 10)
    assert animation.duration_s == pytest.approx(1 / 3)
    np.testing.assert_allclose(animation.time_s(), np.arange(10) / 30)
    np.testing.assert_array_equal(animation.column("jawOpen"), WEIGHTS[:, COEFFICIENTS.index("jawOpen")])


def test_a_fractional_rate_does_not_drift() -> None:
    frames = 10 * 3600 * 30
    animation = Animation(np.zeros((frames, 1), np.float32), names=("jawOpen",), fps=Fraction(30_000, 1001))
    assert animation.duration_s == 36_036.0
    assert animation.time_s()[-1] == pytest.approx(36_036.0 - 1001 / 30_000, abs=1e-9)


def test_an_irregular_animation_lasts_to_its_last_frames_end() -> None:
    animation = Animation(WEIGHTS[:3], times_s=np.array([5.0, 5.5, 6.0]))
    assert animation.duration_s == pytest.approx(1 + 1 / 30)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weights": WEIGHTS[:, :51]}, r"weights must be \(frames, 52\), not \(10, 51\)"),
        ({"weights": WEIGHTS[0]}, "weights must be"),
        ({"weights": WEIGHTS.astype(str)}, "numbers"),
        ({"weights": np.where(np.arange(52) == 24, np.nan, WEIGHTS)}, r"frame 0 is not a finite number \(jawOpen\)"),
        ({"names": ("jawOpen",) * 52}, "twice"),
        ({"fps": Fraction(0)}, "fps"),
        ({"fps": 29.97}, "Fraction"),
        ({"head": np.zeros((10, 3))}, r"head must be \(10, 6\)"),
        ({"head": np.zeros((9, 6))}, r"head must be \(10, 6\)"),
        ({"emotion": np.zeros((10, 3)), "emotion_names": ("a", "b")}, "emotion must be"),
        ({"emotion_names": ("a",)}, "without emotion"),
        ({"times_s": np.arange(9)}, "times_s"),
        ({"times_s": np.array([0, 1, 2, 3, 2, 5, 6, 7, 8, 9])}, "backwards after frame 3"),
        ({"times_s": np.full(10, np.inf)}, "finite"),
        ({"tracks": {"gaze": Track(np.zeros((10, 2)), ("yaw",))}}, "track gaze"),
        ({"tracks": {"../x": Track(np.zeros((10, 1)), ("yaw",))}}, "identifier"),
        ({"meta": {"array": np.zeros(3)}}, "JSON"),
        ({"meta": {"number": float("nan")}}, "JSON"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Animation(**{"weights": WEIGHTS, **change})


def test_weights_are_never_clamped() -> None:
    assert Animation(WEIGHTS * 3 - 1).weights.min() < 0 < 1 < Animation(WEIGHTS * 3 - 1).weights.max()


@pytest.mark.parametrize("size", [1, 3, 10, 99])
def test_pieces_join_to_the_whole(size: int) -> None:
    whole = full()
    pieces = list(whole.pieces(size))
    assert len(pieces) == -(-10 // size)
    for what in ("weights", "head", "emotion", "times_s"):
        np.testing.assert_array_equal(np.concatenate([getattr(p, what) for p in pieces]), getattr(whole, what))
    gaze = np.concatenate([piece.tracks["gaze"].values for piece in pieces])
    np.testing.assert_array_equal(gaze, whole.tracks["gaze"].values)


def test_an_empty_animation_is_one_piece() -> None:
    assert [piece.frames for piece in Animation(WEIGHTS[:0]).pieces(5)] == [0]


@pytest.mark.parametrize("part", ["weights", "head", "emotion", "times_s", "meta", "fps", "tracks"])
def test_equality_looks_at_every_part(part: str) -> None:
    whole = full()
    assert whole.equals(full())
    values = {name: getattr(whole, name) for name in whole.__dataclass_fields__}
    changed: dict[str, Any] = {
        "meta": {},
        "fps": Fraction(30),
        "tracks": {"gaze": Track(whole.tracks["gaze"].values + 1, ("yaw", "pitch"))},
    }
    changed |= {name: values[name] + 1 for name in ("weights", "head", "emotion", "times_s")}
    assert not whole.equals(Animation(**(values | {part: changed[part]})))


def test_animation_and_formats_need_numpy_alone() -> None:
    code = (
        "import sys\n"
        "for name in ('av', 'scipy', 'torch', 'ray', 'fsspec', 'pyarrow', 'transformers'): sys.modules[name] = None\n"
        "import numpy, emotalk.animation, emotalk.formats, emotalk.audio\n"
        "emotalk.animation.Animation(numpy.zeros((2, 52))).time_s()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
