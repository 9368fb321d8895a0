"""The procedural head as an animator checks it: symmetry, closed lids and lips, every shape where it belongs."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.rigs import Rig, procedural_head


@pytest.fixture(scope="module")
def head() -> Rig:
    return procedural_head()


def weights(**values: float) -> np.ndarray:
    """(1, 52); a name without its side sets both."""
    out = np.zeros((1, len(COEFFICIENTS)), np.float32)
    for name, value in values.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in INDEX:
                out[0, INDEX[full]] = value
    return out


@pytest.fixture(scope="module")
def mirror(head: Rig) -> np.ndarray:
    """(V,) each vertex's counterpart, found by place and movement: lips and bag touch, so that place is not enough."""
    flip = np.array([-1, 1, 1], np.float32)
    moves = head.displacements[[INDEX["jawOpen"], INDEX["mouthUpperUpLeft"], INDEX["mouthUpperUpRight"]]]
    key = np.concatenate([head.neutral, *moves], axis=1)
    swapped = np.concatenate([head.neutral * flip, moves[0] * flip, moves[2] * flip, moves[1] * flip], axis=1)
    distance, index = cKDTree(key).query(swapped)
    assert distance.max() < 1e-3
    return index


def test_it_has_the_size_of_a_face(head: Rig) -> None:
    skin = head.neutral[head.region("skin")]
    width, height, _ = np.ptp(skin, axis=0)
    assert 130 < width < 160
    assert 200 < height < 300
    assert 2000 <= len(head.neutral) <= 6500


def test_left_and_right_shapes_are_mirror_images(head: Rig, mirror: np.ndarray) -> None:
    for name in COEFFICIENTS:
        other = name
        if name.endswith("Left"):
            other = name.removesuffix("Left") + "Right"
        elif name.endswith("Right"):
            other = name.removesuffix("Right") + "Left"
        reflected = head.displacements[INDEX[name]][mirror] * np.array([-1, 1, 1], np.float32)
        np.testing.assert_allclose(head.displacements[INDEX[other]], reflected, atol=2e-3, err_msg=name)


def test_the_skin_is_one_closed_surface_but_for_lids_and_neck(head: Rig) -> None:
    inside = np.setdiff1d(
        np.arange(len(head.neutral)),
        np.concatenate([head.regions[n] for n in ("eyeballs", "teeth", "tongue", "brows")]),
    )
    faces = head.triangles[np.isin(head.triangles, inside).all(axis=1)]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    assert count.max() == 2
    open_edges = head.neutral[unique[count == 1]].mean(axis=1)
    at_neck = open_edges[:, 1] < -140
    at_eye = np.linalg.norm(np.abs(open_edges) - (31.5, 0, 65), axis=1) < 25
    at_ear = np.abs(open_edges[:, 0]) > 55
    assert (at_neck | at_eye | at_ear).all()
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed)  # neighbours wind the same way: none is flipped


