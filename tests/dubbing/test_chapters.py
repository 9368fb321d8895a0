"""An audiobook's file with chapters becomes one animation per chapter, each as if it were a recording of its own."""

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import hypothesis.strategies as st
import numpy as np
import pyarrow.parquet
import pytest
from hypothesis import given, settings

from emotalk.animation import Animation
from emotalk.audio import SAMPLE_RATE, load_audio
from emotalk.dubbing.chapters import chapters_of, name_of_chapter
from emotalk.dubbing.ledger import Chapter, Ledger
from emotalk.dubbing.spans import Cursor
from emotalk.inference.animator import Animator
from emotalk.model.store import load_model
from tests.dubbing.shelf import files, planned, worked
from tests.small_model import murmur, save_small_model

STARTS = (0.0, 1.25, 2.0)
TITLES = ("Loomings", "The Carpet/Bag", "")


def write_book(path: Path, starts: tuple[float, ...] = STARTS, titles: tuple[str, ...] = TITLES) -> Path:
    """4 s of sound as AAC (m4b) or PCM (mka), with chapters."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rate = 44_100 if path.suffix == ".m4b" else SAMPLE_RATE
    samples = np.repeat(murmur(4, seed=2), 3)[: 4 * rate] if rate != SAMPLE_RATE else murmur(4, seed=2)
    buffer = io.BytesIO()
    kind, codec = ("ipod", "aac") if path.suffix == ".m4b" else ("matroska", "pcm_f32le")
    with av.open(buffer, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        container.set_chapters(
            [
                {
                    "id": number,
                    "start": round(start * 1000),
                    "end": round(end * 1000),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title} if title else {},
                }
                for number, (start, end, title) in enumerate(zip(starts, [*starts[1:], 4.0], titles, strict=True))
            ]
        )
        for at in range(0, len(samples), 1024):
            block = samples[at : at + 1024][None]
            frame = av.AudioFrame.from_ndarray(block, format="fltp" if codec == "aac" else "flt", layout="mono")
            frame.sample_rate, frame.pts = rate, at
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    path.write_bytes(buffer.getvalue())
    return path


@pytest.fixture(scope="module")
def animator(tmp_path_factory: pytest.TempPathFactory) -> Animator:
    return Animator(load_model(save_small_model(tmp_path_factory.mktemp("model"))), device="cpu")


@pytest.mark.parametrize("name", ["book.m4b", "book.mka"])
def test_chapters_cover_the_whole_file(name: str, tmp_path: Path) -> None:
    found = chapters_of(write_book(tmp_path / name))
    assert [chapter.number for chapter in found] == [1, 2, 3]
    assert [chapter.start_s for chapter in found] == pytest.approx(list(STARTS), abs=0.001)
    assert [chapter.end_s for chapter in found[:2]] == pytest.approx(list(STARTS[1:]), abs=0.001)
    assert found[2].end_s is None
    assert [name_of_chapter("book", chapter) for chapter in found] == [
        "book/1 Loomings",
        "book/2 The Carpet Bag",
        "book/3",
    ]


def test_fewer_than_two_chapters_are_none(tmp_path: Path) -> None:
    assert chapters_of(write_book(tmp_path / "one.mka", (0.0,), ("all",))) == ()


def test_names_keep_their_order_and_are_names() -> None:
    assert name_of_chapter("b", Chapter(7, 120, 0, None, "..\x00 what?  now. ")) == "b/007 what now"
    assert len(name_of_chapter("b", Chapter(1, 2, 0, None, "x" * 500))) < 100


def test_each_chapter_is_what_the_animator_gives_for_its_sound(animator: Animator, tmp_path: Path) -> None:
    book = write_book(tmp_path / "shelf" / "book.m4b")
    output = tmp_path / "out"
    rows = worked(planned(tmp_path / "shelf", output, ".npz", ".parquet", chapters=True), animator)
    assert [row.uri for row in rows] == [f"{book}#chapter-{number}" for number in (1, 2, 3)]
    assert {row.state for row in rows} == {"animated"}
    names = ["book/1 Loomings", "book/2 The Carpet Bag", "book/3"]
    assert list(files(output)) == sorted(f"{name}{suffix}" for name in names for suffix in (".npz", ".parquet"))
    samples = load_audio(book)
    borders = [0, 20_000, 32_000, len(samples)]
    for name, start, stop in zip(names, borders, borders[1:], strict=False):
        direct = animator.animate(samples[start:stop])
        np.testing.assert_array_equal(Animation.load(output / f"{name}.npz").weights, direct.weights)
    held = pyarrow.parquet.read_table(output / "book" / "2 The Carpet Bag.parquet")
    sound = load_audio(held.column("audio").to_pylist()[0])
    np.testing.assert_allclose(sound[:12_000], samples[20_000:32_000], atol=1 / 32_768)


def test_a_rerun_opens_nothing_and_makes_what_is_missing(animator: Animator, tmp_path: Path) -> None:
    book = write_book(tmp_path / "shelf" / "book.mka")
    output = tmp_path / "out"
    worked(planned(tmp_path / "shelf", output, chapters=True), animator)
    before = files(output)
    assert not planned(tmp_path / "shelf", output, chapters=True).items
    (output / "book" / "2 The Carpet Bag.npz").unlink()
    plan = planned(tmp_path / "shelf", output, chapters=True)
    assert [take.name for item in plan.items for take in item.takes] == ["book/2 The Carpet Bag"]
    worked(plan, animator)
    assert files(output) == before
    write_book(book, (0.0, 3.0), ("One", "Two"))
    plan = planned(tmp_path / "shelf", output, chapters=True)
    assert [take.name for item in plan.items for take in item.takes] == ["book/1 One", "book/2 Two"]


def test_a_book_without_chapters_is_one_animation_and_is_not_opened_again(animator: Animator, tmp_path: Path) -> None:
    write_book(tmp_path / "shelf" / "one.mka", (0.0,), ("all",))
    worked(planned(tmp_path / "shelf", tmp_path / "out", chapters=True), animator)
    assert list(files(tmp_path / "out")) == ["one.npz"]
    (record,) = Ledger.read(str(tmp_path / "out"))
    assert record.chapter is not None
    assert record.chapter.count == 1
    assert not planned(tmp_path / "shelf", tmp_path / "out").items  # also for a run that asks for no chapters


@settings(max_examples=50)
@given(st.lists(st.integers(1, 9), max_size=12), st.lists(st.integers(0, 60), max_size=6))
def test_spans_are_cut_out_of_blocks_of_any_size(sizes: list[int], borders: list[int]) -> None:
    samples = np.arange(sum(sizes), dtype=np.float32)
    cursor = Cursor(np.split(samples, np.cumsum(sizes)[:-1]) if sizes else [])
    ordered = sorted(borders)
    for start, stop in pairwise(ordered):
        given_now = [np.zeros(0, np.float32), *cursor.span(start, stop)]
        np.testing.assert_array_equal(np.concatenate(given_now), samples[start:stop])
    rest = [np.zeros(0, np.float32), *cursor.span(ordered[-1] if ordered else 0, None)]
    np.testing.assert_array_equal(np.concatenate(rest), samples[ordered[-1] if ordered else 0 :])
