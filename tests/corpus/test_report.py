"""The report of a corpus: numbers that a loop over all clips would give, and a page that stands alone."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emotalk.blendshapes import COEFFICIENTS, INDEX
from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.report.page import report_page
from emotalk.corpus.report.report import CorpusReport, Reason, coefficients_of, make_report, pick_samples
from emotalk.corpus.report.sums import DURATION_EDGES_S, LEVEL_EDGES_DB, CorpusSums, sums_of_clip, sums_of_shard
from emotalk.corpus.sources import Etf3d
from tests.etf3d_folder import Etf3dFolder
from tests.random_corpus import Labels, random_corpus, squares


def sums_of(corpus: Corpus) -> CorpusSums:
    sums = CorpusSums()
    for shard in reversed(corpus.manifest.shards):  # the order does not matter
        sums = sums + sums_of_shard(corpus, shard)
    return sums


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    clips = [*squares("train", ("ann", "bob")), *squares("test", ("<eve>",)), Labels("train", "cy", "x", None, None)]
    return random_corpus(tmp_path_factory.mktemp("corpus"), clips)


@pytest.fixture(scope="module")
def report(corpus: Corpus) -> CorpusReport:
    return make_report(corpus, sums_of(corpus))


def test_coefficients_are_those_of_all_frames(corpus: Corpus, report: CorpusReport) -> None:
    clips = [clip for split in ("train", "validation", "test") for clip in corpus.clips(split)]
    frames = np.concatenate([clip.weights for clip in clips]).astype(np.float64)
    moving = np.concatenate([np.abs(np.diff(clip.weights.astype(np.float64), axis=0)) > 0.001 for clip in clips])
    assert [one.name for one in report.coefficients] == list(COEFFICIENTS)
    for name, truth, tolerance in (
        ("mean", frames.mean(0), 5e-5),
        ("std", frames.std(0), 5e-5),
        ("low", frames.min(0), 5e-5),
        ("high", frames.max(0), 5e-5),
        ("p99", np.percentile(frames, 99, axis=0, method="inverted_cdf"), 2e-3),
        ("moving", moving.mean(0), 1e-5),
    ):
        np.testing.assert_allclose([getattr(one, name) for one in report.coefficients], truth, atol=tolerance)


def test_amounts_labels_and_squares_by_speaker(corpus: Corpus, report: CorpusReport) -> None:
    assert (report.total.clips, report.total.squares) == (19, 9)
    assert report.labels == ("happy normal", "sad normal", "angry normal", "unlabelled")
    speakers = {one.name: one for one in report.speakers}
    assert speakers["ann"].clips == {"happy normal": 2, "sad normal": 2, "angry normal": 2}
    assert (speakers["ann"].squares, speakers["ann"].split) == (3, "train")
    assert speakers["cy"].clips == {"unlabelled": 1}
    assert sum(one.hours for one in report.speakers) == pytest.approx(report.total.hours, abs=1e-5)
    assert all(sum(histogram.counts) == 19 for histogram in report.histograms)


def test_loudness_and_duration_fall_into_their_intervals() -> None:
    seconds = np.arange(3 * 16_000) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 440 * seconds)).astype(np.float32)  # peak -6.02 dBFS, RMS -9.03 dBFS
    sums = sums_of_clip(tone, np.zeros((90, 52), np.float32))
    (duration,) = np.flatnonzero(sums.duration)
    (loudness,) = np.flatnonzero(sums.loudness)
    (peak,) = np.flatnonzero(sums.peak)
    assert DURATION_EDGES_S[duration : duration + 2] == (3, 4)
    assert LEVEL_EDGES_DB[loudness : loudness + 2] == (-12, -8)
    assert LEVEL_EDGES_DB[peak : peak + 2] == (-8, -4)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(2, 40), min_size=2, max_size=6), st.randoms())
def test_sums_add_up_the_same_in_any_order(lengths: list[int], order: object) -> None:
    rng = np.random.default_rng(sum(lengths))
    clips = [
        sums_of_clip(rng.normal(0, 0.1, 8_000).astype(np.float32), rng.random((n, 52), np.float32)) for n in lengths
    ]
    shuffled = clips.copy()
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = sum(clips, CorpusSums()), sum(shuffled, CorpusSums())
    assert coefficients_of(one) == coefficients_of(other)
    assert one.frames == other.frames == sum(lengths)


def test_what_was_turned_away_is_told_with_examples(tmp_path: Path) -> None:
    folder = Etf3dFolder(tmp_path / "data").good().broken()
    build_here(Etf3d(root=str(folder.root)), str(tmp_path / "corpus"))
    corpus = Corpus.open(tmp_path / "corpus")
    reasons = {one.name: one for one in make_report(corpus, sums_of(corpus)).reasons}
    assert {name: one.items for name, one in reasons.items()} == corpus.manifest.rejections
    (item, text), *_ = reasons["layout"].examples
    assert (item, text) == ("hdtf-audio/notes.txt", "HDTF/audio holds .wav files only")


def test_a_clip_that_cannot_be_read_is_named_and_in_no_number(tmp_path: Path) -> None:
    corpus = random_corpus(tmp_path, squares("train", ("ann",)))
    shard = tmp_path / corpus.manifest.shards[0]
    table = pq.read_table(shard)
    audio = table.column("audio").to_pylist()
    broken = table.set_column(
        table.schema.get_field_index("audio"), table.schema.field("audio"), [[b"fLaC", *audio[1:]]]
    )
    pq.write_table(broken, shard)
    sums = sums_of(Corpus.open(tmp_path))
    (name,) = sums.unreadable
    assert name == table.column("clip_id")[0].as_py()
    assert sums.clips == 5
    report = make_report(Corpus.open(tmp_path), sums)
    assert name not in report.samples
    assert "1 clips cannot be read" in report_page(report, [])


def test_samples_are_of_every_emotion_and_of_several_speakers(corpus: Corpus, report: CorpusReport) -> None:
    (*clips,) = corpus.read(report.samples)
    assert {clip.emotion for clip in clips} >= {"happy", "sad", "angry"}
    assert len({clip.speaker for clip in clips}) >= 3
    row = {"clip_id": "a", "speaker": "s", "emotion": None, "level": None, "samples": 16_000 * 300}
    assert pick_samples([row]) == ("a",)  # a corpus of long recordings has a sample, too
    assert pick_samples([]) == ()


class Page(HTMLParser):
    """Tags and what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.frame = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attributes)
        self.references += [found[name] or "" for name in ("src", "href") if name in found]
        self.frame = found.get("srcdoc") or self.frame


