"""Whatever lies in a folder of videos ends as a clip or as a row with its reason; nothing stops the others.

python -m pytest tests/corpus/test_fuzz_videos.py -m slow      # 1,000 videos instead of 30
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from emotalk.corpus.build import build_here
from emotalk.corpus.sources import Video
from emotalk.errors import InputError
from tests.audio.recordings import encoded, silent_video, wav
from tests.capture.films import film, tone
from tests.corpus import fuzzed
from tests.corpus.fuzzed import Rng

TIMES_MS = list(range(0, 600, 100))
CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".ts": "mpegts", ".mov": "mov", ".avi": "avi"}
BATCH = 100

# Content and reason of each kind of video that cannot become a clip. Nobody is seen in what can be read.
KINDS: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero_length.mp4": (lambda: b"", "unreadable_video"),
    "text.mp4": (lambda: b"This is no video.\n" * 50, "unreadable_video"),
    "playlist.ts": (lambda: b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "unreadable_video"),
    "wave.mp4": (lambda: wav(tone(1.0)), "unreadable_video"),
    "sound_only.mp4": (lambda: encoded(np.repeat(tone(1.0), 3), "mp4", "aac", 48_000), "unreadable_video"),
    "mute.mp4": (silent_video, "missing_audio"),
    "one_picture.mp4": (lambda: film([0], samples=tone(1.0)), "av_length"),
    "portrait_4k.mp4": (lambda: film([0, 400], samples=tone(0.8), size=(3840, 2160), rotation=90), "no_face"),
    "half.mp4": (lambda: good(".mp4")[: len(good(".mp4")) // 2], "unreadable_video"),
    "sound_much_longer.mkv": (lambda: film(TIMES_MS, samples=tone(3.0), container="matroska"), "no_face"),
    "sound_after_the_end.mkv": (
        lambda: film(TIMES_MS, samples=tone(1.0), container="matroska", sound_late_ms=5000),
        "av_length",
    ),
}


@cache
def good(suffix: str) -> bytes:
    return film(TIMES_MS, samples=tone(0.7), container=CONTAINERS[suffix])


@pytest.fixture(scope="module")
def landmarker(shared_data: Path) -> str:
    pytest.importorskip("mediapipe")
    return str(shared_data / "models/face_landmarker.task")


def rows_of(data: Path, output: Path, landmarker: str) -> dict[str, list[dict]]:
    """The quarantine's rows by the name of the video."""
    with pytest.raises(InputError, match=r"no clip is left of \d+ items?"):  # nobody is seen in any
        build_here(Video(root=str(data), landmarker=landmarker), str(output))
    rows = pq.read_table(output / "quarantine.parquet").to_pylist()
    videos = {file.stem: file.name for file in data.iterdir()}
    found: dict[str, list[dict]] = {name: [] for name in videos.values()}
    for row in rows:
        stem = row["item_id"].removeprefix("video-").split("-")[0]
        found[videos[stem]].append(row)
        assert row["reason"]
        assert row["text"].isprintable()
        assert len(row["text"].split()) > 2
    return found


def test_every_kind_of_broken_video_is_a_row_with_its_reason(tmp_path: Path, landmarker: str) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name, (content, _) in KINDS.items():
        (data / name).write_bytes(content())
    found = rows_of(data, tmp_path / "corpus", landmarker)
    assert {name: {row["reason"] for row in rows} for name, rows in found.items()} == {
        name: {reason} for name, (_, reason) in KINDS.items()
    }


def fuzz(folder: Path, landmarker: str, seed: int, videos: int) -> dict[str, int]:
    """Writes, builds and looks for every video -> how many there are of each reason."""
    data = folder / "data"
    data.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for number in range(videos):
        suffix = str(rng.choice(list(CONTAINERS)))
        (data / f"s{number:05d}{suffix}").write_bytes(broken(good(suffix), rng))
    found = rows_of(data, folder / "corpus", landmarker)
    assert all(found.values()), [name for name, rows in found.items() if not rows]
    reasons = [row["reason"] for rows in found.values() for row in rows]
    return {reason: reasons.count(reason) for reason in sorted(set(reasons))}


def broken(content: bytes, rng: Rng) -> bytes:
    """Cut anywhere, numbers of the header made absurd, bytes changed anywhere; one in ten is left as it was."""
    return content if rng.random() < 0.1 else fuzzed.damaged(content, rng)


def test_thirty_damaged_videos(tmp_path: Path, landmarker: str) -> None:
    reasons = fuzz(tmp_path, landmarker, 0, 30)
    assert reasons["no_face"] >= 2  # the good ones are read
    assert reasons["unreadable_video"] >= 8


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_damaged_videos(tmp_path: Path, landmarker: str) -> None:
    totals: dict[str, int] = {}
    for batch in range(1000 // BATCH):
        for reason, count in fuzz(tmp_path / str(batch), landmarker, 100 + batch, BATCH).items():
            totals[reason] = totals.get(reason, 0) + count
    print(totals)
    assert sum(totals.values()) >= 1000
    assert totals["no_face"] >= 50
