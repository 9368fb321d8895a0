"""Pictures show what the rig and the weights say."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from emotalk.blendshapes import INDEX
from emotalk.errors import InputError
from emotalk.render import contact_sheet, heat_map, save_png, still
from emotalk.render.heat import ANCHORS, HeatScale, distances_mm, round_limit
from emotalk.render.normals import SmoothNormals
from emotalk.render.stage import BACKDROP, Stage
from emotalk.rigs import Rig, procedural_head

REST = np.zeros(52, np.float32)


def face(**weights: float) -> np.ndarray:
    out = REST.copy()
    for name, value in weights.items():
        out[INDEX[name]] = value
    return out


def changed(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(H, W) where two pictures differ visibly."""
    return np.abs(a.astype(int) - b).max(axis=2) > 12


def painted(rig: Rig, colour: tuple[int, int, int], gloss: float = 0.0) -> Rig:
    count = len(rig.neutral)
    return dataclasses.replace(
        rig, colours=np.full((count, 3), colour, np.uint8), gloss=np.full(count, gloss, np.float32)
    )


@pytest.fixture(scope="module")
def head() -> Rig:
    return procedural_head()


@pytest.fixture(scope="module")
def rest(head: Rig) -> np.ndarray:
    return still(head, REST, size=256)


def test_the_head_fills_the_picture_in_the_middle(rest: np.ndarray) -> None:
    assert rest.shape == (256, 256, 3)
    assert rest.dtype == np.uint8
    rows, columns = np.nonzero(changed(rest, np.broadcast_to(np.array(BACKDROP, np.uint8), rest.shape)))
    assert rows.min() in range(3, 26)
    assert rows.max() > 235
    assert abs(columns.min() + columns.max() - 255) <= 4
    assert columns.max() - columns.min() > 115
    assert tuple(rest[2, 2]) == BACKDROP


def test_each_shape_moves_its_own_part_of_the_picture(head: Rig, rest: np.ndarray) -> None:
    blink = changed(still(head, face(eyeBlinkLeft=1), size=256), rest)
    rows, columns = np.nonzero(blink)
    assert len(rows) > 50
    assert columns.min() > 130  # the face's left is the picture's right
    assert 90 < rows.min() <= rows.max() < 150
    jaw_rows = np.nonzero(changed(still(head, face(jawOpen=1), size=256), rest))[0]
    assert len(jaw_rows) > 500
    assert jaw_rows.min() > 130


def test_a_turn_shows_the_faces_left(head: Rig, rest: np.ndarray) -> None:
    """From the face's own left its left ear is nearer the middle and the nose moves to the picture's left."""
    assert changed(still(head, REST, size=256, turn=0.6), rest).mean() > 0.1
    marked = painted(head, (60, 60, 60))
    colours = marked.colours.copy()
    nose = head.regions["nose"][np.argmax(head.neutral[head.regions["nose"], 2])]
    colours[np.linalg.norm(head.neutral - head.neutral[nose], axis=1) < 6] = (255, 0, 0)
    marked = dataclasses.replace(marked, colours=colours)
    for turn, where in ((0.0, 128), (0.6, 90), (-0.6, 166)):
        picture = still(marked, REST, size=256, turn=turn).astype(int)
        columns = np.nonzero(picture[..., 0] - picture[..., 1] > 60)[1]
        assert abs(columns.mean() - where) < 25


def test_colours_and_gloss_of_the_rig_are_used(head: Rig) -> None:
    blue = still(painted(head, (30, 60, 200)), REST, size=128).astype(int)
    inside = changed(blue, np.broadcast_to(np.array(BACKDROP), blue.shape))
    assert (blue[inside][:, 2] > blue[inside][:, 0]).mean() > 0.9
    dull = still(painted(head, (90, 90, 90)), REST, size=128)
    glossy = still(painted(head, (90, 90, 90), gloss=1.0), REST, size=128)
    face_pixels = (slice(60, 100), slice(45, 83))
    assert int(glossy[face_pixels].max()) > int(dull[face_pixels].max()) + 40


def test_the_same_face_gives_the_same_picture_whatever_was_drawn_before(head: Rig) -> None:
    smile = head.vertices(face(mouthSmileLeft=1, mouthSmileRight=1)[None])[0]
    heat = HeatScale(5).colours(np.linspace(0, 5, len(smile)))
    with Stage(head, size=64) as stage:
        first = stage.draw(smile)
        coloured = stage.draw(smile, heat)
        stage.draw(head.neutral)
        np.testing.assert_array_equal(stage.draw(smile), first)
        np.testing.assert_array_equal(stage.draw(smile, heat), coloured)
    assert changed(coloured, first).any()


def test_distances_are_lengths_of_what_moved(head: Rig) -> None:
    a, b = face(jawOpen=0.2)[None], face(jawOpen=0.7)[None]
    expected = 0.5 * np.linalg.norm(head.displacements[INDEX["jawOpen"]], axis=1)
    np.testing.assert_allclose(distances_mm(head, a, b)[0], expected, atol=2e-4)
    with pytest.raises(InputError, match="different shapes"):
        distances_mm(head, a, np.zeros((2, 52)))