def test_the_page_stands_alone_and_plays_the_samples(corpus: Corpus, report: CorpusReport) -> None:
    text = report_page(report, corpus.read(report.samples))
    page = Page(text)
    assert all(reference.startswith("data:") for reference in page.references)
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", re.sub(r'srcdoc="[^"]*"', "", text))
    assert "{{" not in re.sub(r'srcdoc="[^"]*"', "", text)
    assert "&lt;eve&gt;" in text
    assert "<eve>" not in text
    inner = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.frame, re.S)
    assert inner is not None
    takes = json.loads(inner[1])["takes"]
    assert [take["caption"] for take in takes] == list(report.samples)
    assert page.tags.count("circle") == 52


def test_what_never_moves_is_said() -> None:
    still = np.full((30, 52), 0.5, np.float32)
    still[:, INDEX["jawOpen"]] = np.linspace(0, 1, 30)
    found = coefficients_of(sums_of_clip(np.ones(16_000, np.float32), still))
    assert [one.name for one in found if one.high > one.low] == ["jawOpen"]
    assert {one.name: one.moving for one in found}["jawOpen"] == 1
    assert coefficients_of(CorpusSums()) == ()


def test_what_a_strangers_corpus_calls_things_stays_text(corpus: Corpus, report: CorpusReport) -> None:
    evil = "<script>alert(1)</script>"
    speaker = replace(report.speakers[0], name=evil, split=evil, clips={evil: 1})
    reasons = (Reason(name=evil, items=1, examples=((evil, evil),)),)
    page = report_page(
        replace(
            report,
            corpus={**report.corpus, "source": evil, "location": evil},
            labels=(evil,),
            speakers=(speaker,),
            reasons=reasons,
            unreadable={evil: evil},
        ),
        [replace(clip, clip_id=evil, speaker=evil, emotion=evil) for clip in corpus.read(report.samples[:1])],
    )
    assert "alert(1)" in page
    assert "<script>alert" not in page
