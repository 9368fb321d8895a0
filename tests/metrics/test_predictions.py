"""Other methods' files: every kind that is promised, at any rate and unit, and mistakes that are named."""

from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.errors import InputError
from emotalk.metrics.naming import distinct_names
from emotalk.metrics.predictions import FAR_MM, Predictions
from emotalk.rigs import Rig, procedural_head

FRAMES = 30


def ramp(frames: int, fps: float = 30.0) -> np.ndarray:
    """Coefficients that grow with time, by 0.01 per frame of 1/30 s."""
    return np.tile((np.arange(frames) / fps * 0.3)[:, None], (1, 52)).astype(np.float32)


def opened(folder: Path, **options: float) -> Predictions:
    return Predictions.open(str(folder), ["a", "b"], name="other", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".npy"])
def test_coefficients_in_every_format(tmp_path: Path, rig: Rig, suffix: str) -> None:
    Animation(ramp(FRAMES)).save(tmp_path / f"a{suffix}")
    found = opened(tmp_path).read("a", FRAMES, rig)
    assert found.vertices is None
    assert found.weights == pytest.approx(ramp(FRAMES), abs=1e-4)


@pytest.mark.parametrize("shape", [(FRAMES, 4, 3), (FRAMES, 12), (1, FRAMES, 12), (1, FRAMES, 4, 3)])
def test_vertices_in_every_shape_and_unit(tmp_path: Path, rig: Rig, shape: tuple[int, ...]) -> None:
    vertices = rig.vertices(ramp(FRAMES))
    np.save(tmp_path / "a.npy", (vertices / 1000).reshape(shape).astype(np.float64))
    found = opened(tmp_path, scale=1000.0).read("a", FRAMES, rig)
    assert found.weights is None
    assert found.vertices == pytest.approx(vertices, abs=1e-4)


def test_another_rate_is_brought_to_30_fps_by_time(tmp_path: Path, rig: Rig) -> None:
    np.save(tmp_path / "a.npy", ramp(60, fps=60.0))
    np.save(tmp_path / "b.npy", rig.vertices(ramp(25, fps=25.0)))
    assert opened(tmp_path, fps=60.0).read("a", FRAMES, rig).weights == pytest.approx(ramp(FRAMES), abs=1e-6)
    found = opened(tmp_path, fps=25.0).read("b", 29, rig)
    assert found.vertices == pytest.approx(rig.vertices(ramp(29)), abs=1e-4)


def test_an_animations_own_rate_counts_not_the_option(tmp_path: Path, rig: Rig) -> None:
    Animation(ramp(60, fps=60.0), fps=60).save(tmp_path / "a.npz")
    assert opened(tmp_path, fps=25.0).read("a", FRAMES, rig).weights == pytest.approx(ramp(FRAMES), abs=1e-6)


def test_too_long_is_cut_and_a_little_short_is_held(tmp_path: Path, rig: Rig) -> None:
    np.save(tmp_path / "a.npy", ramp(45))
    np.save(tmp_path / "b.npy", ramp(FRAMES - 6))
    predictions = opened(tmp_path)
    assert predictions.read("a", FRAMES, rig).weights == pytest.approx(ramp(FRAMES))
    held = predictions.read("b", FRAMES, rig).weights
    assert held is not None
    assert held[:24] == pytest.approx(ramp(24))
    assert held[24:] == pytest.approx(np.tile(ramp(24)[-1:], (6, 1)))
    with pytest.raises(InputError, match=r"b\.npy: ends 0\.23 s before the clip"):
        predictions.read("b", FRAMES + 1, rig)


def test_the_fullest_file_of_a_clip_is_read(tmp_path: Path, rig: Rig) -> None:
    Animation(ramp(FRAMES)).save(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.zeros((FRAMES, 52), np.float32))
    assert opened(tmp_path).read("a", FRAMES, rig).weights == pytest.approx(ramp(FRAMES))


def test_missing_clips_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "b.npy", ramp(3))
    assert opened(tmp_path).missing(["a", "b", "c"]) == ("a", "c")
    with pytest.raises(InputError, match=r"none of the 1 clips.*x\.npy"):
        Predictions.open(str(tmp_path), ["x"], name="other")
    with pytest.raises(InputError, match="no such folder"):
        Predictions.open(str(tmp_path / "nowhere"), ["x"], name="other")


def test_a_wrong_unit_and_a_wrong_mesh_are_mistakes(tmp_path: Path) -> None:
    head = procedural_head()
    np.save(tmp_path / "a.npy", head.vertices(ramp(5)) / 1000)
    np.save(tmp_path / "b.npy", np.zeros((5, 5023, 3), np.float32))
    predictions = opened(tmp_path)
    with pytest.raises(InputError, match="--scale"):
        predictions.read("a", 5, head)
    with pytest.raises(InputError, match=r"\(5, 5023, 3\).*5472.*--rig"):
        predictions.read("b", 5, head)
    np.save(tmp_path / "a.npy", head.vertices(ramp(5)) + 2 * FAR_MM)
    with pytest.raises(InputError, match="absolute"):
        predictions.read("a", 5, head)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (np.array([[None]]), "never loaded"),
        (np.full((4, 52), np.nan), "finite"),
        (np.zeros((0, 52), np.float32), "no frames"),
        (np.zeros((2, 9, 52), np.float32), "several clips"),
        (np.zeros(52, np.float32), "finite numbers"),
        (np.full((4, 52), 1e39), "finite number"),
    ],
)
def test_what_is_no_animation_is_refused(tmp_path: Path, rig: Rig, content: np.ndarray, reason: str) -> None:
    np.save(tmp_path / "a.npy", content, allow_pickle=True)
    with pytest.raises(InputError, match=rf"a\.npy: .*{reason}"):
        opened(tmp_path).read("a", 4, rig)


@pytest.mark.parametrize("options", [{"fps": 0.0}, {"scale": -1.0}, {"scale": float("nan")}, {"fps": float("inf")}])
def test_rates_and_units_are_above_zero(tmp_path: Path, options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="above 0"):
        opened(tmp_path, **options)


def test_names_are_the_shortest_ends_that_differ() -> None:
    assert distinct_names(["runs/a/model", "runs/b/model/"]) == ["a/model", "b/model"]
    assert distinct_names(["s3://x/voca", "faceformer"]) == ["voca", "faceformer"]
    assert distinct_names(["m", "m"]) == ["m", "m"]
    assert distinct_names([]) == []


@pytest.mark.parametrize("far", [1e39, 1e37])
def test_one_vertex_beyond_all_numbers_is_a_mistake(tmp_path: Path, rig: Rig, far: float) -> None:
    vertices = np.repeat(rig.neutral[None].astype(np.float64), 4, axis=0)
    vertices[2, 1] = far
    np.save(tmp_path / "a.npy", vertices)
    with pytest.raises(InputError, match=r"a\.npy: .*nowhere near a face"):
        opened(tmp_path).read("a", 4, rig)
