"""Plain folders of recordings and coefficients: three formats by name, any frame rate, labels from a table."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emotalk.animation import Animation
from emotalk.blendshapes import COEFFICIENTS
from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.gates import RejectedError
from emotalk.corpus.sources import Pairs
from emotalk.corpus.sources.face_track import by_name
from emotalk.corpus.sources.folder import item_id_of
from emotalk.corpus.sources.labels_csv import read_labels
from emotalk.corpus.sources.pairs import parse_coefficients
from emotalk.errors import InputError
from tests.corpus.tracked_folders import wave, write_capture, write_wav

TRUTH = wave(np.arange(90) / 30)


def clip_of(folder: Path, **options: float) -> np.ndarray:
    source = Pairs(root=str(folder), **options)
    (item,), rejections = source.listing()
    assert not rejections
    return source.read(item).weights


def write_table(path: Path, names: list[str], rows: np.ndarray) -> None:
    path.write_text("\n".join([",".join(names), *(",".join(f"{cell:.9g}" for cell in row) for row in rows)]) + "\n")


def test_an_array_in_the_order_of_the_network(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3)
    np.save(tmp_path / "a.npy", TRUTH)
    np.testing.assert_array_equal(clip_of(tmp_path), TRUTH.astype(np.float32))


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 60.0, 120.0])
def test_any_frame_rate_becomes_30_by_time(tmp_path: Path, fps: float) -> None:
    write_wav(tmp_path / "a.wav", 3)
    np.save(tmp_path / "a.npy", wave(np.arange(round(3 * fps)) / fps))
    np.testing.assert_allclose(clip_of(tmp_path, fps=fps)[:-2], TRUTH[:-2], atol=0.01)


def test_a_table_goes_by_name_and_by_its_times(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3)
    times = np.arange(150) / 50
    order = np.random.default_rng(4).permutation(51)
    names = ["time_s", *(COEFFICIENTS[k].upper() for k in order)]
    write_table(tmp_path / "a.csv", names, np.column_stack([times, wave(times)[:, order]]))
    weights = clip_of(tmp_path)
    np.testing.assert_allclose(weights[:-1, :51], TRUTH[:-1, :51], atol=0.01)
    assert not weights[:, 51].any()  # no tongueOut in the file


def test_a_live_link_table_is_read_as_such(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3)
    write_capture(tmp_path / "a.csv", 2_000 * np.arange(90))
    np.testing.assert_allclose(clip_of(tmp_path), TRUTH, atol=1e-6)


def test_an_archive_brings_its_names_and_rate(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3)
    times = np.arange(75) / 25
    order = np.random.default_rng(4).permutation(52)
    np.savez(tmp_path / "a.npz", weights=wave(times)[:, order], names=np.array(COEFFICIENTS)[order], fps=25)
    np.testing.assert_allclose(clip_of(tmp_path)[:-1], TRUTH[:-1], atol=0.01)


def test_what_this_package_animates_is_a_pair(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3)
    head = np.tile(np.array([0.1, 0.2, 0.3, 1, 2, 3], np.float32), (90, 1))
    Animation(TRUTH, fps=Fraction(30), head=head).save(tmp_path / "a.npz")
    source = Pairs(root=str(tmp_path))
    (item,), _ = source.listing()
    clip = source.read(item)
    np.testing.assert_array_equal(clip.weights, TRUTH.astype(np.float32))
    np.testing.assert_allclose(clip.head, head, atol=1e-7)


def test_the_head_turns_through_the_back_the_short_way(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3)
    head = np.zeros((45, 6), np.float32)
    head[:, 0] = np.where(np.arange(45) < 20, 3.1, -3.1)
    np.savez(tmp_path / "a.npz", weights=wave(np.arange(45) / 15), names=np.array(COEFFICIENTS), fps=15, head=head)
    source = Pairs(root=str(tmp_path))
    (item,), _ = source.listing()
    turned = source.read(item).head
    assert turned is not None
    assert np.abs(np.diff(turned[:, 0])).max() < 0.1


def test_a_hole_is_named_and_a_lost_frame_is_not(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", 3)
    times = np.delete(np.arange(90) / 30, 40)
    np.savez(tmp_path / "a.npz", weights=wave(times), names=np.array(COEFFICIENTS), times_s=times)
    np.testing.assert_allclose(clip_of(tmp_path), TRUTH, atol=0.02)
    times = np.delete(np.arange(90) / 30, range(40, 60))
    np.savez(tmp_path / "a.npz", weights=wave(times), names=np.array(COEFFICIENTS), times_s=times)
    with pytest.raises(RejectedError, match=r"0\.70 s without") as caught:
        clip_of(tmp_path)
    assert caught.value.code == "times"


LABELS = """\ufeffstem;speaker;statement;emotion;level;split
anna/a;anna;the door;angry;strong;test
anna/b;;"dogs; by the door";Happy;;
c;carl;;;0;
d;;;bored;;
e;;;;;
e;;;;;
gone;;;;;
"""


def test_labels_from_a_table(tmp_path: Path) -> None:
    for stem in ("anna/a", "anna/b", "c", "d", "e", "f"):
        write_wav(tmp_path / f"{stem}.flac", 3)  # by content, whatever the suffix
        np.save(tmp_path / f"{stem}.npy", TRUTH)
    (tmp_path / "labels.csv").write_text(LABELS, encoding="utf-8")
    items, rejections = Pairs(root=str(tmp_path)).listing()
    found = {i.item_id: (i.speaker, i.statement, i.emotion, i.level) for i in items}
    assert found == {
        "pairs-anna__a-000": ("anna", "the door", "angry", 1),
        "pairs-anna__b-000": ("anna", "dogs; by the door", "happy", None),
        "pairs-c-000": ("carl", "c", None, 0),
        "pairs-f-000": ("unknown", "f", None, None),
    }
    splits = {i.item_id: i.split for i in items}
    assert (splits["pairs-anna__a-000"], splits["pairs-f-000"]) == ("test", "train")
    faults = {r.item_id: (r.reason, r.text) for r in rejections}
    assert {name: reason for name, (reason, _) in faults.items()} == {
        "pairs-d": "label",
        "pairs-e": "label",
        "pairs-gone": "missing_audio",
    }
    assert "unknown emotion 'bored': use one of neutral, calm" in faults["pairs-d"][1]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"name,emotion\na,happy\n", "unknown: name"),
        (b"stem,emotion,emotion\na,happy,sad\n", "its columns are"),
        (b"", "found: none"),
        (b"stem\n\xff\n", "UTF-8"),
        (b'stem\n"a\n', "not a table"),
    ],
)
def test_a_table_that_is_none_stops_the_build(tmp_path: Path, content: bytes, text: str) -> None:
    write_wav(tmp_path / "a.wav", 3)
    np.save(tmp_path / "a.npy", TRUTH)
    (tmp_path / "labels.csv").write_bytes(content)
    with pytest.raises(InputError, match=text):
        Pairs(root=str(tmp_path)).listing()


def test_a_table_from_a_spreadsheet_in_utf_16(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_bytes("stem,speaker\nä,Zoë\n".encode("utf-16"))
    assert read_labels(str(tmp_path))["ä"].speaker == "Zoë"


def test_every_input_is_a_clip_or_a_named_row_and_bytes_repeat(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for stem in ("good", "two", "alone", "short", "int", "names", "bomb", "bytes"):
        write_wav(data / f"{stem}.wav", 3)
        np.save(data / f"{stem}.npy", TRUTH)
    (data / "two.csv").write_text("x")
    (data / "alone.wav").unlink()
    np.save(data / "short.npy", TRUTH[:60])
    np.save(data / "int.npy", (TRUTH * 9).astype(int))
    for stem in ("names", "bomb", "bytes"):
        (data / f"{stem}.npy").unlink()
    write_table(data / "names.csv", ["jawAjar", *COEFFICIENTS[1:]], TRUTH)
    np.savez_compressed(data / "bomb.npz", weights=np.zeros((90, 52)), names=np.array(COEFFICIENTS), x=np.zeros(2**26))
    (data / "bytes.csv").write_bytes(b"\xff\xfe\xfd")
    (data / "b\udcffd.txt").write_text("a name that is no text")
    for name in ("a", "b"):
        assert build_here(Pairs(root=str(data)), str(tmp_path / name)).total.clips == 1
    rows = {row["item_id"]: row["reason"] for row in Corpus.open(tmp_path / "a").quarantine.to_pylist()}
    assert rows.pop(item_id_of("pairs", "b\udcffd.txt")) == "layout"
    assert rows == {
        "pairs-two": "layout",
        "pairs-alone": "missing_audio",
        "pairs-short-000": "length",
        "pairs-int-000": "shape",
        "pairs-names-000": "names",
        "pairs-bomb-000": "unreadable_coefficients",
        "pairs-bytes-000": "unreadable_coefficients",
    }
    assert (tmp_path / "a" / "manifest.json").read_bytes() == (tmp_path / "b" / "manifest.json").read_bytes()


def test_names_say_what_is_missing_unknown_and_twice() -> None:
    names = [*COEFFICIENTS[1:], "jawOpen", "thirdEye", "_neutral"]
    with pytest.raises(RejectedError, match="unknown: thirdEye; twice: jawOpen; missing: browDownLeft"):
        by_name(np.zeros((1, len(names))), names)


def test_an_archive_in_which_numbers_lie_is_turned_away(tmp_path: Path) -> None:
    for extra in ({"fps": 0}, {"fps": np.array([30, 0])}, {"times_s": np.zeros(3)}, {"head": np.zeros((2, 6))}):
        np.savez(tmp_path / "a.npz", weights=TRUTH, names=np.array(COEFFICIENTS), **extra)
        with pytest.raises(RejectedError):
            parse_coefficients((tmp_path / "a.npz").read_bytes(), "a.npz", fps=30)


@given(st.lists(st.text(min_size=1, max_size=6).filter(lambda s: "\0" not in s), min_size=2, max_size=2, unique=True))
def test_two_paths_never_share_a_name(stems: list[str]) -> None:
    one, other = (item_id_of("pairs", stem) for stem in stems)
    assert one != other
    assert all(c.isascii() and (c.isalnum() or c in "._-") for c in one)
