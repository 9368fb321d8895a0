"""The one Arrow schema of a corpus row, and the way between `Clip` objects and tables.

Plain Arrow types only, so that pandas, DuckDB and pyarrow read a shard without this package. Every field carries its
description in its metadata; the schema carries its version.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from emotalk.audio import decode_flac, encode_flac
from emotalk.blendshapes import COEFFICIENTS, FPS
from emotalk.corpus.clip import Clip, Phone
from emotalk.errors import InputError
from emotalk.labels import EMOTIONS, LEVELS

SCHEMA_VERSION = 2
_LEVELS = range(len(LEVELS))
HEAD_CHANNELS = ("yaw", "pitch", "roll", "x", "y", "z")


def _field(name: str, kind: pa.DataType, description: str, *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"description": description})


CLIP_SCHEMA = pa.schema(
    [
        _field("clip_id", pa.string(), "name of the clip, unique in the corpus, safe as a file name"),
        _field("source", pa.string(), "where the clip comes from: ravdess, hdtf, synthetic, ..."),
        _field("speaker", pa.string(), "who speaks; a speaker is in one split only where the source splits by speaker"),
        _field("statement", pa.string(), "what is said: clips of one statement have the same words"),
        _field("emotion", pa.string(), "name from emotalk.labels.EMOTIONS, null where unlabelled", nullable=True),
        _field("level", pa.int8(), "intensity: 0 normal, 1 strong, null where unlabelled", nullable=True),
        _field("repetition", pa.int32(), "counts takes of the same speaker, statement, emotion and level from 1"),
        _field("split", pa.string(), "train, validation or test"),
        _field("audio", pa.binary(), "FLAC, 16 kHz, mono, 16 bit"),
        _field("samples", pa.int32(), "number of audio samples at 16 kHz"),
        _field("frames", pa.int32(), "number of animation frames: ceil(30 samples / 16000)"),
        _field("fps", pa.float64(), "animation frames per second, always 30; frame k sits at k / 30 s"),
        _field(
            "weights",
            pa.list_(pa.list_(pa.float32(), len(COEFFICIENTS))),
            "(frames, 52) blendshape coefficients in [0, 1], in the order " + " ".join(COEFFICIENTS),
        ),
        _field(
            "head",
            pa.list_(pa.list_(pa.float32(), len(HEAD_CHANNELS))),
            "(frames, 6) yaw, pitch, roll in radians, x, y, z in mm; null where unknown",
            nullable=True,
        ),
        _field(
            "phones",
            pa.list_(pa.struct([("name", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())])),
            "speech sounds with start and end in seconds from the first sample; null where unknown",
            nullable=True,
        ),
        _field("rejected", pa.string(), "reason of a clip kept though rejected; null for good ones", nullable=True),
        _field("audio_digest", pa.string(), "SHA-256, hex, of the decoded samples as little-endian int16"),
        _field("weights_digest", pa.string(), "SHA-256, hex, of the coefficients as little-endian float32, row by row"),
    ],
    metadata={"emotalk.schema_version": str(SCHEMA_VERSION)},
)

# A column more that shards and index have where a teacher's faces were written down, see `emotalk.distillation`.
HEARD = _field(
    "heard",
    pa.list_(pa.float32()),
    "shares of the emotions that a teacher heard, in the order " + " ".join(EMOTIONS) + "; null where unknown",
    nullable=True,
)

LABEL_COLUMNS = (
    "clip_id", "source", "speaker", "statement", "emotion", "level", "repetition", "split", "frames", "samples",
    "rejected", "audio_digest",
)  # fmt: skip


INDEX_SCHEMA = pa.schema(
    [
        *(CLIP_SCHEMA.field(name) for name in LABEL_COLUMNS),
        pa.field("shard", pa.string(), nullable=False, metadata={"description": "file, relative to the corpus"}),
        pa.field("row_group", pa.int32(), nullable=False, metadata={"description": "row group in that file, from 0"}),
        pa.field("row", pa.int32(), nullable=False, metadata={"description": "row in that row group, from 0"}),
    ],
    metadata={"emotalk.schema_version": str(SCHEMA_VERSION)},
)


def check_table(table: pa.Table, schema: pa.Schema, *, source: object) -> None:
    """InputError where a column of the table is not what the schema says of it: its type, nulls, levels there are."""
    for name in table.column_names:
        if name not in schema.names or table.schema.field(name).type != schema.field(name).type:
            raise InputError(f"its column {name} is none of a corpus", source=source)
        if table.column(name).null_count and not schema.field(name).nullable:
            raise InputError(f"its column {name} has holes", source=source)
    if "level" in table.column_names and not set(table.column("level").unique().to_pylist()) <= {None, *_LEVELS}:
        raise InputError("its column level has other levels than there are", source=source)


def clips_to_table(clips: Sequence[Clip], *, split: str) -> pa.Table:
    """Clips of one split -> a table of `CLIP_SCHEMA`, one row each, in their order.

    Audio is stored at 16 bit: `samples` come back as multiples of 1/32768.
    """
    columns: dict[str, pa.Array | list] = {
        "clip_id": [clip.clip_id for clip in clips],
        "source": [clip.source for clip in clips],
        "speaker": [clip.speaker for clip in clips],
        "statement": [clip.statement for clip in clips],
        "emotion": [clip.emotion for clip in clips],
        "level": [clip.level for clip in clips],
        "repetition": [clip.repetition for clip in clips],
        "split": [split] * len(clips),
        "audio": [encode_flac(clip.samples) for clip in clips],
        "samples": [len(clip.samples) for clip in clips],
        "frames": [clip.frames for clip in clips],
        "fps": [float(FPS)] * len(clips),
        "weights": tracks_column([clip.weights for clip in clips], len(COEFFICIENTS)),
        "head": tracks_column([clip.head for clip in clips], len(HEAD_CHANNELS)),
        "phones": [
            None
            if clip.phones is None
            else [{"name": p.name, "start_s": p.start_s, "end_s": p.end_s} for p in clip.phones]
            for clip in clips
        ],
        "rejected": [clip.rejected for clip in clips],
        "audio_digest": [pcm_digest(clip.samples) for clip in clips],
        "weights_digest": [hashlib.sha256(clip.weights.astype("<f4").tobytes()).hexdigest() for clip in clips],
    }
    arrays = [
        values if isinstance(values, pa.Array) else pa.array(values, CLIP_SCHEMA.field(name).type)
        for name, values in columns.items()
    ]
    return pa.Table.from_arrays(arrays, schema=CLIP_SCHEMA)


def row_to_clip(table: pa.Table, row: int) -> Clip:
    """Row `row` of a table of `CLIP_SCHEMA` -> its Clip.

    Raises InputError where there is no such row, the stored audio does not have the stored number of samples or the
    weights are incomplete.
    """
    if not 0 <= row < table.num_rows:
        raise InputError(f"the index names row {row} of a row group of {table.num_rows}")
    labels = {name: table.column(name)[row].as_py() for name in ("clip_id", "source", "speaker", "statement")}
    labels |= {name: table.column(name)[row].as_py() for name in ("emotion", "level", "repetition", "rejected")}
    samples, weights = row_samples(table, row), row_weights(table, row)
    return Clip(
        **labels,
        samples=samples,
        weights=weights,
        head=track_of(table.column("head")[row], len(HEAD_CHANNELS)),
        phones=row_phones(table, row),
    )


def row_samples(table: pa.Table, row: int) -> np.ndarray:
    """The sound of a row, (n,) float32. InputError where it is not as long as the row says."""
    samples = decode_flac(table.column("audio")[row].as_py())
    if len(samples) != table.column("samples")[row].as_py():
        raise InputError("the row's audio is not as long as it says", source=table.column("clip_id")[row].as_py())
    return samples


def row_weights(table: pa.Table, row: int) -> np.ndarray:
    """The coefficients of a row, (frames, 52) float32. InputError where they are not as long as the row says."""
    weights = track_of(table.column("weights")[row], len(COEFFICIENTS))
    clip_id = table.column("clip_id")[row].as_py()
    if weights is None or len(weights) != table.column("frames")[row].as_py():
        raise InputError("the row's weights are not as long as it says", source=clip_id)
    if not np.isfinite(weights).all():
        raise InputError("the row's weights hold numbers that are not finite", source=clip_id)
    return weights


def row_phones(table: pa.Table, row: int) -> tuple[Phone, ...] | None:
    """The speech sounds of a row, None where unknown."""
    phones = table.column("phones")[row].as_py()
    return None if phones is None else tuple(Phone(p["name"], p["start_s"], p["end_s"]) for p in phones)


def row_head(table: pa.Table, row: int) -> np.ndarray | None:
    """The head's pose of a row, (frames, 6) float32, None where unknown. InputError where it does not fit the row."""
    head = track_of(table.column("head")[row], len(HEAD_CHANNELS))
    if head is not None and (len(head) != table.column("frames")[row].as_py() or not np.isfinite(head).all()):
        raise InputError("the row's head is not a pose per frame", source=table.column("clip_id")[row].as_py())
    return head


