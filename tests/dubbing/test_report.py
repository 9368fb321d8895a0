"""The report of a dubbing run: what goes in comes out, texts stay texts, sums are right, memory stays flat."""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from emotalk.dubbing.emotions import MOST_BUCKETS, EmotionCurve, EmotionSeries
from emotalk.dubbing.findings import MEANINGS, Finding
from emotalk.dubbing.report import (
    ALREADY_DONE,
    ANIMATED,
    FAILED,
    IGNORED,
    LEFT,
    PAGE,
    REPORT,
    Report,
    ReportWriter,
    Row,
    Totals,
    failure_of,
)
from emotalk.dubbing.report.reader import read_totals
from emotalk.dubbing.report.row import SCHEMA, rows_of, table_of
from emotalk.dubbing.report.shown import MOST, Shown, Strip
from emotalk.errors import InputError

LABELS = ("neutral", "angry")
ANIMATED_ROW = Row(
    uri="/shelf/a & b.wav",
    state=ANIMATED,
    seconds=3_600.0,
    outputs=("/faces/a & b.npz", "/faces/a & b.csv"),
    output_sha256=("1" * 64, "2" * 64),
    emotion="angry",
    share=0.75,
    style=3,
    made_on="cuda",
    speed=720.0,
    bytes=36_000,
    work_s=5.0,
    sha256="0" * 64,
    emotions=EmotionCurve(20.0, {"neutral": (0.25, 0.5), "angry": (0.75, 0.5)}),
    warnings=(Finding("music", 16.0, 0.25), Finding("clipped", 0.0, 0.5, 0.02)),
)
FAILED_ROW = Row(
    uri="/shelf/<script>alert(1)</script>.wav", state=FAILED, reason='<b>"no" & such</b>', failure="recording"
)
DONE_ROW = Row(
    uri="/shelf/c.wav", state=ALREADY_DONE, seconds=1_800.0, style="mean of the trained styles", bytes=18_000
)
LEFT_ROW = Row(uri="/shelf/d.wav", state=LEFT, bytes=54_000)
IGNORED_ROW = Row(uri="/shelf/notes.txt", state=IGNORED)
ROWS = (ANIMATED_ROW, FAILED_ROW, DONE_ROW, LEFT_ROW, IGNORED_ROW)


def written(folder: Path, rows: Iterable[Row], price: float | None = None, **run: float) -> Report:
    with ReportWriter(str(folder), price_per_hour=price) as writer:
        for row in rows:
            writer.add(row)
        for name, value in run.items():
            setattr(writer.totals, name, value)
    return writer.report


class Page(HTMLParser):
    """A page's texts, tags and attributes; fails where tags do not close as they opened."""

    EMPTY = frozenset(("meta", "link", "input", "br"))

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.tags, self.attributes = "", [], []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, *attribute) for attribute in attrs]
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"script", "style"} & set(self._open):
            self.text += data


def page_of(folder: Path) -> Page:
    return Page((folder / PAGE).read_text(encoding="utf-8"))


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    report = written(tmp_path, ROWS)
    assert tuple(report.read_rows()) == ROWS
    assert report.rows == tuple(sorted(ROWS[:4], key=lambda row: row.uri))
    assert report.rows_of(FAILED) == [FAILED_ROW]
    assert sorted(path.name for path in tmp_path.iterdir()) == [PAGE, REPORT]


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(0, 1, width=32)
rows = st.builds(
    Row,
    uri=words,
    state=st.sampled_from([ANIMATED, ALREADY_DONE, FAILED, LEFT]),
    seconds=st.none() | st.floats(0, 1e6),
    outputs=st.lists(words, max_size=2).map(tuple),
    reason=st.none() | words,
    emotion=st.none() | words,
    share=st.none() | numbers,
    style=st.none() | st.integers(0, 9) | st.just("mean of the trained styles"),
    warnings=st.lists(
        st.builds(Finding, st.sampled_from(list(MEANINGS)), st.floats(0, 1e5), numbers, numbers), max_size=3
    ).map(tuple),
    emotions=st.none()
    | st.lists(numbers, min_size=1, max_size=4).map(
        lambda shares: EmotionCurve(10.0, {label: tuple(shares) for label in LABELS})
    ),
)


@settings(max_examples=50, deadline=None)
@given(st.lists(rows, max_size=5))
def test_any_rows_go_through_arrow(some: list[Row]) -> None:
    table = table_of(some)
    assert table.schema == SCHEMA
    assert rows_of(table) == some


