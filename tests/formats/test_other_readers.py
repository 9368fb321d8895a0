"""What this package writes, opened by other people's readers."""

import resource
import sys
from pathlib import Path

import numpy as np
import pandas
import pyarrow.parquet
import pytest

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS, FPS, INDEX
from emotalk.corpus.schema import CLIP_SCHEMA, check_table, table_to_clips
from emotalk.errors import InputError, MissingExtraError
from emotalk.formats import write_animation
from emotalk.rigs import Rig, procedural_head
from emotalk.timing import frames_of
from tests.small_model import write_murmur

METRES = 0.001


def talk(frames: int = 4) -> Animation:
    rng = np.random.default_rng(3)
    head = rng.uniform(-0.4, 0.4, (frames, 6)).astype(np.float32)
    shares = rng.random((frames, 2), np.float32)
    return Animation(rng.random((frames, 52), np.float32), head=head, emotion=shares, emotion_names=("happy", "sad"))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    return procedural_head()


def test_pandas_reads_the_csv(tmp_path: Path) -> None:
    animation = talk(90)
    animation.save(tmp_path / "a.csv", fps=60, start="10:00:00:00")
    table = pandas.read_csv(tmp_path / "a.csv")
    assert table.shape == (180, 63)
    assert (table["BlendShapeCount"] == 61).all()
    assert table["Timecode"].iloc[61] == "10:00:01:01.000"
    np.testing.assert_allclose(table["JawOpen"][::2], animation.column("jawOpen"), atol=1e-9)
    np.testing.assert_allclose(table["MouthLeft"][::2], animation.column("mouthLeft"), atol=1e-9)


def test_pygltflib_and_trimesh_read_the_glb(tmp_path: Path, rig: Rig) -> None:
    pygltflib = pytest.importorskip("pygltflib")
    trimesh = pytest.importorskip("trimesh")
    animation = talk()
    animation.save(tmp_path / "a.glb")
    document = pygltflib.GLTF2().load(str(tmp_path / "a.glb"))
    (mesh,), (moves,) = document.meshes, document.animations
    assert mesh.extras["targetNames"] == list(COEFFICIENTS)
    assert [channel.target.path for channel in moves.channels] == ["weights", "rotation", "translation"]
    assert moves.extras["emotion_names"] == ["happy", "sad"]

    def floats(number: int) -> np.ndarray:
        view = document.bufferViews[document.accessors[number].bufferView]
        return np.frombuffer(document.binary_blob(), "<f4", view.byteLength // 4, view.byteOffset)

    weights = floats(moves.samplers[0].output).reshape(-1, 52)
    np.testing.assert_array_equal(weights, animation.weights)
    np.testing.assert_allclose(floats(moves.samplers[0].input), np.arange(4) / 30, atol=1e-7)
    np.testing.assert_array_equal(floats(moves.extras["emotion"]).reshape(-1, 2), animation.emotion)
    shape = trimesh.load(tmp_path / "a.glb", process=False, force="mesh")
    assert len(shape.faces) == len(rig.triangles)
    np.testing.assert_allclose(shape.extents, np.ptp(rig.neutral, axis=0) * METRES, atol=1e-5)


@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_openusd_poses_the_head_as_the_rig_does(tmp_path: Path, suffix: str, rig: Rig) -> None:
    """The library itself applies blend shapes and joint, and the vertices are the rig's, turned and moved."""
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdSkel

    animation = talk()
    path = tmp_path / f"a{suffix}"
    animation.save(path, fps=25)
    written = Animation.load(path)
    stage = Usd.Stage.Open(str(path))
    assert (stage.GetTimeCodesPerSecond(), stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (25, 0, 3)
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    moves = UsdSkel.Animation.Get(stage, "/Face/Animation")
    assert list(moves.GetBlendShapesAttr().Get()) == list(COEFFICIENTS)
    np.testing.assert_array_equal(moves.GetBlendShapeWeightsAttr().Get(0), animation.weights[0])
    mesh = UsdGeom.Mesh.Get(stage, "/Face/Head")
    assert UsdSkel.BakeSkinning(Usd.PrimRange(stage.GetPseudoRoot()))
    assert written.head is not None
    expected = rig.vertices(written.weights).astype(np.float64)
    for frame in range(written.frames):
        yaw, pitch, roll = written.head[frame, :3].astype(float)
        turned = expected[frame] @ (_turn(1, yaw) @ _turn(0, pitch) @ _turn(2, roll)).T + written.head[frame, 3:]
        points = np.array(mesh.GetPointsAttr().Get(frame))
        np.testing.assert_allclose(points, turned * METRES, atol=2e-5)


def _turn(axis: int, angle: float) -> np.ndarray:
    out = np.eye(3)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    out[i, i] = out[j, j] = np.cos(angle)
    out[i, j], out[j, i] = -np.sin(angle), np.sin(angle)
    return out


def test_without_its_extra_usd_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(MissingExtraError, match=r"\[usd\]"):
        talk().save(tmp_path / "a.usda")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".usda", ".usdc"])
