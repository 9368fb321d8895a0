"""Whatever lies in a folder of tracked data ends as a good clip or as a named row of the quarantine; nothing stops.

python -m pytest tests/corpus/test_fuzz.py -m slow      # 10,000 inputs instead of 200
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from emotalk.corpus.build import build_here
from emotalk.corpus.corpus import Corpus
from emotalk.corpus.gates import check_clip
from emotalk.corpus.sources import Beat, Etf3d, LiveLink, Pairs, Source
from emotalk.corpus.sources.folder import item_id_of
from emotalk.errors import InputError
from tests.corpus import fuzzed
from tests.corpus.fuzzed import Rng

BATCH = 250  # inputs of one folder
BROKEN_SHARE = 0.9  # the others are good, so that a reader that refuses everything fails, too


@dataclass(frozen=True)
class Kind:
    """A source to be fuzzed: how it is made, and how one input is written; -> the input's name in the corpus."""

    source: Callable[[str], Source]
    write: Callable[[Path, Rng, int], str]


def write_etf3d(root: Path, rng: Rng, number: int) -> str:
    stem = f"RD_Fuzz{number}_000"
    if rng.random() < 0.3:
        emotion, actor = rng.integers(0, 10), number % 30
        stem = f"03-01-{emotion:02d}-{rng.integers(1, 3):02d}-{number % 3:02d}-{number // 3 % 3:02d}-{actor:02d}"
    part = "HDTF" if stem.startswith("RD") else "RAVDESS"
    for folder in ("audio", "blendshape"):
        (root / part / folder).mkdir(parents=True, exist_ok=True)
    _, audio = fuzzed.good_audio(rng)
    audio, face = spoilt(rng, audio, fuzzed.good_npy(rng), lambda: fuzzed.wrong_npy(rng))
    put(root / part / "audio" / f"{stem}.wav", audio, rng)
    put(
        root / part / "blendshape" / f"{stem}.npy",
        face,
        rng,
        always=not (root / part / "audio" / f"{stem}.wav").exists(),
    )
    return f"{part.lower()}-{stem}"


def write_beat(root: Path, rng: Rng, number: int) -> str:
    stem = f"{1 + number % 30}_fuzz_{number % 8}_{number // 900}_{number % 900}"
    if rng.random() < 0.05:
        stem = f"nobody{number}"
    suffix, audio = fuzzed.good_audio(rng)
    audio, face = spoilt(rng, audio, fuzzed.good_beat(rng), lambda: fuzzed.wrong_beat(rng))
    put(root / f"{stem}{suffix}", audio, rng)
    put(root / f"{stem}.json", face, rng, always=not (root / f"{stem}{suffix}").exists())
    label = b"00_x,0.0,0.8,0.8,%d\n" % (number % 8)
    if rng.random() < 0.5:
        (root / f"{stem}.csv").write_bytes(fuzzed.damaged(label, rng) if rng.random() < 0.3 else label)
    return f"beat-{stem}"


def write_live_link(root: Path, rng: Rng, number: int) -> str:
    return _write_pair(root, rng, number, "live_link", ".csv", fuzzed.good_capture(root), fuzzed.wrong_table)


def write_pairs(root: Path, rng: Rng, number: int) -> str:
    suffix = str(rng.choice([".npy", ".csv", ".npz"]))
    good = {".npy": fuzzed.good_npy, ".csv": fuzzed.good_csv, ".npz": fuzzed.good_npz}[suffix](rng)
    wrong = {
        ".npy": lambda rng, content: fuzzed.wrong_npy(rng),
        ".csv": fuzzed.wrong_table,
        ".npz": lambda rng, content: fuzzed.wrong_npz(rng),
    }[suffix]
    return _write_pair(root, rng, number, "pairs", suffix, good, wrong)


def _write_pair(
    root: Path, rng: Rng, number: int, source: str, suffix: str, good: bytes, wrong: Callable[[Rng, bytes], bytes]
) -> str:
    stem = fuzzed.odd_stem(rng, number)
    if rng.random() < 0.2:
        stem = f"folder {number % 5}/{stem}"
    (root / stem).parent.mkdir(parents=True, exist_ok=True)
    audio_suffix, audio = fuzzed.good_audio(rng)
    audio, face = spoilt(rng, audio, good, lambda: wrong(rng, good))
    put(root / f"{stem}{audio_suffix}", audio, rng)
    put(root / f"{stem}{suffix}", face, rng, always=not (root / f"{stem}{audio_suffix}").exists())
    return item_id_of(source, stem)


