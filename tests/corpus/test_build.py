"""A whole corpus without a cluster: nothing lost, bytes that repeat, folders that say what they are."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from emotalk.corpus.build import CLAIM, Build, build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.manifest import count_squares
from emotalk.corpus.schema import CLIP_SCHEMA
from emotalk.corpus.shards import ShardError
from emotalk.corpus.sources import Etf3d, Item, Pairs
from emotalk.errors import InputError
from tests.etf3d_folder import GOOD, GOOD_HDTF, Etf3dFolder, contents

SMALL = 100_000  # bytes of a shard: the folder below makes several


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Etf3dFolder:
    return Etf3dFolder(tmp_path_factory.mktemp("etf3d")).good().broken()


@pytest.fixture(scope="module")
def source(folder: Etf3dFolder) -> Etf3d:
    return Etf3d(root=str(folder.root))


@pytest.fixture(scope="module")
def corpus(source: Etf3d, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    output = tmp_path_factory.mktemp("corpus")
    build_here(source, str(output), target_bytes=SMALL)
    return Corpus.open(output)


def test_every_input_is_in_the_index_or_in_the_quarantine_with_its_reason(corpus, folder):
    indexed = corpus.index.column("clip_id").to_pylist()
    rejected = {row["item_id"]: row["reason"] for row in corpus.quarantine.to_pylist()}
    assert sorted(indexed) == sorted([f"ravdess-{s}" for s in GOOD] + [f"hdtf-{s}" for s in GOOD_HDTF])
    assert rejected == folder.expected
    assert all(row["text"] for row in corpus.quarantine.to_pylist())


def test_the_manifest_counts_what_is_there(corpus):
    manifest = corpus.manifest
    index = corpus.index.to_pylist()
    assert manifest.total.clips == len(index) == sum(counts.clips for counts in manifest.splits.values())
    assert manifest.total.frames == sum(row["frames"] for row in index)
    assert manifest.total.hours == pytest.approx(sum(row["samples"] for row in index) / 16_000 / 3600, abs=1e-6)
    assert manifest.emotions == {"happy": 8, "neutral": 8, "none": 3}
    assert manifest.splits["test"].speakers >= 1
    assert manifest.total.squares == 4  # of each of four actors, one
    assert sum(manifest.rejections.values()) == corpus.quarantine.num_rows
    assert len(manifest.shards) > 3


def test_clips_come_back_as_the_source_reads_them(corpus, source):
    items = source.listing().items
    wanted = ["hdtf-RD_Radio11_001", f"ravdess-{GOOD[3]}", "hdtf-RD_Radio11_000", "hdtf-RD_Radio11_001"]
    for clip_id, clip in zip(wanted, corpus.read(wanted), strict=True):
        (item,) = (item for item in items if item.item_id == clip_id)
        direct = source.read(item)
        np.testing.assert_array_equal(clip.samples, direct.samples)
        np.testing.assert_array_equal(clip.weights, direct.weights)
        assert (clip.clip_id, clip.emotion, clip.level) == (direct.clip_id, direct.emotion, direct.level)
    for split in ("train", "validation", "test"):
        assert [clip.clip_id for clip in corpus.clips(split)] == corpus.clip_ids(split)
    with pytest.raises(InputError, match="no clip 'ravdess-x'"):
        corpus.read(["ravdess-x"])


def test_index_names_the_row_group_and_row_of_every_clip(corpus):
    for row in corpus.index.to_pylist():
        file = pq.ParquetFile(Path(corpus.location) / row["shard"])
        group = file.read_row_group(row["row_group"])
        assert group.schema.equals(CLIP_SCHEMA)
        assert group.column("clip_id")[row["row"]].as_py() == row["clip_id"]
        assert len(set(zip(group.column("speaker").to_pylist(), group.column("level").to_pylist(), strict=True))) == 1


def test_pandas_and_duckdb_read_the_files_without_this_package(corpus):
    row = corpus.index.to_pylist()[-1]
    frame = pd.read_parquet(f"{corpus.location}/{row['shard']}")
    found = frame[frame["clip_id"] == row["clip_id"]].iloc[0]
    assert (len(found["weights"]), len(found["weights"][0]), found["audio"][:4]) == (row["frames"], 52, b"fLaC")

    shards = f"read_parquet('{corpus.location}/*/part-*.parquet')"
    query = f"select count(*), sum(len(weights)), min(len(weights[1])), max(list_max(weights[1])) from {shards}"
    ((clips, frames, width, peak),) = duckdb.sql(query).fetchall()
    assert (clips, frames, width) == (corpus.manifest.total.clips, corpus.manifest.total.frames, 52)
    assert 0 < peak <= 1
    quarantine = f"select count(*) from '{corpus.location}/quarantine.parquet' where reason = 'length'"
    assert duckdb.sql(quarantine).fetchall() == [(2,)]


def test_the_same_data_elsewhere_makes_the_same_bytes(corpus, folder, tmp_path):
    elsewhere = folder.root.rename(folder.root.with_name("moved"))
    try:
        build_here(Etf3d(root=str(elsewhere)), str(tmp_path), target_bytes=SMALL)
    finally:
        elsewhere.rename(folder.root)
    assert contents(tmp_path) == contents(Path(corpus.location))


def test_a_second_run_keeps_what_is_good_and_repairs_what_is_not(source, corpus, tmp_path):
    build_here(source, str(tmp_path), target_bytes=SMALL)
    shards = sorted(tmp_path.glob("*/part-*.parquet"))
    good, damaged, missing = shards[:3]
    damaged.write_bytes(damaged.read_bytes()[:-9] + b"damaged!!")
    missing.unlink()
    inode = good.stat().st_ino
    build_here(source, str(tmp_path), target_bytes=SMALL)
    assert contents(tmp_path) == contents(Path(corpus.location))
    assert good.stat().st_ino == inode


def test_a_folder_with_another_corpus_is_refused_and_the_difference_named(source, folder, tmp_path):
    build_here(source, str(tmp_path), target_bytes=SMALL)
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"target_shard_bytes was 100000, is 200000"):
        build_here(source, str(tmp_path), target_bytes=200_000)
    other = Etf3d(root=str(folder.root), split_scheme="emobox2")
    with pytest.raises(InputError, match=r"settings\.split_scheme was 'standard', is 'emobox2'"):
        build_here(other, str(tmp_path), target_bytes=SMALL)
    assert contents(tmp_path) == before

    manifest = build_here(other, str(tmp_path), target_bytes=200_000, rebuild=True)
    assert manifest.config["settings"]["split_scheme"] == "emobox2"
    assert {str(p.relative_to(tmp_path)) for p in tmp_path.glob("*/*")} == set(manifest.shards)


def test_new_files_in_the_source_are_noticed(tmp_path):
    folder = Etf3dFolder(tmp_path / "data").good()
    source, output = Etf3d(root=str(folder.root)), tmp_path / "corpus"
    build_here(source, str(output))
    folder.pair("HDTF", "RD_Radio11_002")
    with pytest.raises(InputError, match="the source's files changed"):
        build_here(source, str(output))
    assert build_here(source, str(output), rebuild=True).total.clips == len(GOOD) + len(GOOD_HDTF) + 1


KILLED_BUILD = """
import os, signal, sys
from emotalk.corpus.build import build_here
from emotalk.corpus.sources import Etf3d

