"""The job: the library's numbers, whatever the number of tasks, and a page beside them."""

import json
from pathlib import Path

import pytest

from emotalk.corpus.report.report import make_report
from emotalk.corpus.report.sums import CorpusSums, sums_of_shard
from emotalk.errors import InputError
from jobs.progress import Progress
from jobs.report_corpus import ReportCorpusConfig, main, report_corpus
from tests.etf3d_folder import contents
from tests.random_corpus import random_corpus, squares


@pytest.mark.cluster
def test_bytes_do_not_depend_on_the_number_of_tasks(ray_session: None, tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path / "corpus", [*squares("train", ("ann", "bob")), *squares("test", ("eve",))])
    seen: list[Progress] = []
    for workers in (1, 3):
        output = str(tmp_path / str(workers))
        report_corpus(ReportCorpusConfig(corpus=corpus.location, output=output, workers=workers), seen.append)
    assert contents(tmp_path / "1") == contents(tmp_path / "3")
    assert set(contents(tmp_path / "1")) == {"index.html", "report.json"}
    sums = sum((sums_of_shard(corpus, shard) for shard in corpus.manifest.shards), CorpusSums())
    assert json.loads(make_report(corpus, sums).to_json()) == json.loads((tmp_path / "1" / "report.json").read_text())
    assert seen[-1].clips == corpus.manifest.total.clips
    assert seen[-1].audio_s == pytest.approx(corpus.manifest.total.hours * 3600, abs=0.01)


def test_what_is_no_corpus_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path), "--output", str(tmp_path / "report")])
    assert end.value.code == 2
    assert "no finished corpus" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()
    with pytest.raises(InputError):
        ReportCorpusConfig(corpus="x", output="y", workers=0)
