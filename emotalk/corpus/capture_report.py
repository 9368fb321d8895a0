"""What became of every video: one row each, in `capture.parquet`."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from emotalk.audio import SAMPLE_RATE
from emotalk.capture.track import read_outline
from emotalk.corpus.gates import Rejection
from emotalk.corpus.store import Store
from emotalk.corpus.takes import Take
from emotalk.corpus.tracks import FOLDER

REPORT = "capture.parquet"

REPORT_SCHEMA = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False, metadata={"description": "path below the source's folder"}),
        pa.field("clips", pa.string(), nullable=False, metadata={"description": "what its clips' names begin with"}),
        pa.field("track", pa.string(), metadata={"description": "its file in the folder capture; null if it failed"}),
        pa.field("video_sha256", pa.string(), metadata={"description": "of the video's file"}),
        pa.field("width", pa.int32(), metadata={"description": "of the upright, cropped pictures"}),
        pa.field("height", pa.int32(), metadata={"description": "of the upright, cropped pictures"}),
        pa.field("pictures", pa.int32(), metadata={"description": "how many were read"}),
        pa.field("picture_s", pa.float64(), metadata={"description": "from the first picture to the end of the last"}),
        pa.field("sound_s", pa.float64(), metadata={"description": "length of the sound"}),
        pa.field("sound_start_s", pa.float64(), metadata={"description": "when it begins on the video's clock"}),
        pa.field("face_share", pa.float64(), metadata={"description": "pictures with a face"}),
        pa.field("late_s", pa.float64(), metadata={"description": "how late the sound is; null: cannot be told"}),
        pa.field("late_distinct", pa.float64(), metadata={"description": "that peak over the next one"}),
        pa.field("late_sure", pa.bool_(), metadata={"description": "whether both halves of the video agree"}),
        pa.field("moved_s", pa.float64(), metadata={"description": "by how much the face was moved to its sound"}),
        pa.field("cuts_s", pa.list_(pa.float64()), metadata={"description": "when it cuts to another picture"}),
        pa.field("reason", pa.string(), metadata={"description": "why there is no track; null if there is"}),
    ]
)


@dataclass(frozen=True)
class Captured:
    """What became of one take: the key of its track, or why there is none."""

    key: str
    video_sha256: str
    rejection: Rejection | None


def named_by_content(take: Take, done: Captured) -> tuple[Take, str]:
    if not take.name_by_content:
        return take, done.key
    digest = hashlib.sha256(f"{take.shot.name}\0{done.video_sha256}".encode()).hexdigest()[:10]
    return replace(take, prefix=f"{take.prefix}-{digest}"), done.key


def write_report(store: Store, takes: Iterable[Take], captured: Iterable[Captured]) -> None:
    """A table of REPORT_SCHEMA into the corpus, one row per take, in their order."""
    rows = [_row(store, take, done) for take, done in zip(takes, captured, strict=True)]
    content = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=REPORT_SCHEMA), content, compression="zstd")
    store.write(REPORT, content.getvalue())


def _row(store: Store, take: Take, done: Captured) -> dict[str, Any]:
    if done.rejection is not None:
        row = {"video": take.shot.name, "clips": take.prefix, "reason": done.rejection.reason}
        return row | {"video_sha256": done.video_sha256 or None}
    outline = read_outline(store.path(f"{FOLDER}/{done.key}.npz"))
    info, offset = outline.info, outline.info.offset
    return {
        "video": take.shot.name,
        "clips": named_by_content(take, done)[0].prefix,
        "track": f"{FOLDER}/{done.key}.npz",
        "video_sha256": done.video_sha256,
        "width": info.width,
        "height": info.height,
        "pictures": len(outline.times_s),
        "picture_s": info.picture_end_s - float(outline.times_s[0]),
        "sound_s": info.samples / SAMPLE_RATE,
        "sound_start_s": info.sound_start_s,
        "face_share": float((outline.faces > 0).mean()),
        "late_s": offset.late_s if offset else None,
        "late_distinct": offset.distinct if offset else None,
        "late_sure": offset.sure if offset else None,
        "moved_s": offset.correction_s if offset else 0.0,
        "cuts_s": [start_s for start_s, _ in outline.scenes[1:]],
        "reason": None,
    }
