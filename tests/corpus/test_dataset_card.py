"""The dataset card: what others' tools read of it, and that it says what the manifest does."""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest
import yaml

from emotalk.corpus.build import Build, build_here
from emotalk.corpus.card import dataset_card
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.sources import SOURCES, Etf3d
from tests.etf3d_folder import Etf3dFolder, contents


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = Etf3dFolder(tmp_path_factory.mktemp("etf3d")).good().broken()
    output = tmp_path_factory.mktemp("corpus")
    build_here(Etf3d(root=str(folder.root)), str(output))
    return Corpus.open(output)


def test_datasets_reads_the_folder_by_its_card(corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    loaded = datasets.load_dataset(corpus.location, cache_dir=str(tmp_path))
    assert {split: len(rows) for split, rows in loaded.items()} == {
        split: counts.clips for split, counts in corpus.manifest.splits.items()
    }
    files = {"test": f"{corpus.location}/test/*.parquet"}
    row = datasets.load_dataset("parquet", data_files=files, split="test", cache_dir=str(tmp_path))[0]
    (clip,) = corpus.read([row["clip_id"]])
    np.testing.assert_array_equal(np.array(row["weights"], np.float32), clip.weights)
    assert row["audio"][:4] == b"fLaC"


def test_its_query_runs(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (Path(corpus.location) / "README.md").read_text()
    query = text.split("```sql\n")[1].split("```")[0]
    monkeypatch.chdir(corpus.location)
    rows = duckdb.sql(query).fetchall()
    assert sum(row[2] for row in rows) == corpus.manifest.total.clips


def test_its_head_is_yaml_and_names_only_splits_that_are_there(corpus: Corpus) -> None:
    files = {name: facts for name, facts in corpus.manifest.files.items() if not name.startswith("validation/")}
    text = dataset_card(replace(corpus.manifest, files=files))
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["configs"] == [
        {
            "config_name": "default",
            "data_files": [{"split": s, "path": f"{s}/part-*.parquet"} for s in ("train", "test")],
        }
    ]
    assert head["size_categories"] == ["n<1K"]


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_source_tells_of_licence_and_consent(corpus: Corpus, source: str) -> None:
    text = dataset_card(replace(corpus.manifest, config={"source": source}), about="Filmed on a *Monday*.")
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["license"] in text.split("* licence: ")[1]
    assert "* consent: " in text
    assert "\nFilmed on a *Monday*.\n" in text


def test_counts_and_reasons_are_the_manifests(corpus: Corpus) -> None:
    text = (Path(corpus.location) / "README.md").read_text()
    total = corpus.manifest.total
    assert f"| all | {total.clips} | {total.hours:.2f} | {total.frames} | {total.speakers} | {total.squares} |" in text
    for reason, count in corpus.manifest.rejections.items():
        assert f"| {reason} | {count} |" in text


def test_other_words_about_the_recordings_change_the_card_alone(tmp_path: Path) -> None:
    source = Etf3d(root=str(Etf3dFolder(tmp_path / "data").good().root))
    build_here(source, str(tmp_path / "corpus"))
    before = contents(tmp_path / "corpus")
    build = Build.prepare(source, str(tmp_path / "corpus"), about="All actors agreed.")
    build.finish(build.make(plan) for plan in build.plans)
    after = contents(tmp_path / "corpus")
    assert {name for name in after if after[name] != before[name]} == {"README.md", "manifest.json"}