def test_no_triangle_is_degenerate(head: Rig) -> None:
    a, b, c = (head.neutral[head.triangles[:, i]] for i in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    assert (area > 1e-3).all()


def test_the_jaw_opens_the_mouth_and_the_chin_swings_down_and_back(head: Rig) -> None:
    assert head.gap_mm(weights())[0] < 0.1
    assert 14 < head.gap_mm(weights(jawOpen=1))[0] < 30
    assert 6 < head.gap_mm(weights(jawOpen=0.5))[0] < 15
    chin = head.regions["skin"][head.neutral[head.regions["skin"]] @ (0, -0.7, 0.7) > 125]
    move = head.displacements[INDEX["jawOpen"]][chin].mean(axis=0)
    assert -35 < move[1] < -12
    assert move[2] < -5


@pytest.mark.parametrize("open_by", [0.25, 0.6, 1.0])
def test_mouth_close_seals_the_lips_of_an_open_jaw(head: Rig, open_by: float) -> None:
    together = head.vertices(weights(jawOpen=open_by, mouthClose=open_by))[0]
    upper, lower = together[head.regions["mouth_upper"]], together[head.regions["mouth_lower"]]
    assert np.linalg.norm(upper - lower, axis=1).max() < 1.0


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_blink_closes_the_lids_and_leaves_the_other_eye_open(head: Rig, side: str) -> None:
    rest = head.gap_mm(weights(), f"eye_{side}")[0]
    assert rest > 8
    assert head.gap_mm(weights(eyeBlink=1), f"eye_{side}")[0] < 0.5
    one = weights(**{f"eyeBlink{side.capitalize()}": 1})
    other = "right" if side == "left" else "left"
    assert head.gap_mm(one, f"eye_{other}")[0] == pytest.approx(rest, abs=0.2)


@pytest.mark.parametrize("amount", [0.25, 0.5, 0.75, 1.0])
def test_lids_stay_in_front_of_the_eyeball(head: Rig, amount: float) -> None:
    ball = head.neutral[head.regions["eyeballs"]]
    left = ball[ball[:, 0] > 0]
    centre = np.array([31.5, 0.0, 65.0])
    radius = np.linalg.norm(left - centre, axis=1).max()
    posed = head.vertices(weights(eyeBlink=amount))[0]
    lids = posed[np.concatenate([head.regions["eye_left_upper"], head.regions["eye_left_lower"]])]
    assert np.linalg.norm(lids - centre, axis=1).min() > radius


def test_left_is_the_faces_own_left(head: Rig) -> None:
    for name in COEFFICIENTS:
        field = head.displacements[INDEX[name]]
        amount = np.linalg.norm(field, axis=1)
        if name in ("mouthLeft", "jawLeft"):
            assert field[:, 0].sum() > 0
        elif name.endswith("Left") and name not in ("mouthRight", "jawRight"):
            assert amount[head.neutral[:, 0] > 0].sum() > 3 * amount[head.neutral[:, 0] < 0].sum(), name


UP, DOWN, OUT, FORWARD = (0, 1, 0), (0, -1, 0), (1, 0, 0), (0, 0, 1)
MOTIONS = {  # where the main motion is, and its direction for the left side or the whole
    "browDownLeft": ("brows", DOWN), "browInnerUp": ("brows", UP), "browOuterUpLeft": ("brows", UP),
    "cheekPuff": ("cheeks", FORWARD), "cheekSquintLeft": ("cheeks", UP), "eyeBlinkLeft": ("eye_left_upper", DOWN),
    "eyeLookDownLeft": ("eyeballs", DOWN), "eyeLookInLeft": ("eyeballs", (-1, 0, 0)),
    "eyeLookOutLeft": ("eyeballs", OUT),
    "eyeLookUpLeft": ("eyeballs", UP), "eyeSquintLeft": ("eye_left_lower", UP), "eyeWideLeft": ("eye_left_upper", UP),
    "jawForward": ("jaw", FORWARD), "jawLeft": ("jaw", OUT), "jawOpen": ("jaw", DOWN),
    "mouthClose": ("mouth_lower", UP),
    "mouthDimpleLeft": ("lips", (0, 0, -1)), "mouthFrownLeft": ("lips", DOWN), "mouthFunnel": ("lips", FORWARD),
    "mouthLeft": ("lips", OUT), "mouthLowerDownLeft": ("mouth_lower", DOWN), "mouthPressLeft": ("lips", (0, 0, -1)),
    "mouthPucker": ("lips", FORWARD), "mouthRollLower": ("mouth_lower", (0, 0, -1)),
    "mouthRollUpper": ("mouth_upper", (0, 0, -1)),
    "mouthShrugLower": ("jaw", UP), "mouthShrugUpper": ("mouth_upper", UP),
    "mouthSmileLeft": ("lips", UP), "mouthStretchLeft": ("lips", OUT), "mouthUpperUpLeft": ("mouth_upper", UP),
    "noseSneerLeft": ("nose", UP), "tongueOut": ("tongue", FORWARD),
}  # fmt: skip


def test_the_table_of_motions_knows_every_shape() -> None:
    assert set(MOTIONS) == {name for name in COEFFICIENTS if not name.endswith("Right")}


@pytest.mark.parametrize("name", MOTIONS)
def test_every_shape_moves_its_region_the_right_way(head: Rig, name: str) -> None:
    region, direction = MOTIONS[name]
    field = head.displacements[INDEX[name]]
    own = field[head.regions[region]]
    if region == "eyeballs":  # the pupil looks there; the back of the ball turns the other way
        ball = head.regions["eyeballs"]
        pupil = ball[(head.neutral[ball, 2] > 78) & (head.neutral[ball, 0] > 0)]
        own = field[pupil]
    largest = own[np.linalg.norm(own, axis=1).argmax()]
    assert np.linalg.norm(largest) > 1.0
    along = own @ np.array(direction)
    assert along.max() > 1.0
    assert along.sum() > 0.5 * np.abs(own).sum(axis=0).max()


def test_speech_shapes_leave_the_forehead_alone_and_brows_leave_the_lips(head: Rig) -> None:
    for name in COEFFICIENTS:
        still = "forehead" if name.startswith(("jaw", "mouth", "tongue", "cheekPuff")) else "lips"
        if name.startswith(("noseSneer", "cheekSquint")):
            continue
        assert np.abs(head.displacements[INDEX[name]][head.regions[still]]).max() < 0.5, name


def test_a_pucker_narrows_the_mouth_and_a_smile_widens_it(head: Rig) -> None:
    def width(pose: np.ndarray) -> float:
        return float(np.ptp(head.vertices(pose, "lips")[0, :, 0]))

    rest = width(weights())
    assert width(weights(mouthPucker=1)) < 0.8 * rest
    assert width(weights(mouthSmile=1)) > 1.1 * rest
    assert head.gap_mm(weights(mouthPucker=1))[0] < 1.0


def test_regions_are_disjoint_where_errors_are_told_apart(head: Rig) -> None:
    assert not np.intersect1d(head.region("lips"), head.region("eyes", "forehead")).size
    assert min(len(head.region(name)) for name in ("lips", "eyes", "forehead", "jaw", "cheeks")) > 50


def test_lids_that_add_up_stay_in_front_of_the_eyeball(head: Rig) -> None:
    """A laugh: squint, cheek and half a blink together push the lower lid; the skin around it must not cut the ball."""
    centre = np.array([31.5, 0.0, 65.0])
    eyes = head.regions["eyes"]
    eyes = eyes[(head.neutral[eyes, 0] > 12) & (head.neutral[eyes, 1] < 0)]
    outer = np.linalg.norm(head.neutral[eyes] - centre, axis=1) > 14.8  # less the lids' very edge, which lies on it
    for pose in (weights(eyeSquint=0.6, cheekSquint=1, eyeBlink=0.3), weights(eyeSquint=1, eyeBlink=0.5)):
        posed = head.vertices(pose)[0][eyes[outer]]
        assert np.linalg.norm(posed - centre, axis=1).min() > 13.9


@pytest.mark.parametrize("squint", [0.3, 0.7, 1.0])
def test_lids_that_pass_each_other_do_not_come_through(head: Rig, squint: float) -> None:
    """A hard blink: the lower lid slides over the upper one's edge, which stays nearer to the eyeball."""
    posed = head.vertices(weights(eyeBlink=1, eyeSquint=squint))[0]
    lower = np.zeros(len(posed), bool)
    lower[head.regions["eyes"]] = True
    lower &= (head.neutral[:, 0] > 12) & (head.neutral[:, 1] < -1.0)
    a, b, c = posed[head.triangles[lower[head.triangles].all(axis=1)]].transpose(1, 0, 2)
    covered = 0
    for point in posed[head.regions["eye_left_upper"]]:
        u, v, solid = _seen_from_front(b - a, c - a, point - a)
        inside = (u >= 0) & (v >= 0) & (u + v <= 1) & solid
        if inside.any():
            covered += 1
            in_front = (a + u[:, None] * (b - a) + v[:, None] * (c - a))[inside, 2]
            assert in_front.max() > point[2]
    assert covered >= 5


def _seen_from_front(ab: np.ndarray, ac: np.ndarray, ap: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Barycentric coordinates of points in triangles as seen from in front, and which triangles have an area there."""
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    flat = np.abs(area) < 1e-9
    area = np.where(flat, 1.0, area)
    u = (ap[:, 0] * ac[:, 1] - ap[:, 1] * ac[:, 0]) / area
    v = (ab[:, 0] * ap[:, 1] - ab[:, 1] * ap[:, 0]) / area
    return u, v, ~flat


@pytest.mark.parametrize("jaw", [0.0, 0.3])
@pytest.mark.parametrize("out", [0.25, 0.5, 0.75, 1.0])
def test_the_tongue_comes_out_over_the_lip_not_through_the_chin(head: Rig, out: float, jaw: float) -> None:
    posed = head.vertices(weights(tongueOut=out, jawOpen=jaw))[0]
    tongue = posed[head.regions["tongue"]]
    skin = head.regions["skin"]
    middle = skin[(head.neutral[skin, 0] == 0) & (head.neutral[skin, 2] > 60) & (head.neutral[skin, 1] < -72)]
    chin = posed[middle][np.argsort(posed[middle, 1])]
    under = tongue[(tongue[:, 1] < chin[-1, 1]) & (np.abs(tongue[:, 0]) < 4) & (tongue[:, 1] > chin[0, 1])]
    hidden = under[:, 2] < np.interp(under[:, 1], chin[:, 1], chin[:, 2])
    # What hangs in front of the chin hangs from over the lip: none of it comes out below.
    lip = posed[head.regions["mouth_lower"]]
    over = tongue[(np.abs(tongue[:, 0]) < 4) & (np.abs(tongue[:, 2] - lip[:, 2].max()) < 3)]
    assert hidden.all() or over[:, 1].max() > lip[np.abs(lip[:, 0]) < 4, 1].max() - 1.0


def test_the_tongue_has_no_hole_but_at_its_root(head: Rig) -> None:
    faces = head.triangles[np.isin(head.triangles, head.regions["tongue"]).all(axis=1)]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, count = np.unique(edges, axis=0, return_counts=True)
    assert head.neutral[unique[count == 1], 2].max() < 31