def test_the_scale_runs_from_clay_to_its_limit() -> None:
    scale = HeatScale(4.0)
    np.testing.assert_array_equal(
        scale.colours(np.array([0, 1, 2, 3, 4, 9.0])), ANCHORS[[0, 1, 2, 3, 4, 4]].astype(int)
    )
    lightness = scale.colours(np.linspace(0, 4, 100)).astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness) <= 1).all()
    assert [round_limit(mm) for mm in (0, 0.5, 0.51, 1.2, 2, 3.3, 7, 10, 12)] == [0.5, 0.5, 0.6, 1.5, 2, 4, 8, 10, 15]
    with pytest.raises(InputError, match="above 0 mm"):
        HeatScale(0)


def test_a_heat_map_colours_what_differs(head: Rig) -> None:
    picture = heat_map(head, REST, face(jawOpen=1), size=200, limit_mm=5)
    assert picture.shape == (248, 200, 3)
    red = (picture[:200, :, 0].astype(int) - picture[:200, :, 1]) > 90
    rows = np.nonzero(red)[0]
    assert len(rows) > 200
    assert rows.min() > 100  # the forehead does not move
    mean = heat_map(head, np.stack([REST, REST]), np.stack([REST, face(jawOpen=1)]), size=200, limit_mm=5)
    half = np.linalg.norm(head.displacements[INDEX["jawOpen"]], axis=1) / 2
    direct = still(head, REST, size=200, scalars_mm=half, limit_mm=5)
    assert np.abs(mean[:200].astype(int) - direct).max() <= 3
    scalars = np.full(len(head.neutral), 2.0)
    flat = still(head, REST, size=128, scalars_mm=scalars, limit_mm=2)
    assert np.abs(flat[64, 64].astype(int) - ANCHORS[-1]).max() < 15


def test_a_contact_sheet_has_every_face(head: Rig, rest: np.ndarray, tmp_path: Path) -> None:
    weights = np.stack([face(jawOpen=k / 5) for k in range(6)])
    picture = contact_sheet(head, weights, size=100)
    assert picture.shape == (200, 300, 3)
    np.testing.assert_array_equal(picture[100:, 200:], still(head, weights[5], size=100))
    with_words = contact_sheet(head, weights, size=100, captions=[f"{k} s" for k in range(6)], columns=2)
    assert with_words.shape == (3 * 111 + 1, 200, 3)
    save_png(tmp_path / "sheet.png", picture)
    from PIL import Image

    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "sheet.png")), picture)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda rig: still(rig, np.zeros(51)), "weights are"),
        (lambda rig: still(rig, np.full(52, np.nan)), "finite"),
        (lambda rig: still(rig, REST, size=8), "16 to 4096"),
        (lambda rig: still(rig, REST, scalars_mm=np.zeros(3)), "scalars_mm"),
        (lambda rig: still(rig, np.zeros((2, 52))), "one face"),
        (lambda rig: contact_sheet(rig, np.zeros((0, 52))), "one face at least"),
        (lambda rig: contact_sheet(rig, np.zeros((2, 52)), captions=["a"]), "captions"),
        (lambda rig: heat_map(rig, np.zeros((2, 52)), np.zeros((3, 52))), "different shapes"),
    ],
)
def test_what_cannot_be_drawn_is_refused(head: Rig, call: object, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        call(head)  # type: ignore[operator]


def test_normals_of_a_sphere_point_outwards() -> None:
    from scipy.spatial import ConvexHull

    points = np.random.default_rng(3).normal(size=(2000, 3))
    points /= np.linalg.norm(points, axis=1)[:, None]
    triangles = ConvexHull(points).simplices
    corners = points[triangles]
    inward = (
        np.einsum("fi,fi->f", np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), corners[:, 0]) < 0
    )
    triangles[inward] = triangles[inward][:, ::-1]
    normals = SmoothNormals(triangles, 2001)(np.append(points, [[9, 9, 9]], axis=0).astype(np.float32))
    assert (np.einsum("vi,vi->v", normals[:2000], points) > 0.99).all()
    np.testing.assert_array_equal(normals[2000], 0)  # no triangle uses it


DRAW = """
import numpy as np
from emotalk.command_line import run
from emotalk.render import still
from tests.rigs.test_rig import small_rig
raise SystemExit(run(lambda: print(still(small_rig(), np.zeros(52), size=16).shape) or 0))
"""


def in_a_process(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", DRAW],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        cwd=Path(__file__).resolve().parents[2],
    )


def test_drawing_is_quiet_without_a_display() -> None:
    done = in_a_process(DISPLAY="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "(16, 16, 3)\n", "")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="EGL is Linux's")
def test_without_a_driver_the_package_is_named(tmp_path: Path) -> None:
    from emotalk.render.stage import loads

    if loads("OSMesa"):
        pytest.skip("this machine can draw with OSMesa too")
    done = in_a_process(__EGL_VENDOR_LIBRARY_FILENAMES=str(tmp_path / "none.json"))
    assert done.returncode == 1, done.stderr
    assert done.stderr.count("\n") == 1
    assert "apt-get install libegl1" in done.stderr