class Killed(Etf3d):
    def read(self, item):
        if item.item_id == sys.argv[3]:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read(item)

build_here(Killed(root=sys.argv[1]), sys.argv[2], target_bytes=int(sys.argv[4]))
"""


def test_a_killed_build_is_no_corpus_and_a_rerun_completes_it(corpus, source, tmp_path):
    last = corpus.index.column("clip_id").to_pylist()[-1]
    arguments = [sys.executable, "-c", KILLED_BUILD, source.root, str(tmp_path), last, str(SMALL)]
    assert subprocess.run(arguments, check=False, timeout=60).returncode == -signal.SIGKILL
    finished = {path: path.stat().st_ino for path in tmp_path.glob("*/part-*.parquet")}
    assert finished
    with pytest.raises(InputError, match="no finished corpus"):
        Corpus.open(tmp_path)

    (tmp_path / "train" / ".part-00000.0a1b2c3d.tmp.parquet").write_bytes(b"half a shard")
    (tmp_path / ".index.0a1b2c3d.tmp.parquet").write_bytes(b"half an index")
    (tmp_path / "capture").mkdir()
    (tmp_path / "capture" / ".track.0a1b2c3d.tmp.npz").write_bytes(b"half a track")
    build_here(source, str(tmp_path), target_bytes=SMALL)
    assert contents(tmp_path) == contents(Path(corpus.location))
    assert {path: path.stat().st_ino for path in finished} == finished


class Unplugged(Etf3d):
    def read(self, item: Item):
        raise OSError("the network is gone")


def test_a_failure_that_is_not_the_clips_fault_names_the_shard_and_leaves_no_corpus(source, tmp_path):
    with pytest.raises(ShardError, match=r"test/part-00000\.parquet: .*: OSError: the network is gone"):
        build_here(Unplugged(root=source.root), str(tmp_path))
    assert contents(tmp_path).keys() == {CLAIM}


def test_no_good_clip_is_an_error_that_says_why(tmp_path):
    folder = Etf3dFolder(tmp_path / "data").broken()
    with pytest.raises(InputError, match=r"no clip is left of \d+ items?.*quarantine\.parquet"):
        build_here(Etf3d(root=str(folder.root)), str(tmp_path / "corpus"))
    assert pq.read_table(tmp_path / "corpus/quarantine.parquet").num_rows == len(folder.expected)
    with pytest.raises(InputError, match="no finished corpus"):
        Corpus.open(tmp_path / "corpus")

    (tmp_path / "empty/RAVDESS").mkdir(parents=True)
    with pytest.raises(InputError, match="nothing to build from"):
        build_here(Etf3d(root=str(tmp_path / "empty")), str(tmp_path / "corpus"))


@pytest.mark.parametrize("change", ["version", "truncated", "field"])
def test_a_manifest_that_cannot_be_trusted_is_refused(corpus, tmp_path, change):
    manifest = json.loads((Path(corpus.location) / "manifest.json").read_text())
    if change == "version":
        manifest["schema_version"] = 99
    if change == "field":
        del manifest["files"]
    text = json.dumps(manifest)
    (tmp_path / "manifest.json").write_text(text[:50] if change == "truncated" else text)
    with pytest.raises(InputError, match="rebuild"):
        Corpus.open(tmp_path)


def test_a_corpus_behind_a_uri(source, corpus):
    location = "memory://emotalk/corpus"
    build_here(source, location, target_bytes=SMALL)
    remote = Corpus.open(location)
    assert remote.manifest == corpus.manifest
    (clip,) = remote.read([f"ravdess-{GOOD[0]}"])
    np.testing.assert_array_equal(clip.weights, corpus.read([clip.clip_id])[0].weights)


def test_squares_need_all_four_clips():
    def rows(*pairs, speaker="a", level=0):
        return [{"speaker": speaker, "level": level, "statement": s, "emotion": e} for s, e in pairs]

    square = [(s, e) for s in "kd" for e in ("sad", "happy")]
    assert count_squares(rows(*square)) == 1
    assert count_squares(rows(*square, *square)) == 1
    assert count_squares(rows(*square[:3])) == 0
    assert count_squares(rows(*square[:2]) + rows(*square[2:], level=1)) == 0
    assert count_squares(rows(*square[:2]) + rows(*square[2:], speaker="b")) == 0
    assert count_squares(rows(*square, *((s, "angry") for s in "kd"))) == 3
    assert count_squares(rows(*[(s, None) for s in "kdkd"])) == 0


def test_where_all_is_turned_away_at_a_glance_the_quarantine_says_why(tmp_path):
    (tmp_path / "data").mkdir()
    for name in ("a.wav", "b.npy", "notes.txt"):
        (tmp_path / "data" / name).write_bytes(b"x")
    output = tmp_path / "corpus"
    with pytest.raises(InputError, match=r"no clip is left of 3 items \(1 layout, 1 missing_audio, .*quarantine"):
        build_here(Pairs(root=str(tmp_path / "data")), str(output))
    rows = {row["item_id"]: row["reason"] for row in pq.read_table(output / "quarantine.parquet").to_pylist()}
    assert rows == {"pairs-a": "missing_coefficients", "pairs-b": "missing_audio", "pairs-notes.txt": "layout"}
    with pytest.raises(InputError, match="no finished corpus"):
        Corpus.open(output)


def test_a_finished_corpus_is_not_lost_to_a_folder_in_which_nothing_is_good(corpus, tmp_path):
    output = tmp_path / "corpus"
    shutil.copytree(corpus.location, output)
    (tmp_path / "data/RAVDESS/audio").mkdir(parents=True)
    (tmp_path / "data/RAVDESS/audio/x.wav").write_bytes(b"x")
    with pytest.raises(InputError, match="corpus of another build"):
        build_here(Etf3d(root=str(tmp_path / "data")), str(output), target_bytes=SMALL)
    assert contents(output) == contents(Path(corpus.location))
    with pytest.raises(InputError, match="no clip is left of 1 item "):
        build_here(Etf3d(root=str(tmp_path / "data")), str(output), target_bytes=SMALL, rebuild=True)
    assert sorted(path.name for path in output.rglob("*") if path.is_file()) == ["quarantine.parquet"]


def test_of_two_builds_in_one_folder_the_later_one_alone_ends(tmp_path):
    one = Etf3d(root=str(Etf3dFolder(tmp_path / "one").good().root))
    other = replace(one, split_scheme="emobox1")
    output = tmp_path / "corpus"
    first = Build.prepare(one, str(output), target_bytes=SMALL)
    reports = [first.make(plan) for plan in first.plans]
    second = Build.prepare(other, str(output), target_bytes=SMALL)
    for work in (lambda: first.make(first.plans[0]), lambda: first.finish(reports)):
        with pytest.raises(InputError, match="another build was started"):
            work()
    second.finish(second.make(plan) for plan in second.plans)
    build_here(other, str(tmp_path / "alone"), target_bytes=SMALL)
    assert contents(output) == contents(tmp_path / "alone")


def test_an_output_that_is_a_file_is_said_before_any_work(source, tmp_path):
    (tmp_path / "corpus").write_text("x")
    with pytest.raises(InputError, match="is a file, not a folder"):
        build_here(source, str(tmp_path / "corpus"))


@pytest.mark.parametrize("name", ["index.parquet", "quarantine.parquet"])
@pytest.mark.parametrize("damage", [lambda content: content[:-20], lambda content: b"", lambda content: content + b"x"])
def test_tables_that_are_not_the_manifests_are_refused(corpus, tmp_path, name, damage):
    shutil.copytree(corpus.location, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes(damage((tmp_path / name).read_bytes()))
    opened = Corpus.open(tmp_path)
    with pytest.raises(InputError, match=f"{name} is damaged.*build the corpus again"):
        _ = opened.index, opened.quarantine


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.slice(0, 1),
        lambda table: table.drop(["audio"]),
        lambda table: table.set_column(0, "clip_id", pa.array([5] * table.num_rows)),
        lambda table: table.set_column(0, "clip_id", pa.nulls(table.num_rows, pa.string())),
        lambda table: table.set_column(5, "level", pa.array([7] * table.num_rows, pa.int8())),
    ],
)
def test_a_shard_of_other_columns_or_rows_is_refused_by_name(corpus, tmp_path, change):
    shutil.copytree(corpus.location, tmp_path, dirs_exist_ok=True)
    shard = corpus.manifest.shards[0]
    rows = pq.ParquetFile(tmp_path / shard)
    sizes = rows.metadata.row_group(0).num_rows
    pq.write_table(change(rows.read()), tmp_path / shard, row_group_size=sizes)
    opened = Corpus.open(tmp_path)
    wanted = opened.index.filter(pc.equal(opened.index.column("shard"), shard)).column("clip_id").to_pylist()
    with pytest.raises(InputError, match=r"build the corpus again|names row"):
        opened.read(wanted)


def test_a_corpus_that_is_built_anew_while_it_is_read_is_noticed(source, corpus, tmp_path):
    shutil.copytree(corpus.location, tmp_path, dirs_exist_ok=True)
    opened = Corpus.open(tmp_path)
    opened.check_unchanged()
    build_here(replace(source, split_scheme="emobox1"), str(tmp_path), target_bytes=SMALL, rebuild=True)
    with pytest.raises(InputError, match="changed while it was read"):
        opened.check_unchanged()
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(InputError, match="changed while it was read"):
        opened.check_unchanged()