def table_to_clips(table: pa.Table) -> list[Clip]:
    """Every row of a table of `CLIP_SCHEMA` -> its Clip, in order."""
    return [row_to_clip(table, row) for row in range(table.num_rows)]


def tracks_column(tracks: Sequence[np.ndarray | None], width: int) -> pa.Array:
    """Arrays (frames, width) or None -> list<fixed_size_list<float32>[width]>, without Python floats on the way."""
    known = [np.ascontiguousarray(track, np.float32) for track in tracks if track is not None]
    flat = np.concatenate(known).reshape(-1) if known else np.zeros(0, np.float32)
    values = pa.FixedSizeListArray.from_arrays(pa.array(flat), width)
    ends = np.cumsum([0, *(0 if track is None else len(track) for track in tracks)]).astype(np.int32)
    mask = pa.array([track is None for track in tracks], pa.bool_())
    return pa.ListArray.from_arrays(pa.array(ends), values, mask=mask).cast(pa.list_(pa.list_(pa.float32(), width)))


def track_of(scalar: pa.Scalar, width: int) -> np.ndarray | None:
    if not scalar.is_valid:
        return None
    # A copy: the clip must not keep a whole row group alive, and its arrays must be writable for torch.
    return np.array(scalar.values.flatten().to_numpy(zero_copy_only=False), np.float32).reshape(-1, width)


def pcm_digest(samples: np.ndarray) -> str:
    """What the column `audio_digest` says of a sound, (n,) float32."""
    return hashlib.sha256(_pcm16(samples).tobytes()).hexdigest()


def _pcm16(samples: np.ndarray) -> np.ndarray:
    # The steps that `encode_flac` stores, without decoding them again.
    return np.rint(samples.astype(np.float64) * 32768).clip(-32768, 32767).astype("<i2")
