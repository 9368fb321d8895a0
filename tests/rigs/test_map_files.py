"""Correspondences and parameters from elsewhere: what fits is used, what does not is one line that says why."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.errors import InputError
from emotalk.rig_commands import Retarget, ToFlame
from emotalk.rigs import Rig, procedural_head, transfer
from emotalk.rigs.flame import rotation
from emotalk.rigs.transfer.flame_map import FlameMap
from emotalk.rigs.transfer.given import read_correspondence
from emotalk.rigs.transfer.parameters import read_parameters, write_parameters
from tests.rigs.flame_files import flame_arrays
from tests.rigs.test_head import weights

TURN = 0.5 * rotation(np.array([0.0, 0.3, 0.0]))
NAMES = ("expression.0", "expression.1", "jaw.x", "jaw.y", "jaw.z", "eyelid.left", "eyelid.right")


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    """The head in another order, half as large and turned a little, saved; and which vertex of the head each is."""
    head = procedural_head()
    order = np.random.default_rng(7).permutation(len(head.neutral))
    number = np.argsort(order)
    rig = Rig(
        name="twin",
        neutral=head.neutral[order] @ TURN.T,
        triangles=number[head.triangles],
        displacements=head.displacements[:, order] @ TURN.T.astype(np.float32),
        regions={name: number[ids] for name, ids in head.regions.items()},
    )
    path = tmp_path_factory.mktemp("twin") / "twin.npz"
    rig.save(path)
    return path, order


def test_pairs_of_vertices_are_enough_and_their_turn_is_found(twin: tuple[Path, np.ndarray], tmp_path: Path) -> None:
    path, order = twin
    rig, head = Rig.load(path), procedural_head()
    np.savez(tmp_path / "pairs.npz", target=np.arange(len(order)), corners=order)
    found = read_correspondence(tmp_path / "pairs.npz", head.neutral, rig.neutral)
    np.testing.assert_allclose(found.turn, TURN, atol=1e-5)
    jaw = INDEX["jawOpen"]
    np.testing.assert_allclose(found.carry(head.displacements[jaw]), rig.displacements[jaw], atol=1e-3)


def test_the_command_takes_a_correspondence_and_a_saved_map(
    twin: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, order = twin
    np.savez(tmp_path / "pairs.npz", target=np.arange(len(order)), corners=order)
    Retarget(
        source="default",
        target=str(path),
        output=str(tmp_path / "map.npz"),
        correspondence=str(tmp_path / "pairs.npz"),
    ).run()
    fitted = transfer.Retarget.load(tmp_path / "map.npz")
    speech = [INDEX[name] for name in ("jawOpen", "mouthPucker", "browInnerUp", "eyeBlinkLeft", "mouthClose")]
    np.testing.assert_allclose(fitted.matrix[np.ix_(speech, speech)], np.eye(len(speech)), atol=0.05)
    np.testing.assert_array_equal(fitted.correspondence.corners[:, 0], order)
    Animation(weights(jawOpen=0.5)).save(tmp_path / "talk.npz")
    options = {
        "source": "default",
        "target": str(path),
        "animation": str(tmp_path / "talk.npz"),
        "output": str(tmp_path / "out.csv"),
    }
    Retarget(map=str(tmp_path / "map.npz"), **options).run()
    carried = Animation.load(tmp_path / "out.csv").column("jawOpen")
    assert carried[0] == pytest.approx(0.5 * fitted.matrix[INDEX["jawOpen"], INDEX["jawOpen"]], abs=1e-4)
    assert "mm mean" in capsys.readouterr().out
    # A saved map is a correspondence, too; of other rigs it is refused.
    again = read_correspondence(tmp_path / "map.npz", procedural_head().neutral, Rig.load(path).neutral)
    np.testing.assert_array_equal(again.corners, fitted.correspondence.corners)
    with pytest.raises(InputError, match=r"emotalk-head-1 → twin, not for twin → emotalk-head-1"):
        Retarget(map=str(tmp_path / "map.npz"), **options | {"source": str(path), "target": "default"}).run()
    with pytest.raises(InputError, match="not both"):
        Retarget(map="map.npz", correspondence="pairs.npz", **options).run()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"target": None}, "target is missing"),
        ({"target": np.arange(19)}, r"target of a correspondence must be|corners of a correspondence must be"),
        ({"target": np.arange(20.0)}, "whole numbers"),
        ({"target": np.full(20, 9)}, "target names vertex 9, the target has 9 vertices"),
        ({"corners": np.full((20, 3), 8)}, "corners names vertex 8, the source has 8 vertices"),
        ({"corners": np.full((20, 3), -1)}, "corners names vertex -1"),
        ({"corners": np.zeros((20, 2), int)}, r"corners of a correspondence must be \(20, 3\), not \(20, 2\)"),
        ({"shares": None}, "shares .* are needed"),
        ({"shares": np.full((20, 3), 0.5)}, "sum to 1"),
        ({"shares": np.full((20, 3), np.nan)}, "finite"),
        ({"turn": np.diag([1.0, 1, -1])}, "mirroring"),
        ({"turn": np.eye(2)}, r"turn of a correspondence must be \(3, 3\)"),
        ({"target": np.arange(4), "corners": np.zeros((4, 3), int), "shares": np.full((4, 3), 1 / 3)}, "too few"),
    ],
)
def test_a_correspondence_that_does_not_fit_says_why(
    tmp_path: Path, change: dict[str, np.ndarray | None], reason: str
) -> None:
    arrays: dict[str, np.ndarray | None] = {
        "target": np.arange(20) % 9,
        "corners": np.zeros((20, 3), int),
        "shares": np.full((20, 3), 1 / 3),
        "turn": np.eye(3),
    }
    np.savez(tmp_path / "given.npz", **{k: v for k, v in (arrays | change).items() if v is not None})
    with pytest.raises(InputError, match=reason) as caught:
        read_correspondence(tmp_path / "given.npz", np.zeros((8, 3)), np.zeros((9, 3)))
    assert "given.npz" in str(caught.value)


def test_parameters_come_back_from_their_file(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 7)).astype(np.float32)
    write_parameters(tmp_path / "p.npz", rows, NAMES, Fraction(25))
    back, fps = read_parameters(tmp_path / "p.npz", NAMES)
    np.testing.assert_array_equal(back, rows)
    assert fps == 25
    np.savez(tmp_path / "few.npz", expression=rows[:, :1], jaw=rows[:, 2:5])
    back, fps = read_parameters(tmp_path / "few.npz", NAMES)
    np.testing.assert_array_equal(back, rows * (1, 0, 1, 1, 1, 0, 0))
    assert fps == 30


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"weights": np.zeros((3, 52))}, "none of the arrays expression, jaw, eyelids"),
        ({"expression": np.zeros((3, 3))}, r"expression must be \(3, at most 2\), not \(3, 3\)"),
        ({"expression": np.zeros((3, 2)), "jaw": np.zeros((2, 3))}, r"jaw must be \(3, 3\), not \(2, 3\)"),
        ({"jaw": np.zeros((3, 1))}, r"jaw must be \(3, 3\)"),
        ({"jaw": np.full((3, 3), np.inf)}, "finite"),
        ({"jaw": np.zeros((3, 3)), "fps": np.array([30, 0])}, "fps"),
    ],
)
def test_parameters_that_do_not_fit_say_why(tmp_path: Path, arrays: dict[str, np.ndarray], reason: str) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(InputError, match=reason) as caught:
        read_parameters(tmp_path / "bad.npz", NAMES)
    assert "bad.npz" in str(caught.value)


def test_the_command_goes_to_flame_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, fitted = tmp_path / "generic_model.npz", tmp_path / "flame-map.npz"
    np.savez(model, **flame_arrays())
    ToFlame(model=str(model), output=str(fitted)).run()
    assert "over the 52 shapes" in capsys.readouterr().out
    poses = np.zeros((8, len(COEFFICIENTS)), np.float32)
    names = ("jawOpen", "mouthSmileLeft", "mouthPucker", "browInnerUp")
    poses[:, [INDEX[name] for name in names]] = np.random.default_rng(2).random((8, len(names)))
    Animation(poses, fps=Fraction(25)).save(tmp_path / "talk.npz")
    parameters, back = tmp_path / "parameters.npz", tmp_path / "back.npz"
    saved = {"model": str(model), "map": str(fitted)}
    ToFlame(animation=str(tmp_path / "talk.npz"), output=str(parameters), **saved).run()
    ToFlame(parameters=str(parameters), output=str(back), **saved).run()
    rows, _ = read_parameters(parameters, FlameMap.load(fitted).parameters)
    np.testing.assert_array_equal(rows, FlameMap.load(fitted).to_flame(poses))
    returned = Animation.load(back)
    assert returned.fps == 25
    head = procedural_head()
    there, here = head.vertices(poses, "lips"), head.vertices(returned.weights, "lips")
    moved = np.linalg.norm(there - head.neutral[head.regions["lips"]], axis=2).mean()
    assert np.linalg.norm(here - there, axis=2).mean() < 0.15 * moved
    with pytest.raises(InputError, match="not both"):
        ToFlame(animation="a.npz", parameters="b.npz", output=str(back), **saved).run()
    with pytest.raises(InputError, match="between rigs"):
        transfer.Retarget.load(fitted)


def test_what_is_no_rig_says_what_is_missing(tmp_path: Path) -> None:
    Animation(weights(jawOpen=1)).save(tmp_path / "talk.npz")
    with pytest.raises(InputError, match=r"talk\.npz: not a rig file.*neutral"):
        Rig.load(tmp_path / "talk.npz")
    procedural_head().save(tmp_path / "head.npz")
    whole = (tmp_path / "head.npz").read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 30):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"cut\.npz"):
            Rig.load(tmp_path / "cut.npz")