def test_a_disk_that_refuses_usd_is_an_error_of_the_disk(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("pxr")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, before[1]))
    try:
        with pytest.raises(OSError, match=r"OpenUSD cannot write it \(.*File too large") as raised:
            talk().save(tmp_path / f"a{suffix}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert raised.value.filename == str(tmp_path / f"a{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_usd_from_elsewhere_counts_in_24(tmp_path: Path) -> None:
    """Two and a half frames of the tool's clock per key, other names besides, another order."""
    pytest.importorskip("pxr")
    from pxr import Usd, UsdSkel

    stage = Usd.Stage.CreateNew(str(tmp_path / "a.usda"))
    stage.SetTimeCodesPerSecond(24)
    moves = UsdSkel.Animation.Define(stage, "/Somewhere/Moves")
    names = ["TongueTip", *reversed(COEFFICIENTS)]
    moves.CreateBlendShapesAttr().Set(names)
    weights = moves.CreateBlendShapeWeightsAttr()
    for key in range(5):
        weights.Set([9.0, *(np.arange(52)[::-1] / 100 + key)], 10 + 0.8 * key)
    stage.Save()
    back = Animation.load(tmp_path / "a.usda")
    assert (back.fps, back.frames, back.times_s, back.head) == (30, 5, None, None)
    np.testing.assert_allclose(back.weights[2], np.arange(52) / 100 + 2, atol=1e-6)


def test_a_usd_without_a_face_says_so(tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    (tmp_path / "a.usda").write_text('#usda 1.0\ndef Xform "Empty" {}\n')
    with pytest.raises(InputError, match=r"a\.usda: no UsdSkel animation"):
        Animation.load(tmp_path / "a.usda")


def test_irregular_frames_keep_their_times_in_usd(tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    times = np.array([0.0, 0.03, 0.1, 0.2])
    animation = Animation(talk().weights, times_s=times)
    animation.save(tmp_path / "a.usda")
    back = Animation.load(tmp_path / "a.usda")
    assert back.times_s is not None
    np.testing.assert_allclose(back.times_s, times, atol=1e-9)


def test_pandas_and_the_corpus_read_the_parquet(tmp_path: Path) -> None:
    sound = write_murmur(tmp_path / "speech.wav", 0.5)
    animation = talk(20)
    animation.save(tmp_path / "a.parquet", sound=sound, clip_id="one", speaker="me", split="train")
    table = pyarrow.parquet.read_table(tmp_path / "a.parquet")
    check_table(table.select(CLIP_SCHEMA.names), CLIP_SCHEMA, source="a.parquet")
    for known in CLIP_SCHEMA:
        assert table.schema.field(known.name).metadata[b"description"] == known.metadata[b"description"]
    assert table.schema.metadata[b"emotalk.schema_version"] == CLIP_SCHEMA.metadata[b"emotalk.schema_version"]
    (clip,) = table_to_clips(table)
    assert (clip.clip_id, clip.speaker) == ("one", "me")
    assert frames_of(len(clip.samples)) == clip.frames == 20
    np.testing.assert_array_equal(clip.weights, animation.weights)
    frame = pandas.read_parquet(tmp_path / "a.parquet")
    jaw = [row[INDEX["jawOpen"]] for row in frame["weights"][0]]
    np.testing.assert_array_equal(np.array(jaw, np.float32), animation.column("jawOpen"))
    assert Animation.load(tmp_path / "a.parquet").equals(animation)


def test_a_clip_of_a_shard_is_chosen_by_name(tmp_path: Path) -> None:
    first, second = talk(3), talk(5)
    for name, animation in (("one", first), ("two", second)):
        animation.save(tmp_path / f"{name}.parquet", clip_id=name)
    tables = [pyarrow.parquet.read_table(tmp_path / f"{name}.parquet") for name in ("one", "two")]
    pyarrow.parquet.write_table(pyarrow.concat_tables(tables), tmp_path / "both.parquet", row_group_size=1)
    assert Animation.load(tmp_path / "both.parquet", clip="two").equals(second)
    with pytest.raises(InputError, match=r"both\.parquet: holds 2 clips \(one, two\): choose one"):
        Animation.load(tmp_path / "both.parquet")
    with pytest.raises(InputError, match="no clip 'three'; it has one, two"):
        Animation.load(tmp_path / "both.parquet", clip="three")


def test_a_corpus_has_one_rate(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give fps 30"):
        write_animation(tmp_path / "a.parquet", [Animation(talk().weights, fps=2 * FPS)])
    write_animation(tmp_path / "a.parquet", [Animation(talk().weights, fps=2 * FPS)], fps=30)
    assert Animation.load(tmp_path / "a.parquet").frames == 2


def test_a_film_has_the_animations_frames(tmp_path: Path) -> None:
    pytest.importorskip("vtkmodules")
    av = pytest.importorskip("av")
    animation = talk(6)
    animation.save(tmp_path / "a.mp4", fps=24, size=64, sound=write_murmur(tmp_path / "speech.wav", 0.2))
    with av.open(str(tmp_path / "a.mp4")) as film:
        assert film.streams.video[0].average_rate == 24
        assert sum(1 for _ in film.decode(video=0)) == 5
        assert len(film.streams.audio) == 1
