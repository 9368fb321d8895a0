"""The build job: the same bytes as without a cluster, however many tasks and whatever dies on the way."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ray.cloudpickle import register_pickle_by_value

from emotalk.corpus.build import build_here
from emotalk.corpus.clip import Clip
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.shards import ShardError
from emotalk.corpus.sources import Etf3d, Hdtf, Item, RavdessVideo, Synthetic, Video
from emotalk.corpus.synthetic import espeak
from emotalk.corpus.synthetic.corpus import CorpusConfig
from emotalk.errors import InputError
from jobs.build_corpus import BuildConfig, build_corpus, main
from jobs.progress import Progress
from tests.etf3d_folder import Etf3dFolder, contents

SHARD_MIB = 0.1
# Ray's workers cannot import this file: the sources below travel to them whole.
register_pickle_by_value(sys.modules[__name__])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Etf3dFolder:
    return Etf3dFolder(tmp_path_factory.mktemp("etf3d")).good().broken()


@pytest.fixture(scope="module")
def expected(folder: Etf3dFolder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    output = tmp_path_factory.mktemp("expected")
    build_here(Etf3d(root=str(folder.root)), str(output), target_bytes=round(SHARD_MIB * 2**20))
    return contents(output)


@pytest.mark.cluster
@pytest.mark.parametrize("workers", [1, 3])
def test_bytes_do_not_depend_on_the_number_of_tasks(ray_session, folder, expected, tmp_path, workers):
    seen: list[Progress] = []
    source = Etf3d(root=str(folder.root))
    config = BuildConfig(source=source, output=str(tmp_path), shard_mib=SHARD_MIB, workers=workers)
    manifest = build_corpus(config, seen.append)
    assert contents(tmp_path) == expected
    assert len(seen) == len(manifest.shards)
    assert (seen[-1].clips, seen[-1].rejected) == (manifest.total.clips, len(folder.expected))
    assert seen[-1].audio_s == pytest.approx(manifest.total.hours * 3600, abs=0.01)


@dataclass(frozen=True, kw_only=True)
class DiesOnce(Etf3d):
    """Takes its process with it the first time that one item is read."""

    victim: str = field(kw_only=True)
    marker: str = field(kw_only=True)

    def read(self, item: Item) -> Clip:
        if item.item_id == self.victim and not Path(self.marker).exists():
            Path(self.marker).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(item)


@pytest.mark.cluster
def test_a_worker_that_dies_costs_nothing_but_time(ray_session, folder, expected, tmp_path):
    victim = Etf3d(root=str(folder.root)).listing().items[3].item_id
    source = DiesOnce(root=str(folder.root), victim=victim, marker=str(tmp_path / "died"))
    build_corpus(BuildConfig(source=source, output=str(tmp_path / "corpus"), shard_mib=SHARD_MIB))
    assert (tmp_path / "died").exists()
    assert contents(tmp_path / "corpus") == expected


class Unplugged(Etf3d):
    def read(self, item: Item) -> Clip:
        if item.source == "hdtf":
            raise OSError("the network is gone")
        return super().read(item)


@pytest.mark.cluster
def test_a_failure_that_is_not_the_clips_fault_names_its_shard_and_a_rerun_goes_on(
    ray_session, folder, expected, tmp_path
):
    config = BuildConfig(source=Unplugged(root=str(folder.root)), output=str(tmp_path), shard_mib=SHARD_MIB)
    with pytest.raises(ShardError, match=r"part-\d{5}\.parquet: hdtf-.*: OSError: the network is gone"):
        build_corpus(config)
    assert not (tmp_path / "manifest.json").exists()
    build_corpus(BuildConfig(source=Etf3d(root=str(folder.root)), output=str(tmp_path), shard_mib=SHARD_MIB))
    assert contents(tmp_path) == expected


@pytest.mark.cluster
def test_the_synthetic_corpus_repeats_its_bytes_in_any_process(ray_session, tmp_path):
    if not espeak.available():
        pytest.skip("needs the extra 'synthetic'")
    size = CorpusConfig(
        train_voices=2, train_sentences=2, validation_voices=1, validation_sentences=1, test_voices=0, test_sentences=0
    )
    manifest = build_corpus(BuildConfig(source=Synthetic(size=size), output=str(tmp_path / "a"), shard_mib=0.2))
    assert manifest.total.clips == 2 * 2 * 15 + 15
    assert not manifest.rejections
    build_here(Synthetic(size=size), str(tmp_path / "b"), target_bytes=round(0.2 * 2**20))
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_the_command_line_refuses_unknown_options_and_says_what_is_wrong_with_known_ones(tmp_path, capsys):
    arguments = ["etf3d", str(tmp_path), "--output", str(tmp_path / "c")]
    with pytest.raises(SystemExit) as unknown:
        main([*arguments, "--spilt-scheme", "emobox1"])
    assert unknown.value.code == 2
    assert "split-scheme" in "".join(capsys.readouterr())
    with pytest.raises(SystemExit) as empty:
        main(arguments)
    assert empty.value.code == 2
    assert f"error: {tmp_path}: no RAVDESS or HDTF folder" in capsys.readouterr().err
    (tmp_path / "pairs").mkdir()
    (tmp_path / "pairs/alone.wav").write_bytes(b"x")
    with pytest.raises(SystemExit) as nothing_good:
        main(["pairs", str(tmp_path / "pairs"), "--output", str(tmp_path / "c")])
    assert nothing_good.value.code == 2
    told = capsys.readouterr().err
    assert "no clip is left of 1 item (1 missing_coefficients)" in told
    assert f"see {tmp_path}/c/quarantine.parquet" in told


@pytest.mark.cluster
@pytest.mark.slow
def test_the_command_line_builds_a_corpus_with_a_ray_of_its_own(folder, expected, tmp_path):
    output = tmp_path / "corpus"
    options = ["--output", str(output), "--shard-mib", str(SHARD_MIB), "--workers", "2"]
    command = [sys.executable, "-m", "jobs.build_corpus", "etf3d", str(folder.root), *options]
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    assert "19 clips" in done.stdout
    assert contents(output) == expected


def test_a_config_that_cannot_work_is_refused():
    for wrong in ({"shard_mib": 0}, {"workers": 0}):
        with pytest.raises(InputError):
            BuildConfig(source=Etf3d(root="x"), output="y", **wrong)
    with pytest.raises(InputError):
        Etf3d(root="x", frame_tolerance=-1)


@pytest.mark.cluster
@pytest.mark.slow
def test_videos_are_captured_alike_by_any_number_of_actors(ray_session, shared_data, tmp_path):
    pytest.importorskip("mediapipe")
    videos = tmp_path / "videos"
    videos.mkdir()
    content = (shared_data / "video/video_retalking_1_22fps.mp4").read_bytes()
    (videos / "good.mp4").write_bytes(content)
    (videos / "cut.mp4").write_bytes(content[:300_000])
    (videos / "empty.mp4").write_bytes(b"")
    (videos / "text.mp4").write_text("no video")
    source = Video(root=str(videos), landmarker=str(shared_data / "models/face_landmarker.task"))
    build_here(source, str(tmp_path / "here"))
    expected = contents(tmp_path / "here")
    for workers in (1, 4):
        output = tmp_path / f"by-{workers}"
        told: list[object] = []
        manifest = build_corpus(BuildConfig(source=source, output=str(output), workers=workers), told.append)
        assert [str(one).split(",")[0] for one in told][:5] == [f"captured {n} of 4 videos" for n in range(5)]
        assert contents(output) == expected
        assert manifest.total.clips == 1
        assert manifest.rejections == {"unreadable_video": 3}


@pytest.mark.cluster
@pytest.mark.slow
@pytest.mark.s3
def test_ravdess_and_hdtf_videos_behind_s3_are_captured_as_local_ones(s3_server, shared_data, tmp_path):
    """Real faces under RAVDESS's names and in HDTF's lists; videos, lists and corpus on a server; as the docs say."""
    import fsspec

    pytest.importorskip("mediapipe")
    bucket = s3_server.make_bucket("videos")
    content = (shared_data / "video/video_retalking_1_22fps.mp4").read_bytes()
    files = {
        "RAVDESS/Actor_01/01-01-03-02-01-01-01.mp4": content,
        "RAVDESS/Actor_01/02-01-03-02-01-01-01.mp4": content,
        "HDTF/RD_Radio11.mp4": content,
        "lists/RD_video_url.txt": b"Radio11 https://www.youtube.com/watch?v=XtySvTwIOfw\n",
        "lists/RD_annotion_time.txt": b"Radio11.mp4 00:00-00:03 00:03-00:06\n",
        "lists/RD_crop_wh.txt": b"Radio11_0.mp4 100 1200 80 1200\nRadio11_1.mp4 0 1400 0 1400\n",
        "lists/RD_resolution.txt": b"Radio11.mp4 1400\n",
    }
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
        with fsspec.open(f"{bucket}/{name}", "wb") as out:
            out.write(data)
    landmarker = str(shared_data / "models/face_landmarker.task")

    ravdess = build_here(RavdessVideo(root=str(tmp_path / "RAVDESS"), landmarker=landmarker), str(tmp_path / "r"))
    assert (ravdess.total.clips, ravdess.emotions, ravdess.rejections) == (1, {"happy": 1}, {"stem": 1})
    hdtf = build_here(
        Hdtf(root=str(tmp_path / "HDTF"), lists=str(tmp_path / "lists"), landmarker=landmarker), str(tmp_path / "h")
    )
    # Crops are measured in a picture of twice the height.
    assert hdtf.total.clips == 2

    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    environment["EMOTALK_FACE_LANDMARKER"] = landmarker
    for command, local in (
        (["ravdess-video", f"{bucket}/RAVDESS", "--output", f"{bucket}/r"], ravdess),
        (["hdtf-video", f"{bucket}/HDTF", "--lists", f"{bucket}/lists", "--output", f"{bucket}/h"], hdtf),
    ):
        words = [sys.executable, "-m", "jobs.build_corpus", *command, "--workers", "2"]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300, env=environment)
        assert done.returncode == 0, done.stderr
        remote = Corpus.open(command[-1])
        assert remote.manifest == local
        assert f"{command[-1]}: {local.total.clips} clips" in done.stdout