@settings(max_examples=25, deadline=None)
@given(some=st.lists(rows, max_size=5))
def test_any_text_is_a_text_of_the_page(some: list[Row], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("page")
    written(folder, some)
    page = page_of(folder)
    assert page.tags.count("script") == 1
    assert sum(name == "data-state" for _, name, _ in page.attributes) == len(some)


def test_the_page_shows_names_as_they_are_and_runs_none_of_them(tmp_path: Path) -> None:
    written(tmp_path, ROWS, 2.0, elapsed_s=60, workers=2, gpus=0.5)
    page = page_of(tmp_path)
    for text in ("<script>alert(1)</script>.wav", '<b>"no" & such</b>', "a & b.wav", "0" * 64, "2" * 64):
        assert text in page.text
    for text in ("music-like", "clipped in up to 2.0% of the samples (from 0:00, 50% of the time)", "angry 75%"):
        assert text in page.text
    assert page.tags.count("script") == 1
    fetched = [value for _, name, value in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert fetched == ["data:,"]
    content = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert "@import" not in content
    assert "url(" not in content


def test_a_label_that_looks_like_the_end_of_the_script_is_none(tmp_path: Path) -> None:
    label = "</script><img src=x>"
    written(tmp_path, [replace(ANIMATED_ROW, emotion=label, emotions=EmotionCurve(10.0, {label: (1.0,)}))])
    page = page_of(tmp_path)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags


def test_other_people_read_the_file(tmp_path: Path) -> None:
    written(tmp_path, ROWS, 2.0, elapsed_s=60, workers=2, gpus=0.5)
    database = duckdb.connect()
    database.execute(f"create view report as select * from '{tmp_path / REPORT}'")
    assert database.execute("select count(*), sum(seconds) from report").fetchone() == (5, 5_400)
    kinds = database.execute("select w.kind from (select unnest(warnings) as w from report) order by 1").fetchall()
    assert kinds == [("clipped",), ("music",)]
    angry = database.execute("select emotion_shares['angry'][1], emotion_bucket_s from report where emotion = 'angry'")
    assert angry.fetchone() == (0.75, 20.0)
    assert database.execute("select outputs[2].sha256 from report where state = 'animated'").fetchone() == ("2" * 64,)
    totals = json.loads(pq.read_metadata(tmp_path / REPORT).metadata[b"emotalk.totals"])
    assert totals == read_totals(str(tmp_path))
    assert totals["items"] == {"animated": 1, "failed": 1, "already done": 1, "left": 1, "ignored": 1}


def test_hours_and_costs() -> None:
    totals = Totals.of(ROWS, elapsed_s=60, workers=2, gpus=0.5, price_per_hour=3.0)
    assert (totals.recordings, totals.hours_animated, totals.hours) == (4, 1.0, 1.5)
    assert totals.speed == 60
    assert totals.worker_hours == pytest.approx(2 / 60)
    assert totals.hours_per_worker_hour == pytest.approx(30)
    assert totals.hours_per_gpu_hour == pytest.approx(60)
    assert totals.cost == pytest.approx(0.1)
    assert totals.cost_per_hour == pytest.approx(0.1)
    assert totals.hours_left == pytest.approx(1.5)  # 54,000 bytes at 10 bytes a second
    assert totals.cost_left == pytest.approx(0.15)
    assert totals.summary() == (
        "1 animated, 1 already done, 1 failed, 1 left, 1 other file ignored, 1 with warnings; "
        "1.00 h of sound in 60 s (60 × real time), cost 0.10, 0.15 for what is left"
    )
    assert totals.warned_s == {"music": 900, "clipped": 1_800}
    assert totals.emotion_s == {"neutral": pytest.approx(1_350), "angry": pytest.approx(2_250)}


def test_of_nothing_there_are_no_quotients() -> None:
    for totals in (
        Totals(price_per_hour=1.0),
        Totals.of([FAILED_ROW, LEFT_ROW], price_per_hour=1.0, workers=1, elapsed_s=1),
    ):
        assert totals.cost_per_hour is None
        assert totals.cost_left is None
        assert totals.hours_left == 0
        json.dumps(totals.to_dict(), allow_nan=False)
    assert Totals.of([DONE_ROW]).nothing_to_do
    assert Totals.of([DONE_ROW, IGNORED_ROW]).summary() == "nothing to do: 1 already done, 1 other file ignored"


def test_a_run_that_breaks_leaves_the_report_of_the_run_before(tmp_path: Path) -> None:
    written(tmp_path, [DONE_ROW])

    def rows() -> Iterable[Row]:
        yield ANIMATED_ROW
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(tmp_path, rows())
    assert [row.state for row in Report(totals=Totals(), output=str(tmp_path), shown=()).read_rows()] == [ALREADY_DONE]
    assert sorted(path.name for path in tmp_path.iterdir()) == [PAGE, REPORT]


def test_what_is_shown_is_bounded_and_failures_come_first(tmp_path: Path) -> None:
    def many() -> Iterable[Row]:
        for number in range(3 * MOST):
            yield replace(DONE_ROW, uri=f"/shelf/{number}.wav")
        yield from (ANIMATED_ROW, FAILED_ROW)

    report = written(tmp_path, many())
    assert [row.uri for row in report.shown[:2]] == [FAILED_ROW.uri, ANIMATED_ROW.uri]
    assert len(report.shown) == MOST + 2
    assert f"{MOST + 2:,} of {3 * MOST + 2:,} recordings" in page_of(tmp_path).text
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(report.table())
    said = console.export_text()
    assert f"and {3 * MOST + 2 - 40} more in report.html" in said
    assert '<b>"no" & such</b>' in said


def test_a_name_may_be_anything_that_a_file_system_allows(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, line breaks, and what moves a terminal's cursor."""
    name = "/shelf/bad\udcff\n\x1b[2J😀"
    report = written(tmp_path, [replace(ANIMATED_ROW, uri=f"{name}.wav", outputs=(f"{name}.npz",), output_sha256=())])
    (row,) = report.read_rows()
    assert (row.uri, row.outputs) == ("/shelf/bad\\udcff\n\x1b[2J😀.wav", ("/shelf/bad\\udcff\n\x1b[2J😀.npz",))
    assert "bad\\udcff\\n\\x1b[2J😀" in page_of(tmp_path).text
    console = Console(width=200, record=True, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(report.table())
    assert "bad\\udcff\\n\\x1b[2J😀.wav" in console.export_text()


def test_a_strip_is_the_mean_of_its_buckets() -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(2), 130)
    strip = Strip.of(EmotionCurve(10.0, {label: tuple(shares[:, k]) for k, label in enumerate(LABELS)}))
    assert strip.bucket_s == 30
    digits = np.array([int(digit, 36) for digit in strip.digits]).reshape(-1, 2) / 35
    assert len(digits) == 44
    np.testing.assert_allclose(digits[:43], shares[:129].reshape(43, 3, 2).mean(1), atol=0.5 / 35)
    np.testing.assert_allclose(digits[43], shares[129], atol=0.5 / 35)


def test_shown_rows_hold_no_curves() -> None:
    shown = Shown()
    shown.add(ANIMATED_ROW)
    assert [one.row.emotions for one in shown] == [None]


@settings(max_examples=40, deadline=None)
@given(
    frames=st.integers(1, 200_000),
    cuts=st.lists(st.floats(0, 1), max_size=4),
    pieces=st.integers(1, 7),
)
def test_no_cut_changes_the_emotion_over_time(frames: int, cuts: list[float], pieces: int) -> None:
    emotion = np.random.default_rng(frames).dirichlet(np.ones(3), frames).astype(np.float32)
    borders = [0, *sorted(round(cut * frames) for cut in cuts), frames]
    total = EmotionSeries("abc")
    for start, stop in pairwise(borders):
        part = EmotionSeries("abc", start)
        for piece in np.array_split(emotion[start:stop], pieces):
            part.push(piece)
        total = total + EmotionSeries.from_dict(json.loads(json.dumps(part.to_dict())))
    whole = EmotionSeries("abc")
    whole.push(emotion)
    assert total.curve() == whole.curve()
    curve = whole.curve()
    assert curve is not None
    assert curve.buckets <= MOST_BUCKETS
    assert curve.buckets == -(-frames // round(curve.bucket_s * 30))
    assert curve.bucket_s == 10 or curve.buckets > MOST_BUCKETS // 2
    np.testing.assert_allclose(curve.shares["a"][0], emotion[: round(curve.bucket_s * 30), 0].mean(), atol=2e-3)
    assert EmotionCurve.from_dict(json.loads(json.dumps(curve.to_dict()))) == curve


def test_an_emotion_that_is_nowhere_clear_is_a_warning() -> None:
    flat = EmotionCurve(10.0, dict.fromkeys("abcde", (0.2, 0.3)))
    assert flat.unsure() == Finding("unsure", 0.0, 1.0, 0.3)
    assert EmotionCurve(10.0, {"a": (0.2, 0.9), "b": (0.3, 0.1)}).unsure() is None
    assert EmotionSeries("ab").curve() is None


def test_every_error_has_a_class() -> None:
    errors = [InputError("x"), TimeoutError(), FileNotFoundError(), ConnectionResetError(), ValueError(), MemoryError()]
    assert [failure_of(error) for error in errors] == ["recording", "timeout", "storage", "storage", "fault", "fault"]


@pytest.mark.slow
def test_memory_is_flat_for_100_000_rows(tmp_path: Path) -> None:
    code = """
import resource, sys
from dataclasses import replace
from tests.dubbing.test_report import ANIMATED_ROW, LABELS
from emotalk.dubbing.emotions import EmotionCurve
from emotalk.dubbing.report import ReportWriter
curve = EmotionCurve(10.0, {label: (0.5,) * 200 for label in "abcdefgh"})
peaks = []
with ReportWriter(sys.argv[1]) as writer:
    for number in range(100_000):
        row = replace(ANIMATED_ROW, uri=f"/shelf/{number}.wav", emotions=curve)
        writer.add(row if number % 2 else replace(row, warnings=()))
        if number % 10_000 == 9_999:
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
print(*(round(peak) for peak in peaks))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    peaks = [int(peak) for peak in done.stdout.split()]
    assert peaks[-1] - peaks[0] < 60, peaks  # MiB, from 10,000 rows to the written page
    assert pq.read_metadata(tmp_path / REPORT).num_rows == 100_000
    assert (tmp_path / PAGE).stat().st_size < 8 << 20
