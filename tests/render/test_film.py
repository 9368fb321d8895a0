"""Films: one clock for all animations, heads that turn as they say, pictures at their places."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.cli import main
from emotalk.errors import InputError
from emotalk.render import still
from emotalk.render.film import Film, make_film, on_clock, rotations
from emotalk.render.heat import ANCHORS
from emotalk.rigs import Rig, procedural_head


@pytest.fixture(scope="module")
def head() -> Rig:
    return procedural_head()


def ramp(frames: int, *, fps: Fraction | int = 30, times_s: np.ndarray | None = None, **also: object) -> Animation:
    """jawOpen is the time in tenths of a second."""
    weights = np.zeros((frames, 52), np.float32)
    times = np.arange(frames) / float(fps) if times_s is None else times_s
    weights[:, INDEX["jawOpen"]] = times / 10
    return Animation(weights=weights, fps=Fraction(fps), times_s=times_s, **also)  # type: ignore[arg-type]


def jaw(film: Film, face: int = 0) -> np.ndarray:
    return film.faces[face].weights[:, INDEX["jawOpen"]]


def test_frames_stand_at_k_over_fps_whatever_the_animation_has(head: Rig) -> None:
    same = ramp(7)
    assert on_clock(same, same.weights, Fraction(30)) is same.weights
    irregular = np.array([5.0, 5.01, 5.2, 5.25, 5.4])
    films = {
        "30 fps": (make_film([ramp(31)], head, size=16), 31),
        "60 fps": (make_film([ramp(61, fps=60)], head, size=16), 31),
        "24 fps": (make_film([ramp(25, fps=24)], head, size=16), 32),
        "29.97": (make_film([ramp(30, fps=Fraction(30000, 1001))], head, size=16), 31),
        "irregular": (make_film([ramp(5, times_s=irregular)], head, size=16), 13),
    }
    for name, (film, frames) in films.items():
        start, last = (0.5, 0.54) if name == "irregular" else (0, 10)
        expected = np.minimum(start + np.arange(frames) / 300, min(last, jaw(film).max()))
        assert film.frames == frames, name
        np.testing.assert_allclose(jaw(film), expected, atol=1e-6, err_msg=name)
    slow = make_film([ramp(31)], head, size=16, fps=15)
    np.testing.assert_allclose(jaw(slow), np.arange(16) / 150, atol=1e-7)


def test_a_shorter_animation_rests_in_its_last_frame(head: Rig) -> None:
    film = make_film([ramp(4), ramp(6)], head, size=16)
    assert film.frames == 6
    np.testing.assert_allclose(jaw(film), np.array([0, 1, 2, 3, 3, 3]) / 300, atol=1e-7)


def test_names_in_another_order_are_understood(head: Rig) -> None:
    animation = ramp(5)
    backwards = Animation(weights=animation.weights[:, ::-1], names=COEFFICIENTS[::-1])
    np.testing.assert_array_equal(jaw(make_film([backwards], head, size=16)), animation.column("jawOpen"))


def test_rotations_follow_the_axes_of_an_animation() -> None:
    """As the animation's module states them: +yaw to the face's left (+x), +pitch down, +roll to the right shoulder."""
    yaw, pitch, roll = rotations(np.eye(3) * 0.3)
    nose, crown = np.array([0, 0, 1]), np.array([0, 1, 0])
    np.testing.assert_allclose(yaw @ nose, [np.sin(0.3), 0, np.cos(0.3)], atol=1e-6)
    np.testing.assert_allclose(pitch @ nose, [0, -np.sin(0.3), np.cos(0.3)], atol=1e-6)
    np.testing.assert_allclose(roll @ crown, [-np.sin(0.3), np.cos(0.3), 0], atol=1e-6)
    from scipy.spatial.transform import Rotation

    angles = np.array([[0.4, -0.2, 0.7]])
    np.testing.assert_allclose(rotations(angles)[0], Rotation.from_euler("YXZ", angles[0]).as_matrix(), atol=1e-6)


def test_the_head_turns_unless_told_not_to(head: Rig) -> None:
    turned = np.zeros((2, 6), np.float32)
    turned[1, 0] = 0.5
    animation = Animation(weights=np.zeros((2, 52), np.float32), head=turned)
    rest, left = make_film([animation], head, size=64).pictures()
    still_rest, still_left = make_film([animation], head, size=64, head=False).pictures()
    np.testing.assert_array_equal(rest, still_rest)
    np.testing.assert_array_equal(still_left, rest)
    assert np.abs(left.astype(int) - rest).max() > 60


def test_pictures_stand_at_their_places(head: Rig) -> None:
    open_mouth, closed = ramp(3), Animation(weights=np.zeros((3, 52), np.float32))
    film = make_film([closed, open_mouth, closed], head, titles=["a", "b", "c"], heat_map=True, size=100)
    (picture,) = film.pictures([2])
    assert picture.shape == (*film.shape, 3) == (210, 300, 3)  # 9 of titles, and made even
    top = 9
    rest = still(head, np.zeros(52), size=100)
    np.testing.assert_array_equal(picture[top : top + 100, :100], rest)
    np.testing.assert_array_equal(picture[top : top + 100, 200:], rest)
    np.testing.assert_array_equal(picture[top : top + 100, 100:200], still(head, open_mouth.weights[2], size=100))
    # The third is as the first: clay all over, no warm colour in its map.
    same = picture[top + 100 : top + 200, 200:].astype(int)
    assert np.ptp(same, axis=2).max() <= np.ptp(ANCHORS[0]) + 12
    title_band = picture[: top - 1]
    assert all((title_band[:, x : x + 100] < 120).any() for x in (0, 100, 200))


def test_the_heat_maps_limit_fits_or_is_what_was_asked(head: Rig) -> None:
    weights = np.zeros((10, 52), np.float32)
    weights[:, INDEX["jawOpen"]] = 0.5
    other, rest = Animation(weights=weights), Animation(weights=np.zeros((10, 52), np.float32))
    film = make_film([rest, other], head, heat_map=True, size=16)
    largest = 0.5 * np.linalg.norm(head.displacements[INDEX["jawOpen"]], axis=1).max()
    assert film.heat is not None
    assert largest <= film.heat.limit_mm <= 1.6 * largest
    asked = make_film([rest, other], head, heat_map=True, heat_limit_mm=7, size=16)
    assert asked.heat is not None
    assert asked.heat.limit_mm == 7


def test_what_makes_no_film_is_refused(head: Rig) -> None:
    one = ramp(3)
    with pytest.raises(InputError, match="no animation"):
        make_film([], head)
    with pytest.raises(InputError, match="titles"):
        make_film([one], head, titles=["a", "b"])
    with pytest.raises(InputError, match="two or more"):
        make_film([one], head, heat_map=True)
    with pytest.raises(InputError, match="frames per second"):
        make_film([one], head, fps=0)
    with pytest.raises(InputError, match="without frames"):
        make_film([Animation(weights=np.zeros((0, 52), np.float32))], head)
    with pytest.raises(InputError, match="at most 86400 s"):
        make_film([ramp(3, times_s=np.array([0.0, 1.0, 1e10]))], head)
    with pytest.raises(InputError, match="at most 86400 s"):
        make_film([Animation(one.weights, fps=Fraction(1, 10**9))], head)
    with pytest.raises(InputError, match="0 to 1"):
        make_film([Animation(one.weights + 1e30)], head)
    for size in (-2, 100_000):
        with pytest.raises(InputError, match="16 to 4096"):
            make_film([one], head, size=size)
    with pytest.raises(InputError, match="too large"):
        make_film([one] * 40, head, size=4096)
    for turn in (float("nan"), float("inf")):
        with pytest.raises(InputError, match="angle"):
            make_film([one], head, turn=turn)
    with pytest.raises(InputError, match="coefficients missing"):
        make_film([Animation(weights=np.zeros((2, 1), np.float32), names=("jawOpen",))], head)


@pytest.mark.parametrize("second", ["nan", "inf", "-1", "0.2"])
def test_a_moment_outside_the_animation_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], second: str
) -> None:
    ramp(3).save(tmp_path / "a.npz")
    arguments = ["render", str(tmp_path / "a.npz"), "-o", str(tmp_path / "a.png"), f"--at={second}", "--size=64"]
    monkeypatch.setattr("sys.argv", ["emotalk", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "lies outside" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()


def test_a_title_of_any_length_and_lines_is_drawn(head: Rig) -> None:
    titles = ["two\nlines\x00", "x" * 100_000]
    assert next(make_film([ramp(2)] * 2, head, titles=titles, size=32).pictures()).shape[1] == 64