def spoilt(rng: Rng, audio: bytes, face: bytes, wrong: Callable[[], bytes]) -> tuple[bytes, bytes]:
    """One of the two, mostly, is not what it was."""
    if rng.random() > BROKEN_SHARE:
        return audio, face
    choice = rng.random()
    if choice < 0.35:
        return fuzzed.damaged(audio, rng), face
    if choice < 0.6:
        return audio, fuzzed.damaged(face, rng)
    if choice < 0.95:
        return audio, wrong()
    return face, audio


def put(path: Path, content: bytes, rng: Rng, *, always: bool = False) -> None:
    """Writes the file, but for one in fifty: half of a pair."""
    if always or rng.random() > 0.02:
        path.write_bytes(content)


KINDS = {
    "etf3d": Kind(lambda root: Etf3d(root=root), write_etf3d),
    "beat": Kind(lambda root: Beat(root=root), write_beat),
    "live_link": Kind(lambda root: LiveLink(root=root), write_live_link),
    "pairs": Kind(lambda root: Pairs(root=root), write_pairs),
}


def check_batch(kind: Kind, folder: Path, seed: int, inputs: int) -> tuple[int, int]:
    """Writes the inputs and builds them; -> clips and rejections."""
    data, output = folder / "data", folder / "corpus"
    data.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    written = {kind.write(data, rng, number) for number in range(inputs)}
    source = kind.source(str(data))
    items, listed = source.listing()
    build_here(source, str(output))
    corpus = Corpus.open(output)
    clips = corpus.index.column("clip_id").to_pylist()
    rows = corpus.quarantine.to_pylist()
    rejected = [row["item_id"] for row in rows]
    # Nothing is lost, nothing there twice, and everything that was turned away says why.
    expected = sorted([item.item_id for item in items] + [rejection.item_id for rejection in listed])
    assert sorted(clips + rejected) == expected
    assert len(set(expected)) == len(expected)
    found = {name.removesuffix("-000") for name in expected}
    assert found == written
    assert all(row["reason"] and row["text"] and row["text"].isprintable() for row in rows)
    for split in ("train", "validation", "test"):
        for clip in corpus.clips(split):
            check_clip(clip)
    return len(clips), len(rejected)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_fifty_of_each_source(name: str, tmp_path: Path) -> None:
    clips, rejected = check_batch(KINDS[name], tmp_path, seed=sorted(KINDS).index(name), inputs=50)
    assert clips >= 3
    assert rejected >= 10


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", sorted(KINDS))
def test_2500_of_each_source(name: str, tmp_path: Path) -> None:
    totals = np.array(
        [check_batch(KINDS[name], tmp_path / str(batch), 1_000 + batch, BATCH) for batch in range(2_500 // BATCH)]
    )
    print(f"{name}: {totals[:, 0].sum()} clips, {totals[:, 1].sum()} turned away")
    assert totals.min() >= 15


def fuzz_labels(folder: Path, inputs: int) -> None:
    """A damaged `labels.csv` is refused in one line, or every recording is still there."""
    rng = np.random.default_rng(7)
    refused: list[str] = []
    for stem in ("a", "b", "c"):
        (folder / f"{stem}.wav").write_bytes(b"RIFF")
        (folder / f"{stem}.npy").write_bytes(fuzzed.good_npy(rng))
    good = b"stem,speaker,statement,emotion,level,split\na,anna,the door,happy,strong,train\nb,,,sad,0,\nc,,,,,test\n"
    for _ in range(inputs):
        content = fuzzed.damaged(good, rng) if rng.random() < 0.5 else fuzzed.wrong_table(rng, good)
        (folder / "labels.csv").write_bytes(content)
        try:
            items, rejections = Pairs(root=str(folder)).listing()
        except InputError as error:
            refused.append(str(error))
            continue
        names = {item.item_id for item in items} | {rejection.item_id for rejection in rejections}
        assert {"pairs-a", "pairs-b", "pairs-c"} <= names
    assert refused
    assert all("labels.csv: " in reason for reason in refused)


def test_a_damaged_table_of_labels(tmp_path: Path) -> None:
    fuzz_labels(tmp_path, 200)


@pytest.mark.slow
def test_many_damaged_tables_of_labels(tmp_path: Path) -> None:
    fuzz_labels(tmp_path, 10_000)
